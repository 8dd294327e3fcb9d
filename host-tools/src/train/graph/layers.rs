//! The layers a decoder is made of: fused on the CPU back-end, composed of burn's operations elsewhere.

use std::sync::Arc;

use burn::tensor::Tensor;
use lacuna::config::{Activation, Config};

use super::composed;
use super::fused::{
    self, Activate, AddRows, Attend, CrossEntropy, Distil, Embed, Int8, Linear, Mask, Norm, TopK,
};
use super::{Rope, Soft, Tokens};

/// Which of the two realisations runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// One operation per layer; CPU back-end only.
    Fused,
    /// burn's own operations; any back-end.
    Composed,
}

impl Layers {
    pub(super) fn embed(
        self,
        table: Tensor<2>,
        positions: Option<Tensor<2>>,
        tokens: &Tokens,
        seq: usize,
    ) -> Tensor<2> {
        if self == Layers::Composed {
            return composed::embed(table, positions, tokens, seq);
        }
        let kernel = Embed {
            tokens: tokens.clone(),
            seq,
        };
        match positions {
            Some(positions) => fused::run2(kernel, table, positions),
            None => fused::run1(kernel, table),
        }
    }

    pub(super) fn linear(self, x: Tensor<2>, w: Tensor<2>, b: Option<Tensor<2>>) -> Tensor<2> {
        match (self, b) {
            (Layers::Composed, b) => composed::linear(x, w, b),
            (Layers::Fused, Some(b)) => fused::run3(Linear, x, w, b),
            (Layers::Fused, None) => fused::run2(Linear, x, w),
        }
    }

    pub(super) fn norm(self, x: Tensor<2>, gain: Tensor<2>, eps: f32, k: usize) -> Tensor<2> {
        match self {
            Layers::Composed => composed::norm(x, gain, eps, k),
            Layers::Fused => fused::run2(Norm { eps, k }, x, gain),
        }
    }

    pub(super) fn top_k(self, x: Tensor<2>, k: usize) -> Tensor<2> {
        match self {
            _ if k == 0 => x,
            Layers::Composed => composed::top_k(x, k),
            Layers::Fused => fused::run1(TopK { k }, x),
        }
    }

    pub(super) fn mask(
        self,
        x: Tensor<2>,
        mask: Tensor<2>,
        constants: &Arc<[f32]>,
        k: usize,
    ) -> Tensor<2> {
        let constants = constants.clone();
        match self {
            Layers::Composed => composed::mask(x, mask, &constants, k),
            Layers::Fused => fused::run2(Mask { constants, k }, x, mask),
        }
    }

    pub(super) fn activate(
        self,
        a: Tensor<2>,
        factor: Option<Tensor<2>>,
        kind: Activation,
        k: usize,
    ) -> Tensor<2> {
        match (self, factor) {
            (Layers::Composed, b) => composed::activate(a, b, kind, k),
            (Layers::Fused, Some(b)) => fused::run2(Activate { kind, k }, a, b),
            (Layers::Fused, None) => fused::run1(Activate { kind, k }, a),
        }
    }

    pub(super) fn attend(
        self,
        config: &Config,
        rope: Option<&Arc<Rope>>,
        seq: usize,
        [q, k, v]: [Tensor<2>; 3],
        sink: Option<Tensor<2>>,
    ) -> Tensor<2> {
        if self == Layers::Composed {
            return composed::attend(config, rope, seq, [q, k, v], sink);
        }
        let kernel = Attend {
            seq,
            heads: config.n_heads,
            kv_heads: config.n_kv_heads,
            head_dim: config.head_dim,
            causal: config.causal,
            rope: rope.cloned(),
        };
        match sink {
            Some(sink) => fused::run4(kernel, [q, k, v, sink]),
            None => fused::run3(kernel, q, k, v),
        }
    }

    /// Mean of the `seq` rows of each sequence, in burn's own operations: it is one small pass.
    pub(super) fn mean(self, x: Tensor<2>, seq: usize) -> Tensor<2> {
        let [rows, dim] = x.dims();
        let x: Tensor<3> = x.reshape([rows / seq, seq, dim]);
        x.mean_dim(1).reshape([rows / seq, dim])
    }

    pub(super) fn add_rows(self, x: Tensor<2>, table: Tensor<2>, tokens: &Tokens) -> Tensor<2> {
        if self == Layers::Composed {
            return composed::add_rows(x, table, tokens);
        }
        let tokens = tokens.clone();
        fused::run2(AddRows { tokens }, x, table)
    }

    pub(super) fn cross_entropy(self, logits: Tensor<2>, targets: &Tokens) -> Tensor<2> {
        if self == Layers::Composed {
            return composed::cross_entropy(logits, targets);
        }
        let targets = targets.clone();
        fused::run1(CrossEntropy { targets }, logits)
    }

    pub(super) fn distil(self, logits: Tensor<2>, targets: &Tokens, soft: &Soft) -> Tensor<2> {
        if self == Layers::Composed {
            return composed::distil(logits, targets, soft);
        }
        let (targets, soft) = (targets.clone(), soft.clone());
        fused::run1(Distil { targets, soft }, logits)
    }

    pub(super) fn int8(self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Layers::Composed => composed::int8(x),
            Layers::Fused => fused::run1(Int8, x),
        }
    }
}
