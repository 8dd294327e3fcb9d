//! AVX2 and F16C: 256-bit vectors, eight outputs side by side.
//!
//! ```text
//!            4 nonzeros of a row, in one vector      transpose          add in order
//! row 0   │ v·x  v·x  v·x  v·x │                    ┌ column 0 ┐   acc (8 rows) += column 0
//! row 1   │ v·x  v·x   0    0  │               ──►  │ column 1 │ ─►               += column 1
//!   ⋮                                               └    ⋮     ┘                     ⋮
//! row 7   │ v·x  v·x  v·x   0  │
//! ```
//!
//! Panels need no transpose: their lanes are rows, and x is looked up in registers, byte by byte (`panel`, `panel_int8`).
//!
//! # Invariants
//! - Entered only with an [`Avx2`] proof; that is what makes every call into a `target_feature` function sound.
//! - Windows on sparse rows come from `block`, which has looked at every index; indices of panels choose bytes of
//!   registers. A broken matrix gives wrong numbers or a panic, never another's memory.
//! - Lanes beyond a row's end add a product of zero, which no accumulator that started at +0.0 can show.
//!
//! # Why
//! Products of a row may be formed in any order, only their sum may not. So a row's values are loaded as vectors, x is
//! put beside them by scalar loads (gathers measured 1.5 to 2 times slower on Zen, and are slow wherever the gather
//! mitigation is on), and a transpose turns rows into the lanes that the contract asks for: three shuffles for eight
//! products. Four elements a step instead of eight, because rows of a block run to the longest of the eight. Very
//! short int8 rows fill no vector and stay portable.
//!
//! That is bound by eight loads for eight lanes. `pshufb` looks up 32 bytes in one instruction, and cutting floats into
//! bytes and joining them again costs less than fetching them one by one: panels take a third to a quarter of the time of
//! CSR from 5 % to 50 % density. A window of sixteen columns, one table, beats one of 32 although more lanes wait in it.
//!
//! Sparse products of input-major storage scatter into `y`; AVX2 has no scatter and each sum goes through memory
//! whatever is done, so f32 and int8 stay portable there. For f16 the wide conversion alone is worth having.

pub(super) mod batch;
mod csr;
mod dense;
mod gemm;
mod input;
mod int8;
mod lanes;
mod pairs;
mod panel;
mod panel_int8;
mod span;
mod spmm;
mod vector;

use super::{Input, portable};
use crate::kernels::isa::Avx2;
use crate::sparse::{Layout, Major, Matrix, Stored};

pub(super) use input::input;
pub(super) use vector::run;

/// Mean nonzeros of an int8 row from which eight lanes pay.
const SHORT_ROW: usize = 14;

/// `y = W x` as [`portable::matvec`] defines it.
pub(super) fn matvec(proof: Avx2, w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    match (w.stored(), w.major()) {
        (Stored::F32(Layout::Dense(d)), Major::Output) => dense::output(proof, d, x.x, y),
        (Stored::F32(Layout::Dense(d)), Major::Input) => dense::input(proof, d, x.x, y),
        (Stored::F16(Layout::Dense(d)), Major::Output) => dense::output(proof, d, x.x, y),
        (Stored::F16(Layout::Dense(d)), Major::Input) => dense::input(proof, d, x.x, y),
        (Stored::F32(Layout::Csr(c)), Major::Output) => csr::output(proof, c, x.x, y),
        (Stored::F16(Layout::Csr(c)), Major::Output) => csr::output(proof, c, x.x, y),
        (Stored::F16(Layout::Csr(c)), Major::Input) => csr::input_f16(proof, c, x.x, y),
        (Stored::F32(Layout::Panel(p)), Major::Output) if p.window() <= panel::WIDEST => {
            panel::output(proof, p, x.x, y);
        }
        (Stored::F16(Layout::Panel(p)), Major::Output) if p.window() <= panel::WIDEST => {
            panel::output(proof, p, x.x, y);
        }
        (Stored::I8(Layout::Panel(p), s), Major::Output) => {
            panel_int8::output(proof, p, x.q, y);
            vector::scale_i8(proof, y, x.scale, s);
        }
        (Stored::I8(Layout::Dense(d), s), Major::Output) => {
            int8::dense_output(proof, d, x.q, y);
            vector::scale_i8(proof, y, x.scale, s);
        }
        (Stored::I8(Layout::Dense(d), s), Major::Input) => {
            int8::dense_input(proof, d, x.q, y);
            vector::scale_i8(proof, y, x.scale, s);
        }
        (Stored::I8(Layout::Csr(c), s), Major::Output) if c.nnz() >= SHORT_ROW * c.rows() => {
            int8::csr_output(proof, c, x.q, y);
            vector::scale_i8(proof, y, x.scale, s);
        }
        _ => portable::matvec(w, x, y),
    }
}
