//! Models of several seeds: trained below the study's directory, gone on with, or taken as they are.

use core::time::Duration;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, Blueprint, Checkpoint, Tokenizer};
use crate::data::series::{self, Set};
use crate::data::{Corpus, Document};
use crate::export::{self, Exported};
use crate::train::classify::Classify;
use crate::train::{self, Metrics, Saving, Settings};

use lacuna::config::{Config, Input, Output, TopK};

/// What can go wrong with models of a study.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("the model of seed {seed} cannot be trained")]
    Train { seed: u64, source: train::Error },
    #[error("{} cannot be opened as a checkpoint", path.display())]
    Open {
        path: PathBuf,
        source: checkpoint::Error,
    },
    #[error("{} was not trained on {wanted} by this program", path.display())]
    Other { path: PathBuf, wanted: &'static str },
    #[error("the model of seed {seed} cannot be exported")]
    Export { seed: u64, source: export::Error },
    #[error(transparent)]
    Data(#[from] crate::data::Error),
    #[error(transparent)]
    Series(#[from] series::Error),
}

/// A trained model.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Seed of its weights and split.
    pub seed: u64,
    /// It.
    pub checkpoint: Checkpoint,
}

/// How a study's models are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Steps of each.
    pub steps: u64,
    /// Whether they are tiny, to see that everything works.
    pub quick: bool,
    /// Files and directories, or none for the data set that is built in.
    pub data: Vec<PathBuf>,
}

/// Samples in a window and in a patch.
pub const WINDOW: usize = 100;
const PATCH: usize = 10;

impl Recipe {
    /// Settings of a language model.
    pub fn text(&self, seed: u64) -> Settings {
        let mut settings = Settings {
            seed,
            data: self.data.clone(),
            ..Settings::default()
        };
        settings.schedule.steps = self.steps;
        if self.quick {
            settings.windows = 16;
            settings.model.config = Config {
                dim: 32,
                hidden_dim: 64,
                n_heads: 2,
                n_kv_heads: 2,
                head_dim: 16,
                seq_len: 64,
                topk: TopK {
                    attn_in: 8,
                    mlp_in: 8,
                    mlp_neuron: 16,
                    ..TopK::default()
                },
                ..settings.model.config
            };
        }
        settings
    }

    /// Settings of a classifier of windows of `set`, as `lacuna train --task classify` has them.
    pub fn windows(&self, set: &Set, seed: u64) -> Settings {
        let mut settings = Settings {
            seed,
            ..Settings::default()
        };
        let (dim, samples) = if self.quick { (16, 40) } else { (32, WINDOW) };
        settings.schedule.steps = self.steps;
        settings.batch = 32;
        settings.model = Blueprint {
            tokenizer: Tokenizer::None,
            config: Config {
                dim,
                hidden_dim: 4 * dim,
                n_heads: dim / 16,
                n_kv_heads: dim / 16,
                head_dim: 16,
                vocab_size: 0,
                seq_len: samples / PATCH,
                bigram: false,
                causal: false,
                input: Input::Patches {
                    channels: set.channels,
                    len: PATCH,
                },
                output: Output::Classes(set.classes.len()),
                topk: TopK {
                    attn_in: dim / 4,
                    mlp_in: dim / 4,
                    mlp_neuron: dim,
                    ..TopK::default()
                },
                ..settings.model.config
            },
        };
        settings.classify = Some(Classify {
            hold_out: Vec::new(),
            hop: samples / 2,
            rate: 0.0,
            jitter: 0.2,
        });
        settings
    }
}

fn saving() -> Saving {
    Saving {
        steps: 0,
        time: Duration::from_secs(20),
    }
}

/// A language model of `settings` in `dir`, gone on with where it was stopped.
///
/// # Errors
/// [`Error::Train`], [`Error::Open`].
pub fn text(
    settings: &Settings,
    corpus: &Corpus,
    dir: &Path,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Trained, Error> {
    let seed = settings.seed;
    train::run_on(settings, corpus, dir, saving(), watch)
        .map_err(|source| Error::Train { seed, source })?;
    open(dir, seed)
}

/// A classifier of `settings` on all of `set`, as [`text`].
///
/// # Errors
/// [`Error::Train`], [`Error::Open`].
pub fn windows(
    settings: &Settings,
    set: &Set,
    dir: &Path,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Trained, Error> {
    let seed = settings.seed;
    train::classify::run(settings, set, dir, saving(), watch)
        .map_err(|source| Error::Train { seed, source })?;
    open(dir, seed)
}

fn open(dir: &Path, seed: u64) -> Result<Trained, Error> {
    let checkpoint = Checkpoint::load(dir).map_err(|source| Error::Open {
        path: dir.to_owned(),
        source,
    })?;
    Ok(Trained { seed, checkpoint })
}

/// A checkpoint of a language model with the seed that it was trained with, which says what it held out.
///
/// # Errors
/// [`Error::Open`], [`Error::Other`].
pub fn given(path: &Path) -> Result<(Trained, Settings), Error> {
    let mut trained = open(path, 0)?;
    let said = &trained.checkpoint.provenance["settings"];
    let settings: Option<Settings> = serde_json::from_value(said.clone()).ok();
    let settings = settings.filter(|s| s.classify.is_none());
    let settings = settings.ok_or(Error::Other {
        path: path.to_owned(),
        wanted: "text",
    })?;
    trained.seed = settings.seed;
    Ok((trained, settings))
}

/// The documents that a model of `settings` did not learn from.
///
/// # Errors
/// [`Error::Data`].
pub fn held_out(settings: &Settings) -> Result<Vec<Document>, Error> {
    let all = crate::data::documents(&settings.source())?;
    Ok(crate::data::held_out(all, settings.seed))
}

/// The file of a checkpoint, for this machine, f32.
///
/// # Errors
/// [`Error::Export`].
pub fn export(trained: &Checkpoint, seed: u64) -> Result<Exported, Error> {
    let settings = export::Settings {
        golden: 0,
        ..export::Settings::default()
    };
    export::export(trained, None, &settings).map_err(|source| Error::Export { seed, source })
}
