//! A whole model: 4 blocks, width 256, 1024 neurons, 4 heads, 512 tokens, ReLU; 10 % of every matrix present.
//!
//! ```text
//! ours        step: embed, norms, products, attention, …  ─► argmax ─► next token
//! with oneMKL step of the same model with empty matrices, then oneMKL's 17 products (q, k and v as one matrix)
//! ```
//!
//! # Invariants
//! - What the engine spends on walking empty matrices is timed apart and taken off the opponent's figure.
//!
//! # Why
//! The opponent gets the same engine for everything but products, so that a ratio speaks of products in their place,
//! and no hook for benches runs in anybody's firmware.

use std::convert::Infallible;

use lacuna::config::{Activation, Config, Position, TopK};
use lacuna::fixture::{Form, Numbers, Parts, Pattern, matrix};
use lacuna::format::schema::{Id, Kind, Tensor, tensors};
use lacuna::format::write::{Sink, write};
use lacuna::format::{Extra, Source, Weights};
use lacuna::kernels::{Input, Isa};
use lacuna::model::{Limits, Model, State};
use lacuna::num::Rng;
use lacuna::session::{Sampler, Session};
use lacuna::sparse::Major;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Tokens that are decoded, and that a prompt has.
pub const TOKENS: usize = 128;

/// The model of the tables.
pub const CONFIG: Config = Config {
    dim: 256,
    hidden_dim: 1024,
    n_layers: 4,
    n_heads: 4,
    n_kv_heads: 4,
    head_dim: 64,
    vocab_size: 512,
    seq_len: TOKENS,
    norm_eps: 1e-5,
    position: Position::Learned,
    activation: Activation::Relu,
    gated: false,
    attn_bias: false,
    mlp_bias: false,
    sink: false,
    bigram: false,
    tied: false,
    topk: TopK {
        attn_in: 0,
        q: 0,
        k: 0,
        v: 0,
        attn_out: 0,
        mlp_in: 0,
        mlp_neuron: 0,
        mlp_out: 0,
    },
};

/// The same with AbsTopK: a quarter of every vector that enters a product stays, but for the output of attention.
pub const QUARTER: Config = Config {
    topk: TopK {
        attn_in: 64,
        mlp_in: 64,
        mlp_neuron: 256,
        ..CONFIG.topk
    },
    ..CONFIG
};

/// Shapes of the products of one token, q, k and v as one matrix.
pub fn products() -> impl Iterator<Item = (usize, usize)> {
    let (d, h) = (CONFIG.dim, CONFIG.hidden_dim);
    let block = [(3 * d, d), (d, d), (h, d), (d, h)];
    let blocks = (0..CONFIG.n_layers).flat_map(move |_| block);
    blocks.chain([(CONFIG.vocab_size, d)])
}

/// Bytes at cache lines.
#[derive(Debug, Default)]
pub struct Lines {
    lines: Vec<Line>,
    len: usize,
}

#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl Lines {
    /// Zeros.
    pub fn zeros(len: usize) -> Lines {
        let lines = vec![Line([0; 64]); len.div_ceil(64)];
        Lines { lines, len }
    }

    /// All bytes.
    pub fn get(&self) -> &[u8] {
        &self.lines.as_bytes()[..self.len]
    }

    /// All bytes, to be written.
    pub fn get_mut(&mut self) -> &mut [u8] {
        &mut self.lines.as_mut_bytes()[..self.len]
    }
}

impl Sink for Lines {
    type Error = Infallible;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        let (from, len) = (self.len, self.len + bytes.len());
        self.lines.resize(len.div_ceil(64), Line([0; 64]));
        self.len = len;
        self.get_mut()[from..].copy_from_slice(bytes);
        Ok(())
    }
}

/// The tensors of a model.
struct Seeded(Vec<(Tensor, Owned)>);

enum Owned {
    Dense(Vec<f32>),
    Matrix(Box<Parts>),
}

impl Source for Seeded {
    fn tensor(&self, tensor: &Tensor) -> Option<Weights<'_>> {
        match &self.0.iter().find(|(t, _)| t == tensor)?.1 {
            Owned::Dense(v) => Some(Weights::Dense(v)),
            Owned::Matrix(parts) => parts.view().map(Weights::Matrix),
        }
    }
}

/// A form by its name, as `csr-f32-output`.
pub fn form(name: &str) -> Option<Form> {
    Form::all().find(|f| f.to_string() == name)
}

/// A file of the model with `percent` of every matrix present, each matrix in the form that `chosen` names.
///
/// # Errors
/// What the writer says, or which form there is not.
pub fn file(config: &Config, percent: u32, chosen: &dyn Fn(Id) -> String) -> Result<Lines, String> {
    let mut rng = Rng::new(3);
    let mut all = Vec::new();
    for t in tensors(config) {
        let owned = if t.kind == Kind::Dense {
            Owned::Dense(vec![1.0; t.rows * t.cols])
        } else {
            let name = chosen(t.id);
            let mut form = form(&name).ok_or(format!("no form {name}"))?;
            if t.kind == Kind::Lookup {
                (form.major, form.pattern) = (Major::Output, Pattern::Csr);
            }
            let of_256 = (percent * 256 + 50) / 100;
            Owned::Matrix(Box::new(matrix(
                &mut rng,
                form,
                (t.rows, t.cols),
                of_256,
                Numbers::Tame,
            )))
        };
        all.push((t, owned));
    }
    let mut lines = Lines::default();
    let extra = Extra::new(0, Isa::detect().name());
    write(config, &Seeded(all), &extra, &mut lines).map_err(|e| format!("{e:?}"))?;
    Ok(lines)
}

/// Memory for a session of this model.
pub fn arena(config: &Config, limits: &Limits) -> Lines {
    Lines::zeros(State::len(config, limits))
}

/// Greedy decoding of [`TOKENS`] tokens from an empty context, `between` each step and its choice.
pub fn decode(session: &mut Session<'_>, between: &mut dyn FnMut()) {
    let mut greedy = Sampler::greedy();
    let mut token = 1;
    session.clear();
    for _ in 0..TOKENS {
        if session.step(token).is_err() {
            return;
        }
        between();
        token = session.sample(&mut greedy);
    }
}

/// The engine's own products of one token, over every matrix of a model. Shapes: `narrow (dim,)`, `wide (hidden_dim,)`.
pub fn walk(model: &Model<'_>, isa: Isa, narrow: &Input<'_>, wide: &Input<'_>, y: &mut [f32]) {
    let config = model.config();
    for layer in 0..config.n_layers {
        let w = model.layer(layer);
        for w in [w.wq, w.wk, w.wv, w.wo, w.w1] {
            isa.matvec(&w, narrow, None, &mut y[..w.rows()]);
        }
        isa.matvec(&w.w2, wide, None, &mut y[..config.dim]);
    }
    isa.matvec(&model.head(), narrow, None, &mut y[..config.vocab_size]);
}

/// A prompt of [`TOKENS`] tokens.
pub fn prompt() -> Vec<u32> {
    let mut rng = Rng::new(5);
    (0..TOKENS)
        .map(|_| rng.below(CONFIG.vocab_size as u32))
        .collect()
}
