//! Dense rows of f32 and f16 times several tokens: the sparse kernels' opponent, of the same effort.
//!
//! ```text
//!   acc (R rows × P vectors of tokens) += W[r, j] · X[j]        X[j] is loaded once for R rows, W[r, j] once for P vectors
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{__m512, _mm512_add_ps, _mm512_mul_ps, _mm512_setzero_ps};

use super::span::{Four, Span};
use crate::kernels::batch::{Batch, Lanes};
use crate::kernels::isa::Avx512;
use crate::sparse::Dense;

/// `Y = W X`, rows are outputs.
pub(super) fn output<V: Four>(_: Avx512, w: Dense<'_, V>, b: &Batch<'_>, y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { output_avx512(w, b.x(), b.lanes(), y) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn output_avx512<V: Four>(w: Dense<'_, V>, x: &[f32], lanes: Lanes, y: &mut [f32]) {
    let (tokens, stride) = (lanes.tokens(), lanes.stride());
    let shapes = (w.cols() * stride, w.rows() * stride);
    assert_eq!((x.len(), y.len()), shapes, "shapes of a batch");
    let mut at = 0;
    while at < tokens {
        at += match tokens - at {
            64.. => panel::<V, 4, 4, false>(w, Span::new(x, lanes, at, 64), y),
            32.. => panel::<V, 8, 2, false>(w, Span::new(x, lanes, at, 32), y),
            n @ 17.. => panel::<V, 8, 2, true>(w, Span::new(x, lanes, at, n), y),
            16 => panel::<V, 8, 1, false>(w, Span::new(x, lanes, at, 16), y),
            n => panel::<V, 8, 1, true>(w, Span::new(x, lanes, at, n), y),
        };
    }
}

/// All outputs of a span of tokens. Returns how many those are.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn panel<V: Four, const R: usize, const P: usize, const MASKED: bool>(
    w: Dense<'_, V>,
    span: Span<'_, P, MASKED>,
    y: &mut [f32],
) -> usize {
    assert!(w.cols() <= span.rows(), "rows of X");
    let whole = w.rows() - w.rows() % R;
    for first in (0..whole).step_by(R) {
        group::<V, R, P, MASKED>(w, first, span, y);
    }
    for first in whole..w.rows() {
        group::<V, 1, P, MASKED>(w, first, span, y);
    }
    span.tokens()
}

/// Outputs of rows `first .. first + R`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn group<V: Four, const R: usize, const P: usize, const MASKED: bool>(
    w: Dense<'_, V>,
    first: usize,
    span: Span<'_, P, MASKED>,
    y: &mut [f32],
) {
    let cols = w.cols();
    let values = &w.values()[first * cols..][..R * cols];
    let y = &mut y[first * span.stride()..][..R * span.stride()];
    let mut acc = [[_mm512_setzero_ps(); P]; R];
    for j in 0..cols {
        let mut x: [__m512; P] = [_mm512_setzero_ps(); P];
        for (p, x) in x.iter_mut().enumerate() {
            // SAFETY: X has as many rows as W has columns.
            *x = unsafe { span.load(j, p) };
        }
        for (r, acc) in acc.iter_mut().enumerate() {
            // SAFETY: `values` has R rows; this function's own features are those `one` asks for.
            let v = unsafe { V::one(values.get_unchecked(r * cols + j)) };
            for (acc, x) in acc.iter_mut().zip(x) {
                *acc = _mm512_add_ps(*acc, _mm512_mul_ps(v, x));
            }
        }
    }
    // SAFETY: `y` has R rows.
    unsafe { span.store(&acc, y) };
}
