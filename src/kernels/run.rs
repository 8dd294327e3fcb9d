//! Layers that are written once, compiled for every instruction set.
//!
//! ```text
//! Op (its slices) ──► Isa::run ──► op.run(Scalar) │ op.run(Avx2) │ op.run(Avx512)
//! ```
//!
//! # Why
//! A product has a kernel for each instruction set, because its memory layout asks for one. A norm or a softmax has none
//! of that: its text over [`Simd`] is already the best loop, and only has to be compiled inside a function that may use
//! the instructions.

use super::Isa;
use crate::num::simd::{Scalar, Simd};

/// Work on slices, for any number of lanes.
pub(crate) trait Op {
    /// What it gives.
    type Output;

    /// Does it. Marked `inline(always)` where it is written, so that it is compiled for the caller's instructions.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// How many lanes there are.
struct Count;

impl Op for Count {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::N
    }
}

impl Isa {
    /// Lanes of an [`Op`] here; 1 where it runs as plain loops.
    pub(crate) fn lanes(self) -> usize {
        self.run(Count)
    }

    /// Runs `op` with this back-end's lanes; the choice changes no bit.
    #[inline]
    pub(crate) fn run<O: Op>(self, op: O) -> O::Output {
        match self {
            Isa::Portable => op.run(Scalar),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(proof) => super::avx2::run(proof, op),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(proof) => super::avx512::run(proof, op),
            #[cfg(cortex_m_fp)]
            Isa::Armv7em(_) => op.run(Scalar),
            // Its float vectors flush subnormals.
            #[cfg(armv8m)]
            Isa::Mve(_) => op.run(Scalar),
            // Four lanes that the target always has are the compiler's to use.
            #[cfg(all(quad, target_arch = "aarch64"))]
            Isa::Neon(_) => op.run(Scalar),
            #[cfg(all(quad, target_arch = "wasm32"))]
            Isa::WasmSimd128 => op.run(Scalar),
        }
    }
}
