//! Dense rows of f32 and f16: the sparse kernels' opponents, of the same effort.

use super::{Float, Quad, padded};
use crate::sparse::Dense;

/// `y = W x`, rows are outputs: eight rows, four columns a step, transposed.
pub(super) fn output<Q: Quad, V: Float>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    let (x, x_rest) = x.as_chunks::<4>();
    for (block, y) in y.chunks_mut(8).enumerate() {
        let row = |r: usize| w.row(block * 8 + r.min(y.len() - 1)).as_chunks::<4>();
        let rows: [(&[[V; 4]], &[V]); 8] = core::array::from_fn(row);
        let whole = rows.map(|(whole, _)| &whole[..x.len()]);
        let mut acc = [Q::splat(0.0); 2];
        for (at, x) in x.iter().enumerate() {
            acc = step::<Q, V>(acc, x, |r| whole[r][at]);
        }
        if !x_rest.is_empty() {
            acc = step::<Q, V>(acc, &padded(x_rest), |r| padded(rows[r].1));
        }
        let mut out = [[0.0; 4]; 2];
        for (out, acc) in out.iter_mut().zip(acc) {
            Q::store(out, acc);
        }
        y.copy_from_slice(&out.as_flattened()[..y.len()]);
    }
}

/// Adds four columns of eight rows.
#[inline(always)]
fn step<Q: Quad, V: Float>(
    mut acc: [Q::F; 2],
    x: &[f32; 4],
    row: impl Fn(usize) -> [V; 4],
) -> [Q::F; 2] {
    let x = Q::load(x);
    let product = |r: usize| Q::mul(V::quad::<Q>(&row(r)), x);
    for (half, acc) in acc.iter_mut().enumerate() {
        let p = [
            product(4 * half),
            product(4 * half + 1),
            product(4 * half + 2),
            product(4 * half + 3),
        ];
        for column in Q::columns(p) {
            *acc = Q::add(*acc, column);
        }
    }
    acc
}

/// `y = W x`, rows are inputs: outputs stay in registers while the inputs go by; zero inputs are skipped.
pub(super) fn input<Q: Quad, V: Float>(w: Dense<'_, V>, x: &[f32], y: &mut [f32]) {
    let mut at = 0;
    while y.len() - at >= 32 {
        columns::<Q, V, 8>(&w, x, at, y);
        at += 32;
    }
    while y.len() - at >= 4 {
        columns::<Q, V, 1>(&w, x, at, y);
        at += 4;
    }
    y[at..].fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        for (y, v) in y[at..].iter_mut().zip(&w.row(j)[at..]) {
            *y += v.to_f32() * x;
        }
    }
}

/// Outputs `at .. at + 4 G`.
#[inline(always)]
fn columns<Q: Quad, V: Float, const G: usize>(
    w: &Dense<'_, V>,
    x: &[f32],
    at: usize,
    y: &mut [f32],
) {
    let mut acc = [Q::splat(0.0); G];
    for (j, &x) in x.iter().enumerate() {
        if x == 0.0 {
            continue;
        }
        let x = Q::splat(x);
        let row = &w.row(j)[at..][..4 * G];
        for (acc, v) in acc.iter_mut().zip(row.as_chunks().0) {
            *acc = Q::add(*acc, Q::mul(V::quad::<Q>(v), x));
        }
    }
    for (y, acc) in y[at..][..4 * G].as_chunks_mut().0.iter_mut().zip(acc) {
        Q::store(y, acc);
    }
}
