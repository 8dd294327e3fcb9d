//! Language models and what they are shown.

use std::path::Path;

use anyhow::Context;
use lacuna::model::Model;
use lacuna::session::Tokenizer;
use serde_json::{Value, json};

use super::{Gathered, Settings};
use crate::data::{Corpus, Document, documents};
use crate::report::{NextStep, Out};
use crate::study::clamp;
use crate::study::measure::Seen;
use crate::study::models::{self, Trained};
use crate::study::texts::foreign::{self, Bigrams};
use crate::study::texts::{families, trials};
use crate::train;

/// A model, how it was trained, and what it did not learn from.
struct Subject {
    trained: Trained,
    settings: train::Settings,
    held_out: Vec<Document>,
}

/// Trains or takes the models and shows them everything.
pub(super) fn gather(settings: &Settings, dir: &Path, out: &Out) -> anyhow::Result<Gathered> {
    let subjects = match settings.models.as_slice() {
        [] => (1..=settings.seeds)
            .map(|seed| trained(settings, u64::from(seed), dir, out))
            .collect::<anyhow::Result<Vec<_>>>()?,
        paths => paths
            .iter()
            .map(|path| {
                let (trained, settings) = models::given(path)
                    .next_step(|| "give --model checkpoints of `lacuna train`".to_owned())?;
                let held_out = models::held_out(&settings)?;
                Ok(Subject {
                    trained,
                    settings,
                    held_out,
                })
            })
            .collect::<anyhow::Result<Vec<_>>>()?,
    };
    let first = subjects.first().context("there is no model to study")?;
    let known = documents(&first.settings.source())?;
    let known = Bigrams::of(known.iter().map(|d| d.bytes.as_slice()));
    let (foreign, missing) = foreign::load(&known);
    let distances: Vec<Value> = foreign
        .iter()
        .flatten()
        .map(|f| json!({ "name": f.name, "files": f.documents.len(), "distance": f.distance }))
        .collect();
    let mut seen = Seen::new(families(&foreign));
    let mut said = Vec::new();
    for (number, subject) in (0..).zip(&subjects) {
        let (seed, checkpoint) = (subject.trained.seed, &subject.trained.checkpoint);
        let file = models::export(checkpoint, seed)?;
        let model = Model::new(&file.bytes)?;
        let tokenizer = Tokenizer::new(model.file()).context("the model has no tokenizer")?;
        let context = model.config().seq_len;
        let shown = trials(
            &tokenizer,
            context,
            &subject.held_out,
            &foreign,
            settings.sizes,
            seed,
        );
        let bar = out.progress(shown.len() as u64, "windows");
        let from = seen.items.len();
        seen.run(&model, &shown, number, settings.look, &mut || bar.inc(1))?;
        bar.finish_and_clear();
        let clamped = models::export(&clamp::clamped(checkpoint), seed)?;
        let clamped = Model::new(&clamped.bytes)?;
        clamp::run(&clamped, &shown, &mut seen.items[from..])?;
        said.push(json!({
            "seed": seed,
            "model_id": format!("{:016x}", u64::from_be_bytes(model.id())),
            "held_out_files": subject.held_out.len(),
            "windows": shown.len(),
            "provenance": checkpoint.provenance,
        }));
    }
    Ok(Gathered {
        seen,
        said: json!({ "models": said, "distances_bits": distances }),
        left_out: missing,
    })
}

fn trained(settings: &Settings, seed: u64, dir: &Path, out: &Out) -> anyhow::Result<Subject> {
    let recipe = settings.recipe.text(seed);
    let corpus = Corpus::load(&recipe.source(), seed).context("the data cannot be loaded")?;
    let place = dir.join(format!("models/seed-{seed}"));
    let bar = out.progress(recipe.schedule.steps, "training");
    let done = models::text(&recipe, &corpus, &place, &mut |m| bar.set_position(m.step));
    bar.finish_and_clear();
    let trained = done.next_step(|| format!("remove {} to begin again", place.display()))?;
    let held_out = models::held_out(&recipe)?;
    Ok(Subject {
        trained,
        settings: recipe,
        held_out,
    })
}
