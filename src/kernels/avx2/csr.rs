//! Sparse rows of f32 and f16.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256, _mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_cvtepu16_epi32,
    _mm256_mask_i32gather_ps, _mm256_min_epu32, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_ps,
};

use half::f16;

use super::lanes::{Widen, add_columns, iota, load_u16, store, window};
use crate::kernels::isa::Avx2;
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
    y.fill(0.0);
    if x.is_empty() {
        return;
    }
    let nnz = w.nnz() as u32;
    for (block, y) in y.chunks_mut(8).enumerate() {
        let (mut start, mut left) = ([0usize; 8], [0i32; 8]);
        let ends = &w.indptr()[block * 8..][..y.len() + 1];
        for (r, ends) in ends.windows(2).enumerate() {
            start[r] = ends[0] as usize;
            left[r] = ends[1].min(nnz).saturating_sub(ends[0]) as i32;
        }
        let longest = left.iter().fold(0, |a, &b| a.max(b));
        let mut acc = _mm256_setzero_ps();
        let mut at = 0;
        while at < longest {
            let mut p = [_mm256_setzero_ps(); 8];
            for r in 0..8 {
                p[r] = products(&w, x, start[r] + at as usize, left[r] - at);
            }
            acc = add_columns(acc, &p);
            at += 8;
        }
        let mut out = [0.0; 8];
        store(&mut out, acc);
        y.copy_from_slice(&out[..y.len()]);
    }
}

/// `v · x[index]` of the eight nonzeros from `start` on, of which `left` belong to the row; zero beyond.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn products<V: Widen>(w: &Csr<'_, V>, x: &[f32], start: usize, left: i32) -> __m256 {
    let last = _mm256_set1_epi32(x.len() as i32 - 1);
    let mask = _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(left), iota()));
    let index = _mm256_cvtepu16_epi32(load_u16(&window(w.indices(), start)));
    let index = _mm256_min_epu32(index, last);
    // SAFETY: every index is at most `x.len() - 1`, and `x` is not empty.
    let x = unsafe { _mm256_mask_i32gather_ps::<4>(_mm256_setzero_ps(), x.as_ptr(), index, mask) };
    // SAFETY: this function's own features are those `widen` asks for.
    let v = unsafe { V::widen(&window(w.values(), start)) };
    _mm256_mul_ps(v, x)
}

#[target_feature(enable = "avx2,f16c")]
fn input_avx2<V: Widen>(w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        if x == 0.0 {
            continue;
        }
        let (indices, values) = w.row(j);
        for (at, indices) in indices.chunks(8).enumerate() {
            let mut p = [0.0; 8];
            // SAFETY: this function's own features are those `widen` asks for.
            let v = unsafe { V::widen(&window(values, at * 8)) };
            store(&mut p, _mm256_mul_ps(v, _mm256_set1_ps(x)));
            for (&i, p) in indices.iter().zip(p) {
                y[i as usize] += p;
            }
        }
    }
}
