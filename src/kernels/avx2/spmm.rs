//! Sparse rows of f32 and f16 times several tokens: eight tokens a vector.
//!
//! ```text
//!   acc (R rows × P vectors of tokens) += v · X[i]        element by element, rows side by side: one sum is a chain
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{__m256, _mm256_add_ps, _mm256_mul_ps, _mm256_setzero_ps};

use super::span::{Span, Spread};
use crate::kernels::batch::{Batch, Lanes};
use crate::kernels::block::Checked;
use crate::kernels::isa::Avx2;
use crate::sparse::Csr;

/// `Y = W X`, rows are outputs.
pub(super) fn output<V: Spread>(_: Avx2, w: Csr<'_, V>, b: &Batch<'_>, y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { output_avx2(w, b.x(), b.lanes(), y) }
}

#[target_feature(enable = "avx2,f16c")]
fn output_avx2<V: Spread>(w: Csr<'_, V>, x: &[f32], lanes: Lanes, y: &mut [f32]) {
    let (tokens, stride) = (lanes.tokens(), lanes.stride());
    let shapes = (w.cols() * stride, w.rows() * stride);
    assert_eq!((x.len(), y.len()), shapes, "shapes of a batch");
    let w = Checked::new(w);
    let mut at = 0;
    while at < tokens {
        at += match tokens - at {
            32.. => panel::<V, 2, 4, false>(&w, x, lanes, at, 32, y),
            16.. => panel::<V, 2, 2, false>(&w, x, lanes, at, 16, y),
            n @ 9.. => panel::<V, 2, 2, true>(&w, x, lanes, at, n, y),
            8 => panel::<V, 4, 1, false>(&w, x, lanes, at, 8, y),
            n => panel::<V, 4, 1, true>(&w, x, lanes, at, n, y),
        };
    }
}

/// All outputs of `tokens` tokens from `at` on, in `P` vectors, the last of them not full if `MASKED`. Returns `tokens`.
#[inline(never)]
#[target_feature(enable = "avx2,f16c")]
fn panel<V: Spread, const R: usize, const P: usize, const MASKED: bool>(
    w: &Checked<'_, V>,
    x: &[f32],
    lanes: Lanes,
    at: usize,
    tokens: usize,
    y: &mut [f32],
) -> usize {
    let span = Span::new::<P, MASKED>(x, lanes.stride(), at, tokens);
    let rows = w.csr().rows();
    let whole = rows - rows % R;
    for first in (0..whole).step_by(R) {
        group::<V, R, P, MASKED>(w, first, span, y);
    }
    for first in whole..rows {
        group::<V, 1, P, MASKED>(w, first, span, y);
    }
    tokens
}

/// Outputs of rows `first .. first + R`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn group<V: Spread, const R: usize, const P: usize, const MASKED: bool>(
    w: &Checked<'_, V>,
    first: usize,
    span: Span<'_>,
    y: &mut [f32],
) {
    let y = &mut y[first * span.stride()..][..R * span.stride()];
    let (mut start, mut length) = ([0; R], [0; R]);
    for r in 0..R {
        let (from, to) = w.range(first + r);
        (start[r], length[r]) = (from, to - from);
    }
    let together = length.iter().fold(usize::MAX, |a, &b| a.min(b));
    let mut acc = [[_mm256_setzero_ps(); P]; R];
    // SAFETY: ranges of rows; `y` has R rows.
    unsafe {
        for k in 0..together {
            for r in 0..R {
                add::<V, P, MASKED>(&mut acc[r], w, start[r] + k, span);
            }
        }
        for r in 0..R {
            for k in together..length[r] {
                add::<V, P, MASKED>(&mut acc[r], w, start[r] + k, span);
            }
        }
        span.store::<R, P, MASKED>(&acc, y);
    }
}

/// Adds the products of element `at`.
///
/// # Safety
/// There is such an element.
#[inline]
#[target_feature(enable = "avx2,f16c")]
unsafe fn add<V: Spread, const P: usize, const MASKED: bool>(
    acc: &mut [__m256; P],
    w: &Checked<'_, V>,
    at: usize,
    span: Span<'_>,
) {
    // SAFETY: the caller's; indices of a checked matrix are rows of X. This function's own features are those that
    // `spread` asks for.
    unsafe {
        let j = usize::from(*w.csr().indices().get_unchecked(at));
        let v = w.csr().values().get_unchecked(at).spread();
        for (p, acc) in acc.iter_mut().enumerate() {
            let x = span.load::<P, MASKED>(j, p);
            *acc = _mm256_add_ps(*acc, _mm256_mul_ps(v, x));
        }
    }
}
