//! The same layers out of burn's own operations: what runs on a GPU, and what the fused kernels are tested against.
//!
//! # Invariants
//! - Every function has the values and the gradients of its namesake in [`super::fused`], up to rounding.

use std::sync::Arc;

use burn::tensor::activation::{relu, sigmoid, softmax};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use lacuna::config::{Activation, Config};

use super::{Rope, Soft, Tokens};

fn indices(tokens: impl Iterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let ids: Vec<i32> = tokens.map(|t| t as i32).collect();
    let n = ids.len();
    Tensor::from_data(TensorData::new(ids, [n]), device)
}

fn rows(table: Tensor<2>, tokens: &Tokens) -> Tensor<2> {
    let ids = indices(tokens.iter().map(|&t| t as usize), &table.device());
    table.select(0, ids)
}

/// Row `tokens[t]` of `table` plus row `t mod seq` of `positions`.
pub(super) fn embed(
    table: Tensor<2>,
    positions: Option<Tensor<2>>,
    tokens: &Tokens,
    seq: usize,
) -> Tensor<2> {
    let x = rows(table, tokens);
    match positions {
        Some(p) => {
            let at = indices((0..tokens.len()).map(|t| t % seq), &p.device());
            x + p.select(0, at)
        }
        None => x,
    }
}

/// `x + table[tokens]`
pub(super) fn add_rows(x: Tensor<2>, table: Tensor<2>, tokens: &Tokens) -> Tensor<2> {
    x + rows(table, tokens)
}

/// `x · wᵀ + b`
pub(super) fn linear(x: Tensor<2>, w: Tensor<2>, b: Option<Tensor<2>>) -> Tensor<2> {
    let y = x.matmul(w.transpose());
    match b {
        Some(b) => y + b,
        None => y,
    }
}

/// `AbsTopK(x / sqrt(mean x² + ε) · gain)`
pub(super) fn norm(x: Tensor<2>, gain: Tensor<2>, eps: f32, k: usize) -> Tensor<2> {
    let rms = (x.clone() * x.clone()).mean_dim(1).add_scalar(eps).sqrt();
    top_k(x / rms * gain, k)
}

/// Keeps the k largest |x| of each row, ties to the lower index; 0 keeps all.
pub(super) fn top_k(x: Tensor<2>, k: usize) -> Tensor<2> {
    if k == 0 || k >= x.dims()[1] {
        return x;
    }
    let (stays, _) = largest(&x, k);
    x.mask_fill(stays.bool_not(), 0.0)
}

/// Which entries are among the k largest |x| of their row, and the least of these |x|, (tokens, 1).
fn largest(x: &Tensor<2>, k: usize) -> (Tensor<2, Bool>, Tensor<2>) {
    let size = x.clone().detach().abs();
    let least = size.clone().topk(k, 1).narrow(1, k - 1, 1);
    let above = size.clone().greater(least.clone().expand(size.dims()));
    let tied = size.clone().equal(least.clone().expand(size.dims()));
    let room = above
        .clone()
        .int()
        .sum_dim(1)
        .mul_scalar(-1)
        .add_scalar(k as i32);
    let place = tied.clone().int().cumsum(1);
    let fits = place.lower_equal(room.expand(size.dims()));
    (above.bool_or(tied.bool_and(fits)), least)
}

/// `m ⊙ AbsTopK(m ⊙ x) + (1 − m) ⊙ constants`, m (1, width) of 0 and 1; see [`super::fused::Mask`] for its gradient.
pub(super) fn mask(x: Tensor<2>, m: Tensor<2>, constants: &[f32], k: usize) -> Tensor<2> {
    let [rows, width] = x.dims();
    let data = TensorData::new(constants.to_vec(), [1, width]);
    let constants = Tensor::<2>::from_data(data, &x.device());
    let shown = if k == 0 || k >= width {
        x
    } else {
        let kept = m.clone().detach().expand([rows, width]);
        let (stays, least) = largest(&(x.clone() * kept.clone()), k);
        let enters = x
            .clone()
            .detach()
            .abs()
            .greater_equal(least.expand([rows, width]));
        let dropped = kept.equal_elem(0.0);
        let counts = stays
            .bool_and(dropped.clone().bool_not())
            .bool_or(enters.bool_and(dropped));
        x.mask_fill(counts.bool_not(), 0.0)
    };
    shown * m.clone() + (m.mul_scalar(-1.0).add_scalar(1.0)) * constants
}

/// `AbsTopK(act(a) ⊙ factor)`
pub(super) fn activate(
    a: Tensor<2>,
    factor: Option<Tensor<2>>,
    kind: Activation,
    k: usize,
) -> Tensor<2> {
    let y = match kind {
        Activation::Relu => relu(a),
        Activation::Relu2 => {
            let y = relu(a);
            y.clone() * y
        }
        Activation::Silu => a.clone() * sigmoid(a),
        _ => {
            let cube = a.clone() * a.clone() * a.clone();
            let inner = (a.clone() + cube.mul_scalar(0.044_715)).mul_scalar(0.797_884_6);
            a.mul_scalar(0.5) * inner.tanh().add_scalar(1.0)
        }
    };
    match factor {
        Some(factor) => top_k(y * factor, k),
        None => top_k(y, k),
    }
}

/// (tokens, heads · head_dim) to (sequences, heads, seq, head_dim).
fn split(x: Tensor<2>, seq: usize, heads: usize, head_dim: usize) -> Tensor<4> {
    let sequences = x.dims()[0] / seq;
    x.reshape([sequences, seq, heads, head_dim]).swap_dims(1, 2)
}

