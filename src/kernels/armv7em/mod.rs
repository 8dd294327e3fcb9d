//! Armv7E-M and Armv8-M Mainline with the DSP extension and a floating-point unit: Cortex-M4F, M7, M33, M55.
//!
//! ```text
//! steps ─► word of gaps ─► uxtab moves a pointer along x ─► load ─► smlabb (int8), vmla (f32, f16)
//! ```
//!
//! # Invariants
//! - Entered only with an [`Armv7em`] proof: the triple promises floats in hardware, and DSP where the core may lack it
//!   was asked for.
//! - A pointer moved by steps stays inside its vector because [`Steps`](crate::sparse::Steps) were checked when they were
//!   made; indices of other layouts are looked at here.
//! - `vmla` is two roundings; `vfma` appears nowhere.
//!
//! # Why
//! One scalar core, so the count of instructions is the time: an int8 nonzero costs an address, a load, half a widening
//! and a multiply-accumulate, and a row's overhead is kept to a dozen instructions by jumping into a chain of blocks.
//! Compiled Rust takes about twice that: it checks bounds, moves two pointers and leaves the dual multipliers unused.
//! Assembly is in naked functions, since `asm!` has no operands for float registers on these targets.

mod asm;
mod batch;
mod batch_float;
mod batch_int8;
mod dense;
mod detect;
mod float;
mod input;
mod int8;

pub(super) use batch::matmul;
pub(super) use detect::has_dsp;
#[cfg(armv8m)]
pub(super) use detect::privileged;
pub(super) use input::input;
#[cfg(armv8m)]
pub(super) use int8::scale;

use super::{Input, portable};
use crate::kernels::isa::Armv7em;
use crate::sparse::{Layout, Major, Matrix, Stored};

/// `y = W x` as [`portable::matvec`] defines it.
pub(super) fn matvec(proof: Armv7em, w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    let major = w.major();
    match w.stored() {
        Stored::F32(l) => float(proof, l, w, x, y),
        Stored::F16(l) => float(proof, l, w, x, y),
        Stored::I8(l, scales) => {
            match (l, major) {
                (Layout::Dense(d), Major::Output) => dense::output_i8(proof, d, x.q, y),
                (Layout::Gaps(g), Major::Output) => int8::gaps_output(proof, g, x.q, y),
                (Layout::Gaps(g), Major::Input) => int8::gaps_input(proof, g, x.q, y),
                (Layout::Nibbles(n), Major::Output) => int8::nibbles_output(proof, n, x.q, y),
                (Layout::Nibbles(n), Major::Input) => int8::nibbles_input(proof, n, x.q, y),
                _ => return portable::matvec(w, x, y),
            }
            int8::scale(proof, y, x.scale, scales);
        }
    }
}

fn float<V: float::Float + dense::Float>(
    proof: Armv7em,
    l: Layout<'_, V>,
    w: &Matrix<'_>,
    x: &Input<'_>,
    y: &mut [f32],
) {
    match (l, w.major()) {
        (Layout::Dense(d), Major::Output) => dense::output(proof, d, x.x, y),
        (Layout::Gaps(g), Major::Output) => float::gaps_output(proof, g, x.x, y),
        (Layout::Gaps(g), Major::Input) => float::gaps_input(proof, g, x.x, y),
        (Layout::Nibbles(n), Major::Output) => float::nibbles_output(proof, n, x.x, y),
        (Layout::Nibbles(n), Major::Input) => float::nibbles_input(proof, n, x.x, y),
        _ => portable::matvec(w, x, y),
    }
}
