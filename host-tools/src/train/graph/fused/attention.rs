//! Attention over whole sequences, causal or not: RoPE, scores, softmax with an optional sink, weighted sum of v.
//!
//! ```text
//! q, k ─► RoPE ─► head-major (batch · heads, seq, head_dim)
//! P = softmax(q·kᵀ / √head_dim, j ≤ t if causal, sink)        z = P·v
//! dP = dz·vᵀ   dS = P ⊙ (dP − Σ dP⊙P)   dq = dS·k   dk = dSᵀ·q   dv = Pᵀ·dz
//! ```
//!
//! # Invariants
//! - P of causal attention is zero above the diagonal; gradients of shared k and v heads are summed over their query heads in order.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;

use super::product::{Left, Part, product, transpose};
use super::{Kernel, plain, sides, tensor, values};
use crate::train::graph::Rope;
use crate::train::simd::{dot, exp, fast, max, sum};

/// `q` (tokens, heads · head_dim), `k` and `v` (tokens, kv_heads · head_dim), with 4 inputs also `sink` (1, heads).
#[derive(Clone, Debug)]
pub(in super::super) struct Attend {
    /// Length of one sequence.
    pub(in super::super) seq: usize,
    pub(in super::super) heads: usize,
    pub(in super::super) kv_heads: usize,
    pub(in super::super) head_dim: usize,
    /// Position t sees 0 ..= t; otherwise all.
    pub(in super::super) causal: bool,
    pub(in super::super) rope: Option<Arc<Rope>>,
}

/// Places of P, head-major q, k and v, and the sink among the saved tensors.
const P: usize = 0;
const Q: usize = 1;
const K: usize = 2;
const V: usize = 3;
const SINK: usize = 4;

