//! Hugging Face's directories of Llama-style models: `config.json` and safetensors, in one file or several.
//!
//! ```text
//! config.json ─► settings ─► Config, angles          model.safetensors.index.json ─► shards ─┐
//!                                                    model.safetensors ──────────────────────┴─► named tensors ─► checkpoint
//! model.layers.0.self_attn.q_proj.weight ─► layers.0.attention.wq.weight, rows of a head: 0 h 1 h+1 … instead of 0 1 … h h+1 …
//! ```
//!
//! # Invariants
//! - What the settings ask for is either imported or refused by name; no switch that changes a logit is passed over.
//! - Nothing is rounded: f32, f16 and bf16 all fit f32. Every tensor of the files is used, known to be redundant, or refused.
//! - Only files of the directory itself are opened.
//!
//! # Why
//! Llama, Mistral and Qwen2 differ in biases alone, and this is the form in which PyTorch's world passes models on. There
//! RoPE turns channel i with channel i + h (h half a head), here neighbours, as in the paper: rows of q and k are permuted,
//! which changes no score.

mod settings;
mod shards;
#[cfg(test)]
mod tests;

use std::path::Path;

use lacuna::config::Config;
use lacuna::format::schema::{self, Id, Tensor};
use safetensors::tensor::Dtype;
use serde_json::json;

use crate::checkpoint::{self, Checkpoint, Tensors, Tokenizer, Weights, rope};
use settings::Settings;
use shards::Shards;

/// Why a directory cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read, or is not what its name says.
    #[error(transparent)]
    File(#[from] checkpoint::Error),
    /// A setting that asks for what the engine does not do.
    #[error("`{field}` is {found}; supported: {supported}")]
    Unsupported {
        /// The setting, in the words of `config.json`.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        supported: &'static str,
    },
    /// Sizes that no model has.
    #[error("config.json cannot be: {0}")]
    Config(#[from] lacuna::config::Error),
    /// The index names a file outside the directory.
    #[error("the index names `{0}`, which is no file name")]
    Name(String),
    /// A tensor is in no file.
    #[error("tensor `{0}` is missing")]
    Missing(String),
    /// A tensor that no supported model has.
    #[error("tensor `{0}` is not part of a supported model")]
    Unknown(String),
    /// A tensor of other numbers.
    #[error("tensor `{name}` is {found:?}, only F32, F16 and BF16 are read")]
    Type {
        /// The tensor.
        name: String,
        /// Its numbers.
        found: Dtype,
    },
    /// A tensor of another shape.
    #[error("tensor `{name}` has shape {found:?}, config.json says {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// That of the settings.
        expected: Vec<usize>,
    },
}

/// Reads the model in `dir`; `seq_len` cuts the context, and with it tables and state, to so many positions.
///
/// The tokenizer is bytes, which is right for a vocabulary of 256 ids that are bytes; of any other, tokens are numbers until
/// somebody adds a `tokenizer.bin`.
///
/// # Errors
/// The first thing that is not there, not supported or not finite.
pub fn model(dir: &Path, seq_len: Option<usize>) -> Result<Checkpoint, Error> {
    let path = dir.join(checkpoint::CONFIG);
    let source = checkpoint::read(&path)?;
    let settings: Settings = serde_json::from_slice(&source)
        .map_err(|source| checkpoint::Error::Json { path, source })?;
    let config = settings.config(seq_len)?;
    let mut found = Shards::open(dir)?.tensors()?;
    // Tables and heads that other programs store although the settings already say them.
    found.retain(|name, _| !name.ends_with(".rotary_emb.inv_freq"));
    if config.tied {
        found.remove("lm_head.weight");
    }
    let bare = !found.contains_key("model.embed_tokens.weight");
    let (cos, sin) = rope::turning(&config, &settings.frequencies(config.head_dim)?);
    let mut tensors = Tensors::new();
    for line in schema::tensors(&config) {
        let shape = checkpoint::shape(&line);
        let data = match line.id {
            Id::RopeCos => cos.clone(),
            Id::RopeSin => sin.clone(),
            // Qwen2 has biases on q, k and v alone.
            Id::Bo if !settings.output_bias() => vec![0.0; line.cols],
            _ => {
                let name = theirs(&line, bare);
                let Some(weights) = found.remove(&name) else {
                    return Err(Error::Missing(name));
                };
                if weights.shape != shape {
                    let (found, expected) = (weights.shape, shape);
                    return Err(Error::Shape {
                        name,
                        found,
                        expected,
                    });
                }
                match line.id {
                    Id::Wq | Id::Wk | Id::Bq | Id::Bk => neighbours(&config, &line, &weights.data),
                    _ => weights.data,
                }
            }
        };
        tensors.insert(line.to_string(), Weights { shape, data });
    }
    if let Some(name) = found.into_keys().next() {
        return Err(Error::Unknown(name));
    }
    let checkpoint = Checkpoint {
        config,
        tokenizer: Tokenizer::Byte,
        sensor: None,
        tensors,
        provenance: json!({ "imported": "hugging face", "model_type": settings.model_type }),
    };
    checkpoint.check()?;
    Ok(checkpoint)
}

/// The name of a tensor in their files; `bare` where a model was saved without its head.
fn theirs(line: &Tensor, bare: bool) -> String {
    let name = match line.id {
        Id::Embedding => "embed_tokens.weight",
        Id::FinalNorm => "norm.weight",
        Id::Head => return "lm_head.weight".to_owned(),
        Id::AttnNorm => "input_layernorm.weight",
        Id::Wq => "self_attn.q_proj.weight",
        Id::Bq => "self_attn.q_proj.bias",
        Id::Wk => "self_attn.k_proj.weight",
        Id::Bk => "self_attn.k_proj.bias",
        Id::Wv => "self_attn.v_proj.weight",
        Id::Bv => "self_attn.v_proj.bias",
        Id::Wo => "self_attn.o_proj.weight",
        Id::Bo => "self_attn.o_proj.bias",
        Id::MlpNorm => "post_attention_layernorm.weight",
        Id::W1 => "mlp.gate_proj.weight",
        Id::B1 => "mlp.gate_proj.bias",
        Id::W3 => "mlp.up_proj.weight",
        Id::B3 => "mlp.up_proj.bias",
        Id::W2 => "mlp.down_proj.weight",
        Id::B2 => "mlp.down_proj.bias",
        // No other tensor is in a configuration that `settings` makes; the name is then missing from the files.
        _ => return line.to_string(),
    };
    let prefix = if bare { "" } else { "model." };
    match line.id {
        Id::Embedding | Id::FinalNorm => format!("{prefix}{name}"),
        _ => format!("{prefix}layers.{}.{name}", line.layer),
    }
}

/// Rows of every head with channels i and i + h brought side by side, as 2 i and 2 i + 1.
fn neighbours(config: &Config, line: &Tensor, data: &[f32]) -> Vec<f32> {
    // Of a bias, a channel is a number; of a matrix, a row.
    let width = match line.id {
        Id::Wq | Id::Wk => line.cols,
        _ => 1,
    };
    let half = config.head_dim / 2;
    let head = config.head_dim * width;
    let mut turned = Vec::with_capacity(data.len());
    for head in data.chunks_exact(head) {
        let (first, second) = head.split_at(half * width);
        for (a, b) in first.chunks_exact(width).zip(second.chunks_exact(width)) {
            turned.extend_from_slice(a);
            turned.extend_from_slice(b);
        }
    }
    turned
}
