//! Every tensor of a model in file order: the one place that knows which tensors exist and what shape they have.

use core::fmt;

use crate::config::{Config, Input, Output, Position};

/// Which tensor, apart from its layer. The number is what the file stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Id {
    /// `(vocab_size, dim)`; rows are looked up, and with `tied` it is the head.
    Embedding = 0,
    /// `(seq_len, dim)`, learned positions.
    Positions = 1,
    /// `(seq_len, head_dim / 2)`, cosines of RoPE.
    RopeCos = 2,
    /// `(seq_len, head_dim / 2)`, sines of RoPE.
    RopeSin = 3,
    /// `(vocab_size, vocab_size)`; the row of the current token joins the logits.
    Bigram = 4,
    /// `(channels,)`, what is subtracted from the samples of a channel.
    InputMean = 5,
    /// `(channels,)`, what they are multiplied by then: one over their deviation.
    InputScale = 6,
    /// `(dim, channels · len)`, patches to the stream; columns sample by sample, channels within.
    Patch = 7,
    /// `(dim,)`
    PatchBias = 8,
    /// `(dim,)`, gain of the attention norm.
    AttnNorm = 16,
    /// `(q_dim, dim)`
    Wq = 17,
    /// `(q_dim,)`
    Bq = 18,
    /// `(kv_dim, dim)`
    Wk = 19,
    /// `(kv_dim,)`
    Bk = 20,
    /// `(kv_dim, dim)`
    Wv = 21,
    /// `(kv_dim,)`
    Bv = 22,
    /// `(n_heads,)`, sink logits.
    Sink = 23,
    /// `(dim, q_dim)`
    Wo = 24,
    /// `(dim,)`
    Bo = 25,
    /// `(dim,)`, gain of the MLP norm.
    MlpNorm = 32,
    /// `(hidden_dim, dim)`, into the nonlinearity.
    W1 = 33,
    /// `(hidden_dim,)`
    B1 = 34,
    /// `(hidden_dim, dim)`, the factor of a gated MLP.
    W3 = 35,
    /// `(hidden_dim,)`
    B3 = 36,
    /// `(dim, hidden_dim)`, back to the residual stream.
    W2 = 37,
    /// `(dim,)`
    B2 = 38,
    /// `(dim,)`, gain of the last norm.
    FinalNorm = 48,
    /// `(vocab_size, dim)`, absent when tied; `(classes, dim)` of a classifier.
    Head = 49,
    /// `(classes,)`, of a classifier.
    HeadBias = 50,
}

/// How a tensor may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// A product matrix: any encoding, value type and orientation.
    Matrix,
    /// A matrix whose rows are looked up: any encoding and value type, output-major.
    Lookup,
    /// A dense f32 vector or table, never pruned or quantised.
    Dense,
}

/// One line of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tensor {
    /// Which tensor.
    pub id: Id,
    /// Its block; 0 outside the blocks.
    pub layer: usize,
    /// How it may be stored.
    pub kind: Kind,
    /// Outputs; for vectors 1.
    pub rows: usize,
    /// Inputs, or the vector's length.
    pub cols: usize,
}

impl Tensor {
    /// The same tensor as a matrix that is multiplied and not looked up.
    pub(crate) fn multiplied(self) -> Tensor {
        let kind = Kind::Matrix;
        Tensor { kind, ..self }
    }
}

const BEFORE: [Id; 9] = [
    Id::Embedding,
    Id::Positions,
    Id::RopeCos,
    Id::RopeSin,
    Id::Bigram,
    Id::InputMean,
    Id::InputScale,
    Id::Patch,
    Id::PatchBias,
];
const BLOCK: [Id; 17] = [
    Id::AttnNorm,
    Id::Wq,
    Id::Bq,
    Id::Wk,
    Id::Bk,
    Id::Wv,
    Id::Bv,
    Id::Sink,
    Id::Wo,
    Id::Bo,
    Id::MlpNorm,
    Id::W1,
    Id::B1,
    Id::W3,
    Id::B3,
    Id::W2,
    Id::B2,
];
const AFTER: [Id; 3] = [Id::FinalNorm, Id::Head, Id::HeadBias];

