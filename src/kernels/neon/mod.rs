//! aarch64 NEON: the loops of `quad` with the words of this machine.
//!
//! ```text
//! sdot  acc.4s, v.16b, q.16b      lane i += v[4i]·q[4i] + … + v[4i+3]·q[4i+3]         where the processor has it
//! smull, smlal2, sadalp           i16 pairs, then i32                                 elsewhere: a pair of products
//!                                                                                     of −127..=127 fits 16 bits
//! ```
//!
//! # Invariants
//! - Compiled only for targets that have NEON, so its instructions need no proof; [`Neon`] is what says whether the
//!   dot-product extension is there too.
//!
//! # Why
//! `sdot` does the work of three instructions, but it came with Armv8.2: it is looked for. Its intrinsic is not stable,
//! the instruction is, so it is written down as one.
mod lanes;

use super::{Batch, Input, quad};
use crate::kernels::isa::Neon;
use crate::sparse::Matrix;
use lanes::{Base, Sdot};

/// `y = W x` as `portable::matvec` defines it.
pub(super) fn matvec(proof: Neon, w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    if w.is_i8() && proof.sdot() {
        quad::matvec::<Sdot>(w, x, y);
    } else {
        quad::matvec::<Base>(w, x, y);
    }
}

/// `Y = W X` as `batch::portable` defines it.
pub(super) fn matmul(_: Neon, w: &Matrix<'_>, b: &Batch<'_>, y: &mut [f32]) {
    quad::batch::matmul::<Base>(w, b, y);
}
