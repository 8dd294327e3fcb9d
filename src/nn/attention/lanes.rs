//! Attention of several tokens at once, tokens in lanes.
//!
//! ```text
//!            16 tokens                                                   16 tokens
//! q  i  │ · · · · · · · · │  × k[p][i], added over i ──►  scores  p   │ a a a a a a a a │   a: attended
//!                                                                 p+1 │ - a a a a a a a │   -: later than the token, −∞
//!    z i │ · · · · · · · · │ ◄── added over p, v[p][i] ×           p+2 │ - - a a a a a a │
//! ```
//!
//! # Invariants
//! - Each lane does what [`super::attention`] does for its token, in the same order. A position that the token does not
//!   attend to has the weight +0.0, which no sum that started at +0.0 can show.
//!
//! # Why
//! One load of a key or a value serves sixteen tokens, and no lane depends on another, so nothing is turned or folded.

use super::Heads;
use super::kept::{Head, Kept, Run};
use crate::kernels::Isa;
use crate::kernels::run::Op;
use crate::num::simd::{MOST, Simd};
use crate::num::{self, elementary, sums};

/// Keys that share a load of q.
const KEYS: usize = 8;

/// Consecutive tokens in lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queries {
    /// Number of tokens.
    pub(crate) n: usize,
    /// Positions before the first.
    pub(crate) base: usize,
    /// A token attends to positions up to its own; otherwise to all.
    pub(crate) causal: bool,
    /// Floats from one element to the next.
    pub(crate) stride: usize,
}

/// [`super::attention`] of every token over the positions up to its own, or over all; `q` is overwritten with z.
///
/// Shapes: `q (n_heads · head_dim, stride)`, `keys` and `values (base + n, n_kv_heads · head_dim)`, `sink (n_heads,)`,
/// `scores` scratch of `(base + n) · min(stride, 16)`.
///
/// # Panics
/// If shapes differ.
#[expect(clippy::too_many_arguments, reason = "the parts of one formula")]
pub(crate) fn attention_lanes<T: Kept>(
    isa: Isa,
    heads: Heads,
    queries: Queries,
    q: &mut [f32],
    keys: Run<'_, T>,
    values: Run<'_, T>,
    sink: Option<&[f32]>,
    scores: &mut [f32],
) {
    isa.run(Attention {
        heads,
        queries,
        q,
        keys,
        values,
        sink,
        scores,
    });
}

struct Attention<'a, T> {
    heads: Heads,
    queries: Queries,
    q: &'a mut [f32],
    keys: Run<'a, T>,
    values: Run<'a, T>,
    sink: Option<&'a [f32]>,
    scores: &'a mut [f32],
}

impl<T: Kept> Op for Attention<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let heads = self.heads;
        let Queries {
            n,
            base,
            causal,
            stride,
        } = self.queries;
        let group = heads.n_heads / heads.n_kv_heads;
        let scale = 1.0 / num::sqrt(heads.head_dim as f32);
        for (h, q) in self.q.chunks_exact_mut(heads.head_dim * stride).enumerate() {
            let keys = self.keys.head(heads, h / group);
            let values = self.values.head(heads, h / group);
            let sink = self.sink.map(|s| s[h]);
            for at in (0..n).step_by(S::N) {
                let lanes = Lanes {
                    at,
                    wide: S::N.min(stride - at),
                    stride,
                };
                // The first token of `at` sees positions up to `seen + at`, and no later one sees fewer.
                let (positions, seen) = match causal {
                    true => (base + n.min(at + S::N), base),
                    false => (base + n, base + n),
                };
                let scores = &mut self.scores[..positions * lanes.wide];
                dots(s, q, lanes, keys, scale, seen, scores);
                let sum = exp_sum(s, lanes.wide, scores, sink);
                weigh(s, lanes, scores, values, sum, q);
            }
        }
    }
}

/// The lanes of one vector of tokens.
#[derive(Clone, Copy)]
struct Lanes {
    at: usize,
    wide: usize,
    stride: usize,
}

impl Lanes {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: &[f32], row: usize) -> S::F {
        s.load_some(&x[row * self.stride + self.at..][..self.wide])
    }
}

/// `scores[p] = (Σᵢ q[i]·k[p][i]) · scale`, −∞ where p is behind the token.
#[inline(always)]
fn dots<S: Simd, T: Kept>(
    s: S,
    q: &[f32],
    lanes: Lanes,
    keys: Head<'_, T>,
    scale: f32,
    seen: usize,
    scores: &mut [f32],
) {
    let head_dim = q.len() / lanes.stride;
    let positions = scores.len() / lanes.wide;
    // Lane numbers as floats: exact, and every back-end compares floats.
    let numbers: [f32; MOST] = core::array::from_fn(|i| i as f32);
    let numbers = s.load(&numbers);
    for (block, scores) in scores.chunks_mut(KEYS * lanes.wide).enumerate() {
        let first = block * KEYS;
        let mut sums = [s.splat(0.0); KEYS];
        for at in (0..head_dim).step_by(S::N) {
            let here = S::N.min(head_dim - at);
            let mut k = [[0.0; MOST]; KEYS];
            for (r, k) in k.iter_mut().enumerate() {
                // Rows without a position repeat the last one.
                let t = (first + r).min(positions - 1);
                let row = keys.row(t);
                let v = if here == S::N {
                    keys.load(s, t, row, at)
                } else {
                    keys.load_some(s, t, row, at)
                };
                s.store(v, k);
            }
            for j in 0..here {
                let q = lanes.of(s, q, at + j);
                for (sum, k) in sums.iter_mut().zip(&k) {
                    *sum = s.add(*sum, s.mul(s.splat(k[j]), q));
                }
            }
        }
        for ((scores, sum), p) in scores.chunks_exact_mut(lanes.wide).zip(sums).zip(first..) {
            let score = s.mul(sum, s.splat(scale));
            // Token `at + lane` attends to positions up to `seen + at + lane`.
            let behind = s.splat(p as f32 - (seen + lanes.at) as f32);
            let score = if p > seen + lanes.at {
                s.if_less(numbers, behind, s.splat(f32::NEG_INFINITY), score)
            } else {
                score
            };
            s.store_some(score, scores);
        }
    }
}

