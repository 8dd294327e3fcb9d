//! The hot loops: the numeric contract, and one match per operation.
//!
//! ```text
//! x (cols,)        ──input()──► Input { x, finite; q, scale for int8 } ──matvec(W)──► y (rows,) = W x (+ bias)
//! X (cols, tokens) ──batch()──► Batch: the same for several tokens     ──matmul(W)──► Y (rows, tokens)
//! ```
//!
//! # Invariants
//! - Every back-end gives the bits of `portable.rs`, which is the definition.
//! - One accumulator per output from +0.0; products in ascending column order; multiply and add rounded separately;
//!   bias after the sum. int8: i32 sums, `y = acc · (sx · sw[row]) + bias`.
//! - Inputs are finite (checked by [`Isa::input`]), so zeros and padding can be skipped or multiplied at will.
//!
//! # Why
//! The choice of instructions is a value, not a build flag: tests loop over [`Isa::available`] and no back-end rots.

#[cfg(cortex_m_fp)]
mod armv7em;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod batch;
#[cfg(any(target_arch = "x86_64", quad))]
mod block;
mod environment;
mod isa;
#[cfg(armv8m)]
mod mve;
#[cfg(all(quad, target_arch = "aarch64"))]
mod neon;
#[cfg(any(target_arch = "x86_64", quad))]
mod panel;
mod portable;
mod portable_steps;
#[cfg(quad)]
mod quad;
#[cfg(any(soft_float, test))]
mod quantise;
pub(crate) mod run;
#[cfg(all(quad, target_arch = "wasm32"))]
mod wasm;

pub use batch::{Batch, Lanes, NonFiniteToken, Quantised};
#[cfg(cortex_m_fp)]
pub use isa::Armv7em;
#[cfg(armv8m)]
pub use isa::Mve;
#[cfg(all(quad, target_arch = "aarch64"))]
pub use isa::Neon;
#[cfg(target_arch = "x86_64")]
pub use isa::{Avx2, Avx512};
pub use isa::{Isa, IsaName, UnknownIsa};
pub(crate) use portable::quantise;

use crate::sparse::Matrix;

/// Bytes of zero padding behind the int8 form of an input, so that wide loads stay inside.
pub const INPUT_PAD: usize = 64;

/// An activation vector that is ready for products: finite, and quantised if any of its matrices is int8.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    x: &'a [f32],
    q: &'a [i8],
    scale: f32,
}

impl<'a> Input<'a> {
    /// An input that is not quantised; `x` is known to be finite.
    fn plain(x: &'a [f32]) -> Self {
        Self {
            x,
            q: &[],
            scale: 0.0,
        }
    }
}

/// An activation is infinite or NaN; `at` is its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NonFinite {
    /// Index of the first such element.
    pub at: usize,
}

impl core::fmt::Display for NonFinite {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "activation is not finite at {}", self.at)
    }
}

impl core::error::Error for NonFinite {}

impl Isa {
    /// Checks `x`, and where `int8` is true quantises it: s = max|x|/127, q = rne(x/s), all zero where s is 0.
    ///
    /// Shapes: `x (cols,)`, `scratch` at least `cols + INPUT_PAD`.
    ///
    /// # Errors
    /// The first element that is not finite.
    ///
    /// # Panics
    /// If `int8` and `scratch` is too short.
    pub fn input<'a>(
        self,
        x: &'a [f32],
        scratch: &'a mut [i8],
        int8: bool,
    ) -> Result<Input<'a>, NonFinite> {
        match self {
            Isa::Portable => portable::input(x, scratch, int8),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(proof) => avx2::input(proof, x, scratch, int8),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(proof) => avx2::input(proof.avx2(), x, scratch, int8),
            #[cfg(cortex_m_fp)]
            Isa::Armv7em(proof) => armv7em::input(proof, x, scratch, int8),
            #[cfg(armv8m)]
            Isa::Mve(proof) => armv7em::input(proof.armv7em(), x, scratch, int8),
            // Compilers make vectors of this one by themselves where they are always there.
            #[cfg(all(quad, target_arch = "aarch64"))]
            Isa::Neon(_) => portable::input(x, scratch, int8),
            #[cfg(all(quad, target_arch = "wasm32"))]
            Isa::WasmSimd128 => portable::input(x, scratch, int8),
        }
    }

    /// `y = W x (+ bias)`. Shapes: `W (rows, cols)`, `x (cols,)`, `bias (rows,)`, `y (rows,)`. Same bits on every `Isa`.
    ///
    /// # Panics
    /// If shapes differ, or `W` is int8 and `x` was not quantised.
    pub fn matvec(self, w: &Matrix<'_>, x: &Input<'_>, bias: Option<&[f32]>, y: &mut [f32]) {
        assert_eq!((w.rows(), w.cols()), (y.len(), x.x.len()), "matvec shapes");
        assert!(
            !w.is_i8() || x.q.len() >= x.x.len() + INPUT_PAD,
            "int8 matrix needs a quantised input"
        );
        match self {
            Isa::Portable => portable::matvec(w, x, y),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(proof) => avx2::matvec(proof, w, x, y),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(proof) => avx512::matvec(proof, w, x, y),
            #[cfg(cortex_m_fp)]
            Isa::Armv7em(proof) => armv7em::matvec(proof, w, x, y),
            #[cfg(armv8m)]
            Isa::Mve(proof) => mve::matvec(proof, w, x, y),
            #[cfg(all(quad, target_arch = "aarch64"))]
            Isa::Neon(proof) => neon::matvec(proof, w, x, y),
            #[cfg(all(quad, target_arch = "wasm32"))]
            Isa::WasmSimd128 => wasm::matvec(w, x, y),
        }
        if let Some(bias) = bias {
            assert_eq!(bias.len(), y.len(), "bias shape");
            for (y, b) in y.iter_mut().zip(bias) {
                *y += b;
            }
        }
    }
}