impl Id {
    /// Kind and shape under `config`, or `None` where that configuration has no such tensor.
    pub(super) const fn line(self, c: &Config) -> Option<(Kind, usize, usize)> {
        use Kind::{Dense, Lookup, Matrix};
        let patches = matches!(c.input, Input::Patches { .. });
        let classes = matches!(c.output, Output::Classes(_));
        let (present, kind, rows, cols) = match self {
            Id::InputMean | Id::InputScale => (patches, Dense, 1, c.channels()),
            Id::Patch => (patches, Matrix, c.dim, c.patch_dim()),
            Id::PatchBias => (patches, Dense, 1, c.dim),
            Id::HeadBias => (classes, Dense, 1, c.n_logits()),
            Id::Embedding => (!patches, Lookup, c.vocab_size, c.dim),
            Id::Positions => (
                matches!(c.position, Position::Learned),
                Lookup,
                c.seq_len,
                c.dim,
            ),
            Id::RopeCos | Id::RopeSin => (
                matches!(c.position, Position::Rope),
                Dense,
                c.seq_len,
                c.head_dim / 2,
            ),
            Id::Bigram => (c.bigram, Lookup, c.vocab_size, c.vocab_size),
            Id::AttnNorm | Id::MlpNorm | Id::FinalNorm => (true, Dense, 1, c.dim),
            Id::Wq => (true, Matrix, c.q_dim(), c.dim),
            Id::Bq => (c.attn_bias, Dense, 1, c.q_dim()),
            Id::Wk | Id::Wv => (true, Matrix, c.kv_dim(), c.dim),
            Id::Bk | Id::Bv => (c.attn_bias, Dense, 1, c.kv_dim()),
            Id::Sink => (c.sink, Dense, 1, c.n_heads),
            Id::Wo => (true, Matrix, c.dim, c.q_dim()),
            Id::Bo => (c.attn_bias, Dense, 1, c.dim),
            Id::W1 => (true, Matrix, c.hidden_dim, c.dim),
            Id::B1 => (c.mlp_bias, Dense, 1, c.hidden_dim),
            Id::W3 => (c.gated, Matrix, c.hidden_dim, c.dim),
            Id::B3 => (c.gated && c.mlp_bias, Dense, 1, c.hidden_dim),
            Id::W2 => (true, Matrix, c.dim, c.hidden_dim),
            Id::B2 => (c.mlp_bias, Dense, 1, c.dim),
            Id::Head => (!c.tied, Matrix, c.n_logits(), c.dim),
        };
        if present {
            Some((kind, rows, cols))
        } else {
            None
        }
    }
}

/// Number of schema slots of `config`; each slot holds a tensor or nothing.
pub(super) const fn slots(config: &Config) -> usize {
    BEFORE.len() + config.n_layers * BLOCK.len() + AFTER.len()
}

pub(super) const fn slot(config: &Config, slot: usize) -> Option<Tensor> {
    let blocks = config.n_layers * BLOCK.len();
    let (id, layer) = if slot < BEFORE.len() {
        (BEFORE[slot], 0)
    } else if slot < BEFORE.len() + blocks {
        let i = slot - BEFORE.len();
        (BLOCK[i % BLOCK.len()], i / BLOCK.len())
    } else {
        (AFTER[slot - BEFORE.len() - blocks], 0)
    };
    match id.line(config) {
        Some((kind, rows, cols)) => Some(Tensor {
            id,
            layer,
            kind,
            rows,
            cols,
        }),
        None => None,
    }
}

/// Every tensor of a model of this shape, in file order.
pub fn tensors(config: &Config) -> impl Iterator<Item = Tensor> + use<> {
    let config = *config;
    (0..slots(&config)).filter_map(move |i| slot(&config, i))
}

/// Number of tensors, `tensors(config).count()` as a constant.
pub const fn count(config: &Config) -> usize {
    let (mut n, mut i) = (0, 0);
    while i < slots(config) {
        if slot(config, i).is_some() {
            n += 1;
        }
        i += 1;
    }
    n
}

impl fmt::Display for Tensor {
    /// The checkpoint's name, in the words of Llama's own checkpoints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.id {
            Id::Embedding => return f.write_str("tok_embeddings.weight"),
            Id::Positions => return f.write_str("pos_embeddings.weight"),
            Id::RopeCos => return f.write_str("rope.cos"),
            Id::RopeSin => return f.write_str("rope.sin"),
            Id::Bigram => return f.write_str("bigram.weight"),
            Id::InputMean => return f.write_str("input.mean"),
            Id::InputScale => return f.write_str("input.scale"),
            Id::Patch => return f.write_str("patch_embeddings.weight"),
            Id::PatchBias => return f.write_str("patch_embeddings.bias"),
            Id::HeadBias => return f.write_str("output.bias"),
            Id::FinalNorm => return f.write_str("norm.weight"),
            Id::Head => return f.write_str("output.weight"),
            Id::AttnNorm => "attention_norm.weight",
            Id::Wq => "attention.wq.weight",
            Id::Bq => "attention.wq.bias",
            Id::Wk => "attention.wk.weight",
            Id::Bk => "attention.wk.bias",
            Id::Wv => "attention.wv.weight",
            Id::Bv => "attention.wv.bias",
            Id::Sink => "attention.sink",
            Id::Wo => "attention.wo.weight",
            Id::Bo => "attention.wo.bias",
            Id::MlpNorm => "ffn_norm.weight",
            Id::W1 => "feed_forward.w1.weight",
            Id::B1 => "feed_forward.w1.bias",
            Id::W3 => "feed_forward.w3.weight",
            Id::B3 => "feed_forward.w3.bias",
            Id::W2 => "feed_forward.w2.weight",
            Id::B2 => "feed_forward.w2.bias",
        };
        write!(f, "layers.{}.{name}", self.layer)
    }
}
