//! The switches of a run as people write them: on the command line of `lacuna train`, in the file of `lacuna sweep`.
//!
//! ```text
//! --n-layers 2 --topk mlp_neuron=1/4      ┐
//! [model]  n_layers = 2                   ├─► Model, Method ─► Config, Settings
//!          topk = "mlp_neuron=1/4"        ┘
//! ```
//!
//! # Invariants
//! - One definition of every switch, its default and its meaning, wherever it is written.
//! - A misspelt name in a file is refused.

use lacuna::config::{Config, Input, Output, TopK};
use serde::{Deserialize, Serialize};

use super::optimiser::Normalise;
use super::settings::{DEFAULT, Invalid, Settings};
use super::sites::Sites;
use crate::checkpoint::{ACTIVATIONS, POSITIONS};

const D: &Settings = &DEFAULT;
const M: &Config = &D.model.config;

/// Width of a head of a language model unless asked otherwise.
pub const HEAD: usize = 32;

/// Shape and switches of a model
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Model")]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// Width of the residual stream [default: 96, with windows 32]
    #[arg(long)]
    pub dim: Option<usize>,
    /// MLP neurons [default: 4 × dim]
    #[arg(long)]
    pub hidden_dim: Option<usize>,
    /// Blocks
    #[arg(long, default_value_t = M.n_layers)]
    pub n_layers: usize,
    /// Query heads [default: dim / head-dim, at least 1]
    #[arg(long)]
    pub n_heads: Option<usize>,
    /// Key and value heads [default: as many as query heads]
    #[arg(long)]
    pub n_kv_heads: Option<usize>,
    /// Width of a head [default: dim / n-heads; without n-heads 32, with windows 16]
    #[arg(long)]
    pub head_dim: Option<usize>,
    /// Context length of a language model
    #[arg(long, default_value_t = M.seq_len)]
    pub seq_len: usize,
    /// Position signal: none, learned, rope
    #[arg(long, default_value = "rope", value_parser = POSITIONS.map(|(name, _)| name))]
    pub position: String,
    /// MLP nonlinearity: gelu, relu, relu2, silu
    #[arg(long, default_value = "gelu", value_parser = ACTIVATIONS.map(|(name, _)| name))]
    pub activation: String,
    /// Gated MLP
    #[arg(long)]
    pub gated: bool,
    /// No biases
    #[arg(long)]
    pub no_bias: bool,
    /// A learned sink logit per head
    #[arg(long)]
    pub sink: bool,
    /// No dense bigram table
    #[arg(long)]
    pub no_bigram: bool,
    /// The head is the embedding
    #[arg(long)]
    pub tied: bool,
    /// AbsTopK sites and how many values stay there, as a number or a share: `mlp_neuron=96,mlp_in=1/4`, or for all
    /// sites `all=1/4`; `none` for none. Sites: attn_in q k v attn_out mlp_in mlp_neuron mlp_out
    /// [default: attn_in=1/4,mlp_in=1/4,mlp_neuron=1/4]
    #[arg(long, value_name = "SITE=K,…")]
    pub topk: Option<Sites>,
}

impl Default for Model {
    fn default() -> Model {
        Model {
            dim: None,
            hidden_dim: None,
            n_layers: M.n_layers,
            n_heads: None,
            n_kv_heads: None,
            head_dim: None,
            seq_len: M.seq_len,
            position: "rope".to_owned(),
            activation: "gelu".to_owned(),
            gated: false,
            no_bias: false,
            sink: false,
            no_bigram: false,
            tied: false,
            topk: None,
        }
    }
}

/// The value that `table` gives a word.
fn word<T: Copy, const N: usize>(table: [(&str, T); N], name: &str) -> Result<T, Invalid> {
    let found = table.iter().find(|(n, _)| *n == name);
    found.map(|&(_, value)| value).ok_or_else(|| {
        let names = table.map(|(name, _)| name).join(", ");
        Invalid(format!("`{name}` is not one of {names}"))
    })
}

impl Model {
    /// The language model of bytes that the switches describe, `dim` wide and with heads of `head` where they do not say.
    ///
    /// # Errors
    /// A word that is no position signal or nonlinearity, a share of values that is none.
    pub fn config(&self, dim: usize, head: usize) -> Result<Config, Invalid> {
        let dim = self.dim.unwrap_or(dim);
        let hidden_dim = self.hidden_dim.unwrap_or(4 * dim);
        let head = self.head_dim.unwrap_or(head).max(1);
        let n_heads = self.n_heads.unwrap_or((dim / head).max(1));
        let mut config = Config {
            dim,
            hidden_dim,
            n_layers: self.n_layers,
            n_heads,
            n_kv_heads: self.n_kv_heads.unwrap_or(n_heads),
            head_dim: self.head_dim.unwrap_or(dim / n_heads.max(1)),
            vocab_size: 256,
            seq_len: self.seq_len,
            norm_eps: M.norm_eps,
            position: word(POSITIONS, &self.position)?,
            activation: word(ACTIVATIONS, &self.activation)?,
            gated: self.gated,
            attn_bias: !self.no_bias,
            mlp_bias: !self.no_bias,
            sink: self.sink,
            bigram: !self.no_bigram,
            tied: self.tied,
            input: Input::Tokens,
            causal: true,
            output: Output::Lm,
            topk: TopK::default(),
        };
        config.topk = match &self.topk {
            Some(sites) => sites.of(&config),
            None => Sites::default().of(&config),
        };
        Ok(config)
    }
}