/// As [`crate::nn::exp_sum`], in every lane.
#[inline(always)]
fn exp_sum<S: Simd>(s: S, wide: usize, scores: &mut [f32], sink: Option<f32>) -> S::F {
    let mut max = s.splat(sink.unwrap_or(f32::NEG_INFINITY));
    for row in scores.chunks_exact(wide) {
        max = s.larger(s.load_some(row), max);
    }
    let mut partial = [s.splat(0.0); 8];
    for rows in scores.chunks_mut(8 * wide) {
        for (sum, row) in partial.iter_mut().zip(rows.chunks_exact_mut(wide)) {
            let e = elementary::exp(s, s.sub(s.load_some(row), max));
            s.store_some(e, row);
            *sum = s.add(*sum, e);
        }
    }
    let sum = sums::fold_in(s, partial);
    match sink {
        Some(sink) => s.add(sum, elementary::exp(s, s.sub(s.splat(sink), max))),
        None => sum,
    }
}

/// `z[i] = (Σₚ e[p]·v[p][i]) / sum`, a vector of elements at a time, each with its own sum.
#[inline(always)]
fn weigh<S: Simd, T: Kept>(
    s: S,
    lanes: Lanes,
    e: &[f32],
    values: Head<'_, T>,
    sum: S::F,
    z: &mut [f32],
) {
    let head_dim = z.len() / lanes.stride;
    for at in (0..head_dim).step_by(S::N) {
        let here = S::N.min(head_dim - at);
        let mut sums = [s.splat(0.0); MOST];
        for (p, e) in e.chunks_exact(lanes.wide).enumerate() {
            let row = values.row(p);
            let v = if here == S::N {
                values.load(s, p, row, at)
            } else {
                values.load_some(s, p, row, at)
            };
            let mut elements = [0.0; MOST];
            s.store(v, &mut elements);
            let e = s.load_some(e);
            for (sum, v) in sums[..S::N].iter_mut().zip(&elements) {
                *sum = s.add(*sum, s.mul(e, s.splat(*v)));
            }
        }
        for (i, z) in z[at * lanes.stride..]
            .chunks_exact_mut(lanes.stride)
            .take(here)
            .enumerate()
        {
            s.store_some(s.div(sums[i], sum), &mut z[lanes.at..][..lanes.wide]);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::nn::attention::{Rows, attention};
    use crate::num::Rng;

    const HEADS: Heads = Heads {
        n_heads: 4,
        n_kv_heads: 2,
        head_dim: 19,
    };

    #[test]
    fn lanes_are_tokens() {
        let mut rng = Rng::new(1);
        let mut random = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.next_f32() - 0.5).collect() };
        let (width, kv) = (4 * 19, 2 * 19);
        let shapes = [(1, 0, 1), (3, 5, 3), (7, 2, 8), (17, 0, 32), (33, 11, 48)];
        for ((n, base, stride), causal) in shapes.into_iter().flat_map(|s| [(s, true), (s, false)])
        {
            let (q, k, v) = (
                random(width * stride),
                random((base + n) * kv),
                random((base + n) * kv),
            );
            let sink = [0.5, -0.5, 0.0, 1.0];
            fn run(numbers: &[f32]) -> Run<'_, f32> {
                let scales = &[];
                Run { numbers, scales }
            }
            for isa in Isa::available() {
                let mut z = q.clone();
                let queries = Queries {
                    n,
                    base,
                    causal,
                    stride,
                };
                let mut scores = vec![0.0; (base + n) * stride.min(16)];
                let (keys, values) = (run(&k), run(&v));
                attention_lanes(
                    isa,
                    HEADS,
                    queries,
                    &mut z,
                    keys,
                    values,
                    Some(&sink),
                    &mut scores,
                );
                for t in 0..n {
                    let of = |x: &[f32]| -> Vec<f32> {
                        x.iter().skip(t).step_by(stride).copied().collect()
                    };
                    let mut alone = of(&q);
                    let len = base + if causal { t + 1 } else { n };
                    let rows = |x| Rows {
                        older: run(x),
                        newer: run(&[]),
                    };
                    attention(
                        Isa::Portable,
                        HEADS,
                        &mut alone,
                        rows(&k[..len * kv]),
                        rows(&v[..len * kv]),
                        None,
                        Some(&sink),
                        &mut vec![0.0; len],
                    );
                    assert_eq!(of(&z), alone, "{isa} {n} {base} {t} {causal}");
                }
            }
        }
    }
}
