//! Classifiers of sensor windows and what they are shown.

use std::fs;
use std::path::Path;

use anyhow::Context;
use lacuna::model::Model;
use serde_json::json;

use super::{Gathered, Settings};
use crate::data::series::Set;
use crate::data::series::generate::{Generator, PEOPLE};
use crate::output;
use crate::report::{NextStep, Out};
use crate::study::clamp;
use crate::study::measure::Seen;
use crate::study::models;
use crate::study::motions::{Parts, families, trials};
use crate::train::classify::window_samples;

/// Recordings of the generator, where none are given: as long as the study needs them.
const MADE: Generator = Generator {
    seed: 1,
    people: PEOPLE,
    recordings: 2,
    samples: 900,
};

/// Trains the models and shows them everything.
pub(super) fn gather(settings: &Settings, dir: &Path, out: &Out) -> anyhow::Result<Gathered> {
    let mut left_out = Vec::new();
    let set = match settings.recipe.data.as_slice() {
        [given] => Set::load(given)
            .next_step(|| "give --data a directory of .ts files with classes".to_owned())?,
        _ => {
            left_out.push("no recordings were given: these were made by a generator".to_owned());
            made(dir)?
        }
    };
    let mut seen = Seen::new(families());
    let mut said = Vec::new();
    for turn in 0..settings.seeds {
        let seed = u64::from(turn) + 1;
        let len = if settings.recipe.quick {
            40
        } else {
            models::WINDOW
        };
        let parts = Parts::new(&set, turn as usize, len)
            .next_step(|| "give longer recordings, of more people or classes".to_owned())?;
        let recipe = settings.recipe.windows(&parts.training, seed);
        let place = dir.join(format!("models/seed-{seed}"));
        let bar = out.progress(recipe.schedule.steps, "training");
        let done = models::windows(&recipe, &parts.training, &place, &mut |m| {
            bar.set_position(m.step);
        });
        bar.finish_and_clear();
        let trained = done.next_step(|| format!("remove {} to begin again", place.display()))?;
        let file = models::export(&trained.checkpoint, seed)?;
        let model = Model::new(&file.bytes)?;
        let scale = parts.training.scale(&[]);
        let len = window_samples(model.config());
        let shown = trials(&parts, &scale, len, settings.windows, seed);
        let bar = out.progress(shown.len() as u64, "windows");
        let from = seen.items.len();
        seen.run(&model, &shown, turn, settings.look, &mut || bar.inc(1))?;
        bar.finish_and_clear();
        let clamped = models::export(&clamp::clamped(&trained.checkpoint), seed)?;
        let clamped = Model::new(&clamped.bytes)?;
        clamp::run(&clamped, &shown, &mut seen.items[from..])?;
        said.push(json!({
            "seed": seed,
            "model_id": format!("{:016x}", u64::from_be_bytes(model.id())),
            "windows": shown.len(),
            "provenance": trained.checkpoint.provenance,
        }));
    }
    Ok(Gathered {
        seen,
        said: json!({ "recordings": set.id, "models": said }),
        left_out,
    })
}

fn made(dir: &Path) -> anyhow::Result<Set> {
    let place = dir.join("made");
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    for (name, text) in MADE.files() {
        output::write(&place.join(name), |w| w.write_all(text.as_bytes()))?;
    }
    Ok(Set::load(&place)?)
}
