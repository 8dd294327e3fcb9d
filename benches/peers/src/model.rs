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

use lacuna::config::Config;
use lacuna::fixture::Form;
use lacuna::fixture::model::{DENSE, Lines};
use lacuna::kernels::{Input, Isa};
use lacuna::model::{Limits, Model, State};
use lacuna::num::Rng;
use lacuna::session::{Sampler, Session};

/// Tokens that are decoded, and that a prompt has.
pub const TOKENS: usize = 128;

/// Shapes of the products of one token, q, k and v as one matrix.
pub fn products() -> impl Iterator<Item = (usize, usize)> {
    let (d, h) = (DENSE.dim, DENSE.hidden_dim);
    let block = [(3 * d, d), (d, d), (h, d), (d, h)];
    let blocks = (0..DENSE.n_layers).flat_map(move |_| block);
    blocks.chain([(DENSE.vocab_size, d)])
}

/// A form by its name, as `csr-f32-output`.
///
/// # Errors
/// That there is none.
pub fn form(name: &str) -> Result<Form, String> {
    let found = Form::all().find(|f| f.to_string() == name);
    found.ok_or(format!("no form {name}"))
}

/// Memory for a session of this model.
pub fn arena(config: &Config, limits: &Limits) -> Lines {
    Lines::zeros(State::len(config, limits))
}

/// A session that decodes greedily, token by token, and starts again when its context is full.
#[derive(Debug)]
pub struct Decoder<'a> {
    session: Session<'a>,
    greedy: Sampler,
    token: u32,
}

impl<'a> Decoder<'a> {
    /// From an empty context.
    pub fn new(session: Session<'a>) -> Decoder<'a> {
        Decoder {
            session,
            greedy: Sampler::greedy(),
            token: 1,
        }
    }

    /// One token, and the choice of the next.
    pub fn step(&mut self) {
        if self.session.position() == TOKENS as u64 || self.session.step(self.token).is_err() {
            self.session.clear();
            self.token = 1;
        }
        self.token = self.session.sample(&mut self.greedy);
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
        .map(|_| rng.below(DENSE.vocab_size as u32))
        .collect()
}
