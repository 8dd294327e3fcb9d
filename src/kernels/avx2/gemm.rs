//! Dense rows of f32 and f16 times several tokens: the sparse kernels' opponent, of the same effort.
//!
//! ```text
//!   acc (R rows × P vectors of tokens) += W[r, j] · X[j]        X[j] is loaded once for R rows, W[r, j] once for P vectors
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{__m256, _mm256_add_ps, _mm256_mul_ps, _mm256_setzero_ps};

use super::span::{Span, Spread};
use crate::kernels::batch::{Batch, Lanes};
use crate::kernels::isa::Avx2;
use crate::sparse::Dense;

/// `Y = W X`, rows are outputs.
pub(super) fn output<V: Spread>(_: Avx2, w: Dense<'_, V>, b: &Batch<'_>, y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { output_avx2(w, b.x(), b.lanes(), y) }
}

#[target_feature(enable = "avx2,f16c")]
fn output_avx2<V: Spread>(w: Dense<'_, V>, x: &[f32], lanes: Lanes, y: &mut [f32]) {
    let (tokens, stride) = (lanes.tokens(), lanes.stride());
    let shapes = (w.cols() * stride, w.rows() * stride);
    assert_eq!((x.len(), y.len()), shapes, "shapes of a batch");
    let mut at = 0;
    while at < tokens {
        at += match tokens - at {
            16.. => panel::<V, 5, 2, false>(w, x, lanes, at, 16, y),
            n @ 9.. => panel::<V, 5, 2, true>(w, x, lanes, at, n, y),
            8 => panel::<V, 8, 1, false>(w, x, lanes, at, 8, y),
            n => panel::<V, 8, 1, true>(w, x, lanes, at, n, y),
        };
    }
}

/// All outputs of `tokens` tokens from `at` on, in `P` vectors, the last of them not full if `MASKED`. Returns `tokens`.
#[inline(never)]
#[target_feature(enable = "avx2,f16c")]
fn panel<V: Spread, const R: usize, const P: usize, const MASKED: bool>(
    w: Dense<'_, V>,
    x: &[f32],
    lanes: Lanes,
    at: usize,
    tokens: usize,
    y: &mut [f32],
) -> usize {
    let span = Span::new::<P, MASKED>(x, lanes.stride(), at, tokens);
    let whole = w.rows() - w.rows() % R;
    for first in (0..whole).step_by(R) {
        group::<V, R, P, MASKED>(w, first, span, y);
    }
    for first in whole..w.rows() {
        group::<V, 1, P, MASKED>(w, first, span, y);
    }
    tokens
}

/// Outputs of rows `first .. first + R`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn group<V: Spread, const R: usize, const P: usize, const MASKED: bool>(
    w: Dense<'_, V>,
    first: usize,
    span: Span<'_>,
    y: &mut [f32],
) {
    let cols = w.cols();
    let values = &w.values()[first * cols..][..R * cols];
    let y = &mut y[first * span.stride()..][..R * span.stride()];
    let mut acc = [[_mm256_setzero_ps(); P]; R];
    for j in 0..cols {
        let mut x: [__m256; P] = [_mm256_setzero_ps(); P];
        for (p, x) in x.iter_mut().enumerate() {
            // SAFETY: X has as many rows as W has columns.
            *x = unsafe { span.load::<P, MASKED>(j, p) };
        }
        for (r, acc) in acc.iter_mut().enumerate() {
            // SAFETY: `values` has R rows; this function's own features are those `spread` asks for.
            let v = unsafe { values.get_unchecked(r * cols + j).spread() };
            for (acc, x) in acc.iter_mut().zip(x) {
                *acc = _mm256_add_ps(*acc, _mm256_mul_ps(v, x));
            }
        }
    }
    // SAFETY: `y` has R rows.
    unsafe { span.store::<R, P, MASKED>(&acc, y) };
}
