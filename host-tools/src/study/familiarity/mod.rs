//! Whether activations grow denser with what a model has learned (`2603.03415`, its part on pretraining).
//!
//! ```text
//! held-out pieces ─► random doses 0 1 4 16 64 ─► copies in the training text ─► runs ─► checkpoints on the way
//!   │                                              └► the same, bytes shuffled ─► runs      └► engine ─► statistics, loss
//!   └► dose 0 by a trigram's loss: easiest, middle, hardest third
//! ```
//!
//! A piece is a stretch of a held-out file as long as a context; which dose it gets is drawn, so doses differ in nothing
//! else. How often each of its bytes was really drawn for training is counted. *Familiar* are pieces of the highest dose,
//! *unseen* those of dose 0, *harder* the third of the unseen that a trigram model of the training text predicts worst.
//! *Energy* is the share of the largest tenth after the last norm, mean over every second token of a window.
//!
//! # Expectations, stated before anything was run
//! - F0: before training, energy does not depend on exposure: the interval of the rank correlation holds 0.
//! - F1: at the end, the loss falls with exposure: Spearman below 0. If not, the doses have not worked and the rest says nothing.
//! - D1: in at least two thirds of at least five seeds the energy of familiar pieces has a peak on the way that is three
//!   standard errors above its start and three above its end. The peak is chosen on one half of the pieces and judged on the
//!   other. D1n: at the peak it is above that of a Gaussian vector.
//! - D2: at the end, energy of the unseen, and of the harder, exceeds that of the familiar, paired over seeds. D2d is
//!   difficulty alone: the hardest third less the easiest. D2l: the rank correlation with being unseen, with the last token
//!   held still, and D2e with entropy and loss held still too. The published gap is .001 to .005 at 10⁸ parameters and more.
//! - D3: at the end, energy falls with exposure: Spearman below 0; D3e the same with entropy, loss and last token held still.
//! - D4: D2 in models of other widths. The authors see no ordering below 40 million parameters: a null is expected at each.
//! - C1: after training on text whose bytes were shuffled within each context, energy does not depend on exposure: the
//!   interval holds 0; C2: nor does it differ between unseen and familiar.
//! - G2, G3: D2 and D3 without the gain of the last norm; the same signs.
//!
//! # Invariants
//! - Pieces come from held-out files; what a dose adds is the only way in which they are learned from.
//! - Every checkpoint, width and control of a seed shows the same windows in the same order.
//! - A figure is of one seed's windows; intervals are Student's over seeds. None is corrected for the number of figures.
//!
//! # Why
//! One set of pieces, doses by lot: what differs between doses is how often they were seen, and nothing else. Seeds and not
//! windows are what an interval is over: models of other seeds differ by more than windows of one model do.

mod course;
mod doses;
mod group;
mod order;
mod outcome;
mod shuffled;
mod snapshots;
mod table;
mod text;

use std::path::{Path, PathBuf};

use anyhow::Context;
use lacuna::config::{Config, TopK};
use serde::Serialize;
use serde_json::json;

use super::models::Recipe;
use crate::report::Out;
use crate::train;

pub use course::Turn;
pub use doses::{DOSES, Piece};
pub use group::{Group, Shown, Stage};
pub use order::{Contrast, Size};
pub use outcome::{Course, Response, Summary};

/// Everything that decides a study.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// Training seeds, from 1.
    pub seeds: u32,
    /// Width of the model that is followed over its training.
    pub width: usize,
    /// Other widths, which are looked at before and after.
    pub widths: Vec<usize>,
    /// Share of nonzero weights.
    pub density: f64,
    /// Steps of each training, a multiple of 32.
    pub steps: u64,
    /// Files and directories, or none for the data set that is built in.
    pub data: Vec<PathBuf>,
    /// Pieces of each dose; three times as many of dose 0.
    pub pieces: usize,
    /// Training text besides the doses, bytes; little, so that a dose counts.
    pub base: usize,
    /// Bytes of a context and of a piece.
    pub context: usize,
    /// Sequences in a step.
    pub batch: usize,
}

/// Checkpoints in parts of [`PARTS`] of the steps: many where most happens.
pub const CHECKPOINTS: [u64; 9] = [0, 1, 2, 4, 8, 12, 16, 24, 32];
/// What [`CHECKPOINTS`] are parts of.
pub const PARTS: u64 = 32;

/// What a group of models learns from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lesson {
    /// The text with its doses.
    Text,
    /// The same with the bytes of each context shuffled: the control.
    Shuffled,
}

impl Settings {
    /// How the model of `width` and `seed` is trained.
    pub(super) fn training(&self, width: usize, seed: u64) -> train::Settings {
        let recipe = Recipe {
            steps: self.steps,
            quick: false,
            data: self.data.clone(),
        };
        let mut settings = recipe.text(seed);
        settings.schedule.density = self.density;
        settings.schedule.lr = train::settings::lr(self.density);
        settings.batch = self.batch;
        settings.windows = 64;
        let quarter = match self.density < 1.0 {
            true => TopK {
                attn_in: width / 4,
                mlp_in: width / 4,
                mlp_neuron: width,
                ..TopK::default()
            },
            false => TopK::default(),
        };
        settings.model.config = Config {
            dim: width,
            hidden_dim: 4 * width,
            n_heads: width / 16,
            n_kv_heads: width / 16,
            head_dim: 16,
            seq_len: self.context,
            // A table of pairs of bytes would be larger than most of the models.
            bigram: false,
            topk: quarter,
            ..settings.model.config
        };
        settings
    }
}

/// Runs the study in `dir`, where models of an earlier one are gone on with.
///
/// # Errors
/// Data or models that cannot be, or an engine that stops.
pub fn run(settings: &Settings, dir: &Path, out: &Out) -> anyhow::Result<Summary> {
    let all = CHECKPOINTS.map(|part| settings.steps / PARTS * part);
    let ends = [0, settings.steps];
    let group =
        |width, lesson, steps: &[u64]| group::run(settings, (width, lesson), steps, dir, out);
    let main = group(settings.width, Lesson::Text, &all)?;
    let control = group(settings.width, Lesson::Shuffled, &all)?;
    let mut others = Vec::new();
    for width in &settings.widths {
        if *width != settings.width {
            others.push(group(*width, Lesson::Text, &ends)?);
        }
    }
    let summary = outcome::judge(&main, &control, &others);
    let groups = [&main, &control].into_iter().chain(&others);
    let said: Vec<_> = groups.flat_map(|g| &g.said).collect();
    let config = json!({
        "program": concat!("lacuna ", env!("CARGO_PKG_VERSION")),
        "study": "familiarity",
        "settings": settings,
        "doses": DOSES,
        "models": said,
    });
    super::report::familiarity::write(&config, &summary, dir)
        .with_context(|| format!("the report cannot be written to {}", dir.display()))?;
    Ok(summary)
}
