//! Whether activations grow denser with what a model has learned (`2603.03415`, its part on pretraining).
//!
//! ```text
//! held-out pieces ─► random doses 0 1 4 16 64 ─► copies in the training text ─► one run ─► checkpoints on the way
//!                                                                                       └► engine ─► statistics, loss
//! ```
//!
//! A piece is a stretch of a held-out file as long as a context; which dose it gets is drawn, so doses differ in nothing
//! else. How often each of its bytes was really drawn for training is counted and reported beside the dose.
//!
//! # Expectations, stated before anything was run
//! - F0: before training, energy does not depend on dose: the interval of its correlation holds 0.
//! - F1: at the end, the loss falls with dose: Spearman below 0. If not, the dose has not worked and the rest says nothing.
//! - D1: top-10 % energy after the last norm, of pieces of dose 0, rises above its start and falls back before the end.
//!   The authors see no such course below 20 million parameters: a null is expected.
//! - D3: at the end, energy falls with dose (denser for the familiar): Spearman of log exposure and energy below 0.
//! - D3': the same with entropy, loss and last token held still.
//!
//! # Invariants
//! - Pieces come from held-out files; what a dose adds is the only way in which they are learned from.
//! - Every checkpoint shows the same windows in the same order.
//!
//! # Why
//! One run, one set of pieces, doses by lot: what differs between doses is how often they were seen, and nothing else.

mod doses;
mod outcome;
mod snapshots;

use std::path::Path;

use anyhow::Context;
use lacuna::model::Model;
use lacuna::session::Tokenizer;
use serde::Serialize;
use serde_json::json;

use super::measure::{Look, Seen};
use super::models::{self, Recipe};
use super::trial::{Family, Side, Trial, Window};
use crate::calibrate::cut;
use crate::data::Sampler;
use crate::report::Out;

pub use doses::{DOSES, Piece};
pub use outcome::{Course, Summary};

/// Everything that decides a study.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// Training seeds, from 1.
    pub seeds: u32,
    /// How models are made.
    pub recipe: Recipe,
    /// Pieces of each dose.
    pub pieces: usize,
    /// Training text besides the doses, bytes; little, so that a dose counts.
    pub base: usize,
    /// Checkpoints on the way, evenly apart, besides the untrained model.
    pub checkpoints: u64,
    /// How to look.
    pub look: Look,
    /// Rounds of a bootstrap.
    pub rounds: usize,
}

/// What was seen of one checkpoint.
#[derive(Debug)]
pub struct Stage {
    /// Steps behind it.
    pub step: u64,
    /// Windows of all seeds; the level is the number of the dose.
    pub seen: Seen,
}

/// Seed of every bootstrap.
const SEED: u64 = 20_260_304;

/// Runs the study in `dir`, where models of an earlier one are gone on with.
///
/// # Errors
/// Data or models that cannot be, or an engine that stops.
pub fn run(settings: &Settings, dir: &Path, out: &Out) -> anyhow::Result<Summary> {
    let steps: Vec<u64> = (0..=settings.checkpoints.max(2))
        .map(|i| settings.recipe.steps * i / settings.checkpoints.max(2))
        .collect();
    let levels = DOSES.map(|d| d.to_string());
    let family = Family::new("dose", "copies in the training text", levels);
    let new = |step: &u64| Stage {
        step: *step,
        seen: Seen::new(vec![family.clone()]),
    };
    let mut stages: Vec<Stage> = steps.iter().map(new).collect();
    let (mut exposures, mut said) = (Vec::new(), Vec::new());
    for seed in 1..=u64::from(settings.seeds) {
        let recipe = settings.recipe.text(seed);
        let context = recipe.model.config.seq_len;
        let (corpus, pieces) = doses::corpus(&recipe, settings, context)?;
        let place = dir.join(format!("models/seed-{seed}"));
        let bar = out.progress(recipe.schedule.steps, "training");
        let snapshots = snapshots::train(&recipe, &corpus, &place, &steps, &mut |step| {
            bar.set_position(step);
        });
        bar.finish_and_clear();
        let snapshots = snapshots.with_context(|| format!("seed {seed}"))?;
        let sampler = Sampler::new(&corpus.train, context, seed)?;
        exposures.push(doses::exposures(
            &corpus,
            &pieces,
            &sampler,
            recipe.schedule.steps,
            recipe.batch,
        ));
        let bar = out.progress((stages.len() * pieces.len()) as u64, "windows");
        for (stage, checkpoint) in stages.iter_mut().zip(&snapshots) {
            let file = models::export(checkpoint, seed)?;
            let model = Model::new(&file.bytes)?;
            let tokenizer = Tokenizer::new(model.file()).context("the model has no tokenizer")?;
            let shown: Vec<Trial> = pieces
                .iter()
                .filter_map(|piece| trial(piece, &tokenizer, context))
                .collect();
            let number = seed as u32 - 1;
            stage
                .seen
                .run(&model, &shown, number, settings.look, &mut || bar.inc(1))?;
        }
        bar.finish_and_clear();
        said.push(json!({
            "seed": seed,
            "data": corpus.id,
            "training_bytes": corpus.train.len(),
            "settings": recipe,
        }));
    }
    let config = json!({
        "program": concat!("lacuna ", env!("CARGO_PKG_VERSION")),
        "study": "familiarity",
        "settings": settings,
        "doses": DOSES,
        "bootstrap_seed": SEED,
        "models": said,
    });
    let summary = outcome::judge(&stages, &exposures, (settings.rounds, SEED));
    super::report::familiarity(&config, &summary, dir)
        .with_context(|| format!("the report cannot be written to {}", dir.display()))?;
    Ok(summary)
}

/// The one window of a piece.
fn trial(piece: &Piece, tokenizer: &Tokenizer<'_>, context: usize) -> Option<Trial> {
    let all = cut(tokenizer, &piece.bytes, context, context, 1);
    let (_, tokens) = all.into_iter().next()?;
    Some(Trial {
        family: 0,
        level: piece.dose,
        side: Side::Test,
        stratum: piece.dose as u32,
        unit: piece.name.clone(),
        part: 0,
        window: Window::Tokens(tokens),
    })
}
