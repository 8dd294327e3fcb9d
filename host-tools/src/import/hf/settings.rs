//! `config.json` of Hugging Face's transformers: what it says of a model, and what of it the engine does.
//!
//! # Invariants
//! - A field that is absent means what transformers takes it to mean.
//!
//! # Why
//! Fields that change no logit (`bos_token_id`, `torch_dtype`, `use_cache`, …) differ by version and are passed over, so
//! unknown fields are no error; every field known to change one in these families is read here.

use core::f64::consts::TAU;

use lacuna::config::{Activation, Config, Input, Output, Position, TopK};
use serde::Deserialize;
use serde_json::Value;

use super::Error;
use crate::checkpoint::rope;

/// Widest head that is imported; those of the families have 32 to 256 channels.
const WIDEST_HEAD: usize = 1024;

/// The fields that decide a logit.
#[derive(Debug, Deserialize)]
pub(super) struct Settings {
    pub(super) model_type: String,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "silu")]
    hidden_act: String,
    #[serde(default = "epsilon")]
    rms_norm_eps: f32,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    rope_theta: Option<f64>,
    rope_scaling: Option<Angles>,
    /// Where transformers 5 keeps both of them.
    rope_parameters: Option<Angles>,
    partial_rotary_factor: Option<f64>,
    sliding_window: Option<usize>,
    use_sliding_window: Option<bool>,
    quantization_config: Option<Value>,
}

/// How RoPE's angles are made.
#[derive(Debug, Deserialize)]
struct Angles {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
}

fn silu() -> String {
    "silu".to_owned()
}

fn epsilon() -> f32 {
    1e-6
}

fn unsupported(field: &'static str, found: impl ToString, supported: &'static str) -> Error {
    Error::Unsupported {
        field,
        found: found.to_string(),
        supported,
    }
}

impl Settings {
    /// Whether attention's output has a bias of its own where q, k and v have.
    pub(super) fn output_bias(&self) -> bool {
        self.model_type != "qwen2"
    }

    /// The blueprint, its context cut to `seq_len`.
    ///
    /// # Errors
    /// What the engine does not do, or sizes that cannot be.
    pub(super) fn config(&self, seq_len: Option<usize>) -> Result<Config, Error> {
        let whole = self.max_position_embeddings;
        let seq_len = seq_len.map_or(whole, |n| n.min(whole));
        if !["llama", "mistral", "qwen2"].contains(&self.model_type.as_str()) {
            let supported = "llama, mistral, qwen2";
            return Err(unsupported("model_type", &self.model_type, supported));
        }
        if self.quantization_config.is_some() {
            let supported = "none; save the model in bf16, f16 or f32";
            return Err(unsupported("quantization_config", "set", supported));
        }
        // Qwen2 names a window and does not use it.
        let slides = (self.use_sliding_window).unwrap_or(self.model_type != "qwen2");
        match self
            .sliding_window
            .filter(|&window| slides && window < seq_len)
        {
            None => {}
            Some(window) => {
                let supported = "no less than the context; cut that with --seq-len";
                return Err(unsupported("sliding_window", window, supported));
            }
        }
        let activation = match self.hidden_act.as_str() {
            "silu" | "swish" => Activation::Silu,
            "relu" => Activation::Relu,
            "relu2" => Activation::Relu2,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::Gelu,
            other => {
                let supported = "silu, relu, relu2, gelu_new, gelu_pytorch_tanh";
                return Err(unsupported("hidden_act", other, supported));
            }
        };
        let n_heads = self.num_attention_heads;
        let head_dim = match self.head_dim {
            Some(head_dim) => head_dim,
            None => self.hidden_size.checked_div(n_heads).unwrap_or(0),
        };
        // Tables of angles are made from two numbers of the file: not gigabytes of them.
        if head_dim > WIDEST_HEAD {
            return Err(unsupported("head_dim", head_dim, "at most 1024"));
        }
        let config = Config {
            dim: self.hidden_size,
            hidden_dim: self.intermediate_size,
            n_layers: self.num_hidden_layers,
            n_heads,
            n_kv_heads: self.num_key_value_heads.unwrap_or(n_heads),
            head_dim,
            vocab_size: self.vocab_size,
            seq_len,
            norm_eps: self.rms_norm_eps,
            position: Position::Rope,
            activation,
            gated: true,
            attn_bias: self.attention_bias || self.model_type == "qwen2",
            mlp_bias: self.mlp_bias,
            sink: false,
            bigram: false,
            tied: self.tie_word_embeddings,
            input: Input::Tokens,
            causal: true,
            output: Output::Lm,
            topk: TopK::default(),
        };
        config.check()?;
        Ok(config)
    }

    /// Radians a position that each pair of a head turns, `head_dim / 2` of them.
    ///
    /// Source: `modeling_rope_utils.py` of transformers, kinds default, linear and llama3.
    ///
    /// # Errors
    /// Another kind, or numbers that make no angle.
    pub(super) fn frequencies(&self, head_dim: usize) -> Result<Vec<f64>, Error> {
        let angles = self.rope_parameters.as_ref().or(self.rope_scaling.as_ref());
        let theta = angles.and_then(|a| a.rope_theta).or(self.rope_theta);
        let theta = theta.unwrap_or(rope::BASE);
        let partial = angles.and_then(|a| a.partial_rotary_factor);
        if let Some(part) = partial.or(self.partial_rotary_factor).filter(|p| *p != 1.0) {
            return Err(unsupported("partial_rotary_factor", part, "1"));
        }
        let kind = angles.and_then(|a| a.rope_type.as_deref());
        let mut frequencies = rope::frequencies(head_dim, theta);
        match (kind.unwrap_or("default"), angles) {
            ("linear", Some(a)) => {
                let factor = a.factor.unwrap_or(1.0);
                frequencies.iter_mut().for_each(|f| *f /= factor);
            }
            ("llama3", Some(a)) => {
                let (low, high) = (a.low_freq_factor, a.high_freq_factor);
                let bend = (a.factor, low, high, a.original_max_position_embeddings);
                let (Some(factor), Some(low), Some(high), Some(trained)) = bend else {
                    let supported = "with factor, low_freq_factor, high_freq_factor and \
                                     original_max_position_embeddings";
                    return Err(unsupported("rope_scaling", "llama3", supported));
                };
                for f in &mut frequencies {
                    // Turns over the context that it was trained for: few are slowed down, many stay.
                    let turns = trained * *f / TAU;
                    let stay = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                    *f *= stay + (1.0 - stay) / factor;
                }
            }
            ("default", _) => {}
            (other, _) => {
                return Err(unsupported("rope_type", other, "default, linear, llama3"));
            }
        }
        match theta > 0.0 && frequencies.iter().all(|f| f.is_finite()) {
            true => Ok(frequencies),
            false => Err(unsupported(
                "rope_theta",
                theta,
                "above 0, with a factor above 0",
            )),
        }
    }
}