/// Rotates the pairs (2i, 2i+1) of (sequences, heads, seq, head_dim).
fn rotate(x: Tensor<4>, rope: Option<&Arc<Rope>>) -> Tensor<4> {
    let Some(rope) = rope else { return x };
    let [sequences, heads, seq, head_dim] = x.dims();
    let half = head_dim / 2;
    let device = x.device();
    let table = |values: &[f32]| {
        let rows = values[..seq * half].to_vec();
        Tensor::<2>::from_data(TensorData::new(rows, [seq, half]), &device)
            .reshape([1, 1, seq, half, 1])
    };
    let (cos, sin) = (table(&rope.cos), table(&rope.sin));
    let pairs: Tensor<5> = x.reshape([sequences, heads, seq, half, 2]);
    let (even, odd) = (pairs.clone().narrow(4, 0, 1), pairs.narrow(4, 1, 1));
    let turned = vec![
        even.clone() * cos.clone() - odd.clone() * sin.clone(),
        even * sin + odd * cos,
    ];
    Tensor::cat(turned, 4).reshape([sequences, heads, seq, head_dim])
}

/// Each k or v head once per query head that reads it.
fn repeat(x: Tensor<4>, times: usize) -> Tensor<4> {
    if times == 1 {
        return x;
    }
    let [sequences, heads, seq, d] = x.dims();
    let x: Tensor<5> = x.reshape([sequences, heads, 1, seq, d]);
    x.repeat_dim(2, times)
        .reshape([sequences, heads * times, seq, d])
}

/// Attention, causal or over all; `exp(sink)` joins the softmax sum.
pub(super) fn attend(
    config: &Config,
    rope: Option<&Arc<Rope>>,
    seq: usize,
    [q, k, v]: [Tensor<2>; 3],
    sink: Option<Tensor<2>>,
) -> Tensor<2> {
    let Config {
        n_heads: heads,
        n_kv_heads,
        head_dim,
        ..
    } = *config;
    let group = heads / n_kv_heads;
    let device = q.device();
    let q = rotate(split(q, seq, heads, head_dim), rope);
    let k = repeat(rotate(split(k, seq, n_kv_heads, head_dim), rope), group);
    let v = repeat(split(v, seq, n_kv_heads, head_dim), group);
    let sequences = q.dims()[0];
    let scores = q
        .matmul(k.swap_dims(2, 3))
        .mul_scalar(1.0 / (head_dim as f32).sqrt());
    let scores = if config.causal {
        let later = Tensor::<2, Bool>::tril_mask([seq, seq], 0, &device);
        let later = later.reshape([1, 1, seq, seq]);
        let later = later.expand([sequences, heads, seq, seq]);
        scores.mask_fill(later, f32::NEG_INFINITY)
    } else {
        scores
    };
    let p = match sink {
        Some(sink) => {
            let column = sink
                .reshape([1, heads, 1, 1])
                .expand([sequences, heads, seq, 1]);
            softmax(Tensor::cat(vec![scores, column], 3), 3).narrow(3, 0, seq)
        }
        None => softmax(scores, 3),
    };
    p.matmul(v)
        .swap_dims(1, 2)
        .reshape([sequences * seq, heads * head_dim])
}

/// Mean next-token cross entropy in nats, (1, 1).
pub(super) fn cross_entropy(logits: Tensor<2>, targets: &Tokens) -> Tensor<2> {
    let [n, _] = logits.dims();
    let device = logits.device();
    let wanted: Tensor<2, Int> =
        indices(targets.iter().map(|&t| t as usize), &device).reshape([n, 1]);
    let peak = logits.clone().detach().max_dim(1);
    let shifted = logits - peak;
    let total = shifted.clone().exp().sum_dim(1).log();
    (total - shifted.gather(1, wanted)).mean().reshape([1, 1])
}

/// ln softmax of each row.
fn log_softmax(x: Tensor<2>) -> Tensor<2> {
    let shifted = x.clone() - x.detach().max_dim(1);
    shifted.clone() - shifted.exp().sum_dim(1).log()
}

/// `share · T² · KL(softmax(soft / T) ‖ softmax(logits / T)) + (1 − share) · cross entropy`, in nats, (1, 1).
pub(super) fn distil(logits: Tensor<2>, targets: &Tokens, soft: &Soft) -> Tensor<2> {
    let Soft {
        temperature: t,
        share,
        ..
    } = *soft;
    let data = TensorData::new(soft.logits.to_vec(), logits.dims());
    let teacher = Tensor::<2>::from_data(data, &logits.device());
    let [p, q] = [teacher, logits.clone()].map(|x| log_softmax(x.div_scalar(t)));
    let apart = (p.clone().exp() * (p - q)).sum_dim(1).mean();
    let apart = apart.reshape([1, 1]).mul_scalar(share * t * t);
    apart + cross_entropy(logits, targets).mul_scalar(1.0 - share)
}

/// Each row in steps of its largest |x| / 127; the gradient passes as if it were not rounded.
pub(super) fn int8(x: Tensor<2>) -> Tensor<2> {
    let own = x.clone().detach();
    let scale = own.clone().abs().max_dim(1).div_scalar(127.0);
    let scale = scale.clone().mask_fill(scale.equal_elem(0.0), 1.0);
    let rounded = (own.clone() / scale.clone()).round() * scale;
    x + (rounded - own)
}
