//! Sparse rows of f32 and f16 times several tokens: sixteen tokens a vector.
//!
//! ```text
//!   4 values of a row    v0 v1 v2 v3 │ v0 v1 v2 v3 │ …     one load; each is then spread within its quarter
//!   4 indices            one 64-bit word                   shifted apart
//!   acc (R rows × P vectors of tokens) += v0 · X[i0], then v1 · X[i1], …
//! ```
//!
//! Loads bind: two a cycle whatever their width, so values and indices come four at a time and X is an operand of the
//! multiplication. Several rows run side by side, because one sum is a chain; they also meet at the same lines of X.
//! Rows of X that lie far apart fall into few sets of a cache, so those that are used often are copied.
#![allow(unsafe_code)]

use core::arch::asm;
use core::arch::x86_64::{__m512, _mm512_add_ps, _mm512_mul_ps, _mm512_setzero_ps};

use super::span::{Four, Span};
use crate::kernels::batch::{Batch, Lanes};
use crate::kernels::block::Checked;
use crate::kernels::isa::Avx512;
use crate::sparse::Csr;

/// Bytes of X that a first-level cache keeps beside what else there is.
const NEAR: usize = 32 * 1024;

/// Floats of X that are copied to where they lie close together.
const COPY: usize = 40 * 1024 / size_of::<f32>();

/// Columns of which 64 and 32 tokens can be copied.
const WIDE: usize = COPY / 64;
const NARROW: usize = COPY / 32;

/// Elements that are to use a row of X, so that a copy pays.
const USES: usize = 32;

/// Elements a step.
const STEP: usize = 4;

/// `Y = W X`, rows are outputs.
pub(super) fn output<V: Four>(_: Avx512, w: Csr<'_, V>, b: &Batch<'_>, y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { output_avx512(w, b.x(), b.lanes(), y) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn output_avx512<V: Four>(w: Csr<'_, V>, x: &[f32], lanes: Lanes, y: &mut [f32]) {
    let (tokens, stride) = (lanes.tokens(), lanes.stride());
    let shapes = (w.cols() * stride, w.rows() * stride);
    assert_eq!((x.len(), y.len()), shapes, "shapes of a batch");
    let w = Checked::new(w);
    // Where X is far and rows are full, rows side by side save more of its way than their registers cost.
    let (nnz, rows, cols) = (w.csr().nnz(), w.csr().rows(), w.csr().cols());
    let far = |width: usize| cols * width * size_of::<f32>() > NEAR && 3 * nnz > rows * cols;
    let copies = nnz >= USES * cols;
    let mut at = match cols {
        0..=WIDE if copies && stride > 64 => copied::<V, 1, 4>(&w, x, lanes, y),
        0..=NARROW if copies && stride > 32 => copied::<V, 2, 2>(&w, x, lanes, y),
        _ => 0,
    };
    while at < tokens {
        at += match tokens - at {
            128.. if far(128) => panel::<V, 2, 8, false>(&w, Span::new(x, lanes, at, 128), y),
            128.. => panel::<V, 1, 8, false>(&w, Span::new(x, lanes, at, 128), y),
            64.. => panel::<V, 2, 4, false>(&w, Span::new(x, lanes, at, 64), y),
            32.. if far(32) => panel::<V, 4, 2, false>(&w, Span::new(x, lanes, at, 32), y),
            32.. => panel::<V, 2, 2, false>(&w, Span::new(x, lanes, at, 32), y),
            n @ 17.. => panel::<V, 2, 2, true>(&w, Span::new(x, lanes, at, n), y),
            16 => panel::<V, 4, 1, false>(&w, Span::new(x, lanes, at, 16), y),
            n => panel::<V, 4, 1, true>(&w, Span::new(x, lanes, at, n), y),
        };
    }
}

/// All outputs of as many tokens as fill `16 P` lanes, a copy of which is nearer than the rows of X that they come
/// from. Returns their number.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn copied<V: Four, const R: usize, const P: usize>(
    w: &Checked<'_, V>,
    x: &[f32],
    lanes: Lanes,
    y: &mut [f32],
) -> usize {
    #[repr(align(64))]
    struct Near([f32; COPY]);
    let mut near = Near([0.0; COPY]);
    let width = 16 * P;
    let whole = lanes.tokens() - lanes.tokens() % width;
    for at in (0..whole).step_by(width) {
        let rows = near
            .0
            .chunks_exact_mut(width)
            .zip(x.chunks_exact(lanes.stride()));
        rows.for_each(|(near, x)| near.copy_from_slice(&x[at..][..width]));
        let span = Span::new(x, lanes, at, width);
        panel::<V, R, P, false>(w, span.of_copies(&near.0), y);
    }
    whole
}

/// All outputs of a span of tokens. Returns how many those are.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn panel<V: Four, const R: usize, const P: usize, const MASKED: bool>(
    w: &Checked<'_, V>,
    span: Span<'_, P, MASKED>,
    y: &mut [f32],
) -> usize {
    assert!(w.csr().cols() <= span.rows(), "rows of X");
    let rows = w.csr().rows();
    let whole = rows - rows % R;
    for first in (0..whole).step_by(R) {
        group::<V, R, P, MASKED>(w, first, span, y);
    }
    for first in whole..rows {
        group::<V, 1, P, MASKED>(w, first, span, y);
    }
    span.tokens()
}

