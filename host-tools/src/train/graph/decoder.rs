//! The model, block by block, in the order of the engine's `forward` and `classify`.

use burn::tensor::{Tensor, TensorData};
use lacuna::format::schema::Id;
use lacuna::probe::Hook;

use super::composed;
use super::{Graph, Inputs, Leaves, Tokens};

impl Graph {
    /// Logits (tokens, vocabulary) of sequences of length `seq`, or (windows, classes).
    pub(super) fn decode(&self, leaves: &Leaves, inputs: &Inputs, seq: usize) -> Tensor<2> {
        let at = |id| leaves[&(id, 0)].clone();
        let x = self.stream(leaves, inputs, seq);
        match inputs {
            Inputs::Tokens(tokens) => self.head(leaves, x, tokens),
            Inputs::Patches(_) => {
                let pooled = self.layers.mean(x, seq);
                self.linear(pooled, at(Id::Head), Some(at(Id::HeadBias)))
            }
        }
    }

    /// The final normalised stream, (positions, dim).
    pub(super) fn stream(&self, leaves: &Leaves, inputs: &Inputs, seq: usize) -> Tensor<2> {
        let at = |id| leaves[&(id, 0)].clone();
        let positions = leaves.get(&(Id::Positions, 0)).cloned();
        let mut x = match inputs {
            Inputs::Tokens(tokens) => self.layers.embed(at(Id::Embedding), positions, tokens, seq),
            Inputs::Patches(patches) => self.patches(leaves, patches, positions, seq),
        };
        for layer in 0..self.config.n_layers {
            x = x.clone() + self.attention(leaves, layer, x, seq);
            x = x.clone() + self.mlp(leaves, layer, x);
        }
        let eps = self.config.norm_eps;
        self.layers.norm(x, at(Id::FinalNorm), eps, 0)
    }

    /// Logits (tokens, vocabulary) of rows `x` of the final stream, where `tokens` stand.
    pub(super) fn head(&self, leaves: &Leaves, x: Tensor<2>, tokens: &Tokens) -> Tensor<2> {
        let head = if self.config.tied {
            Id::Embedding
        } else {
            Id::Head
        };
        let logits = self.linear(x, leaves[&(head, 0)].clone(), None);
        match leaves.get(&(Id::Bigram, 0)) {
            Some(table) => self.layers.add_rows(logits, table.clone(), tokens),
            None => logits,
        }
    }

    /// Patches through their matrix, with positions.
    fn patches(
        &self,
        leaves: &Leaves,
        patches: &[f32],
        positions: Option<Tensor<2>>,
        seq: usize,
    ) -> Tensor<2> {
        let at = |id| leaves[&(id, 0)].clone();
        let width = self.config.patch_dim();
        let rows = patches.len() / width;
        let data = TensorData::new(patches.to_vec(), [rows, width]);
        let x = Tensor::from_data(data, &at(Id::Patch).device());
        let x = self.linear(x, at(Id::Patch), Some(at(Id::PatchBias)));
        match positions {
            None => x,
            Some(table) => {
                let numbers: Tokens = (0..rows).map(|t| (t % seq) as u32).collect();
                self.layers.add_rows(x, table, &numbers)
            }
        }
    }

    /// Products with frozen weights skip the gradient of the weights, which a fused one always computes.
    fn linear(&self, x: Tensor<2>, w: Tensor<2>, b: Option<Tensor<2>>) -> Tensor<2> {
        let x = match self.int8 {
            true => self.layers.int8(x),
            false => x,
        };
        match self.masks {
            None => self.layers.linear(x, w, b),
            Some(_) => composed::linear(x, w, b),
        }
    }

    /// Whether something happens between a layer and its AbsTopK, so that they cannot be one operation.
    fn apart(&self) -> bool {
        self.gaps.is_some() || self.masks.is_some()
    }

    /// What a block reads: the stream, normalised.
    fn read(&self, at: (Hook, usize), x: Tensor<2>, gain: Tensor<2>, k: usize) -> Tensor<2> {
        let eps = self.config.norm_eps;
        match self.apart() {
            false => self.layers.norm(x, gain, eps, k),
            true => self.site(at, self.layers.norm(x, gain, eps, 0), k),
        }
    }

    fn activate(
        &self,
        layer: usize,
        a: Tensor<2>,
        factor: Option<Tensor<2>>,
        k: usize,
    ) -> Tensor<2> {
        let kind = self.config.activation;
        match self.apart() {
            false => self.layers.activate(a, factor, kind, k),
            true => {
                let y = self.layers.activate(a, factor, kind, 0);
                self.site((Hook::MlpPost, layer), y, k)
            }
        }
    }

    fn attention(&self, leaves: &Leaves, layer: usize, x: Tensor<2>, seq: usize) -> Tensor<2> {
        let at = |id| leaves[&(id, layer)].clone();
        let maybe = |id| leaves.get(&(id, layer)).cloned();
        let k = &self.config.topk;
        let h = self.read((Hook::AttnIn, layer), x, at(Id::AttnNorm), k.attn_in);
        let project = |hook, w, b, k| {
            let y = self.linear(h.clone(), at(w), maybe(b));
            self.site((hook, layer), y, k)
        };
        let qkv = [
            project(Hook::Q, Id::Wq, Id::Bq, k.q),
            project(Hook::K, Id::Wk, Id::Bk, k.k),
            project(Hook::V, Id::Wv, Id::Bv, k.v),
        ];
        let (rope, sink) = (self.rope.as_ref(), maybe(Id::Sink));
        let z = self.layers.attend(&self.config, rope, seq, qkv, sink);
        let out = self.linear(z, at(Id::Wo), maybe(Id::Bo));
        self.site((Hook::AttnOut, layer), out, k.attn_out)
    }

    fn mlp(&self, leaves: &Leaves, layer: usize, x: Tensor<2>) -> Tensor<2> {
        let at = |id| leaves[&(id, layer)].clone();
        let maybe = |id| leaves.get(&(id, layer)).cloned();
        let k = &self.config.topk;
        let h = self.read((Hook::MlpIn, layer), x, at(Id::MlpNorm), k.mlp_in);
        let factor = maybe(Id::W3).map(|w3| self.linear(h.clone(), w3, maybe(Id::B3)));
        let a = self.linear(h, at(Id::W1), maybe(Id::B1));
        let y = self.activate(layer, a, factor, k.mlp_neuron);
        let out = self.linear(y, at(Id::W2), maybe(Id::B2));
        self.site((Hook::MlpOut, layer), out, k.mlp_out)
    }
}
