//! Sparse rows of f32 and f16.

use half::f16;

use super::{Float, Quad, padded};
use crate::kernels::block::{Block, Checked};
use crate::kernels::portable::csr_row;
use crate::sparse::Csr;

/// `y = W x`, rows are outputs: eight rows, four nonzeros of each a step.
pub(super) fn output<Q: Quad, V: Float>(w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    let w = Checked::new(w);
    for (b, y) in y.chunks_mut(8).enumerate() {
        let block = w.block(b * 8);
        let mut out = [[0.0; 4]; 2];
        if block.inner {
            sums::<Q, V, true>(&block, x, &mut out);
        } else {
            sums::<Q, V, false>(&block, x, &mut out);
        }
        y.copy_from_slice(&out.as_flattened()[..y.len()]);
        block.finish(b * 8, y, |i, v| csr_row(i, v, x));
    }
}

#[inline(always)]
fn sums<Q: Quad, V: Float, const INNER: bool>(
    block: &Block<'_, V, 8>,
    x: &[f32],
    out: &mut [[f32; 4]; 2],
) {
    let mut acc = [Q::splat(0.0); 2];
    for at in (0..block.longest).step_by(4) {
        for (half, acc) in acc.iter_mut().enumerate() {
            // Written out: a loop over rows is not unrolled, and its vectors would live in memory.
            let p = [
                products::<Q, V, INNER>(block, x, 4 * half, at),
                products::<Q, V, INNER>(block, x, 4 * half + 1, at),
                products::<Q, V, INNER>(block, x, 4 * half + 2, at),
                products::<Q, V, INNER>(block, x, 4 * half + 3, at),
            ];
            for column in Q::columns(p) {
                *acc = Q::add(*acc, column);
            }
        }
    }
    for (out, acc) in out.iter_mut().zip(acc) {
        Q::store(out, acc);
    }
}

/// `v · x[index]` of four elements of row `r` from its `at`-th on; zero beyond the row.
#[inline(always)]
fn products<Q: Quad, V: Float, const INNER: bool>(
    block: &Block<'_, V, 8>,
    x: &[f32],
    r: usize,
    at: usize,
) -> Q::F {
    let (x, v) = block.gather::<4, INNER, f32>(r, at, x);
    Q::first(
        block.length[r] - at as i32,
        Q::mul(V::quad::<Q>(&v), Q::load(&x)),
    )
}

/// `y = W x`, rows are inputs, f16: the wide conversion alone is worth having, sums go through memory.
pub(super) fn input_f16<Q: Quad>(w: Csr<'_, f16>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (j, &x) in x.iter().enumerate() {
        if x == 0.0 {
            continue;
        }
        let (indices, values) = w.row(j);
        for (indices, values) in indices.chunks(4).zip(values.chunks(4)) {
            let mut p = [0.0; 4];
            Q::store(&mut p, Q::mul(Q::widen(&padded(values)), Q::splat(x)));
            for (&i, p) in indices.iter().zip(p) {
                y[usize::from(i)] += p;
            }
        }
    }
}
