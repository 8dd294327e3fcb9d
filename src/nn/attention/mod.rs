//! Attention of one token, or of several, over the positions that a cache holds.
//!
//! ```text
//! keys, values:  older │ newer        rows (kv_dim,) in logical order: the two runs of a ring buffer, or one
//! head h of q ──► scores[t] = (q·k[t]) / √head_dim ──► e[t] = exp(scores[t] − max) ──► z = (Σ e[t]·v[t]) / (Σ e + sink)
//! ```
//!
//! # Invariants
//! - A score has one accumulator that ascends over the head dimension; z has one per element that ascends over logical
//!   position. Lanes of a back-end may come from positions or from elements of z, never from splitting either sum.
//! - The division is once, after the sum over values; there is no online softmax.
//! - Keys and values are read through the cache's type, the current token's included.
//! - Query heads h share key/value head h / (n_heads / n_kv_heads).
//!
//! # Why
//! With these orders, a token at a time, a batch of tokens, a ring buffer and a plain one agree to the bit. z overwrites q
//! because a head's query is dead once its scores exist: one buffer less on a machine that counts bytes.

mod dots;
mod kept;
mod lanes;
mod weigh;

pub(crate) use kept::{Kept, Rows, Run};
pub(crate) use lanes::{Queries, attention_lanes};

use super::rope::Rope;
use super::softmax::exp_sum_in;
use crate::kernels::Isa;
use crate::kernels::run::Op;
use crate::num;
use crate::num::simd::Simd;

/// The shape of attention.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    /// Query heads.
    pub(crate) n_heads: usize,
    /// Key/value heads; divides `n_heads`.
    pub(crate) n_kv_heads: usize,
    /// Width of one head.
    pub(crate) head_dim: usize,
}

/// `z = softmax(q Kᵀ / √head_dim, sink) V` for one token; `q` is overwritten with z.
///
/// Shapes: `q (n_heads · head_dim,)`, `keys` and `values (n, n_kv_heads · head_dim)`, `sink (n_heads,)`,
/// `scores (n,)` scratch, n ≥ 1. With `rope`, keys are turned as they are read, row t by the table's row t; without, they
/// are taken as they are. Source: Vaswani et al., 2017; Ainslie et al., "GQA", 2023.
///
/// # Panics
/// If shapes differ.
#[expect(clippy::too_many_arguments, reason = "the parts of one formula")]
pub(crate) fn attention<T: Kept>(
    isa: Isa,
    heads: Heads,
    q: &mut [f32],
    keys: Rows<'_, T>,
    values: Rows<'_, T>,
    rope: Option<Rope<'_>>,
    sink: Option<&[f32]>,
    scores: &mut [f32],
) {
    isa.run(Attention {
        heads,
        q,
        keys,
        values,
        rope,
        sink,
        scores,
    });
}

struct Attention<'a, T> {
    heads: Heads,
    q: &'a mut [f32],
    keys: Rows<'a, T>,
    values: Rows<'a, T>,
    rope: Option<Rope<'a>>,
    sink: Option<&'a [f32]>,
    scores: &'a mut [f32],
}

