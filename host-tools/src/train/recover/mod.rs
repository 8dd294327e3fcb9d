//! Training a model on that was pruned after it was trained, or that is to be stored as int8.
//!
//! ```text
//! pruned ─► parameters, zeros ─► steps of every other run, ─► the same zeros, other weights ─► checkpoint
//! dense  ─► logits ─► loss ───┘   nothing annealed
//! ```
//!
//! # Invariants
//! - A weight of a matrix that was zero is zero after every step; chosen again, each matrix keeps its number of zeros.
//! - Both models see the same windows; the dense one learns nothing.
//! - The same settings, checkpoints and tokens give the same bytes, also when killed and resumed at any step.
//!
//! # Why
//! The dense model knows more about each next token than the text says, and needs no labels, so that any text will do:
//! its own, too. Recovery after one-shot pruning as in Frantar and Alistarh, 2023; distillation: [`super::graph::Soft`].

mod lessons;

use std::path::Path;
use std::sync::Arc;

use lacuna::config::Config;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::graph::Graph;
use super::optimiser::Constants;
use super::parameters::Layout;
use super::project::Keep;
use super::schedule::Schedule;
use super::settings::{DEFAULT, Invalid, Settings};
use super::{Course, Error, Metrics, Saving, learn};
use crate::checkpoint::{Blueprint, Checkpoint, rope};
use crate::data::Sampler;
use lessons::Taught;

/// The longest stretch that is learned at once unless somebody says otherwise.
pub const SEQ: usize = 128;

/// What a recovery has besides other runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recover {
    /// The weights it begins with, 16 hex digits.
    pub from: String,
    /// The weights that teach, 16 hex digits; `None` where the text alone does.
    pub teacher: Option<String>,
    /// Both models' logits are divided by this in the divergence of the two.
    pub temperature: f32,
    /// Share of that divergence in the loss; the rest is the next token.
    pub share: f32,
    /// Whether zeros move: each matrix keeps its largest weights after every step, as many as it had.
    pub choose_again: bool,
    /// Whether the model is to be stored as int8.
    pub int8: bool,
    /// Tokens of a sequence.
    pub seq: usize,
}

impl Recover {
    /// Checks what the types leave open.
    pub(super) fn check(&self, config: &Config) -> Result<(), Invalid> {
        let invalid = |what: &str| Err(Invalid(what.to_owned()));
        match () {
            _ if !(self.temperature > 0.0 && self.temperature.is_finite()) => {
                invalid("temperature is not a positive number")
            }
            _ if !(0.0..=1.0).contains(&self.share) => {
                invalid("the teacher's share is not in [0, 1]")
            }
            _ if self.share > 0.0 && self.teacher.is_none() => {
                invalid("without a teacher there is nothing to share the loss with")
            }
            _ if self.seq == 0 || self.seq > config.seq_len => {
                invalid("sequences are not between one token and the context")
            }
            _ => Ok(()),
        }
    }
}

/// The models of a recovery.
#[derive(Clone, Copy, Debug)]
pub struct Models<'a> {
    /// What is recovered.
    pub pruned: &'a Checkpoint,
    /// What it is to be like; `None` where the text alone teaches.
    pub teacher: Option<&'a Checkpoint>,
}

/// Text to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Documents behind each other, each behind BOS.
    pub stream: &'a [u32],
    /// Names the text.
    pub id: &'a str,
}

/// What a finished recovery was.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Steps of the run, those before a resume included.
    pub steps: u64,
    /// Tokens learned from, repetitions counted.
    pub tokens: u64,
    /// Share of nonzero weights among the matrices.
    pub density: f64,
    /// The loss over about the last 50 steps, bits per token.
    pub loss: Option<f64>,
    /// Seconds of this process, from its first step to its last.
    pub seconds: f64,
}

