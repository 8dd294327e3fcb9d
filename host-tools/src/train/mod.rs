//! Weight-sparse training: dense at first, then fewer and fewer weights per matrix, re-chosen after every step.
//!
//! ```text
//! batch ─► graph: loss, gradient ─► Adam ─► keep the k largest |w| of each matrix ─► decay ─► next step
//!            (shards on threads, gradients added in order)                 every n steps: state to disk
//! ```
//!
//! # Invariants
//! - The same binary, machine, settings and data give the same checkpoint bytes, also when killed and resumed at any step.
//! - A run touches only its own directory; several can run side by side in one process.
//!
//! # Why
//! Method and constants are those of Gao et al., "Weight-sparse transformers have interpretable circuits", appendix A.2.
//! Only the gradient comes from a framework; what decides the bits of a checkpoint is written out here.

pub mod classify;
pub mod evaluate;
mod events;
pub mod graph;
mod journal;
pub mod optimiser;
pub mod parameters;
pub mod project;
pub mod recipe;
pub mod recover;
pub mod schedule;
mod select;
pub mod settings;
mod simd;
pub mod sites;
pub mod state;
mod step;

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::json;

use crate::checkpoint::{self, Checkpoint};
use crate::data::trigram::Trigram;
use crate::data::{self, Corpus, Sampler};
use graph::Graph;
use journal::Journal;
use optimiser::Moments;
use parameters::Layout;
use project::Keep;
use state::{Note, State};
use step::Lessons;

pub use events::EVENTS;
pub use graph::Device;
pub use journal::{METRICS, Metrics};
pub use settings::Settings;

/// How often the state goes to disk.
#[derive(Clone, Copy, Debug)]
pub struct Saving {
    /// After this many steps; 0 is never.
    pub steps: u64,
    /// And after this much time.
    pub time: Duration,
}

impl Default for Saving {
    fn default() -> Saving {
        Saving {
            steps: 0,
            time: Duration::from_secs(20),
        }
    }
}

/// What can go wrong in a run.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("setting cannot be: {0}")]
    Settings(#[from] settings::Invalid),
    #[error(transparent)]
    Data(#[from] data::Error),
    #[error(transparent)]
    Series(#[from] data::series::Error),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Device(#[from] graph::Unavailable),
    #[error("{} is damaged; remove it to begin again", path.display())]
    State { path: PathBuf },
    #[error(
        "{} holds a run with other {what}; give another directory, or remove this one to begin again",
        dir.display()
    )]
    Other { dir: PathBuf, what: &'static str },
    #[error(
        "the model turns positions by other angles than the training graph; it can be pruned and run, not trained on"
    )]
    Angles,
    #[error("training diverged at step {step}: the loss is {loss}; try a lower learning rate")]
    Diverged { step: u64, loss: f32 },
}

/// What a finished run was.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Directory of the checkpoint.
    pub checkpoint: PathBuf,
    /// Steps of the run, those before a resume included.
    pub steps: u64,
    /// Bytes learned from.
    pub tokens: u64,
    /// Learned numbers.
    pub parameters: usize,
    /// Share of nonzero weights among the matrices.
    pub density: f64,
    /// Bits per byte on validation data, in the graph.
    pub bits_per_byte: f64,
    /// The same on test data, which no setting was chosen on; `null` where there is too little of it.
    pub test_bits_per_byte: Option<f64>,
    /// Bits per byte of a trigram model of the same training bytes on the same validation bytes.
    pub trigram_bits_per_byte: f64,
    /// Validation bytes that were predicted.
    pub validated: usize,
    /// Seconds of this process, from its first step to its last.
    pub seconds: f64,
    /// Bytes learned from per second of this process.
    pub tokens_per_second: f64,
}

/// Trains into `dir`, from where an earlier run with the same settings stopped; `watch` sees every step.
///
/// # Errors
/// Settings, data or files that cannot be, or a loss that is not finite.
pub fn run(
    settings: &Settings,
    dir: &Path,
    saving: Saving,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Summary, Error> {
    settings.check()?;
    let corpus = Corpus::load(&settings.source(), settings.seed)?;
    run_on(settings, &corpus, dir, saving, watch)
}

/// [`run`] on a corpus that is already loaded.
///
/// # Errors
/// As [`run`].
pub fn run_on(
    settings: &Settings,
    corpus: &Corpus,
    dir: &Path,
    saving: Saving,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Summary, Error> {
    settings.check()?;
    let config = settings.model.config;
    let sampler = Sampler::new(&corpus.train, config.seq_len, settings.seed)?;
    let windows = corpus.windows(config.seq_len, settings.windows)?;
    let per_step = (settings.batch * config.seq_len) as u64;
    let course = Course::new(&corpus.id, &sampler, per_step);
    let learned = learn(settings, course, dir, saving, watch)?;
    let Learned {
        graph,
        layout,
        state,
        first,
        seconds,
    } = &learned;
    let predict = |text: &[u8], windows: &[_]| {
        evaluate::bits_per_byte(graph, &state.parameters, text, windows, config.vocab_size)
    };
    let test = corpus.test_windows(config.seq_len, settings.windows);
    let text = &corpus.validation;
    let summary = Summary {
        checkpoint: dir.to_owned(),
        steps: settings.schedule.steps,
        tokens: settings.schedule.steps * per_step,
        parameters: layout.len,
        density: layout.density(&state.parameters),
        bits_per_byte: predict(text, &windows),
        test_bits_per_byte: (!test.is_empty()).then(|| predict(&corpus.test, &test)),
        trigram_bits_per_byte: Trigram::train(&corpus.train).bits_per_byte(text, &windows),
        validated: windows.iter().map(|w| w.len() - 1).sum(),
        seconds: *seconds,
        tokens_per_second: ((settings.schedule.steps - first) * per_step) as f64
            / seconds.max(1e-9),
    };
    checkpoint(settings, corpus, layout, state, &summary).save(dir)?;
    Ok(summary)
}

/// What a run learns, and from where.
struct Course<'a> {
    /// Names the data.
    id: &'a str,
    lessons: &'a dyn Lessons,
    /// Bytes, tokens or windows that a step reads.
    per_step: u64,
    /// What a fresh run begins with; `None` is random.
    initial: Option<Vec<f32>>,
    keep: Keep,
}

impl<'a> Course<'a> {
    /// From random weights to the density of the schedule.
    fn new(id: &'a str, lessons: &'a dyn Lessons, per_step: u64) -> Course<'a> {
        Course {
            id,
            lessons,
            per_step,
            initial: None,
            keep: Keep::Density,
        }
    }
}

