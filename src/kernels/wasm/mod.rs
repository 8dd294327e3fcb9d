//! WebAssembly simd128: the loops of `quad` with the words of this machine.
//!
//! ```text
//! f16        (h & 0x7fff) << 13 as f32 · 2¹¹², sign put back: exact for every finite half, subnormal ones too
//! int8       bytes widened to i16, i32x4.dot_i16x8_s: lane i += v[2i]·q[2i] + v[2i+1]·q[2i+1]
//! ```
//!
//! # Invariants
//! - Compiled only into modules that are built with simd128, which an engine accepts whole or not at all; so there is
//!   nothing to detect, and `Isa::WasmSimd128` needs no proof.
//!
//! # Why
//! WebAssembly keeps subnormals and rounds to nearest even by its specification, so the contract holds in every
//! browser. Its relaxed instructions do not promise one result and are not used.

mod lanes;

use super::{Batch, Input, quad};
use crate::sparse::Matrix;

/// `y = W x` as `portable::matvec` defines it.
pub(super) fn matvec(w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    quad::matvec::<lanes::Simd128>(w, x, y);
}

/// `Y = W X` as `batch::portable` defines it.
pub(super) fn matmul(w: &Matrix<'_>, b: &Batch<'_>, y: &mut [f32]) {
    quad::batch::matmul::<lanes::Simd128>(w, b, y);
}