/// What `lacuna recover` does without flags: the teacher alone, 500 steps of 8 sequences, zeros where they are.
///
/// Weights do not decay: they are trained already, and are to be what they were.
pub fn settings(models: Models<'_>) -> Settings {
    let config = models.pruned.config;
    let layout = Layout::new(&config);
    let density = layout.density(&layout.flatten(&models.pruned.tensors));
    Settings {
        model: Blueprint {
            config,
            tokenizer: models.pruned.tokenizer,
        },
        schedule: Schedule {
            steps: 500,
            lr: 0.01,
            warmup: 0.05,
            density: density.max(f64::MIN_POSITIVE),
            anneal_from: 0.0,
            anneal_until: 0.0,
            decay: true,
            sharkfin: false,
        },
        optimiser: Constants {
            weight_decay: 0.0,
            ..DEFAULT.optimiser
        },
        recover: Some(Recover {
            from: models.pruned.digest(),
            teacher: models.teacher.map(Checkpoint::digest),
            temperature: 1.0,
            share: if models.teacher.is_some() { 1.0 } else { 0.0 },
            choose_again: false,
            int8: false,
            seq: SEQ.min(config.seq_len),
        }),
        ..DEFAULT
    }
}

/// Trains `models.pruned` on in `dir`, from where an earlier run with the same settings stopped, and gives what came of it.
///
/// # Errors
/// Models that do not fit each other, settings or text that cannot be, or a loss that is not finite.
pub fn run(
    settings: &Settings,
    models: Models<'_>,
    text: Text<'_>,
    dir: &Path,
    saving: Saving,
    watch: &mut dyn FnMut(&Metrics),
) -> Result<(Checkpoint, Summary), Error> {
    let invalid = |what: &str| Err(Invalid(what.to_owned()).into());
    let config = settings.model.config;
    let Some(recover) = &settings.recover else {
        return invalid("the settings are not those of a recovery");
    };
    if config.window_len() > 0 {
        return invalid("the model takes windows of samples, and recovery is on text");
    }
    settings.check()?;
    if models.pruned.config != config {
        return invalid("the settings are of another model");
    }
    let all = [Some(models.pruned), models.teacher];
    if !all.into_iter().flatten().all(rope::usual) {
        return Err(Error::Angles);
    }
    let foreign = |teacher: &Checkpoint| teacher.config.vocab_size != config.vocab_size;
    if models.teacher.is_some_and(foreign) {
        return invalid("the teacher has another vocabulary");
    }
    if models
        .teacher
        .is_some_and(|t| t.config.seq_len < recover.seq)
    {
        return invalid("the teacher's context is shorter than a sequence");
    }
    let sampler = Sampler::new(text.stream, recover.seq, settings.seed)?;
    let lessons = match models.teacher.filter(|_| recover.share > 0.0) {
        None => Taught::alone(sampler),
        Some(teacher) => {
            let layout = Arc::new(Layout::new(&teacher.config));
            let parameters = layout.flatten(&teacher.tensors);
            let graph = Graph::new(&teacher.config, layout, settings.device)?;
            Taught::by(sampler, graph, parameters, recover)
        }
    };
    let layout = Layout::new(&config);
    let initial = layout.flatten(&models.pruned.tensors);
    let per_step = (settings.batch * recover.seq) as u64;
    let course = Course {
        keep: Keep::of(&layout, &initial, recover.choose_again),
        initial: Some(initial),
        ..Course::new(text.id, &lessons, per_step)
    };
    let learned = learn(settings, course, dir, saving, watch)?;
    let parameters = &learned.state.parameters;
    let summary = Summary {
        steps: settings.schedule.steps,
        tokens: settings.schedule.steps * per_step,
        density: layout.density(parameters),
        loss: learned.state.note.smoothed.map(f64::from_bits),
        seconds: learned.seconds,
    };
    let checkpoint = Checkpoint {
        tensors: layout.tensors(parameters),
        provenance: json!({
            "recovered": { "settings": settings, "text": text.id, "density": summary.density },
            "from": models.pruned.provenance,
        }),
        ..models.pruned.clone()
    };
    Ok((checkpoint, summary))
}

#[cfg(test)]
mod tests;
