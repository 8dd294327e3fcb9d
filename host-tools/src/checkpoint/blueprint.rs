//! `config.json`: the fields of [`lacuna::config::Config`] in its own words, plus the kind of tokenizer.
//!
//! ```text
//! { "dim": 64, …, "position": "rope", "activation": "gelu", …, "topk": { "attn_in": 0, … }, "tokenizer": "byte" }
//! a classifier has besides:  "input": { "channels": 6, "len": 10 }, "causal": false, "output": { "classes": 7 }
//! ```
//!
//! # Invariants
//! - A blueprint that was read has passed [`Config::check`].
//! - Unknown fields are refused: a misspelt switch must not silently keep its default.
//!
//! # Why
//! The engine's `Config` stays free of `std` serialisation; this remote definition fails to compile when a field
//! is added there and forgotten here.

use lacuna::config::{Activation, Config, Input, Output, Position, TopK};
use serde::{Deserialize, Serialize};

/// How text becomes tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tokenizer {
    /// Ids are bytes, 0 begins a document.
    #[default]
    Byte,
    /// There are no tokens: the model takes windows of samples.
    None,
    /// Merge-score BPE; the directory holds `tokenizer.bin` in llama2.c's format.
    Llama2c,
}

/// What `config.json` holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Blueprint {
    /// Shape and switches.
    #[serde(flatten, with = "Remote")]
    pub config: Config,
    /// How text becomes tokens.
    pub tokenizer: Tokenizer,
}

impl<'de> Deserialize<'de> for Blueprint {
    // By hand because serde's `flatten` would let unknown fields pass.
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Blueprint, D::Error> {
        use serde::de::Error;
        let mut fields = serde_json::Map::deserialize(from)?;
        let word = fields
            .remove("tokenizer")
            .ok_or_else(|| D::Error::missing_field("tokenizer"))?;
        Ok(Blueprint {
            config: Remote::deserialize(serde_json::Value::Object(fields))
                .map_err(D::Error::custom)?,
            tokenizer: Tokenizer::deserialize(word).map_err(D::Error::custom)?,
        })
    }
}

/// Spellings of [`Position`].
pub const POSITIONS: [(&str, Position); 3] = [
    ("none", Position::None),
    ("learned", Position::Learned),
    ("rope", Position::Rope),
];

/// Spellings of [`Activation`].
pub const ACTIVATIONS: [(&str, Activation); 4] = [
    ("gelu", Activation::Gelu),
    ("relu", Activation::Relu),
    ("relu2", Activation::Relu2),
    ("silu", Activation::Silu),
];

#[derive(Serialize, Deserialize)]
#[serde(remote = "Config", deny_unknown_fields)]
struct Remote {
    dim: usize,
    hidden_dim: usize,
    n_layers: usize,
    n_heads: usize,
    n_kv_heads: usize,
    head_dim: usize,
    vocab_size: usize,
    seq_len: usize,
    norm_eps: f32,
    #[serde(with = "position")]
    position: Position,
    #[serde(with = "activation")]
    activation: Activation,
    gated: bool,
    attn_bias: bool,
    mlp_bias: bool,
    sink: bool,
    bigram: bool,
    tied: bool,
    #[serde(default, with = "input", skip_serializing_if = "is_tokens")]
    input: Input,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    causal: bool,
    #[serde(default, with = "output", skip_serializing_if = "is_lm")]
    output: Output,
    #[serde(with = "RemoteTopK")]
    topk: TopK,
}

// A decoder's file says nothing of windows, as it always did.
fn is_tokens(input: &Input) -> bool {
    *input == Input::Tokens
}

fn is_lm(output: &Output) -> bool {
    *output == Output::Lm
}

fn yes() -> bool {
    true
}

fn is_yes(causal: &bool) -> bool {
    *causal
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patches {
    channels: usize,
    len: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Classes {
    classes: usize,
}

mod input {
    use super::*;

    pub(super) fn serialize<S: serde::Serializer>(value: &Input, to: S) -> Result<S::Ok, S::Error> {
        match *value {
            Input::Patches { channels, len } => Some(Patches { channels, len }).serialize(to),
            _ => None::<Patches>.serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Input, D::Error> {
        let found = Option::<Patches>::deserialize(from)?;
        Ok(
            found.map_or(Input::Tokens, |Patches { channels, len }| Input::Patches {
                channels,
                len,
            }),
        )
    }
}

mod output {
    use super::*;

    pub(super) fn serialize<S: serde::Serializer>(
        value: &Output,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match *value {
            Output::Classes(classes) => Some(Classes { classes }).serialize(to),
            _ => None::<Classes>.serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Output, D::Error> {
        let found = Option::<Classes>::deserialize(from)?;
        Ok(found.map_or(Output::Lm, |Classes { classes }| Output::Classes(classes)))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "TopK", deny_unknown_fields)]
struct RemoteTopK {
    attn_in: usize,
    q: usize,
    k: usize,
    v: usize,
    attn_out: usize,
    mlp_in: usize,
    mlp_neuron: usize,
    mlp_out: usize,
}

/// A serde module for an enum of the engine, spelt by a table.
macro_rules! spelt {
    ($module:ident, $type:ty, $table:expr) => {
        mod $module {
            use super::*;
            use serde::de::Error as _;
            use serde::ser::Error as _;

            pub(super) fn serialize<S: serde::Serializer>(
                value: &$type,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                match $table.iter().find(|(_, v)| v == value) {
                    Some((name, _)) => to.serialize_str(name),
                    None => Err(S::Error::custom(concat!(
                        stringify!($module),
                        " without a name"
                    ))),
                }
            }

            pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
                from: D,
            ) -> Result<$type, D::Error> {
                let word = String::deserialize(from)?;
                let found = $table.iter().find(|(name, _)| *name == word);
                found.map(|&(_, v)| v).ok_or_else(|| {
                    let names = $table.map(|(name, _)| name).join(", ");
                    D::Error::custom(format!("`{word}` is not one of {names}"))
                })
            }
        }
    };
}

spelt!(position, Position, POSITIONS);
spelt!(activation, Activation, ACTIVATIONS);
