//! Dense rows of f32 and f16: the sparse kernels' opponents, of the same effort.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512, _CMP_NEQ_UQ, _MM_HINT_T0, _mm_prefetch, _mm512_add_ps, _mm512_cmp_ps_mask,
    _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps,
};

use super::lanes::{Widen, add_columns, padded, store};
use crate::kernels::isa::Avx512;
use crate::sparse::Dense;

/// `y = W x`, rows are outputs: sixteen rows, eight columns a step, transposed.
pub(super) fn output<V: Widen>(_: Avx512, w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { output_avx512(w, x, y) }
}

/// `y = W x`, rows are inputs: outputs stay in registers while the inputs go by; zero inputs are skipped.
pub(super) fn input<V: Widen>(_: Avx512, w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { input_avx512(w, x, y) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn output_avx512<V: Widen>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    let (x, x_rest) = x.as_chunks::<8>();
    for (block, y) in y.chunks_mut(16).enumerate() {
        let row = |r: usize| w.row(block * 16 + r.min(y.len() - 1)).as_chunks::<8>();
        let rows: [(&[[V; 8]], &[V]); 16] = core::array::from_fn(row);
        let mut acc = _mm512_setzero_ps();
        for (at, x) in x.iter().enumerate() {
            let whole = |r: usize| rows[r].0[at];
            acc = step(acc, x, whole);
        }
        if !x_rest.is_empty() {
            let x = padded(x_rest);
            acc = step(acc, &x, |r| padded(rows[r].1));
        }
        let mut out = [0.0; 16];
        store(&mut out, acc);
        y.copy_from_slice(&out[..y.len()]);
    }
}

/// Adds eight columns of sixteen rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn step<V: Widen>(acc: __m512, x: &[f32; 8], row: impl Fn(usize) -> [V; 8]) -> __m512 {
    // SAFETY: this function's own features are those `widen` asks for.
    let x = unsafe { f32::widen(x, x) };
    let mut p = [_mm512_setzero_ps(); 8];
    for (r, p) in p.iter_mut().enumerate() {
        // SAFETY: as above.
        *p = _mm512_mul_ps(unsafe { V::widen(&row(r), &row(r + 8)) }, x);
    }
    add_columns(acc, &p)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn input_avx512<V: Widen>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    let mut at = 0;
    while y.len() - at >= 128 {
        columns::<V, 8>(&w, x, at, y);
        at += 128;
    }
    while y.len() - at >= 16 {
        columns::<V, 1>(&w, x, at, y);
        at += 16;
    }
    y[at..].fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        for (y, v) in y[at..].iter_mut().zip(&w.row(j)[at..]) {
            *y += v.to_f32() * x;
        }
    }
}

/// Bytes of a matrix that the second level of cache holds beside others.
const CLOSE: usize = 384 << 10;
/// How many rows ahead a band of a larger matrix is asked for.
const ROWS_AHEAD: usize = 12;

/// Outputs `at .. at + 16 G`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn columns<V: Widen, const G: usize>(w: &Dense<'_, V>, x: &[f32], at: usize, y: &mut [f32]) {
    let mut acc = [_mm512_setzero_ps(); G];
    let far = size_of_val(w.values()) > CLOSE;
    for (chunk, x) in x.chunks(64).enumerate() {
        let mut set = nonzero(x);
        while set != 0 {
            let bit = set.trailing_zeros() as usize;
            set &= set - 1;
            let row = &w.row(chunk * 64 + bit)[at..][..16 * G];
            if far {
                // The band's part of a row further on: rows are too far apart for prefetchers.
                let later = row.as_ptr().wrapping_add(ROWS_AHEAD * w.cols());
                for line in 0..G * size_of::<V>() / 4 {
                    let line = later.cast::<i8>().wrapping_add(64 * line);
                    _mm_prefetch::<_MM_HINT_T0>(line);
                }
            }
            let x = _mm512_set1_ps(x[bit]);
            for (acc, v) in acc.iter_mut().zip(row.as_chunks::<8>().0.chunks_exact(2)) {
                // SAFETY: this function's own features are those `widen` asks for.
                let v = unsafe { V::widen(&v[0], &v[1]) };
                *acc = _mm512_add_ps(*acc, _mm512_mul_ps(v, x));
            }
        }
    }
    for (y, acc) in y[at..][..16 * G].as_chunks_mut().0.iter_mut().zip(acc) {
        store(y, acc);
    }
}

/// Bit i is set where x\[i\] is not zero. At most 64 elements.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn nonzero(x: &[f32]) -> u64 {
    let mut set = 0;
    for (i, x) in x.chunks(8).enumerate() {
        // SAFETY: this function's own features are those `widen` asks for.
        let x = unsafe { f32::widen(&padded(x), &[0.0; 8]) };
        let lanes = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps());
        set |= u64::from(lanes) << (8 * i);
    }
    set
}
