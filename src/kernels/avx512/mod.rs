//! AVX-512 F, BW, VL, DQ: 512-bit vectors with masks, sixteen outputs side by side.
//!
//! ```text
//!   rows 0 and 8   │ 8 products of row 0 │ 8 products of row 8  │     transpose each half      acc (16 rows)
//!   rows 1 and 9   │ 8 products of row 1 │ 8 products of row 9  │ ──►  column 0 of 16 rows ──►  += column 0
//!        ⋮                                                                  ⋮                   += column 1 …
//! ```
//!
//! # Invariants
//! - Entered only with an [`Avx512`] proof; that is what makes every call into a `target_feature` function sound.
//!   VBMI and VNNI need [`super::isa::Avx512Bytes`], which the proof hands out where the processor has them.
//! - Windows on sparse rows come from `block`, which has looked at every index; a panel's base is clamped to the last
//!   window of x; a look-up in registers and an expansion by mask touch no memory at all.
//! - Lanes beyond a row's end and fillers add +0.0 or a product of zero, which no accumulator that started at +0.0 can
//!   show.
//!
//! # Why
//! Panels are the form for this machine: below half density nothing else comes near them, and at 1 % they still beat
//! every loop over CSR. A step is two loads of x, one of 64 indices, four look-ups, multiplications and additions; the
//! four additions belong to four chains, so their latency is hidden without leaving column order. Vectors are loaded
//! whole: a panel that does not start at a multiple of 64 bytes costs a quarter more.
//!
//! CSR is served in the form of `avx2`, twice as wide: two rows share a vector, eight elements of each, so that a row of
//! a dozen nonzeros still fills its lanes. x of up to 128 columns (int8: 256) stays in registers and is looked up by
//! permutes: 1.4 to 2 times as fast as loading each x on its own, here and on every processor, where gathers are fast on
//! some and slower than scalar loads on others (Zen, and cores with the gather mitigation). Wider x and scattered sums
//! are left to AVX2. Bitmasks cost the same whatever their density, several times a dense row's price (expansion and its
//! mask are slow beside a load): they are served so that a small file runs well before it is repacked.

pub(super) mod batch;
mod bitmask;
mod csr;
mod dense;
mod dense_int8;
mod dense_int8_input;
mod fours;
mod gemm;
mod gemm_int8;
mod int8;
mod lanes;
mod panel;
mod panel_int8;
mod panel_words;
mod span;
mod spmm;
mod spmm_int8;
mod vector;

use super::{Input, avx2};
use crate::kernels::isa::Avx512;
use crate::sparse::{Layout, Major, Matrix, Stored};

pub(super) use vector::run;

/// `y = W x` as `portable::matvec` defines it.
pub(super) fn matvec(proof: Avx512, w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    if let (Stored::I8(Layout::Dense(d), s), Some(bytes)) = (w.stored(), proof.bytes()) {
        match w.major() {
            Major::Output => dense_int8::output(bytes, d, x.q, y),
            Major::Input => dense_int8_input::input(bytes, d, x.q, y),
        }
        return vector::scale_i8(proof, y, x.scale, s);
    }
    match (w.stored(), w.major()) {
        (Stored::F32(Layout::Dense(d)), Major::Output) => dense::output(proof, d, x.x, y),
        (Stored::F32(Layout::Dense(d)), Major::Input) => dense::input(proof, d, x.x, y),
        (Stored::F16(Layout::Dense(d)), Major::Output) => dense::output(proof, d, x.x, y),
        (Stored::F16(Layout::Dense(d)), Major::Input) => dense::input(proof, d, x.x, y),
        (Stored::F32(Layout::Csr(c)), Major::Output) if c.cols() <= csr::MOST_COLS => {
            csr::output(proof, c, x.x, y);
        }
        (Stored::F16(Layout::Csr(c)), Major::Output) if c.cols() <= csr::MOST_COLS => {
            csr::output(proof, c, x.x, y);
        }
        (Stored::I8(Layout::Csr(c), s), Major::Output) if c.cols() <= int8::MOST_COLS => {
            int8::csr_output(proof, c, x.q, y);
            vector::scale_i8(proof, y, x.scale, s);
        }
        (Stored::F32(Layout::Bitmask(b)), Major::Output) => bitmask::output(proof, b, x.x, y),
        (Stored::F32(Layout::Bitmask(b)), Major::Input) => bitmask::input(proof, b, x.x, y),
        (Stored::F16(Layout::Bitmask(b)), Major::Output) => bitmask::output(proof, b, x.x, y),
        (Stored::F16(Layout::Bitmask(b)), Major::Input) => bitmask::input(proof, b, x.x, y),
        (Stored::I8(Layout::Bitmask(b), s), major) => {
            match major {
                Major::Output => bitmask::output_i8(proof, b, x.q, y),
                Major::Input => bitmask::input_i8(proof, b, x.q, y),
            }
            vector::scale_i8(proof, y, x.scale, s);
        }
        (Stored::F32(Layout::Panel(p)), Major::Output) if panel::fits(&p) => {
            panel::output(proof, p, x.x, y);
        }
        (Stored::F16(Layout::Panel(p)), Major::Output) if panel::fits(&p) => {
            panel::output(proof, p, x.x, y);
        }
        (Stored::I8(Layout::Panel(p), s), Major::Output) if panel_int8::fits(&p) => {
            match proof.bytes() {
                Some(bytes) => panel_int8::output(bytes, p, x.q, y),
                None => panel_words::output(proof, p, x.q, y),
            }
            vector::scale_i8(proof, y, x.scale, s);
        }
        _ => avx2::matvec(proof.avx2(), w, x, y),
    }
}
