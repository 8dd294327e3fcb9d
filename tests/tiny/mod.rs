//! Tiny models for tests: any configuration, seeded weights, any storage, written as a real file.
//!
//! Weights are multiples of 1/128 below 1, exact in f32 and f16, so that every storage of either holds the same numbers.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod reference;
mod storage;

pub(crate) use storage::{Form, Values};

use lacuna::config::{Activation, Config, Input, Output, Position, TopK};
use lacuna::format::schema::{Id, Kind, Tensor, tensors};
use lacuna::format::write::{Sink, write};
use lacuna::format::{Extra, TokenizerBlock};
use lacuna::kernels::{Isa, IsaName};
use lacuna::model::{CacheType, Limits, Model, State};
use lacuna::num::Rng;
use lacuna::session::{Options, WhenFull};

/// A small decoder without extras; sizes are awkward on purpose.
pub(crate) const PLAIN: Config = Config {
    dim: 20,
    hidden_dim: 28,
    n_layers: 2,
    n_heads: 4,
    n_kv_heads: 4,
    head_dim: 6,
    vocab_size: 37,
    seq_len: 9,
    norm_eps: 1e-5,
    position: Position::None,
    activation: Activation::Gelu,
    gated: false,
    attn_bias: false,
    mlp_bias: false,
    sink: false,
    bigram: false,
    tied: false,
    input: Input::Tokens,
    causal: true,
    output: Output::Lm,
    topk: TopK::NONE,
};

/// Everything switched on.
pub(crate) const RICH: Config = Config {
    n_kv_heads: 2,
    position: Position::Rope,
    activation: Activation::Silu,
    gated: true,
    attn_bias: true,
    mlp_bias: true,
    sink: true,
    bigram: true,
    tied: true,
    topk: TopK {
        attn_in: 15,
        q: 18,
        k: 9,
        v: 9,
        attn_out: 12,
        mlp_in: 14,
        mlp_neuron: 11,
        mlp_out: 16,
    },
    ..PLAIN
};

/// An encoder of windows with everything switched on: 19 positions of 5 samples of 3 channels, 5 classes.
pub(crate) const SENSOR: Config = Config {
    vocab_size: 0,
    seq_len: 19,
    bigram: false,
    tied: false,
    input: Input::Patches {
        channels: 3,
        len: 5,
    },
    causal: false,
    output: Output::Classes(5),
    ..RICH
};

/// The weights of a model, dense, in schema order.
#[derive(Clone)]
pub(crate) struct Tiny {
    pub(crate) config: Config,
    pub(crate) weights: Vec<(Tensor, Vec<f32>)>,
}

impl Tiny {
    /// Seeded weights, about half of every matrix zero.
    pub(crate) fn new(config: Config, seed: u64) -> Tiny {
        let mut rng = Rng::new(seed);
        let weights = tensors(&config)
            .map(|t| (t, values(&t, &config, &mut rng)))
            .collect();
        Tiny { config, weights }
    }

    /// The weights of one tensor, to be changed.
    pub(crate) fn tensor_mut(&mut self, id: Id, layer: usize) -> &mut Vec<f32> {
        let line = |t: &Tensor| t.id == id && t.layer == layer;
        let found = self.weights.iter_mut().find(|(t, _)| line(t));
        &mut found.expect("the model has the tensor").1
    }

    /// The model as a file without blocks.
    pub(crate) fn file(&self, form: Form) -> Bytes {
        self.file_with(form, &Extra::new(0, IsaName::Portable))
    }

    /// The model as a file with a byte tokenizer and whatever else.
    pub(crate) fn file_with(&self, form: Form, extra: &Extra<'_>) -> Bytes {
        let mut bytes = Bytes::default();
        let source = storage::Stored::new(self, form);
        write(&self.config, &source, extra, &mut bytes).expect("a tiny model can be written");
        bytes
    }
}

fn values(t: &Tensor, config: &Config, rng: &mut Rng) -> Vec<f32> {
    let half = config.head_dim / 2;
    let angle = |i: usize| {
        let (position, pair) = ((i / half) as f64, (i % half) as f64);
        position * 100f64.powf(-pair / half as f64)
    };
    let n = t.rows * t.cols;
    let mut grid = |low: i32, high: i32| {
        let span = (high - low + 1) as u32;
        (low + rng.below(span) as i32) as f32 / 128.0
    };
    match t.id {
        Id::RopeCos => (0..n).map(|i| angle(i).cos() as f32).collect(),
        Id::RopeSin => (0..n).map(|i| angle(i).sin() as f32).collect(),
        Id::AttnNorm | Id::MlpNorm | Id::FinalNorm => (0..n).map(|_| grid(96, 160)).collect(),
        _ if t.kind == Kind::Dense => (0..n).map(|_| grid(-40, 40)).collect(),
        _ => (0..n)
            .map(|_| grid(-60, 60) * grid(0, 1).signum_or_zero())
            .collect(),
    }
}

trait SignumOrZero {
    fn signum_or_zero(self) -> f32;
}

impl SignumOrZero for f32 {
    fn signum_or_zero(self) -> f32 {
        if self == 0.0 { 0.0 } else { self.signum() }
    }
}

/// Bytes of a file at an aligned address.
#[derive(Default)]
pub(crate) struct Bytes {
    words: Vec<u64>,
    len: usize,
}

impl Bytes {
    /// The file.
    pub(crate) fn get(&self) -> &[u8] {
        use zerocopy::IntoBytes;
        &self.words.as_bytes()[..self.len]
    }

    /// The model in it.
    pub(crate) fn model(&self) -> Model<'_> {
        Model::new(self.get()).expect("a written model can be read")
    }
}

impl Sink for Bytes {
    type Error = core::convert::Infallible;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        use zerocopy::IntoBytes;
        self.words.resize((self.len + bytes.len()).div_ceil(8), 0);
        self.words.as_mut_bytes()[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }
}

/// Memory for a session: `n` bytes from a multiple of 16.
pub(crate) struct Memory {
    words: Vec<u128>,
    len: usize,
}

impl Memory {
    /// Exactly as many bytes as a model needs under these limits, none of them zero.
    pub(crate) fn new(config: &Config, limits: &Limits) -> Memory {
        let len = State::len(config, limits);
        let words = vec![u128::MAX / 3; len.div_ceil(16)];
        Memory { words, len }
    }

    /// The bytes.
    pub(crate) fn get(&mut self) -> &mut [u8] {
        use zerocopy::IntoBytes;
        &mut self.words.as_mut_bytes()[..self.len]
    }
}

/// Options with the portable kernels and a choice of cache and policy.
pub(crate) fn options(config: &Config, cache: CacheType, when_full: WhenFull) -> Options {
    Options {
        limits: Limits {
            cache,
            ..Limits::new(config)
        },
        when_full,
        isa: Isa::Portable,
    }
}

/// `n` seeded tokens.
pub(crate) fn tokens(config: &Config, n: usize, seed: u64) -> Vec<u32> {
    let mut rng = Rng::new(seed ^ 0x70);
    (0..n)
        .map(|_| rng.below(config.vocab_size as u32))
        .collect()
}

/// Bits of floats, to be compared exactly.
pub(crate) fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|v| v.to_bits()).collect()
}

/// Blocks of a file with a byte tokenizer.
pub(crate) fn with_bytes_tokenizer() -> Extra<'static> {
    Extra {
        tokenizer: Some(TokenizerBlock::BYTES),
        ..Extra::new(0, IsaName::Portable)
    }
}
