//! Whether models notice what is strange to them, and whether the sparsity of their activations helps.
//!
//! ```text
//! seeds ─► train ─► export ─► engine ─► known, same, shifts ─► detectors ─► figures with intervals ─► report
//! ```
//!
//! # Expectations, stated before anything was run
//! - C0: no detector tells more of the same from the known: the interval of its AUROC holds 0.5. One in twenty misses
//!   by chance, more where units are few.
//! - C1: entropy finds the most corrupted bytes (text), the last layer the loudest noise (sensors), AUROC above 0.8.
//! - S1–S5: the published effect, as [`super::controls`] has it. Its authors saw none below 20 million parameters, so a
//!   null is what should be expected here.
//! - H1: a ridge of internal statistics and outputs, fitted on other families of shifts, beats one of outputs alone.
//! - H2: it beats the best baseline. The baseline is chosen after the fact, which favours the baseline.
//! - H3: the best one-class score of internal statistics beats the best baseline, both chosen after the fact.
//!
//! # Invariants
//! - No detector is fitted on a file, nor on a family of shifts, that it is judged by.
//! - Limits and directions of expectations stand here, not in the settings.
//!
//! # Why
//! A claim about alarms is worth what it beats. Entropy costs a device nothing; a monitor of activations has to be better.

mod motion;
mod outcome;
mod text;
mod verdicts;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use serde_json::{Value, json};

use super::controls::{self, Effect};
use super::detect::{self, Detector};
use super::expect::Expectation;
use super::judge::{self, Judged};
use super::measure::{Look, Seen};
use super::models::Recipe;
use super::report;
use super::texts::Sizes;
use crate::report::Out;

pub use outcome::{Line, Summary};

/// What models do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Predict text
    Lm,
    /// Tell activities from sensor samples
    Classify,
}

/// Everything that decides a study.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// What models do.
    pub task: Task,
    /// Training seeds, from 1.
    pub seeds: u32,
    /// Checkpoints to take in the place of trained ones.
    pub models: Vec<PathBuf>,
    /// How models are made.
    pub recipe: Recipe,
    /// How much text is shown.
    pub sizes: Sizes,
    /// Windows of a part of a recording, at most.
    pub windows: usize,
    /// How to look.
    pub look: Look,
    /// Rounds of a bootstrap.
    pub rounds: usize,
}

/// What was found.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that decides it, data included.
    pub config: Value,
    /// What was seen.
    pub seen: Seen,
    /// What was scored with.
    pub detectors: Vec<Detector>,
    /// What each is worth.
    pub judged: Vec<Judged>,
    /// How large the published effect is.
    pub effects: Vec<Effect>,
    /// What was expected, and what came.
    pub expectations: Vec<Expectation>,
    /// What could not be done.
    pub left_out: Vec<String>,
}

/// What the models of a task have shown, with what the configuration should say of data and models.
struct Gathered {
    seen: Seen,
    said: Value,
    left_out: Vec<String>,
}

/// Seed of every bootstrap.
const SEED: u64 = 20_260_303;

/// Runs the study in `dir`, where models of an earlier one are gone on with.
///
/// # Errors
/// Data or models that cannot be, or an engine that stops.
pub fn run(settings: &Settings, dir: &Path, out: &Out) -> anyhow::Result<Outcome> {
    let gathered = match settings.task {
        Task::Lm => text::gather(settings, dir, out)?,
        Task::Classify => motion::gather(settings, dir, out)?,
    };
    let Gathered {
        seen,
        said,
        left_out,
    } = gathered;
    let seeds = seen.items.iter().map(|i| i.place.seed as usize + 1).max();
    let panels: Vec<_> = (0..seeds.unwrap_or(0))
        .flat_map(|seed| detect::panels(&seen, seed))
        .collect();
    let detectors = detect::detectors(&seen);
    let bar = out.progress(detectors.len() as u64, "judging");
    let rounds = (detectors.len(), settings.rounds, SEED);
    let judged = judge::judge(&seen, &panels, rounds, &mut || bar.inc(1));
    bar.finish_and_clear();
    out.note("controls");
    let (effects, mut expectations) = controls::controls(&seen, (settings.rounds, SEED));
    let mut stated = verdicts::stated(&seen, &detectors, &judged);
    stated.append(&mut expectations);
    let outcome = Outcome {
        config: json!({
            "program": concat!("lacuna ", env!("CARGO_PKG_VERSION")),
            "study": "shift",
            "settings": settings,
            "bootstrap_seed": SEED,
            "ridge": detect::RIDGE,
            "of": said,
        }),
        seen,
        detectors,
        judged,
        effects,
        expectations: stated,
        left_out,
    };
    report::write(&outcome, dir)
        .with_context(|| format!("the report cannot be written to {}", dir.display()))?;
    Ok(outcome)
}
