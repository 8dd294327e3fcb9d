//! Dense rows of f32 and f16: the sparse kernels' opponents, of the same effort.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    _CMP_NEQ_UQ, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_mul_ps, _mm512_set1_ps,
    _mm512_setzero_ps,
};

use super::lanes::{Part, Widen, add_columns, store};
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
    for (block, y) in y.chunks_mut(16).enumerate() {
        let row = |r: usize| w.row(block * 16 + r.min(y.len() - 1));
        let mut acc = _mm512_setzero_ps();
        for at in (0..w.cols()).step_by(8) {
            let part = Part::of(&x[at..]);
            // SAFETY: this function's own features are those `widen` asks for.
            let x = unsafe { f32::widen(part, part) };
            let mut p = [_mm512_setzero_ps(); 8];
            for r in 0..8 {
                let (low, high) = (Part::of(&row(r)[at..]), Part::of(&row(r + 8)[at..]));
                // SAFETY: as above.
                p[r] = _mm512_mul_ps(unsafe { V::widen(low, high) }, x);
            }
            acc = add_columns(acc, &p);
        }
        let mut out = [0.0; 16];
        store(&mut out, acc);
        y.copy_from_slice(&out[..y.len()]);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn input_avx512<V: Widen>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    let mut at = 0;
    while y.len() - at >= 128 {
        columns::<V, 8>(&w, x, at, y);
        at += 128;
    }
    while at < y.len() {
        columns::<V, 1>(&w, x, at, y);
        at += 16;
    }
}

/// Outputs `at .. at + 16 G`, or as many of them as there are.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn columns<V: Widen, const G: usize>(w: &Dense<'_, V>, x: &[f32], at: usize, y: &mut [f32]) {
    let mut acc = [_mm512_setzero_ps(); G];
    let end = (at + 16 * G).min(y.len());
    for (chunk, x) in x.chunks(64).enumerate() {
        let mut set = nonzero(x);
        while set != 0 {
            let bit = set.trailing_zeros() as usize;
            set &= set - 1;
            let row = &w.row(chunk * 64 + bit)[at..end];
            let x = _mm512_set1_ps(x[bit]);
            for (acc, v) in acc.iter_mut().zip(row.chunks(16)) {
                let (low, high) = v.split_at(v.len().min(8));
                // SAFETY: this function's own features are those `widen` asks for.
                let v = unsafe { V::widen(Part::of(low), Part::of(high)) };
                *acc = _mm512_add_ps(*acc, _mm512_mul_ps(v, x));
            }
        }
    }
    for (y, acc) in y[at..end].chunks_mut(16).zip(acc) {
        let mut out = [0.0; 16];
        store(&mut out, acc);
        y.copy_from_slice(&out[..y.len()]);
    }
}

/// Bit i is set where x\[i\] is not zero. At most 64 elements.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn nonzero(x: &[f32]) -> u64 {
    let mut set = 0;
    for (i, x) in x.chunks(16).enumerate() {
        let (low, high) = x.split_at(x.len().min(8));
        // SAFETY: this function's own features are those `widen` asks for.
        let x = unsafe { f32::widen(Part::of(low), Part::of(high)) };
        let lanes = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps());
        set |= u64::from(lanes) << (16 * i);
    }
    set
}
