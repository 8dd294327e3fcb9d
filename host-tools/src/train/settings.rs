//! Everything that decides a run: written into its checkpoint, compared on resume.

use std::path::PathBuf;

use lacuna::config::{Activation, Config, Input, Output, Position, TopK};
use serde::{Deserialize, Serialize};

use super::classify::Classify;
use super::graph::Device;
use super::optimiser::{Constants, Normalise};
use super::recover::Recover;
use super::schedule::Schedule;
use crate::checkpoint::{Blueprint, Tokenizer};
use crate::data::Source;

/// Settings of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Shape and switches of the model.
    pub model: Blueprint,
    /// Files and directories to learn from, or the name of a data set; none is `rust-source`.
    pub data: Vec<PathBuf>,
    /// Seed of initial weights, data order and split.
    pub seed: u64,
    /// Density and learning rate over the run.
    pub schedule: Schedule,
    /// Constants of the optimiser.
    pub optimiser: Constants,
    /// Weights protected per neuron; lowered by itself where a matrix is too small.
    pub per_neuron: usize,
    /// Sequences per step.
    pub batch: usize,
    /// Shards of a step, each on a thread of its own; part of the settings because it decides the order of sums.
    pub threads: usize,
    /// Where the graph runs.
    pub device: Device,
    /// Stretches of validation data to predict at the end.
    pub windows: usize,
    /// Set where windows of recordings are learned and not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classify: Option<Classify>,
    /// Set where a trained model is trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover: Option<Recover>,
}

/// What `lacuna train` does without flags: a 10 % dense model of two blocks on `rust-source`, a quarter of the
/// activations kept wherever a block reads.
pub const DEFAULT: Settings = Settings {
    model: Blueprint {
        config: Config {
            dim: 96,
            hidden_dim: 384,
            n_layers: 2,
            n_heads: 3,
            n_kv_heads: 3,
            head_dim: 32,
            vocab_size: 256,
            seq_len: 128,
            norm_eps: 1e-5,
            position: Position::Rope,
            activation: Activation::Gelu,
            gated: false,
            attn_bias: true,
            mlp_bias: true,
            sink: false,
            bigram: true,
            tied: false,
            input: Input::Tokens,
            causal: true,
            output: Output::Lm,
            topk: TopK {
                attn_in: 24,
                q: 0,
                k: 0,
                v: 0,
                attn_out: 0,
                mlp_in: 24,
                mlp_neuron: 96,
                mlp_out: 0,
            },
        },
        tokenizer: Tokenizer::Byte,
    },
    data: Vec::new(),
    seed: 1,
    schedule: Schedule {
        steps: 2000,
        lr: 0.031_6,
        warmup: 0.01,
        density: 0.1,
        anneal_from: 0.01,
        anneal_until: 0.5,
        decay: true,
        sharkfin: true,
    },
    optimiser: Constants {
        beta1: 0.9,
        beta2: 0.95,
        eps: 0.1,
        weight_decay: 0.1,
        normalise: Normalise::Unit,
    },
    per_neuron: 4,
    batch: 8,
    threads: 1,
    device: Device::Cpu,
    windows: 256,
    classify: None,
    recover: None,
};

impl Default for Settings {
    fn default() -> Settings {
        DEFAULT
    }
}

/// The highest learning rate for a final density: 0.01 / √density.
///
/// Swept for [`DEFAULT`] over 0.01 … 0.04: densities 1 and 0.1 are both near their best, and with the sharkfin
/// factor all densities begin alike.
pub fn lr(density: f64) -> f64 {
    0.01 / density.sqrt()
}

impl Settings {
    /// [`DEFAULT`] at another final density, with its learning rate.
    pub fn at_density(density: f64) -> Settings {
        let mut settings = DEFAULT;
        settings.schedule.density = density;
        settings.schedule.lr = lr(density);
        settings
    }

    /// Where the documents come from.
    pub fn source(&self) -> Source {
        Source::named(&self.data)
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// The first setting that cannot be, and why.
    pub fn check(&self) -> Result<(), Invalid> {
        let invalid = |what: &str| Err(Invalid(what.to_owned()));
        self.model
            .config
            .check()
            .map_err(|e| Invalid(e.to_string()))?;
        let s = &self.schedule;
        let share = |x: f64| (0.0..=1.0).contains(&x);
        match () {
            _ if self.classify.is_some() != (self.model.config.window_len() > 0) => {
                invalid("windows of recordings need a model of patches, and text one of tokens")
            }
            _ if self.classify.as_ref().is_some_and(|c| c.hop == 0) => invalid("hop is zero"),
            _ if self
                .classify
                .as_ref()
                .is_some_and(|c| !(c.rate.is_finite() && c.rate >= 0.0)) =>
            {
                invalid("rate is not a finite number of at least zero")
            }
            _ if self
                .classify
                .as_ref()
                .is_some_and(|c| !(c.jitter.is_finite() && c.jitter >= 0.0)) =>
            {
                invalid("jitter is not a finite number of at least zero")
            }
            _ if self.recover.is_some() && self.classify.is_some() => invalid(
                "a classifier cannot be recovered: it takes windows of samples, and text is learned",
            ),
            _ if self.classify.is_none()
                && self.recover.is_none()
                && self.model.config.vocab_size != 256 =>
            {
                invalid("vocab_size is not 256, and training is on bytes")
            }
            _ if s.steps == 0 => invalid("steps is zero"),
            _ if self.batch == 0 => invalid("batch is zero"),
            _ if self.windows == 0 => invalid("windows is zero"),
            _ if self.threads == 0 || self.threads > self.batch => {
                invalid("threads is not between 1 and the batch")
            }
            _ if !(s.density > 0.0 && s.density <= 1.0) => invalid("density is not in (0, 1]"),
            _ if !(s.lr > 0.0 && s.lr.is_finite()) => invalid("lr is not a positive number"),
            _ if !(share(s.warmup) && s.warmup < 1.0) => invalid("warmup is not in [0, 1)"),
            _ if !(share(s.anneal_from)
                && share(s.anneal_until)
                && s.anneal_from <= s.anneal_until) =>
            {
                invalid("annealing does not begin before it ends, within [0, 1]")
            }
            _ => match &self.recover {
                Some(recover) => recover.check(&self.model.config),
                None => Ok(()),
            },
        }
    }
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);