/// Constants of the method (Gao et al., appendix A.2)
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Method")]
#[serde(default, deny_unknown_fields)]
pub struct Method {
    /// Share of steps over which the learning rate rises
    #[arg(long, default_value_t = D.schedule.warmup)]
    pub warmup: f64,
    /// The learning rate does not fall after it has risen
    #[arg(long)]
    pub no_decay: bool,
    /// The learning rate is not lower while the density is higher: without the factor √(final density / density)
    #[arg(long)]
    pub no_sharkfin: bool,
    /// Share of steps after which weights begin to go
    #[arg(long, default_value_t = D.schedule.anneal_from)]
    pub anneal_from: f64,
    /// Share of steps after which the final density holds
    #[arg(long, default_value_t = D.schedule.anneal_until)]
    pub anneal_until: f64,
    /// The final density holds from the first step on
    #[arg(long, conflicts_with_all = ["anneal_from", "anneal_until"])]
    pub no_anneal: bool,
    /// What the optimiser sees of a gradient; without `unit`, --eps means something else
    #[arg(long, value_enum, default_value_t = D.optimiser.normalise)]
    pub gradient: Normalise,
    /// Weights that every neuron keeps, where its matrix has room for them; 0 for none
    #[arg(long, default_value_t = D.per_neuron)]
    pub per_neuron: usize,
    /// Decay of matrices per unit of learning rate
    #[arg(long, default_value_t = D.optimiser.weight_decay)]
    pub weight_decay: f32,
    /// Adam's decay of the mean gradient
    #[arg(long, default_value_t = D.optimiser.beta1)]
    pub beta1: f32,
    /// Adam's decay of the mean squared gradient
    #[arg(long, default_value_t = D.optimiser.beta2)]
    pub beta2: f32,
    /// Adam's ε, against gradients of unit RMS
    #[arg(long, default_value_t = D.optimiser.eps)]
    pub eps: f32,
    /// Stretches of held-out text to predict at the end, of validation and of test data
    #[arg(long, default_value_t = D.windows)]
    pub windows: usize,
}

impl Default for Method {
    fn default() -> Method {
        Method {
            warmup: D.schedule.warmup,
            no_decay: false,
            no_sharkfin: false,
            anneal_from: D.schedule.anneal_from,
            anneal_until: D.schedule.anneal_until,
            no_anneal: false,
            gradient: D.optimiser.normalise,
            per_neuron: D.per_neuron,
            weight_decay: D.optimiser.weight_decay,
            beta1: D.optimiser.beta1,
            beta2: D.optimiser.beta2,
            eps: D.optimiser.eps,
            windows: D.windows,
        }
    }
}

impl Method {
    /// Sets what the method decides; steps, density and learning rate stay.
    pub fn apply(&self, settings: &mut Settings) {
        let s = &mut settings.schedule;
        (s.warmup, s.decay, s.sharkfin) = (self.warmup, !self.no_decay, !self.no_sharkfin);
        (s.anneal_from, s.anneal_until) = match self.no_anneal {
            true => (0.0, 0.0),
            false => (self.anneal_from, self.anneal_until),
        };
        let o = &mut settings.optimiser;
        (o.beta1, o.beta2, o.eps) = (self.beta1, self.beta2, self.eps);
        (o.weight_decay, o.normalise) = (self.weight_decay, self.gradient);
        (settings.per_neuron, settings.windows) = (self.per_neuron, self.windows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_switch_is_the_default_run() {
        let config = Model::default().config(M.dim, HEAD).unwrap();
        assert_eq!(config, *M);
        let mut settings = DEFAULT;
        Method::default().apply(&mut settings);
        assert_eq!(settings, DEFAULT);
    }

    #[test]
    fn a_head_of_its_own_width_decides_their_number() {
        let model = Model {
            head_dim: Some(16),
            ..Model::default()
        };
        let config = model.config(64, HEAD).unwrap();
        assert_eq!((config.n_heads, config.head_dim), (4, 16));
        let wrong = Model {
            position: "spiral".to_owned(),
            ..Model::default()
        };
        let refused = wrong.config(64, HEAD).unwrap_err().to_string();
        assert!(refused.contains("spiral") && refused.contains("rope"));
    }

    #[test]
    fn without_annealing_the_density_holds_at_once() {
        let method = Method {
            no_anneal: true,
            no_decay: true,
            no_sharkfin: true,
            gradient: Normalise::Clip,
            ..Method::default()
        };
        let mut settings = Settings::at_density(0.25);
        method.apply(&mut settings);
        let s = &settings.schedule;
        assert_eq!((s.density(0), s.density(1999)), (0.25, 0.25));
        assert_eq!(s.lr(1000), s.lr);
        assert!(settings.check().is_ok());
    }
}
