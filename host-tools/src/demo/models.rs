//! The two models, trained side by side, and the three files made of them.

use std::path::Path;
use std::thread;

use anyhow::Context;

use super::Settings;
use crate::checkpoint::Checkpoint;
use crate::data::Corpus;
use crate::export::{self, Exported, Target, Values};
use crate::output;
use crate::report::{NextStep, Out};
use crate::train::{self, Saving, Summary};

/// Share of weights that the sparse model keeps.
const DENSITY: f64 = 0.1;

/// A finished training.
pub(super) struct Trained {
    name: &'static str,
    pub(super) summary: Summary,
    checkpoint: Checkpoint,
}

/// Trains the same model densely and sparsely, a thread each.
pub(super) fn train(
    settings: &Settings,
    corpus: &Corpus,
    out: &Out,
) -> anyhow::Result<[Trained; 2]> {
    let runs = [("dense", 1.0), ("sparse", DENSITY)].map(|(name, density)| {
        let mut recipe = train::Settings::at_density(density);
        recipe.schedule.steps = settings.steps;
        (name, recipe)
    });
    let bars = out.bars(settings.steps, runs.each_ref().map(|(name, _)| *name));
    let one = |i: usize| -> anyhow::Result<Trained> {
        let (name, recipe) = &runs[i];
        let dir = settings.work.join(name);
        let mut watch = |m: &train::Metrics| {
            bars[i].set_position(m.step);
            bars[i].set_message(format!("{:.3} bits/byte", m.smoothed));
        };
        let summary = train::run_on(recipe, corpus, &dir, Saving::default(), &mut watch)
            .with_context(|| format!("the {name} model cannot be trained"))
            .next_step(|| format!("remove {} and try again", settings.work.display()))?;
        bars[i].finish();
        let checkpoint = Checkpoint::load(&dir)?;
        Ok(Trained {
            name,
            summary,
            checkpoint,
        })
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| one(1));
        let dense = one(0)?;
        let sparse = match other.join() {
            Ok(done) => done?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        Ok([dense, sparse])
    })
}

/// A trained model and how its weights are stored.
pub(super) struct Variant<'a> {
    trained: &'a Trained,
    values: Values,
}

/// dense f32, sparse f32, sparse int8.
pub(super) fn variants<'a>(dense: &'a Trained, sparse: &'a Trained) -> [Variant<'a>; 3] {
    [
        (dense, Values::F32),
        (sparse, Values::F32),
        (sparse, Values::I8),
    ]
    .map(|(trained, values)| Variant { trained, values })
}

impl Variant<'_> {
    /// `dense f32` and the like.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.trained.name, self.values.name())
    }

    /// Share of the matrices' weights that is not zero.
    pub(super) fn density(&self) -> f64 {
        self.trained.summary.density
    }

    /// Writes the portable file into `dir`, as `dense-f32.lacuna` and the like.
    pub(super) fn keep(&self, dir: &Path) -> anyhow::Result<()> {
        let path = dir.join(format!("{}.lacuna", self.name().replace(' ', "-")));
        let file = self.export(Target::Portable)?;
        output::write(&path, |sink| sink.write_all(&file.bytes))?;
        Ok(())
    }

    /// The file for `target`.
    pub(super) fn export(&self, target: Target) -> anyhow::Result<Exported> {
        let settings = export::Settings {
            values: self.values,
            target,
            ..export::Settings::default()
        };
        export::export(&self.trained.checkpoint, None, &settings)
            .with_context(|| format!("the {} model cannot be exported", self.name()))
    }
}