impl Attend {
    fn scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }

    /// `part` of causal attention; otherwise everything.
    fn part(&self, part: Part) -> Part {
        if self.causal { part } else { Part::Whole }
    }

    /// How many positions the position `t` sees.
    fn seen(&self, t: usize) -> usize {
        if self.causal { t + 1 } else { self.seq }
    }

    /// (tokens, heads · head_dim) to (sequences · heads, seq, head_dim).
    fn split(&self, x: &[f32], heads: usize, rotate: bool, scale: f32) -> Vec<f32> {
        let (d, seq) = (self.head_dim, self.seq);
        let mut out = vec![0.0; x.len()];
        for (t, row) in x.chunks_exact(heads * d).enumerate() {
            let (sequence, at) = (t / seq, t % seq);
            for (h, x) in row.chunks_exact(d).enumerate() {
                let y = &mut out[((sequence * heads + h) * seq + at) * d..][..d];
                y.copy_from_slice(x);
                if let (true, Some(rope)) = (rotate, &self.rope) {
                    rope.rotate(y, at, 1.0);
                }
                y.iter_mut().for_each(|y| *y *= scale);
            }
        }
        out
    }

    /// The reverse of [`Attend::split`], which is also its gradient.
    fn join(&self, x: &[f32], heads: usize, rotate: bool, scale: f32) -> Vec<f32> {
        let (d, seq) = (self.head_dim, self.seq);
        let mut out = vec![0.0; x.len()];
        for (t, row) in out.chunks_exact_mut(heads * d).enumerate() {
            let (sequence, at) = (t / seq, t % seq);
            for (h, y) in row.chunks_exact_mut(d).enumerate() {
                y.copy_from_slice(&x[((sequence * heads + h) * seq + at) * d..][..d]);
                if let (true, Some(rope)) = (rotate, &self.rope) {
                    rope.rotate(y, at, -1.0);
                }
                y.iter_mut().for_each(|y| *y *= scale);
            }
        }
        out
    }

    /// Start of the k and v head that query head `head` (counted over all sequences) reads.
    fn shared(&self, head: usize) -> usize {
        let (sequence, h) = (head / self.heads, head % self.heads);
        let kv = h * self.kv_heads / self.heads;
        (sequence * self.kv_heads + kv) * self.seq * self.head_dim
    }

    fn attend(
        &self,
        q: FlexTensor,
        k: FlexTensor,
        v: FlexTensor,
        sink: Option<FlexTensor>,
    ) -> (FlexTensor, Vec<FlexTensor>) {
        let (q, k, v, sink) = (plain(q), plain(k), plain(v), sink.map(plain));
        let shape = sides(&q);
        let (s, d) = (self.seq, self.head_dim);
        let qs = self.split(values(&q), self.heads, true, self.scale());
        let ks = self.split(values(&k), self.kv_heads, true, 1.0);
        let vs = self.split(values(&v), self.kv_heads, false, 1.0);
        let sinks = sink.as_ref().map(values);
        let total = shape[0] / s * self.heads;
        let mut p = vec![0.0; total * s * s];
        let mut z = vec![0.0; qs.len()];
        let mut kt = vec![0.0; s * d];
        fast(
            #[inline(always)]
            || {
                for head in 0..total {
                    let kv = self.shared(head);
                    let p = &mut p[head * s * s..][..s * s];
                    let q = Left {
                        values: &qs[head * s * d..][..s * d],
                        row: d,
                        col: 1,
                    };
                    transpose(&ks[kv..][..s * d], s, d, &mut kt);
                    product(self.part(Part::LowerOutput), [s, d, s], q, &kt, p, false);
                    let sink = sinks.map(|sinks| sinks[head % self.heads]);
                    for (t, row) in p.chunks_exact_mut(s).enumerate() {
                        let (seen, later) = row.split_at_mut(self.seen(t));
                        softmax(seen, sink);
                        later.fill(0.0);
                    }
                    let left = Left {
                        values: p,
                        row: s,
                        col: 1,
                    };
                    let (v, z) = (&vs[kv..][..s * d], &mut z[head * s * d..][..s * d]);
                    product(self.part(Part::LowerLeft), [s, s, d], left, v, z, false);
                }
            },
        );
        let out = tensor(self.join(&z, self.heads, false, 1.0), shape);
        let mut saved = vec![
            tensor(p, [total * s, s]),
            tensor(qs, [total * s, d]),
            tensor(ks, sides(&k)),
            tensor(vs, sides(&v)),
        ];
        saved.extend(sink);
        (out, saved)
    }

    fn gradients(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 4] {
        let grad = plain(grad);
        let (s, d) = (self.seq, self.head_dim);
        let (p, qs, ks, vs) = (
            values(&saved[P]),
            values(&saved[Q]),
            values(&saved[K]),
            values(&saved[V]),
        );
        let dzs = self.split(values(&grad), self.heads, false, 1.0);
        let (mut dqs, mut dks, mut dvs) = (
            vec![0.0; qs.len()],
            vec![0.0; ks.len()],
            vec![0.0; vs.len()],
        );
        let mut dsink = vec![0.0; self.heads];
        let (mut vt, mut ds) = (vec![0.0; s * d], vec![0.0; s * s]);
        fast(
            #[inline(always)]
            || {
                for head in 0..qs.len() / (s * d) {
                    let (own, kv) = (head * s * d, self.shared(head));
                    let p = &p[head * s * s..][..s * s];
                    let dz = &dzs[own..][..s * d];
                    transpose(&vs[kv..][..s * d], s, d, &mut vt);
                    let rows = |values, row, col| Left { values, row, col };
                    product(
                        self.part(Part::LowerOutput),
                        [s, d, s],
                        rows(dz, d, 1),
                        &vt,
                        &mut ds,
                        false,
                    );
                    for (t, (ds, p)) in ds.chunks_exact_mut(s).zip(p.chunks_exact(s)).enumerate() {
                        let (seen, later) = ds.split_at_mut(self.seen(t));
                        let p = &p[..self.seen(t)];
                        let mean = dot(seen, p);
                        for j in 0..p.len().min(seen.len()) {
                            seen[j] = p[j] * (seen[j] - mean);
                        }
                        later.fill(0.0);
                        dsink[head % self.heads] -= (1.0 - sum(p)) * mean;
                    }
                    let (q, k) = (&qs[own..][..s * d], &ks[kv..][..s * d]);
                    let (dq, dk) = (&mut dqs[own..][..s * d], &mut dks[kv..][..s * d]);
                    let dv = &mut dvs[kv..][..s * d];
                    let (lower, upper) = (self.part(Part::LowerLeft), self.part(Part::UpperLeft));
                    product(lower, [s, s, d], rows(&ds, s, 1), k, dq, false);
                    product(upper, [s, s, d], rows(&ds, 1, s), q, dk, true);
                    product(upper, [s, s, d], rows(p, 1, s), dz, dv, true);
                }
            },
        );
        let tokens = sides(&grad)[0];
        let kv = [tokens, self.kv_heads * d];
        [
            tensor(
                self.join(&dqs, self.heads, true, self.scale()),
                sides(&grad),
            ),
            tensor(self.join(&dks, self.kv_heads, true, 1.0), kv),
            tensor(self.join(&dvs, self.kv_heads, false, 1.0), kv),
            tensor(dsink, [1, self.heads]),
        ]
    }
}

/// Softmax in place; `exp(sink)` joins the sum last.
#[inline(always)]
fn softmax(x: &mut [f32], sink: Option<f32>) {
    let peak = max(x);
    let peak = match sink {
        Some(sink) if sink > peak => sink,
        _ => peak,
    };
    for x in x.iter_mut() {
        *x = exp(*x - peak);
    }
    let mut total = sum(x);
    if let Some(sink) = sink {
        total += exp(sink - peak);
    }
    let scale = 1.0 / total;
    for x in x.iter_mut() {
        *x *= scale;
    }
}

impl Kernel<3> for Attend {
    fn forward(&self, [q, k, v]: [FlexTensor; 3]) -> (FlexTensor, Vec<FlexTensor>) {
        self.attend(q, k, v, None)
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 3] {
        let [dq, dk, dv, _] = self.gradients(saved, grad);
        [dq, dk, dv]
    }
}

impl Kernel<4> for Attend {
    fn forward(&self, [q, k, v, sink]: [FlexTensor; 4]) -> (FlexTensor, Vec<FlexTensor>) {
        self.attend(q, k, v, Some(sink))
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 4] {
        debug_assert_eq!(saved.len(), SINK + 1);
        self.gradients(saved, grad)
    }
}
