//! Scores: a query against every key.
//!
//! ```text
//!         16 keys × 16 columns of a head            transpose       product i of 16 keys
//! key 0   │ q0·k0 q1·k1 q2·k2 …         │                ┌ q0·k0 of 16 keys ┐   scores (16 lanes) += q0·k0
//! key 1   │ q0·k0 q1·k1 q2·k2 …         │           ──►  │ q1·k1 of 16 keys │ ─►                 += q1·k1
//!   ⋮                                                    └        ⋮         ┘                         ⋮
//! ```
//!
//! # Why
//! A score is one sum that ascends over the head dimension, so lanes have to be keys. They lie in rows, because a token
//! is stored and saved as a row; turning a block in registers costs less than reading it from beyond the first cache.
//! Products are turned, not keys: one vector of q then serves sixteen rows, where sixteen of its numbers would be spread.

use super::kept::{Head, Kept};
use crate::nn::rope::{Rope, turn};
use crate::num::simd::{MOST, Simd};

/// `scores[t] = (Σᵢ q[i]·k[t][i]) · scale`
#[inline(always)]
pub(super) fn dots<S: Simd, T: Kept>(
    s: S,
    q: &[f32],
    keys: Head<'_, T>,
    scale: f32,
    scores: &mut [f32],
) {
    if S::N == 1 {
        return dots_of_four(q, keys, scale, scores);
    }
    let mut blocks = scores.chunks_exact_mut(S::N);
    let mut first = 0;
    for scores in blocks.by_ref() {
        s.store(block(s, q, keys, scale, (first, S::N)), scores);
        first += S::N;
    }
    let rest = blocks.into_remainder();
    if !rest.is_empty() {
        s.store_some(block(s, q, keys, scale, (first, rest.len())), rest);
    }
}

/// Scores of `n` keys from `first` on; lanes without a key repeat the last one.
#[inline(always)]
fn block<S: Simd, T: Kept>(
    s: S,
    q: &[f32],
    keys: Head<'_, T>,
    scale: f32,
    (first, n): (usize, usize),
) -> S::F {
    let mut sums = s.splat(0.0);
    let mut whole = q.chunks_exact(S::N);
    let mut at = 0;
    for q in whole.by_ref() {
        let q = s.load(q);
        let mut tile = [s.splat(0.0); MOST];
        for (r, lane) in tile[..S::N].iter_mut().enumerate() {
            let t = first + r.min(n - 1);
            *lane = s.mul(q, keys.load(s, t, keys.row(t), at));
        }
        s.transpose(&mut tile);
        for products in &tile[..S::N] {
            sums = s.add(sums, *products);
        }
        at += S::N;
    }
    let rest = whole.remainder();
    if !rest.is_empty() {
        let q = s.load_some(rest);
        let mut tile = [s.splat(0.0); MOST];
        for (r, lane) in tile[..S::N].iter_mut().enumerate() {
            let t = first + r.min(n - 1);
            *lane = s.mul(q, keys.load_some(s, t, keys.row(t), at));
        }
        s.transpose(&mut tile);
        for products in &tile[..rest.len()] {
            sums = s.add(sums, *products);
        }
    }
    s.mul(sums, s.splat(scale))
}

/// Four keys at a time: one load of q serves four independent sums.
fn dots_of_four<T: Kept>(q: &[f32], keys: Head<'_, T>, scale: f32, scores: &mut [f32]) {
    let (fours, rest) = scores.as_chunks_mut::<4>();
    let mut t = 0;
    for scores in fours {
        let row = |r: usize| keys.row(t + r);
        let mut sums = [0.0f32; 4];
        let ks = row(0).iter().zip(row(1)).zip(row(2)).zip(row(3));
        for (q, (((a, b), c), d)) in q.iter().zip(ks) {
            sums[0] += q * keys.number(t, *a);
            sums[1] += q * keys.number(t + 1, *b);
            sums[2] += q * keys.number(t + 2, *c);
            sums[3] += q * keys.number(t + 3, *d);
        }
        *scores = sums.map(|s| s * scale);
        t += 4;
    }
    for score in rest {
        let terms = q.iter().zip(keys.row(t));
        *score = terms.fold(0.0, |sum, (q, k)| sum + q * keys.number(t, *k)) * scale;
        t += 1;
    }
}

/// Like [`dots`] with key t turned to position `from + t` first.
pub(super) fn turned_dots<T: Kept>(
    q: &[f32],
    keys: Head<'_, T>,
    scale: f32,
    rope: Rope<'_>,
    from: usize,
    scores: &mut [f32],
) {
    let (qs, _) = q.as_chunks::<2>();
    for (t, score) in scores.iter_mut().enumerate() {
        let (ks, _) = keys.row(t).as_chunks::<2>();
        let (cos, sin) = rope.row(from + t);
        let mut sum = 0.0;
        for (((q, k), c), n) in qs.iter().zip(ks).zip(cos).zip(sin) {
            let (a, b) = turn(keys.number(t, k[0]), keys.number(t, k[1]), *c, *n);
            sum += q[0] * a;
            sum += q[1] * b;
        }
        *score = sum * scale;
    }
}
