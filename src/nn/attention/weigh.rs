//! The weighted sum of values: lanes are elements of a head, each with its own sum over positions.

use super::kept::{Head, Kept};
use crate::num::simd::Simd;

/// `z[i] = (Σₜ e[t]·v[t][i]) / sum`, the rows of both runs in order.
#[inline(always)]
pub(super) fn weigh<S: Simd, T: Kept>(
    s: S,
    e: &[f32],
    values: [Head<'_, T>; 2],
    sum: f32,
    z: &mut [f32],
) {
    let mut at = 0;
    while z.len() - at >= 8 * S::N {
        columns::<S, T, 8>(s, e, values, sum, at, z);
        at += 8 * S::N;
    }
    while z.len() - at >= 4 * S::N {
        columns::<S, T, 4>(s, e, values, sum, at, z);
        at += 4 * S::N;
    }
    while z.len() - at >= S::N {
        columns::<S, T, 1>(s, e, values, sum, at, z);
        at += S::N;
    }
    if at < z.len() {
        let mut sums = s.splat(0.0);
        let mut e = e.iter();
        for values in values {
            for (t, e) in (0..values.len()).zip(e.by_ref()) {
                let v = values.load_some(s, t, values.row(t), at);
                sums = s.add(sums, s.mul(s.splat(*e), v));
            }
        }
        s.store_some(s.div(sums, s.splat(sum)), &mut z[at..]);
    }
}

/// `C` vectors of z from element `at` on.
#[inline(always)]
fn columns<S: Simd, T: Kept, const C: usize>(
    s: S,
    e: &[f32],
    values: [Head<'_, T>; 2],
    sum: f32,
    at: usize,
    z: &mut [f32],
) {
    let mut sums = [s.splat(0.0); C];
    let (older, newer) = e.split_at(values[0].len());
    for (values, e) in values.iter().zip([older, newer]) {
        for (t, e) in e.iter().enumerate() {
            let row = &values.row(t)[at..][..C * S::N];
            let e = s.splat(*e);
            for (c, sum) in sums.iter_mut().enumerate() {
                let v = values.load(s, t, row, c * S::N);
                *sum = s.add(*sum, s.mul(e, v));
            }
        }
    }
    let divisor = s.splat(sum);
    for (z, sum) in z[at..].chunks_exact_mut(S::N).zip(sums) {
        s.store(s.div(sum, divisor), z);
    }
}
