//! One run of a sweep, in a folder of its own.
//!
//! ```text
//! runs/NAME/settings.json     what it does                metrics.jsonl, events.out.tfevents.lacuna   every tenth step
//!          /state.safetensors where it stands             model.safetensors, config.json, train.json   the checkpoint
//!          /model.lacuna      what a device would run     result.json     the figures, written last
//! ```
//!
//! # Invariants
//! - A run is done when `result.json` is there; until then the same call goes on where the last one was killed.
//! - Figures are the engine's, on the exported file: bits per byte of the stretches that training validates on, and tasks.
//! - One process at a time works on a run.

use core::ops::Range;
use std::fs::{self, File, TryLockError};
use std::path::Path;

use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model};
use lacuna::probe::NoProbe;
use lacuna::session::{Options, Tokenizer};
use serde::{Deserialize, Serialize};

use super::after::{self, After};
use super::plan::{self, Job};
use super::{Error, Spec};
use crate::checkpoint::{self, Checkpoint};
use crate::data::Corpus;
use crate::export;
use crate::output;
use crate::tasks::{self, Split, Task};
use crate::train::parameters::Layout;
use crate::train::{self, Metrics, Saving};
use crate::{eval, memory::Buffer, repack};

/// File of a run's figures.
pub const RESULT: &str = "result.json";
/// File of what a device would run.
pub const MODEL: &str = "model.lacuna";
/// Seed of the pairs of prompts: the same for all runs.
const PAIRS_SEED: u64 = 0;
/// Tokens that are run at once.
const AT_ONCE: usize = 64;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which run.
    pub job: Job,
    /// Learned numbers.
    pub parameters: usize,
    /// Weights of the matrices that may be other than zero.
    pub nonzeros: u64,
    /// What it can do; `null` where training diverged.
    pub figures: Option<Figures>,
}

/// What a model can do, and what it costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Bytes of the exported file.
    pub file_bytes: u64,
    /// Its model id.
    pub model_id: String,
    /// Share of nonzero weights among the matrices.
    pub density: f64,
    /// Bits per byte on validation data.
    pub validation_bits_per_byte: f64,
    /// Bits per byte on test data; `null` where there is too little of it.
    pub test_bits_per_byte: Option<f64>,
    /// Bits per byte of a trigram model on validation data.
    pub trigram_bits_per_byte: f64,
    /// The tasks on held-out templates and names.
    pub tasks: Vec<Answers>,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// Its name.
    pub task: String,
    /// Share of prompts that were completed rightly.
    pub accuracy: f64,
    /// Mean binary cross entropy, nats.
    pub loss: f64,
}

