//! Learning to tell what a sensor sees: windows of recordings, whole people held out.
//!
//! ```text
//! Set ─ held out ─► windows, hop apart ─────────────────────────────► accuracy, beside the nearest neighbour's
//!     └ others   ─► mean, scale ─► windows from any sample on, drawn ─► the steps of every other run
//! ```
//!
//! # Invariants
//! - Step n draws the same windows however often the run was stopped before it.
//! - The checkpoint holds mean and scale of the training files alone, and no sample of any recording.
//!
//! # Why
//! Windows begin at any sample, because a device that is switched on does too; they are counted a hop apart, as it counts.

mod lessons;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lacuna::config::{Config, Input};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::settings::Settings;
use super::{Course, Error, Learned, Metrics, Saving, learn};
use crate::checkpoint::{Checkpoint, Sensor, Weights};
use crate::data::series::nearest::Nearest;
use crate::data::series::{self, Scale, Set, windows};
use lessons::Windows;

/// Held-out windows that go through the graph at once.
const AT_ONCE: usize = 64;

/// What a run on windows has besides other runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classify {
    /// Names of files that are not learned from.
    pub hold_out: Vec<String>,
    /// Samples from one window to the next on a device, and where windows are counted.
    pub hop: usize,
    /// Samples a second; 0 where nobody said.
    pub rate: f32,
    /// How much windows are changed as they are learned: each channel's gain and offset move by a normal number of this
    /// deviation, its samples by half of it; 0 leaves them as they are.
    pub jitter: f32,
}

/// What a finished run on windows was.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Directory of the checkpoint.
    pub checkpoint: PathBuf,
    /// Files that were held out.
    pub hold_out: Vec<String>,
    /// Steps of the run, those before a resume included.
    pub steps: u64,
    /// Windows learned from, repetitions counted.
    pub windows: u64,
    /// Learned numbers.
    pub parameters: usize,
    /// Share of nonzero weights among the matrices.
    pub density: f64,
    /// Held-out windows.
    pub held_out_windows: usize,
    /// Share of them that is told rightly, in the graph; `null` where nothing is held out.
    pub accuracy: Option<f64>,
    /// The same by the nearest training window's statistics.
    pub nearest_accuracy: Option<f64>,
    /// Seconds of this process, from its first step to its last.
    pub seconds: f64,
}

/// Samples in a window of `config`.
pub fn window_samples(config: &Config) -> usize {
    match config.input {
        Input::Patches { len, .. } => config.seq_len * len,
        _ => 0,
    }
}

/// Trains into `dir`, from where an earlier run with the same settings stopped; `watch` sees every step.
///
/// # Errors
/// Settings, files or recordings that cannot be, or a loss that is not finite.
pub fn run(
    settings: &Settings,
    set: &Set,
    dir: &Path,
    saving: Saving,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<Summary, Error> {
    settings.check()?;
    let config = settings.model.config;
    let Some(classify) = &settings.classify else {
        return Err(
            super::settings::Invalid("the settings are not those of a classifier".into()).into(),
        );
    };
    let fits = config.channels() == set.channels && config.n_logits() == set.classes.len();
    if !fits {
        let what = "channels or classes of the model are not those of the data".to_owned();
        return Err(super::settings::Invalid(what).into());
    }
    let folds = classify.hold_out.iter().map(|name| set.fold(name));
    let held_out = folds.collect::<Result<Vec<_>, _>>()?;
    let others = set.others(&held_out);
    if others.is_empty() {
        return Err(series::Error::AllHeldOut.into());
    }
    let scale = set.scale(&held_out);
    let lessons = Windows::new(set, &others, &scale, settings, classify.jitter)?;
    let course = Course::new(&set.id, &lessons, settings.batch as u64);
    let learned = learn(settings, course, dir, saving, watch)?;
    let counted = score(&learned, set, &held_out, &scale, &config, classify.hop);
    let share = |n: usize| (counted.all > 0).then(|| n as f64 / counted.all as f64);
    let summary = Summary {
        checkpoint: dir.to_owned(),
        hold_out: held_out
            .iter()
            .map(|&i| set.files[i].name.clone())
            .collect(),
        steps: settings.schedule.steps,
        windows: settings.schedule.steps * settings.batch as u64,
        parameters: learned.layout.len,
        density: learned.layout.density(&learned.state.parameters),
        held_out_windows: counted.all,
        accuracy: share(counted.right),
        nearest_accuracy: share(counted.nearest),
        seconds: learned.seconds,
    };
    checkpoint(settings, classify, set, &learned, scale, &summary).save(dir)?;
    Ok(summary)
}

/// Held-out windows, and how many of them were told rightly.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    all: usize,
    right: usize,
    nearest: usize,
}

fn score(
    learned: &Learned,
    set: &Set,
    held_out: &[usize],
    scale: &Scale,
    config: &Config,
    hop: usize,
) -> Counted {
    let (len, channels, others) = (window_samples(config), set.channels, set.others(held_out));
    let cut = |files| {
        let each = set.recordings(files);
        each.flat_map(move |(_, s)| windows(s, channels, len, hop).map(|w| (w, s.class)))
    };
    let asked: Vec<(&[f32], usize)> = cut(held_out).collect();
    let nearest = Nearest::learn(cut(&others), channels);
    let mut counted = Counted {
        all: asked.len(),
        ..Counted::default()
    };
    for some in asked.chunks(AT_ONCE) {
        let patches: Arc<[f32]> = some.iter().flat_map(|(w, _)| scale.apply(w)).collect();
        let parameters = &learned.state.parameters;
        let logits = learned.graph.classify(parameters, &patches, config.seq_len);
        for ((window, class), logits) in some.iter().zip(logits.chunks_exact(config.n_logits())) {
            counted.right += usize::from(lacuna::session::argmax(logits) as usize == *class);
            counted.nearest += usize::from(nearest.classify(window) == *class);
        }
    }
    counted
}

/// The checkpoint of a finished run; nothing in it depends on time.
fn checkpoint(
    settings: &Settings,
    classify: &Classify,
    set: &Set,
    learned: &Learned,
    scale: Scale,
    summary: &Summary,
) -> Checkpoint {
    let mut tensors = learned.layout.tensors(&learned.state.parameters);
    for (name, data) in [("input.mean", scale.mean), ("input.scale", scale.scale)] {
        let shape = vec![data.len()];
        tensors.insert(name.to_owned(), Weights { shape, data });
    }
    let files: Vec<&str> = set.files.iter().map(|f| f.name.as_str()).collect();
    Checkpoint {
        config: settings.model.config,
        tokenizer: settings.model.tokenizer,
        sensor: Some(Sensor {
            classes: set.classes.clone(),
            channels: (0..set.channels).map(|i| format!("channel{i}")).collect(),
            rate: classify.rate,
            hop: classify.hop,
        }),
        tensors,
        provenance: json!({
            "settings": settings,
            "data": { "id": set.id, "files": files, "hold_out": summary.hold_out },
            "steps": summary.steps,
            "windows": summary.windows,
            "density": summary.density,
            "held_out_windows": summary.held_out_windows,
            "accuracy": summary.accuracy,
            "nearest_accuracy": summary.nearest_accuracy,
        }),
    }
}
