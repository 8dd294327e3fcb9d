//! Dense rows of f32 and f16: the sparse kernels' opponents, of the same effort.
#![allow(unsafe_code)]

use core::arch::x86_64::{__m256, _mm256_add_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps};

use super::lanes::{Widen, add_columns, load, padded, store};
use crate::kernels::isa::Avx2;
use crate::sparse::Dense;

/// `y = W x`, rows are outputs: eight rows, eight columns a step, transposed.
pub(super) fn output<V: Widen>(_: Avx2, w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { output_avx2(w, x, y) }
}

/// Inputs that go over the outputs together: each output is loaded and stored once for all of them, and as many rows
/// are read in order, which is what prefetchers follow.
const TOGETHER: usize = 8;

/// `y = W x`, rows are inputs; zero inputs are skipped.
pub(super) fn input<V: Widen>(_: Avx2, w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { input_avx2(w, x, y) }
}

#[target_feature(enable = "avx2,f16c")]
fn output_avx2<V: Widen>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    let (x, x_rest) = x.as_chunks::<8>();
    for (block, y) in y.chunks_mut(8).enumerate() {
        // A loop, because no closure with wider instructions than its caller's is inlined.
        let mut rows: [(&[[V; 8]], &[V]); 8] = [(&[], &[]); 8];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = w.row(block * 8 + r.min(y.len() - 1)).as_chunks();
        }
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
    y.fill(0.0);
    let (mut some, mut n) = ([0; TOGETHER], 0);
    for (j, &x_j) in x.iter().enumerate() {
        some[n] = j;
        n += usize::from(x_j != 0.0);
        if n == TOGETHER {
            add_rows(&w, x, &some, y);
            n = 0;
        }
    }
    let (fours, rest) = some[..n].as_chunks::<4>();
    for some in fours {
        add_rows(&w, x, some, y);
    }
    for &j in rest {
        add_rows(&w, x, &[j], y);
    }
}

/// Adds the products of `K` inputs, one after the other, to every output.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn add_rows<V: Widen, const K: usize>(
    w: &Dense<'_, V>,
    x: &[f32],
    inputs: &[usize; K],
    y: &mut [f32],
) {
    let (whole, rest) = y.as_chunks_mut::<8>();
    let (mut factors, mut rows) = ([_mm256_setzero_ps(); K], [&[][..]; K]);
    for k in 0..K {
        factors[k] = _mm256_set1_ps(x[inputs[k]]);
        rows[k] = &w.row(inputs[k]).as_chunks::<8>().0[..whole.len()];
    }
    for (at, y) in whole.iter_mut().enumerate() {
        let mut acc = load(y);
        for k in 0..K {
            // SAFETY: this function's own features are those `widen` asks for.
            let v = unsafe { V::widen(&rows[k][at]) };
            acc = _mm256_add_ps(acc, _mm256_mul_ps(v, factors[k]));
        }
        store(y, acc);
    }
    for &j in inputs {
        for (y, v) in rest.iter_mut().zip(w.row(j).as_chunks::<8>().1) {
            *y += v.to_f32() * x[j];
        }
    }
}