/// The result in `dir`, if the run is done.
pub(super) fn result(dir: &Path) -> Option<Outcome> {
    let text = fs::read(dir.join(RESULT)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Runs a job in `dir`, from where it stands; `watch` sees every step. `dense` is the folder of the model that it prunes,
/// if it does not train.
pub(super) fn run(
    (spec, job, dense): (&Spec, &Job, Option<&Path>),
    corpus: &Corpus,
    dir: &Path,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Outcome, Error> {
    fs::create_dir_all(dir).map_err(|source| Error::Folder {
        path: dir.to_owned(),
        source,
    })?;
    let _lock = lock(dir)?;
    if let Some(done) = result(dir) {
        return Ok(done);
    }
    let settings = spec.settings(job.width, job.density, job.lr, job.seed)?;
    checkpoint::write_json(&dir.join("settings.json"), &settings)?;
    let trained = match (dense, job.after) {
        (Some(dense), Some(after)) => pruned(spec, (job, after), dense, corpus, dir, watch)?,
        _ => trained(&settings, corpus, dir, watch)?,
    };
    let figures = match trained {
        None => None,
        Some((checkpoint, trigram)) => {
            let how = export::Settings {
                values: spec.values()?,
                ..export::Settings::default()
            };
            let file = export::export(&checkpoint, None, &how)?;
            output::write(&dir.join(MODEL), |sink| sink.write_all(&file.bytes))?;
            let layout = Layout::new(&checkpoint.config);
            let density = layout.density(&layout.flatten(&checkpoint.tensors));
            let known = (density, trigram);
            Some(figures(spec, &file, corpus, &settings, known)?)
        }
    };
    let outcome = Outcome {
        job: job.clone(),
        parameters: Layout::new(&settings.model.config).len,
        nonzeros: plan::nonzeros(&settings),
        figures,
    };
    checkpoint::write_json(&dir.join(RESULT), &outcome)?;
    Ok(outcome)
}

/// A model and the bits per byte of a trigram model; `None` where training diverged.
type Trained = Option<(Checkpoint, f64)>;

fn trained(
    settings: &train::Settings,
    corpus: &Corpus,
    dir: &Path,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Trained, Error> {
    match train::run_on(settings, corpus, dir, Saving::default(), watch) {
        Err(train::Error::Diverged { .. }) => Ok(None),
        Err(error) => Err(error.into()),
        Ok(summary) => Ok(Some((
            Checkpoint::load(dir)?,
            summary.trigram_bits_per_byte,
        ))),
    }
}

fn pruned(
    spec: &Spec,
    job: (&Job, After),
    dense: &Path,
    corpus: &Corpus,
    dir: &Path,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Trained, Error> {
    let Some(figures) = result(dense).and_then(|outcome| outcome.figures) else {
        return Ok(None);
    };
    let dense = Checkpoint::load(dense)?;
    let Some(sparse) = after::sparse(spec, job, &dense, corpus, dir, watch)? else {
        return Ok(None);
    };
    sparse.save(dir)?;
    Ok(Some((sparse, figures.trigram_bits_per_byte)))
}

/// Holds the run in `dir` for this process.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let failed = |source| Error::Folder {
        path: path.clone(),
        source,
    };
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn figures(
    spec: &Spec,
    file: &export::Exported,
    corpus: &Corpus,
    settings: &train::Settings,
    (density, trigram_bits_per_byte): (f64, f64),
) -> Result<Figures, Error> {
    let isa = Isa::detect();
    let mut forms = Buffer::zeroed(0);
    let model = Model::new(&file.bytes)?;
    let (model, _) = repack::repack(model, isa, &mut forms)?;
    let seq = settings.model.config.seq_len;
    let windows = corpus
        .windows(seq, settings.windows)
        .map_err(train::Error::from)?;
    let test = corpus.test_windows(seq, settings.windows);
    let tokenizer = Tokenizer::new(model.file()).ok_or(Error::Tokenizer)?;
    let options = Options {
        limits: Limits {
            prefill: AT_ONCE,
            ..Limits::new(model.config())
        },
        isa,
        ..Options::new(model.config())
    };
    let predict = |text: &[u8], windows: &[Range<usize>]| {
        let tokens = |w: &Range<usize>| text[w.clone()].iter().map(|&b| b.into()).collect();
        let windows: Vec<Vec<u32>> = windows.iter().map(tokens).collect();
        let score = eval::score(&model, &tokenizer, &windows, options, NoProbe, &mut |_| {});
        score.map(|s| s.bits_per_byte())
    };
    let asked = (Split::HeldOut, PAIRS_SEED, spec.pairs);
    let scores = match spec.pairs {
        0 => Vec::new(),
        _ => tasks::evaluate_all(&model, isa, &Task::ALL, asked, &mut |_| {})?,
    };
    let answers = scores.into_iter().map(|(task, score)| Answers {
        task: task.name().to_owned(),
        accuracy: score.accuracy,
        loss: score.loss,
    });
    let test_bits_per_byte = match test.is_empty() {
        true => None,
        false => Some(predict(&corpus.test, &test)?),
    };
    Ok(Figures {
        file_bytes: file.bytes.len() as u64,
        model_id: file.model_id.iter().map(|b| format!("{b:02x}")).collect(),
        density,
        validation_bits_per_byte: predict(&corpus.validation, &windows)?,
        test_bits_per_byte,
        trigram_bits_per_byte,
        tasks: answers.collect(),
    })
}
