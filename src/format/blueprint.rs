//! [`Config`] as 128 bytes.
//!
//! ```text
//! +0   u8   family      0 decoder · 1 encoder (every position attends to the whole window)
//! +1   u8   norm        0 RMSNorm · 1 LayerNorm (reserved)
//! +2   u8   position    0 none · 1 learned · 2 RoPE
//! +3   u8   activation  0 gelu (tanh form) · 1 relu · 2 relu² · 3 silu
//! +4   u8   input       0 tokens · 1 linear patches
//! +5   u8   head        0 language model · 1 pooled classifier
//! +6   u16  switches    bit 0 gated · 1 attn_bias · 2 mlp_bias · 3 sink · 4 bigram · 5 tied
//! +8   u32  dim         +12 hidden_dim   +16 n_layers   +20 n_heads
//! +24  u32  n_kv_heads  +28 head_dim     +32 vocab_size +36 seq_len
//! +40  f32  norm_eps
//! +44  u32  AbsTopK     attn_in, q, k, v, attn_out, mlp_in, mlp_neuron, mlp_out
//! +76  u32  patches     channels, samples; zero with tokens
//! +84  u32  classes     zero with a language model
//! +88  zero
//! ```
//!
//! # Invariants
//! - [`decode`] gives only configurations that pass [`Config::check`], and `encode(&decode(b)?) == b`.
//!
//! # Why
//! Fixed size and `const`, so that firmware sizes its memory from the file at compile time. Patches and classes took the
//! front of a tail that was zero, behind numbers that were reserved: a decoder's bytes are what they were, and an engine
//! that knows no windows refuses one by name.

use super::layout::{CONFIG_LEN, array_at, u16_at, u32_at, zeros};
use super::{Error, Feature, Kind};
use crate::config::{Activation, Config, Input, Output, Position, TopK};

const FAMILY: usize = 0;
const NORM: usize = 1;
const POSITION: usize = 2;
const ACTIVATION: usize = 3;
const INPUT: usize = 4;
const HEAD: usize = 5;
const SWITCHES: usize = 6;
const SIZES: usize = 8;
const NORM_EPS: usize = 40;
const TOPK: usize = 44;
const PATCHES: usize = 76;
const CLASSES: usize = 84;
const END: usize = 88;

/// Reads a configuration from the 128 bytes at `at`.
///
/// # Errors
/// The first field that is reserved, unknown or inconsistent.
pub(crate) const fn decode(bytes: &[u8], at: usize) -> Result<Config, Error> {
    tri!(array_at::<CONFIG_LEN>(bytes, at));
    let causal = !tri!(bit(bytes, at + FAMILY));
    if tri!(bit(bytes, at + NORM)) {
        return Err(Error::new(Kind::Unsupported(Feature::LayerNorm), at + NORM));
    }
    let input = if tri!(bit(bytes, at + INPUT)) {
        Input::Patches {
            channels: tri!(size_at(bytes, at + PATCHES)),
            len: tri!(size_at(bytes, at + PATCHES + 4)),
        }
    } else {
        tri!(zeros(bytes, at + PATCHES, at + CLASSES, Kind::Reserved));
        Input::Tokens
    };
    let output = if tri!(bit(bytes, at + HEAD)) {
        Output::Classes(tri!(size_at(bytes, at + CLASSES)))
    } else {
        tri!(zeros(bytes, at + CLASSES, at + END, Kind::Reserved));
        Output::Lm
    };
    let position = match tri!(array_at(bytes, at + POSITION)) {
        [0] => Position::None,
        [1] => Position::Learned,
        [2] => Position::Rope,
        _ => return Err(Error::new(Kind::Unknown, at + POSITION)),
    };
    let activation = match tri!(array_at(bytes, at + ACTIVATION)) {
        [0] => Activation::Gelu,
        [1] => Activation::Relu,
        [2] => Activation::Relu2,
        [3] => Activation::Silu,
        _ => return Err(Error::new(Kind::Unknown, at + ACTIVATION)),
    };
    let switches = tri!(u16_at(bytes, at + SWITCHES));
    if switches >> 6 != 0 {
        return Err(Error::new(Kind::Reserved, at + SWITCHES));
    }
    tri!(zeros(bytes, at + END, at + CONFIG_LEN, Kind::Reserved));
    let config = Config {
        dim: tri!(size_at(bytes, at + SIZES)),
        hidden_dim: tri!(size_at(bytes, at + SIZES + 4)),
        n_layers: tri!(size_at(bytes, at + SIZES + 8)),
        n_heads: tri!(size_at(bytes, at + SIZES + 12)),
        n_kv_heads: tri!(size_at(bytes, at + SIZES + 16)),
        head_dim: tri!(size_at(bytes, at + SIZES + 20)),
        vocab_size: tri!(size_at(bytes, at + SIZES + 24)),
        seq_len: tri!(size_at(bytes, at + SIZES + 28)),
        norm_eps: f32::from_bits(tri!(u32_at(bytes, at + NORM_EPS))),
        position,
        activation,
        gated: switches & 1 != 0,
        attn_bias: switches & 2 != 0,
        mlp_bias: switches & 4 != 0,
        sink: switches & 8 != 0,
        bigram: switches & 16 != 0,
        tied: switches & 32 != 0,
        input,
        causal,
        output,
        topk: TopK {
            attn_in: tri!(size_at(bytes, at + TOPK)),
            q: tri!(size_at(bytes, at + TOPK + 4)),
            k: tri!(size_at(bytes, at + TOPK + 8)),
            v: tri!(size_at(bytes, at + TOPK + 12)),
            attn_out: tri!(size_at(bytes, at + TOPK + 16)),
            mlp_in: tri!(size_at(bytes, at + TOPK + 20)),
            mlp_neuron: tri!(size_at(bytes, at + TOPK + 24)),
            mlp_out: tri!(size_at(bytes, at + TOPK + 28)),
        },
    };
    match config.check() {
        Ok(()) => Ok(config),
        Err(e) => Err(Error::new(Kind::Config(e), at)),
    }
}

