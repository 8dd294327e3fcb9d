//! Attention of one token over the positions that a cache holds.
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

use super::exp_sum;
use super::rope::{Rope, turn};
use crate::num;
use crate::sparse::Value;

/// The shape of attention.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// Query heads.
    pub n_heads: usize,
    /// Key/value heads; divides `n_heads`.
    pub n_kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
}

/// Rows of a ring buffer in logical order; the length of each run is a multiple of the row's width.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, T> {
    /// The run that starts the window.
    pub older: &'a [T],
    /// The run that follows it; empty unless the window wraps.
    pub newer: &'a [T],
}

/// `z = softmax(q Kᵀ / √head_dim, sink) V` for one token; `q` is overwritten with z.
///
/// Shapes: `q (n_heads · head_dim,)`, `keys` and `values (n, n_kv_heads · head_dim)`, `sink (n_heads,)`,
/// `scores (n,)` scratch, n ≥ 1. With `rope`, keys are turned as they are read, row t by the table's row t; without, they
/// are taken as they are. Source: Vaswani et al., 2017; Ainslie et al., "GQA", 2023.
///
/// # Panics
/// If shapes differ.
pub fn attention<T: Value>(
    heads: Heads,
    q: &mut [f32],
    keys: Rows<'_, T>,
    values: Rows<'_, T>,
    rope: Option<Rope<'_>>,
    sink: Option<&[f32]>,
    scores: &mut [f32],
) {
    let Heads {
        n_heads,
        n_kv_heads,
        head_dim,
    } = heads;
    let width = n_kv_heads * head_dim;
    let group = n_heads / n_kv_heads;
    let scale = 1.0 / num::sqrt(head_dim as f32);
    let wrap = keys.older.len() / width;
    for (h, q) in q.chunks_exact_mut(head_dim).enumerate() {
        let column = h / group * head_dim;
        let (first, second) = scores.split_at_mut(wrap);
        match rope {
            None => {
                dots(q, keys.older, width, column, first);
                dots(q, keys.newer, width, column, second);
            }
            Some(rope) => {
                turned_dots(q, keys.older, width, column, rope, 0, first);
                turned_dots(q, keys.newer, width, column, rope, wrap, second);
            }
        }
        scores.iter_mut().for_each(|s| *s *= scale);
        let sum = exp_sum(scores, sink.map(|s| s[h]));
        weigh(scores, values, width, column, sum, q);
    }
}

/// `scores[t] = Σᵢ q[i]·k[t][i]`, four positions at a time: one load of q serves four independent accumulators.
fn dots<T: Value>(q: &[f32], rows: &[T], width: usize, column: usize, scores: &mut [f32]) {
    let n = q.len();
    let (fours, rest) = scores.as_chunks_mut::<4>();
    let (head, tail) = rows.split_at(fours.len() * 4 * width);
    for (s, rows) in fours.iter_mut().zip(head.chunks_exact(4 * width)) {
        let row = |t: usize| &rows[t * width + column..][..n];
        let mut sums = [0.0f32; 4];
        let ks = row(0).iter().zip(row(1)).zip(row(2)).zip(row(3));
        for (q, (((a, b), c), d)) in q.iter().zip(ks) {
            sums[0] += q * a.to_f32();
            sums[1] += q * b.to_f32();
            sums[2] += q * c.to_f32();
            sums[3] += q * d.to_f32();
        }
        *s = sums;
    }
    for (s, row) in rest.iter_mut().zip(tail.chunks_exact(width)) {
        let k = &row[column..][..n];
        *s = q
            .iter()
            .zip(k)
            .fold(0.0, |sum, (q, k)| sum + q * k.to_f32());
    }
}

/// Like [`dots`] with row t of `rows` turned to position `from + t` first.
fn turned_dots<T: Value>(
    q: &[f32],
    rows: &[T],
    width: usize,
    column: usize,
    rope: Rope<'_>,
    from: usize,
    scores: &mut [f32],
) {
    let (qs, _) = q.as_chunks::<2>();
    for (t, (s, row)) in scores.iter_mut().zip(rows.chunks_exact(width)).enumerate() {
        let (ks, _) = row[column..][..q.len()].as_chunks::<2>();
        let (cos, sin) = rope.row(from + t);
        let mut sum = 0.0;
        for (((q, k), c), n) in qs.iter().zip(ks).zip(cos).zip(sin) {
            let (a, b) = turn(k[0].to_f32(), k[1].to_f32(), *c, *n);
            sum += q[0] * a;
            sum += q[1] * b;
        }
        *s = sum;
    }
}

/// `z[i] = (Σₜ e[t]·v[t][i]) / sum`, eight elements of z at a time, each with its own accumulator.
fn weigh<T: Value>(
    e: &[f32],
    values: Rows<'_, T>,
    width: usize,
    column: usize,
    sum: f32,
    z: &mut [f32],
) {
    let rows = || {
        let rows = values.older.chunks_exact(width);
        e.iter().zip(rows.chain(values.newer.chunks_exact(width)))
    };
    let (eights, rest) = z.as_chunks_mut::<8>();
    let mut at = column;
    for z in eights {
        let mut sums = [0.0f32; 8];
        for (e, row) in rows() {
            for (s, v) in sums.iter_mut().zip(&row[at..][..8]) {
                *s += e * v.to_f32();
            }
        }
        *z = sums.map(|s| s / sum);
        at += 8;
    }
    for z in rest {
        *z = rows().fold(0.0, |s, (e, row)| s + e * row[at].to_f32()) / sum;
        at += 1;
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

    fn run(q: &[f32], k: Rows<'_, f32>, v: Rows<'_, f32>, rope: Option<Rope<'_>>) -> Vec<u32> {
        let mut z = q.to_vec();
        let mut scores = vec![0.0; (k.older.len() + k.newer.len()) / WIDTH];
        let sink = [0.5, -0.5, 0.0, 1.0];
        attention(HEADS, &mut z, k, v, rope, Some(&sink), &mut scores);
        z.iter().map(|v| v.to_bits()).collect()
    }

    fn one(rows: &[f32]) -> Rows<'_, f32> {
        Rows {
            older: rows,
            newer: &[],
        }
    }

    #[test]
    fn follows_the_written_order_at_every_length() {
        let mut rng = Rng::new(1);
        for n in 1..12 {
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
                let total = exp_sum(&mut s, Some([0.5, -0.5, 0.0, 1.0][h]));
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
                    Rows { older, newer }
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
