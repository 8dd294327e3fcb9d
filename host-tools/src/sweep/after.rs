//! The other way to zeros: the dense model of the same seed pruned after its training, with or without recovery.
//!
//! ```text
//! runs/width64-density1-lr1-seed1 ─► prune ─► width64-density0.25-lr1-seed1-wanda ─► recover ─► …-wanda-recovered300
//! ```
//!
//! # Invariants
//! - A run calibrates and recovers on what its dense model was trained on, and on nothing that is held out.
//! - Recovery is taught by the dense model alone; its steps come on top of those of the dense model.
//!
//! # Why
//! A model that was trained sparse is to be compared with what a person would do who already has a dense one.

use core::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::plan::Job;
use super::{Error, Spec};
use crate::checkpoint::Checkpoint;
use crate::data::{BOS, Corpus};
use crate::prune::{self, Method, Settings, Text};
use crate::tokens;
use crate::train::recover::{self, Models};
use crate::train::{self, Metrics, Saving};

/// Tokens that methods which look at text are shown.
const SHOWN: usize = 16_384;

/// How a dense model became sparse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// By what weights left.
    pub method: Method,
    /// Steps of recovery; 0 for none.
    pub recovery: u64,
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method.name())?;
        match self.recovery {
            0 => Ok(()),
            steps => write!(f, " + {steps} steps"),
        }
    }
}

impl After {
    /// The end of a run's name.
    pub(super) fn suffix(self) -> String {
        match self.recovery {
            0 => self.method.name().to_owned(),
            steps => format!("{}-recovered{steps}", self.method.name()),
        }
    }
}

/// `dense` pruned as `job` says, and recovered in `dir` if it says so; `None` where that diverged.
pub(super) fn sparse(
    spec: &Spec,
    (job, after): (&Job, After),
    dense: &Checkpoint,
    corpus: &Corpus,
    dir: &Path,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Option<Checkpoint>, Error> {
    let documents = corpus.train.split(|b| *b == BOS);
    let documents: Vec<Vec<u32>> = documents
        .map(|d| d.iter().map(|&b| b.into()).collect())
        .collect();
    let windows = tokens::windows(&documents, BOS.into(), dense.config.seq_len, SHOWN);
    let text = Text {
        tokenizer: None,
        windows: &windows,
        id: &corpus.id,
    };
    let settings = Settings {
        method: after.method,
        density: job.density,
        per: after.method.per(),
        min_per_neuron: 0,
    };
    let mut pruned = dense.clone();
    prune::prune(&mut pruned, &settings, Some(&text))?;
    if after.recovery == 0 {
        return Ok(Some(pruned));
    }
    let models = Models {
        pruned: &pruned,
        teacher: Some(dense),
    };
    let mut settings = recover::settings(models);
    settings.data = spec.data.clone();
    settings.seed = job.seed;
    settings.batch = spec.batch;
    settings.threads = spec.threads;
    settings.schedule.steps = after.recovery;
    let stream: Vec<u32> = corpus.train.iter().map(|&b| b.into()).collect();
    let text = recover::Text {
        stream: &stream,
        id: &corpus.id,
    };
    match recover::run(&settings, models, text, dir, Saving::default(), watch) {
        Err(train::Error::Diverged { .. }) => Ok(None),
        Err(error) => Err(error.into()),
        Ok((recovered, _)) => Ok(Some(recovered)),
    }
}
