//! llama2.c's files: `model.bin` (version 0, without magic) and `tokenizer.bin`.
//!
//! ```text
//! model.bin      7 × i32: dim hidden_dim n_layers n_heads n_kv_heads ±vocab_size seq_len   (negative: untied head)
//!                f32: embedding · all att norms · all wq · all wk · all wv · all wo · all ffn norms
//!                     · all w1 · all w2 · all w3 · final norm · [cos, sin: skipped] · [head]
//! tokenizer.bin  u32 longest · per token: f32 score · i32 length · bytes
//! ```
//!
//! # Invariants
//! - The length that the header implies is compared with the file before a tensor is read.
//! - RoPE tables come from [`crate::checkpoint::rope`], like those of our own models, not from the file.
//!
//! # Why
//! This is the format in which small public Llama-style models exist; it fixes what its header does not say:
//! SiLU gated MLP, RMSNorm with ε = 1e-5, RoPE over adjacent pairs.

use lacuna::config::{Activation, Config, Input, Output, Position, TopK};
use lacuna::format::schema::{self, Id, Tensor};
use serde_json::json;

use super::reader::Reader;
use super::{Error, Kind};
use crate::checkpoint::{self, Checkpoint, Tensors, Tokenizer, Weights, rope};

/// The first word of llama2.c's versioned formats, "ak42".
const MAGIC: i32 = 0x616b_3432;

/// One entry of a tokenizer file.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Merge score; higher merges first.
    pub score: f32,
    /// The bytes the token stands for.
    pub bytes: Vec<u8>,
}

/// Reads a model file.
///
/// # Errors
/// The first thing that is wrong, with its byte offset; nothing is allocated for sizes that the file does not hold.
pub fn model(bytes: &[u8]) -> Result<Checkpoint, Error> {
    let mut reader = Reader::new(bytes);
    let config = header(&mut reader)?;
    let tables = 4 * 2 * (config.seq_len * (config.head_dim / 2)) as u64;
    let weights: u64 = schema::tensors(&config)
        .filter(|t| !matches!(t.id, Id::RopeCos | Id::RopeSin))
        .map(|t| 4 * t.rows as u64 * t.cols as u64)
        .sum();
    reader.expect(weights + tables)?;

    let mut tensors = Tensors::new();
    let lines: Vec<Tensor> = schema::tensors(&config).collect();
    let mut read = |reader: &mut Reader<'_>, id: Id| -> Result<(), Error> {
        for line in lines.iter().filter(|t| t.id == id) {
            let data = reader.f32s(line.rows * line.cols)?;
            tensors.insert(line.to_string(), weight(line, data));
        }
        Ok(())
    };
    for id in [
        Id::Embedding,
        Id::AttnNorm,
        Id::Wq,
        Id::Wk,
        Id::Wv,
        Id::Wo,
        Id::MlpNorm,
        Id::W1,
        Id::W2,
        Id::W3,
        Id::FinalNorm,
    ] {
        read(&mut reader, id)?;
    }
    reader.take(tables as usize)?;
    read(&mut reader, Id::Head)?;
    reader.end()?;

    let (cos, sin) = rope::tables(&config);
    for line in &lines {
        let table = match line.id {
            Id::RopeCos => &cos,
            Id::RopeSin => &sin,
            _ => continue,
        };
        tensors.insert(line.to_string(), weight(line, table.clone()));
    }
    Ok(Checkpoint {
        config,
        tokenizer: Tokenizer::Byte,
        sensor: None,
        tensors,
        provenance: json!({ "imported": "llama2.c version 0" }),
    })
}

fn weight(line: &Tensor, data: Vec<f32>) -> Weights {
    Weights {
        shape: checkpoint::shape(line),
        data,
    }
}

fn header(reader: &mut Reader<'_>) -> Result<Config, Error> {
    const FIELDS: [&str; 7] = [
        "dim",
        "hidden_dim",
        "n_layers",
        "n_heads",
        "n_kv_heads",
        "vocab_size",
        "seq_len",
    ];
    reader.expect(4 * FIELDS.len() as u64)?;
    let mut sizes = [0usize; 7];
    let mut tied = true;
    for (i, size) in sizes.iter_mut().enumerate() {
        let at = reader.at;
        let value = reader.i32()?;
        if i == 0 && value == MAGIC {
            let version = reader.i32()? as u32;
            return Err(Error {
                kind: Kind::Version(version),
                at,
            });
        }
        let (field, what) = (FIELDS[i], "is negative");
        if field == "vocab_size" {
            tied = value > 0;
        } else if value < 0 {
            return Err(Error {
                kind: Kind::Field(lacuna::config::Error { field, what }),
                at,
            });
        }
        *size = value.unsigned_abs() as usize;
    }
    let [
        dim,
        hidden_dim,
        n_layers,
        n_heads,
        n_kv_heads,
        vocab_size,
        seq_len,
    ] = sizes;
    if n_heads == 0 || dim % n_heads != 0 {
        return Err(Error {
            kind: Kind::HeadDim,
            at: 12,
        });
    }
    let config = Config {
        dim,
        hidden_dim,
        n_layers,
        n_heads,
        n_kv_heads,
        head_dim: dim / n_heads,
        vocab_size,
        seq_len,
        norm_eps: 1e-5,
        position: Position::Rope,
        activation: Activation::Silu,
        gated: true,
        attn_bias: false,
        mlp_bias: false,
        sink: false,
        bigram: false,
        tied,
        input: Input::Tokens,
        causal: true,
        output: Output::Lm,
        topk: TopK::default(),
    };
    match config.check() {
        Ok(()) => Ok(config),
        Err(e) => {
            let field = FIELDS.iter().position(|f| *f == e.field);
            Err(Error {
                kind: Kind::Field(e),
                at: 4 * field.unwrap_or(0),
            })
        }
    }
}

/// Reads a tokenizer file of `vocab_size` tokens.
///
/// # Errors
/// The first thing that is wrong, with its byte offset.
pub fn tokenizer(bytes: &[u8], vocab_size: usize) -> Result<Vec<Piece>, Error> {
    let mut reader = Reader::new(bytes);
    let longest = reader.i32()?;
    let mut pieces = Vec::new();
    for _ in 0..vocab_size {
        let score = reader.f32s(1)?[0];
        let at = reader.at;
        let length = reader.i32()?;
        let bytes = match usize::try_from(length) {
            Ok(n) if length <= longest => reader.take(n)?.to_vec(),
            _ => {
                return Err(Error {
                    kind: Kind::TokenLength(length),
                    at,
                });
            }
        };
        pieces.push(Piece { score, bytes });
    }
    reader.end()?;
    Ok(pieces)
}

#[cfg(test)]
mod tests;
