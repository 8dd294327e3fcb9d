//! Models of one kind, one a seed, seen at their checkpoints.
//!
//! ```text
//! seed ─► text with doses ─► one run ─► snapshots at the steps ─► the same windows ─► Stage (one a step, all seeds)
//! ```

use core::slice::from_ref;
use std::path::Path;

use anyhow::Context;
use lacuna::model::Model;
use lacuna::session::Tokenizer;
use serde_json::{Value, json};

use super::shuffled::shuffled;
use super::{DOSES, Lesson, Piece, Settings, doses, snapshots};
use crate::calibrate::cut;
use crate::data::Sampler;
use crate::data::trigram::Trigram;
use crate::report::Out;
use crate::study::measure::{Look, Seen, Where};
use crate::study::models;
use crate::study::trial::{Family, Side, Trial, Window};
use crate::train::parameters::Layout;

/// What was seen of one checkpoint.
#[derive(Debug)]
pub struct Stage {
    /// Steps behind it.
    pub step: u64,
    /// Windows of all seeds; the level is the number of the dose.
    pub seen: Seen,
}

/// What is known of a window beside what the engine sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// How often each of its bytes was predicted in training, on average.
    pub exposure: f64,
    /// Bits a byte of a trigram model of the training text without the doses.
    pub difficulty: f64,
    /// Of the unseen, by difficulty within the seed: 0 easiest, 1, 2 hardest; of others nothing.
    pub third: Option<u8>,
}

/// Models of one width and lesson.
#[derive(Debug)]
pub struct Group {
    /// Width of the residual stream.
    pub width: usize,
    /// Learned numbers.
    pub parameters: usize,
    /// One a step.
    pub stages: Vec<Stage>,
    /// Of each window, in the order of a stage's items.
    pub shown: Vec<Shown>,
    /// Settings and data of each model.
    pub said: Vec<Value>,
}

/// Trains and shows the group of `width` and `lesson`, or goes on with what is in `dir`.
///
/// # Errors
/// Data or models that cannot be, or an engine that stops.
pub(super) fn run(
    settings: &Settings,
    (width, lesson): (usize, Lesson),
    steps: &[u64],
    dir: &Path,
    out: &Out,
) -> anyhow::Result<Group> {
    let family = Family::new(
        "dose",
        "copies in the training text",
        DOSES.map(|d| d.to_string()),
    );
    let new = |step: &u64| Stage {
        step: *step,
        seen: Seen::new(vec![family.clone()]),
    };
    let mut group = Group {
        width,
        parameters: Layout::new(&settings.training(width, 1).model.config).len,
        stages: steps.iter().map(new).collect(),
        shown: Vec::new(),
        said: Vec::new(),
    };
    for seed in 1..=u64::from(settings.seeds) {
        let name = match lesson {
            Lesson::Text => format!("models/width-{width}-seed-{seed}"),
            Lesson::Shuffled => format!("models/shuffled-{width}-seed-{seed}"),
        };
        group
            .add(settings, (seed, lesson), &dir.join(name), out)
            .with_context(|| format!("width {width}, seed {seed}"))?;
    }
    Ok(group)
}

impl Group {
    fn add(
        &mut self,
        settings: &Settings,
        (seed, lesson): (u64, Lesson),
        place: &Path,
        out: &Out,
    ) -> anyhow::Result<()> {
        let recipe = settings.training(self.width, seed);
        let context = settings.context;
        let (mut corpus, base, pieces) = doses::corpus(&recipe, settings)?;
        let sampler = Sampler::new(&corpus.train, context, seed)?;
        let (steps, batch) = (recipe.schedule.steps, recipe.batch);
        let exposures = doses::exposures(&corpus, &pieces, &sampler, steps, batch);
        self.shown.extend(shown(&base, &pieces, &exposures));
        if lesson == Lesson::Shuffled {
            corpus.train = shuffled(&corpus.train, context + 1, seed);
            corpus.id = format!("{}:shuffled", corpus.id);
        }
        let at: Vec<u64> = self.stages.iter().map(|s| s.step).collect();
        let bar = out.progress(steps, "training");
        let found = snapshots::train(&recipe, &corpus, place, &at, &mut |step| {
            bar.set_position(step);
        });
        bar.finish_and_clear();
        let found = found?;
        let bar = out.progress((at.len() * pieces.len()) as u64, "windows");
        let last = at.len() - 1;
        for (i, (stage, checkpoint)) in self.stages.iter_mut().zip(&found).enumerate() {
            let file = models::export(checkpoint, seed)?;
            let model = Model::new(&file.bytes)?;
            let tokenizer = Tokenizer::new(model.file()).context("the model has no tokenizer")?;
            let windows: Vec<Trial> = pieces
                .iter()
                .filter_map(|piece| trial(piece, &tokenizer, context))
                .collect();
            // Every site once: at the end of the group that is followed over its training.
            let whole = lesson == Lesson::Text && at.len() > 2 && i == last;
            let look = Look {
                every: 2,
                at: if whole {
                    Where::Everywhere
                } else {
                    Where::Head
                },
            };
            let (number, before) = (seed as u32 - 1, stage.seen.items.len());
            let seen = &mut stage.seen;
            seen.run(&model, &windows, number, look, &mut || bar.inc(1))?;
            // Vectors are for detectors, which are not asked here.
            for item in &mut seen.items[before..] {
                (item.inputs, item.hidden) = (Vec::new(), Vec::new());
            }
        }
        bar.finish_and_clear();
        self.said.push(json!({
            "seed": seed,
            "lesson": lesson,
            "data": corpus.id,
            "training_bytes": corpus.train.len(),
            "settings": recipe,
        }));
        Ok(())
    }
}

/// What is known of each piece.
fn shown(base: &[u8], pieces: &[Piece], exposures: &[f64]) -> Vec<Shown> {
    let trigram = Trigram::train(base);
    let mut all: Vec<Shown> = pieces
        .iter()
        .zip(exposures)
        .map(|(piece, exposure)| Shown {
            exposure: *exposure,
            difficulty: trigram.bits_per_byte(&piece.bytes, from_ref(&(0..piece.bytes.len()))),
            third: None,
        })
        .collect();
    let mut unseen: Vec<usize> = (0..pieces.len()).filter(|i| pieces[*i].dose == 0).collect();
    unseen.sort_by(|a, b| all[*a].difficulty.total_cmp(&all[*b].difficulty));
    let n = unseen.len().max(1);
    for (rank, i) in unseen.into_iter().enumerate() {
        all[i].third = Some((3 * rank / n) as u8);
    }
    all
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirds_go_by_the_loss_of_the_unseen() {
        let texts = ["abababab", "abcabcab", "zqxjkvbw", "abababab"];
        let pieces: Vec<Piece> = texts
            .iter()
            .zip([0, 0, 0, 1])
            .map(|(text, dose)| Piece {
                name: String::new(),
                bytes: text.bytes().collect(),
                dose,
            })
            .collect();
        let base = b"ab".repeat(200);
        let all = shown(&base, &pieces, &[0.0, 0.0, 0.0, 2.5]);
        let thirds: Vec<Option<u8>> = all.iter().map(|s| s.third).collect();
        assert_eq!(thirds, [Some(0), Some(1), Some(2), None]);
        assert!(all[3].exposure == 2.5 && all[0].difficulty < 1.0 && all[2].difficulty > 5.0);
    }
}
