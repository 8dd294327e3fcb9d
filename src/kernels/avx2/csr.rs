//! Sparse rows of f32 and f16.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m128, __m128i, __m256, _mm_add_epi32, _mm_and_ps, _mm_castsi128_ps, _mm_cmpgt_epi32,
    _mm_mul_ps, _mm_set1_epi32, _mm_setr_epi32, _mm_setr_ps, _mm256_mul_ps, _mm256_set1_ps,
    _mm256_setzero_ps,
};

use half::f16;

use super::lanes::{Widen, add_columns4, padded, store};
use crate::kernels::block::{Block, Checked};
use crate::kernels::isa::Avx2;
use crate::kernels::portable::csr_row;
use crate::sparse::Csr;

/// `y = W x`, rows are outputs.
pub(super) fn output<V: Widen>(_: Avx2, w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { output_avx2(w, x, y) }
}

/// `y = W x`, rows are inputs, f16.
pub(super) fn input_f16(_: Avx2, w: Csr<'_, f16>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { input_avx2(w, x, y) }
}

#[target_feature(enable = "avx2,f16c")]
fn output_avx2<V: Widen>(w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    assert_eq!(w.cols(), x.len(), "shape of x");
    let w = Checked::new(w);
    for (b, y) in y.chunks_mut(8).enumerate() {
        let block = w.block(b * 8);
        let sums = if block.inner {
            sums::<V, true>(&block, x)
        } else {
            sums::<V, false>(&block, x)
        };
        let mut out = [0.0; 8];
        store(&mut out, sums);
        y.copy_from_slice(&out[..y.len()]);
        block.finish(b * 8, y, |i, v| csr_row(i, v, x));
    }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn sums<V: Widen, const INNER: bool>(block: &Block<'_, V, 8>, x: &[f32]) -> __m256 {
    let mut acc = _mm256_setzero_ps();
    for at in (0..block.longest).step_by(4) {
        let first = _mm_set1_epi32(at as i32);
        let lanes = _mm_add_epi32(first, _mm_setr_epi32(0, 1, 2, 3));
        // Written out: a loop over rows is not unrolled, and its vectors would live in memory.
        let p = [
            products::<V, INNER>(block, x, 0, at, lanes),
            products::<V, INNER>(block, x, 1, at, lanes),
            products::<V, INNER>(block, x, 2, at, lanes),
            products::<V, INNER>(block, x, 3, at, lanes),
            products::<V, INNER>(block, x, 4, at, lanes),
            products::<V, INNER>(block, x, 5, at, lanes),
            products::<V, INNER>(block, x, 6, at, lanes),
            products::<V, INNER>(block, x, 7, at, lanes),
        ];
        acc = add_columns4(acc, &p);
    }
    acc
}

/// `v · x[index]` of four elements of row `r` from its `at`-th on; zero beyond the row.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn products<V: Widen, const INNER: bool>(
    block: &Block<'_, V, 8>,
    x: &[f32],
    r: usize,
    at: usize,
    lanes: __m128i,
) -> __m128 {
    let (i, v) = block.window::<4, INNER>(r, at);
    // SAFETY: indices of a block are checked; all are below the length of x.
    let x = unsafe {
        let x = |k: usize| *x.get_unchecked(usize::from(i[k]));
        _mm_setr_ps(x(0), x(1), x(2), x(3))
    };
    // SAFETY: this function's own features are those `widen4` asks for.
    let v = unsafe { V::widen4(&v) };
    let within = _mm_cmpgt_epi32(_mm_set1_epi32(block.length[r]), lanes);
    _mm_mul_ps(v, _mm_and_ps(x, _mm_castsi128_ps(within)))
}

#[target_feature(enable = "avx2,f16c")]
fn input_avx2<V: Widen>(w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        if x == 0.0 {
            continue;
        }
        let (indices, values) = w.row(j);
        let (whole, rest) = values.as_chunks::<8>();
        let mut scatter = |at: usize, v: &[V; 8]| {
            let mut p = [0.0; 8];
            // SAFETY: this function's own features are those `widen` asks for.
            store(
                &mut p,
                _mm256_mul_ps(unsafe { V::widen(v) }, _mm256_set1_ps(x)),
            );
            for (&i, p) in indices[at..].iter().zip(p) {
                y[usize::from(i)] += p;
            }
        };
        for (k, v) in whole.iter().enumerate() {
            scatter(8 * k, v);
        }
        if !rest.is_empty() {
            scatter(8 * whole.len(), &padded(rest));
        }
    }
}
