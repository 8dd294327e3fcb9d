//! Helium, the vectors of Armv8.1-M (Cortex-M55), for int8 alone.
//!
//! ```text
//! csr    8 columns ─► vldrb.s16 [q, columns] gathers, 8 values, vmladava.s16 adds all eight products
//! dense  16 of q once for four rows, 16 values a row, vmladava.s8
//! ```
//!
//! # Invariants
//! - Entered only with an [`Mve`] proof; what has no vector here is done by `armv7em`, which every such core can run.
//! - Columns are cut off at the last one by the kernel itself, row starts are looked at before: a matrix that was never
//!   checked gives wrong numbers, never another's memory.
//! - No float is ever in a vector.
//!
//! # Why
//! Helium's float vectors flush subnormals and so cannot give the bits of the contract, and a compiler that may use
//! Helium puts floats into it: the crate is never built for `cortex-m55`, the vectors are in naked functions. int8 sums
//! are exact in any order, so here a row may be split over lanes. Loops are tail-predicated: no row has a remainder.
//! Rows of steps stay scalar: to find where a step ends takes the one before it.

mod detect;
mod int8;

use super::{Input, armv7em};
use crate::kernels::isa::Mve;
use crate::sparse::{Layout, Major, Matrix, Stored};

pub(super) use detect::has_mve;

/// `y = W x` as [`super::portable::matvec`] defines it.
pub(super) fn matvec(proof: Mve, w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    match (w.stored(), w.major()) {
        (Stored::I8(Layout::Dense(d), scales), Major::Output) => {
            int8::dense_output(proof, d, x.q, y);
            armv7em::scale(proof.armv7em(), y, x.scale, scales);
        }
        (Stored::I8(Layout::Csr(c), scales), Major::Output) if c.cols() > 0 => {
            int8::csr_output(proof, c, x.q, y);
            armv7em::scale(proof.armv7em(), y, x.scale, scales);
        }
        _ => armv7em::matvec(proof.armv7em(), w, x, y),
    }
}
