//! Products with several tokens at once: tokens lie in lanes, so that a weight is read once for all of them.
//!
//! ```text
//!                  ┌ token 0 1 2 … T−1 │ free ┐
//! x (cols, stride) │ input 0           │  ·   │ ──batch()──► Batch ──matmul(W)──► y (rows, stride), laid out alike
//!                  │ input 1           │  ·   │
//!                  └   ⋮               │  ·   ┘
//! ```
//!
//! # Invariants
//! - Token t of `y` has the bits that `matvec` gives for token t of `x` alone, on every back-end: one accumulator per
//!   output and token from +0.0, ascending columns, one scale per token for int8, bias last.
//! - Lanes from T on are neither read nor written.
//!
//! # Why
//! The contract forbids to split one sum over lanes, and many tokens are the cheapest other thing to fill them with:
//! one broadcast weight, one multiply and one add serve a whole vector, whatever the pattern of the weights. The order
//! of indices is that of a matrix `(cols, tokens)` in SciPy or oneMKL.

mod input;
mod portable;

#[cfg(any(target_arch = "x86_64", quad))]
pub(super) use portable::matmul as portable;
#[cfg(cortex_m_fp)]
pub(super) use portable::scale_i8;

#[cfg(cortex_m_fp)]
use super::armv7em;
use super::{INPUT_PAD, Isa};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::sparse::Matrix;

/// How many tokens, and how far their rows lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lanes {
    tokens: usize,
    stride: usize,
}

impl Lanes {
    /// The stride to use for so many tokens: no lane is wasted on the few that a small machine runs, and rows of more
    /// than eight start at multiples of 64 bytes if the first one does, which wide vectors like.
    pub const fn of(tokens: usize) -> Lanes {
        let stride = match tokens {
            0..=8 => tokens,
            _ => tokens.next_multiple_of(16),
        };
        Lanes { tokens, stride }
    }

    /// Any stride from `tokens` on; `None` if it is less, or there is no token.
    pub const fn with_stride(tokens: usize, stride: usize) -> Option<Lanes> {
        if 0 < tokens && tokens <= stride {
            Some(Lanes { tokens, stride })
        } else {
            None
        }
    }

    /// Tokens.
    pub const fn tokens(self) -> usize {
        self.tokens
    }

    /// Floats from one row to the next.
    pub const fn stride(self) -> usize {
        self.stride
    }
}

/// Room for the int8 form of a batch.
#[derive(Debug)]
pub struct Quantised<'a> {
    /// At least `cols · stride + INPUT_PAD` bytes.
    pub q: &'a mut [i8],
    /// At least one for each token.
    pub scales: &'a mut [f32],
}

/// Activations of several tokens that are ready for products: finite, and quantised if any of their matrices is int8.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    lanes: Lanes,
    x: &'a [f32],
    q: &'a [i8],
    scales: &'a [f32],
}

impl<'a> Batch<'a> {
    /// How its tokens lie.
    pub fn lanes(&self) -> Lanes {
        self.lanes
    }

    /// Activations `(cols, stride)`.
    #[cfg(any(target_arch = "x86_64", cortex_m_fp, quad))]
    pub(super) fn x(&self) -> &'a [f32] {
        self.x
    }

    /// Quantised activations `(cols, stride)` and [`INPUT_PAD`] bytes more; empty if there are none.
    #[cfg(any(target_arch = "x86_64", cortex_m_fp))]
    pub(super) fn q(&self) -> &'a [i8] {
        self.q
    }

    /// Scales of the tokens, `(tokens,)`; empty if there are no quantised activations.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn scales(&self) -> &'a [f32] {
        self.scales
    }
}

/// An activation of a batch is infinite or NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NonFiniteToken {
    /// The first token that has one.
    pub token: usize,
    /// Index of the first in that token.
    pub at: usize,
}

impl core::fmt::Display for NonFiniteToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { token, at } = self;
        write!(f, "activation of token {token} is not finite at {at}")
    }
}

impl core::error::Error for NonFiniteToken {}

impl Isa {
    /// Checks `x`, and where there is room for it makes the int8 form, token by token as [`Isa::input`] does.
    ///
    /// Shapes: `x (cols, stride)`, only the first `tokens` of each row matter.
    ///
    /// # Errors
    /// The first token with an element that is not finite, and the first such element of it.
    ///
    /// # Panics
    /// If there is no token, `x` is not made of whole rows, or the room is too small.
    pub fn batch<'a>(
        self,
        x: &'a [f32],
        lanes: Lanes,
        int8: Option<Quantised<'a>>,
    ) -> Result<Batch<'a>, NonFiniteToken> {
        assert!(lanes.tokens > 0, "a batch has a token");
        assert!(x.len().is_multiple_of(lanes.stride), "batch shape");
        self.run(input::Check { x, lanes, int8 })
    }

    /// `Y = W X (+ bias)`, token by token the bits of [`Isa::matvec`].
    ///
    /// Shapes: `W (rows, cols)`, `X (cols, stride)`, `bias (rows,)`, `y (rows, stride)`.
    ///
    /// # Panics
    /// If shapes differ, or `W` is int8 and the batch was not quantised.
    pub fn matmul(self, w: &Matrix<'_>, x: &Batch<'_>, bias: Option<&[f32]>, y: &mut [f32]) {
        let Lanes { tokens, stride } = x.lanes;
        assert_eq!(
            (w.rows() * stride, w.cols() * stride),
            (y.len(), x.x.len()),
            "matmul shapes"
        );
        assert!(
            !w.is_i8() || x.q.len() >= x.x.len() + INPUT_PAD,
            "int8 matrix needs a quantised batch"
        );
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(proof) => avx2::batch::matmul(proof, w, x, y),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(proof) => avx512::batch::matmul(proof, w, x, y),
            #[cfg(cortex_m_fp)]
            Isa::Armv7em(proof) if armv7em::matmul(proof, w, x, y) => {}
            #[cfg(armv8m)]
            Isa::Mve(proof) if armv7em::matmul(proof.armv7em(), w, x, y) => {}
            #[cfg(all(quad, target_arch = "aarch64"))]
            Isa::Neon(proof) => super::neon::matmul(proof, w, x, y),
            #[cfg(all(quad, target_arch = "wasm32"))]
            Isa::WasmSimd128 => super::wasm::matmul(w, x, y),
            _ => portable::matmul(w, x, y),
        }
        if let Some(bias) = bias {
            assert_eq!(bias.len(), w.rows(), "bias shape");
            for (y, b) in y.chunks_exact_mut(stride).zip(bias) {
                y[..tokens].iter_mut().for_each(|y| *y += b);
            }
        }
    }
}
