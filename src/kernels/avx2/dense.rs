//! Dense rows of f32 and f16: the sparse kernels' opponents, of the same effort.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256, _CMP_NEQ_UQ, _mm256_add_ps, _mm256_cmp_ps, _mm256_movemask_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_setzero_ps,
};

use super::lanes::{Widen, add_columns, load, padded, store};
use crate::kernels::isa::Avx2;
use crate::sparse::Dense;

/// `y = W x`, rows are outputs: eight rows, eight columns a step, transposed.
pub(super) fn output<V: Widen>(_: Avx2, w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { output_avx2(w, x, y) }
}

/// `y = W x`, rows are inputs: outputs stay in registers while the inputs go by; zero inputs are skipped.
pub(super) fn input<V: Widen>(_: Avx2, w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { input_avx2(w, x, y) }
}

#[target_feature(enable = "avx2,f16c")]
fn output_avx2<V: Widen>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    let (x, x_rest) = x.as_chunks::<8>();
    for (block, y) in y.chunks_mut(8).enumerate() {
        let row = |r: usize| w.row(block * 8 + r.min(y.len() - 1)).as_chunks::<8>();
        let rows: [(&[[V; 8]], &[V]); 8] = core::array::from_fn(row);
        let mut acc = _mm256_setzero_ps();
        for (at, x) in x.iter().enumerate() {
            acc = step(acc, x, |r| rows[r].0[at]);
        }
        if !x_rest.is_empty() {
            acc = step(acc, &padded(x_rest), |r| padded(rows[r].1));
        }
        let mut out = [0.0; 8];
        store(&mut out, acc);
        y.copy_from_slice(&out[..y.len()]);
    }
}

/// Adds eight columns of eight rows.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn step<V: Widen>(acc: __m256, x: &[f32; 8], row: impl Fn(usize) -> [V; 8]) -> __m256 {
    let x = load(x);
    let mut p = [_mm256_setzero_ps(); 8];
    for (r, p) in p.iter_mut().enumerate() {
        // SAFETY: this function's own features are those `widen` asks for.
        *p = _mm256_mul_ps(unsafe { V::widen(&row(r)) }, x);
    }
    add_columns(acc, &p)
}

#[target_feature(enable = "avx2,f16c")]
fn input_avx2<V: Widen>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    let mut at = 0;
    while y.len() - at >= 64 {
        columns::<V, 8>(&w, x, at, y);
        at += 64;
    }
    while y.len() - at >= 8 {
        columns::<V, 1>(&w, x, at, y);
        at += 8;
    }
    y[at..].fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        for (y, v) in y[at..].iter_mut().zip(&w.row(j)[at..]) {
            *y += v.to_f32() * x;
        }
    }
}

/// Outputs `at .. at + 8 G`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn columns<V: Widen, const G: usize>(w: &Dense<'_, V>, x: &[f32], at: usize, y: &mut [f32]) {
    let mut acc = [_mm256_setzero_ps(); G];
    for (chunk, x) in x.chunks(64).enumerate() {
        let mut set = nonzero(x);
        while set != 0 {
            let bit = set.trailing_zeros() as usize;
            set &= set - 1;
            let row = &w.row(chunk * 64 + bit)[at..][..8 * G];
            let x = _mm256_set1_ps(x[bit]);
            for (acc, v) in acc.iter_mut().zip(row.as_chunks().0) {
                // SAFETY: this function's own features are those `widen` asks for.
                let v = unsafe { V::widen(v) };
                *acc = _mm256_add_ps(*acc, _mm256_mul_ps(v, x));
            }
        }
    }
    for (y, acc) in y[at..][..8 * G].as_chunks_mut().0.iter_mut().zip(acc) {
        store(y, acc);
    }
}

/// Bit i is set where x\[i\] is not zero. At most 64 elements.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn nonzero(x: &[f32]) -> u64 {
    let mut set = 0;
    for (i, x) in x.chunks(8).enumerate() {
        let x = load(&padded(x));
        let lanes = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(x, _mm256_setzero_ps()));
        set |= (lanes as u64) << (8 * i);
    }
    set
}