/// Outputs of rows `first .. first + R`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn group<V: Four, const R: usize, const P: usize, const MASKED: bool>(
    w: &Checked<'_, V>,
    first: usize,
    span: Span<'_, P, MASKED>,
    y: &mut [f32],
) {
    let y = &mut y[first * span.stride()..][..R * span.stride()];
    let (mut start, mut end) = ([0; R], [0; R]);
    for r in 0..R {
        (start[r], end[r]) = w.range(first + r);
    }
    let mut acc = [[_mm512_setzero_ps(); P]; R];
    // SAFETY: ranges of a checked matrix.
    unsafe { sums::<V, R, P, MASKED>(&mut acc, w, start, end, span) };
    // SAFETY: `y` has R rows.
    unsafe { span.store(&acc, y) };
}

/// Outputs of `R` rows, which are the elements `start .. end`.
///
/// # Safety
/// The ranges are those of rows of `w`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
unsafe fn sums<V: Four, const R: usize, const P: usize, const MASKED: bool>(
    acc: &mut [[__m512; P]; R],
    w: &Checked<'_, V>,
    mut start: [usize; R],
    end: [usize; R],
    span: Span<'_, P, MASKED>,
) {
    let (indices, values) = (w.csr().indices().as_ptr(), w.csr().values().as_ptr());
    let mut together = usize::MAX;
    for r in 0..R {
        together = together.min((end[r] - start[r]) / STEP);
    }
    // SAFETY: elements below `end` are there; a checked matrix's indices are below the rows of X.
    unsafe {
        for _ in 0..together {
            for r in 0..R {
                step::<V, P, MASKED>(
                    &mut acc[r],
                    indices.add(start[r]),
                    values.add(start[r]),
                    span,
                );
                start[r] += STEP;
            }
        }
        for r in 0..R {
            while start[r] + STEP <= end[r] {
                step::<V, P, MASKED>(
                    &mut acc[r],
                    indices.add(start[r]),
                    values.add(start[r]),
                    span,
                );
                start[r] += STEP;
            }
            while start[r] < end[r] {
                let v = V::one(&*values.add(start[r]));
                add::<P, MASKED>(&mut acc[r], v, (*indices.add(start[r])).into(), span);
                start[r] += 1;
            }
        }
    }
}

/// Four elements of a row.
///
/// # Safety
/// There are four; every index is below the rows of X.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
unsafe fn step<V: Four, const P: usize, const MASKED: bool>(
    acc: &mut [__m512; P],
    indices: *const u16,
    values: *const V,
    span: Span<'_, P, MASKED>,
) {
    // SAFETY: this function's own features are those `four` asks for; an array of four u16 is a word.
    let (v, word) = unsafe {
        (
            V::four(&*values.cast()),
            indices.cast::<u64>().read_unaligned(),
        )
    };
    macro_rules! element {
        ($k:literal, $spread:literal) => {
            let v: __m512 = {
                let one;
                // A shuffle that the compiler sees becomes two: it would not spread a value that it knows to be
                // in every quarter without going through the first.
                // SAFETY: a shuffle of a register.
                unsafe {
                    asm!(
                        concat!("vpermilps {one}, {v}, ", $spread),
                        one = out(zmm_reg) one,
                        v = in(zmm_reg) v,
                        options(pure, nomem, nostack, preserves_flags),
                    );
                }
                one
            };
            // SAFETY: the caller's.
            unsafe { add::<P, MASKED>(acc, v, usize::from((word >> (16 * $k)) as u16), span) };
        };
    }
    element!(0, "0x00");
    element!(1, "0x55");
    element!(2, "0xaa");
    element!(3, "0xff");
}

/// `acc += v · X[j]`.
///
/// # Safety
/// `j` is a row of X.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
unsafe fn add<const P: usize, const MASKED: bool>(
    acc: &mut [__m512; P],
    v: __m512,
    j: usize,
    span: Span<'_, P, MASKED>,
) {
    for (p, acc) in acc.iter_mut().enumerate() {
        // SAFETY: the caller's.
        let x = unsafe { span.load(j, p) };
        *acc = _mm512_add_ps(*acc, _mm512_mul_ps(v, x));
    }
}
