//! The tokens of one pass: how their activations lie, and which kernels know that.
//!
//! ```text
//! One    x (width,)            matvec, one row of the cache
//! Many   x (width, stride)     matmul, tokens in lanes; a row per token where something looks at single tokens
//! ```
//!
//! # Invariants
//! - Both give the same bits for every token, so [`super::forward`] is written once over them.

use crate::config::Config;
use crate::format::Product;
use crate::kernels::Isa;
use crate::model::cache::{Blocks, Element};
use crate::model::{Error, Model, State};
use crate::nn::{Heads, Rope};
use crate::probe::{Probe, Site};
use crate::sparse::Matrix;

/// Room for the int8 form of activations.
pub(super) struct Room<'x> {
    pub(super) q: &'x mut [i8],
    /// One a token; empty where there is one token.
    pub(super) scales: &'x mut [f32],
}

/// What attention reads besides q, k, v and the cache.
#[derive(Clone, Copy)]
pub(super) struct Attend<'a> {
    pub(super) isa: Isa,
    pub(super) heads: Heads,
    pub(super) layer: usize,
    /// Turns q, and k as it is stored, or as it is read with `turn_on_read`.
    pub(super) rope: Option<Rope<'a>>,
    pub(super) turn_on_read: bool,
    pub(super) sink: Option<&'a [f32]>,
}

/// Some tokens that run together. Every `x`, `y` and `out` has the shape `(width, stride)`.
pub(super) trait Tokens {
    /// For which products the matrices are laid out.
    const PRODUCT: Product;

    /// Activations that are ready for products.
    type Input<'x>: Copy;

    /// Floats from one element of a vector to the next.
    fn stride(&self) -> usize;

    /// `x = E[token] (+ P[position])` of `s`, or what its page says.
    ///
    /// # Errors
    /// [`Error::NonFinite`] where samples, once normalised, are not finite.
    fn embed(&mut self, isa: Isa, model: &Model<'_>, s: &mut State<'_>) -> Result<(), Error>;

    /// Shows `x`, token by token.
    fn see<P: Probe>(&mut self, isa: Isa, probe: &mut P, site: Site, x: &[f32]);

    /// AbsTopK of every token.
    fn keep(&mut self, isa: Isa, x: &mut [f32], k: usize);

    /// Makes `x` ready for products.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if no token is left that is finite.
    fn input<'x>(
        &mut self,
        isa: Isa,
        site: Site,
        x: &'x [f32],
        room: Room<'x>,
        int8: bool,
    ) -> Result<Self::Input<'x>, Error>;

    /// `y = W x (+ bias)`
    fn product(isa: Isa, w: &Matrix<'_>, x: &Self::Input<'_>, bias: Option<&[f32]>, y: &mut [f32]);

    /// RMSNorm of every token.
    fn norm(&self, isa: Isa, x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]);

    /// Stores k and v, and overwrites q with z. `scores` is the scratch that is left of `work`.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if the cache's type cannot hold the keys or values of any token.
    fn attend<T: Element>(
        &mut self,
        how: Attend<'_>,
        cache: &mut Blocks<'_, T>,
        q: &mut [f32],
        k: &mut [f32],
        v: &[f32],
        scores: &mut [f32],
    ) -> Result<(), Error>;
}

/// The shape of attention of `config`.
pub(in crate::model) const fn heads(config: &Config) -> Heads {
    Heads {
        n_heads: config.n_heads,
        n_kv_heads: config.n_kv_heads,
        head_dim: config.head_dim,
    }
}