/// The 128 bytes of a configuration that passed [`Config::check`], which bounds every size by 65 536.
pub(crate) fn encode(c: &Config) -> [u8; CONFIG_LEN] {
    let mut out = [0; CONFIG_LEN];
    out[FAMILY] = u8::from(!c.causal);
    if let Input::Patches { channels, len } = c.input {
        out[INPUT] = 1;
        out[PATCHES..][..4].copy_from_slice(&(channels as u32).to_le_bytes());
        out[PATCHES + 4..][..4].copy_from_slice(&(len as u32).to_le_bytes());
    }
    if let Output::Classes(n) = c.output {
        out[HEAD] = 1;
        out[CLASSES..END].copy_from_slice(&(n as u32).to_le_bytes());
    }
    out[POSITION] = match c.position {
        Position::None => 0,
        Position::Learned => 1,
        Position::Rope => 2,
    };
    out[ACTIVATION] = match c.activation {
        Activation::Gelu => 0,
        Activation::Relu => 1,
        Activation::Relu2 => 2,
        Activation::Silu => 3,
    };
    let switches = [c.gated, c.attn_bias, c.mlp_bias, c.sink, c.bigram, c.tied];
    for (bit, on) in switches.into_iter().enumerate() {
        out[SWITCHES] |= u8::from(on) << bit;
    }
    let sizes = [
        c.dim,
        c.hidden_dim,
        c.n_layers,
        c.n_heads,
        c.n_kv_heads,
        c.head_dim,
        c.vocab_size,
        c.seq_len,
    ];
    let t = &c.topk;
    let kept = [
        t.attn_in,
        t.q,
        t.k,
        t.v,
        t.attn_out,
        t.mlp_in,
        t.mlp_neuron,
        t.mlp_out,
    ];
    for (field, n) in out[SIZES..NORM_EPS].chunks_exact_mut(4).zip(sizes) {
        field.copy_from_slice(&(n as u32).to_le_bytes());
    }
    out[NORM_EPS..TOPK].copy_from_slice(&c.norm_eps.to_bits().to_le_bytes());
    for (field, n) in out[TOPK..PATCHES].chunks_exact_mut(4).zip(kept) {
        field.copy_from_slice(&(n as u32).to_le_bytes());
    }
    out
}

const fn size_at(bytes: &[u8], at: usize) -> Result<usize, Error> {
    Ok(tri!(u32_at(bytes, at)) as usize)
}

/// A byte that is 0 or 1; anything else has no meaning.
const fn bit(bytes: &[u8], at: usize) -> Result<bool, Error> {
    match tri!(array_at(bytes, at)) {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(Error::new(Kind::Unknown, at)),
    }
}