impl<T: Kept> Op for Attention<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Heads {
            n_heads,
            n_kv_heads,
            head_dim,
        } = self.heads;
        let group = n_heads / n_kv_heads;
        let scale = 1.0 / num::sqrt(head_dim as f32);
        let wrap = self.keys.older.len(self.heads);
        for (h, q) in self.q.chunks_exact_mut(head_dim).enumerate() {
            let keys =
                [self.keys.older, self.keys.newer].map(|run| run.head(self.heads, h / group));
            let (first, second) = self.scores.split_at_mut(wrap);
            match self.rope {
                None => {
                    dots::dots(s, q, keys[0], scale, first);
                    dots::dots(s, q, keys[1], scale, second);
                }
                Some(rope) => {
                    dots::turned_dots(q, keys[0], scale, rope, 0, first);
                    dots::turned_dots(q, keys[1], scale, rope, wrap, second);
                }
            }
            let sum = exp_sum_in(s, self.scores, self.sink.map(|s| s[h]));
            let values =
                [self.values.older, self.values.newer].map(|run| run.head(self.heads, h / group));
            weigh::weigh(s, self.scores, values, sum, q);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::num::Rng;

    const HEADS: Heads = Heads {
        n_heads: 4,
        n_kv_heads: 2,
        head_dim: 10,
    };
    const WIDTH: usize = 20;

    fn random(rng: &mut Rng, n: usize) -> Vec<f32> {
        (0..n).map(|_| rng.next_f32() * 2.0 - 1.0).collect()
    }

    /// The bits of z, which every back-end agrees on.
    fn run(q: &[f32], k: Rows<'_, f32>, v: Rows<'_, f32>, rope: Option<Rope<'_>>) -> Vec<u32> {
        let mut scores = vec![0.0; k.older.len(HEADS) + k.newer.len(HEADS)];
        let sink = [0.5, -0.5, 0.0, 1.0];
        let mut of = |isa| -> Vec<u32> {
            let mut z = q.to_vec();
            attention(isa, HEADS, &mut z, k, v, rope, Some(&sink), &mut scores);
            z.iter().map(|v| v.to_bits()).collect()
        };
        let expected = of(Isa::Portable);
        for isa in Isa::available() {
            assert_eq!(of(isa), expected, "{isa}");
        }
        expected
    }

    fn plain(numbers: &[f32]) -> Run<'_, f32> {
        let scales = &[];
        Run { numbers, scales }
    }

    fn one(rows: &[f32]) -> Rows<'_, f32> {
        Rows {
            older: plain(rows),
            newer: plain(&[]),
        }
    }

    #[test]
    fn follows_the_written_order_at_every_length() {
        let mut rng = Rng::new(1);
        for n in (1..40).chain([100]) {
            let (q, k, v) = (
                random(&mut rng, 40),
                random(&mut rng, n * WIDTH),
                random(&mut rng, n * WIDTH),
            );
            let mut expected = Vec::new();
            for h in 0..4 {
                let column = h / 2 * 10;
                let mut s: Vec<f32> = (0..n)
                    .map(|t| {
                        let mut sum = 0.0f32;
                        for i in 0..10 {
                            sum += q[h * 10 + i] * k[t * WIDTH + column + i];
                        }
                        sum * (1.0 / num::sqrt(10.0))
                    })
                    .collect();
                let total = crate::nn::exp_sum(&mut s, Some([0.5, -0.5, 0.0, 1.0][h]));
                for i in 0..10 {
                    let mut z = 0.0f32;
                    for t in 0..n {
                        z += s[t] * v[t * WIDTH + column + i];
                    }
                    expected.push((z / total).to_bits());
                }
            }
            assert_eq!(run(&q, one(&k), one(&v), None), expected);
        }
    }

    #[test]
    fn a_wrapped_window_is_the_straight_one() {
        let mut rng = Rng::new(2);
        let (q, k, v) = (
            random(&mut rng, 40),
            random(&mut rng, 9 * WIDTH),
            random(&mut rng, 9 * WIDTH),
        );
        let tables = (random(&mut rng, 9 * 5), random(&mut rng, 9 * 5));
        let rope = Rope {
            cos: &tables.0,
            sin: &tables.1,
            half: 5,
        };
        for rope in [None, Some(rope)] {
            let straight = run(&q, one(&k), one(&v), rope);
            for cut in 0..=9 {
                let wrap = |rows| {
                    let (older, newer) = <[f32]>::split_at(rows, cut * WIDTH);
                    Rows {
                        older: plain(older),
                        newer: plain(newer),
                    }
                };
                assert_eq!(run(&q, wrap(&k), wrap(&v), rope), straight);
            }
        }
    }

    #[test]
    fn turning_on_read_is_turning_before() {
        let mut rng = Rng::new(3);
        let (q, k, v) = (
            random(&mut rng, 40),
            random(&mut rng, 6 * WIDTH),
            random(&mut rng, 6 * WIDTH),
        );
        let tables = (random(&mut rng, 6 * 5), random(&mut rng, 6 * 5));
        let rope = Rope {
            cos: &tables.0,
            sin: &tables.1,
            half: 5,
        };
        let mut turned = k.clone();
        for (t, row) in turned.chunks_exact_mut(WIDTH).enumerate() {
            let (cos, sin) = rope.row(t);
            crate::nn::rotate(row, cos, sin);
        }
        assert_eq!(
            run(&q, one(&k), one(&v), Some(rope)),
            run(&q, one(&turned), one(&v), None)
        );
    }
}