/// Where a run ended.
struct Learned {
    graph: Graph,
    layout: Arc<Layout>,
    state: State,
    /// Steps before this process.
    first: u64,
    /// Seconds of this process.
    seconds: f64,
}

/// The steps of a run, whatever it learns.
fn learn(
    settings: &Settings,
    course: Course<'_>,
    dir: &Path,
    saving: Saving,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Learned, Error> {
    let Course {
        id,
        lessons,
        per_step,
        initial,
        keep,
    } = course;
    let config = settings.model.config;
    let layout = Arc::new(Layout::new(&config));
    let graph = Graph::new(&config, layout.clone(), settings.device)?;
    let graph = match &settings.recover {
        Some(recover) if recover.int8 => graph.int8(),
        _ => graph,
    };
    fs::create_dir_all(dir).map_err(|source| checkpoint::Error::Create {
        path: dir.to_owned(),
        source,
    })?;
    let mut state = begin(settings, id, &layout, initial, dir)?;
    let mut journal = Journal::open(dir, state.note.step)?;
    let (began, first) = (Instant::now(), state.note.step);
    let (mut saved, mut saved_at) = (Instant::now(), first);
    while state.note.step < settings.schedule.steps {
        let mut metrics = step::step(settings, &graph, &layout, lessons, &keep, &mut state)?;
        let seconds = began.elapsed().as_secs_f64().max(1e-9);
        metrics.tokens_per_second = ((metrics.step - first) * per_step) as f64 / seconds;
        if metrics.step % 10 == 0 || metrics.step == settings.schedule.steps {
            journal.add(&metrics)?;
        }
        watch(&metrics);
        let steps = metrics.step - saved_at;
        if (saving.steps > 0 && steps >= saving.steps) || saved.elapsed() >= saving.time {
            state.save(dir)?;
            (saved, saved_at) = (Instant::now(), metrics.step);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    state.save(dir)?;
    Ok(Learned {
        graph,
        layout,
        state,
        first,
        seconds,
    })
}

/// The state in `dir`, or a fresh one.
fn begin(
    settings: &Settings,
    id: &str,
    layout: &Layout,
    initial: Option<Vec<f32>>,
    dir: &Path,
) -> Result<State, Error> {
    let other = |what| Error::Other {
        dir: dir.to_owned(),
        what,
    };
    match State::load(dir)? {
        Some(state) if !state.note.is_of(settings) => Err(other("settings")),
        Some(state) if state.note.data != id => Err(other("data")),
        Some(state) if state.parameters.len() != layout.len => Err(other("sizes")),
        Some(mut state) => {
            // As given, not as read: the next save must not depend on how a decimal was rounded on the way.
            state.note.settings = settings.clone();
            Ok(state)
        }
        None => Ok(State {
            note: Note {
                settings: settings.clone(),
                data: id.to_owned(),
                step: 0,
                smoothed: None,
            },
            parameters: initial.unwrap_or_else(|| layout.initial(settings.seed)),
            moments: Moments::new(layout.len),
        }),
    }
}

/// The checkpoint of a finished run; nothing in it depends on time.
fn checkpoint(
    settings: &Settings,
    corpus: &Corpus,
    layout: &Layout,
    state: &State,
    summary: &Summary,
) -> Checkpoint {
    Checkpoint {
        config: settings.model.config,
        tokenizer: settings.model.tokenizer,
        sensor: None,
        tensors: layout.tensors(&state.parameters),
        provenance: json!({
            "settings": settings,
            "data": { "id": corpus.id, "documents": corpus.documents },
            "steps": summary.steps,
            "tokens": summary.tokens,
            "density": summary.density,
            "bits_per_byte": summary.bits_per_byte,
            "test_bits_per_byte": summary.test_bits_per_byte,
            "trigram_bits_per_byte": summary.trigram_bits_per_byte,
            "validated": summary.validated,
        }),
    }
}
