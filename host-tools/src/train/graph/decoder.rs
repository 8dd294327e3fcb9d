//! The model, block by block, in the order of the engine's `forward` and `classify`.

use burn::tensor::{Tensor, TensorData};
use lacuna::format::schema::Id;

use super::{Graph, Inputs, Leaves, Tokens};

impl Graph {
    /// Logits (tokens, vocabulary) of sequences of length `seq`, or (windows, classes).
    pub(super) fn decode(&self, leaves: &Leaves, inputs: &Inputs, seq: usize) -> Tensor<2> {
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
        let x = self.norm(x, at(Id::FinalNorm), 0);
        let tokens = match inputs {
            Inputs::Tokens(tokens) => tokens,
            Inputs::Patches(_) => {
                let pooled = self.layers.mean(x, seq);
                return self
                    .layers
                    .linear(pooled, at(Id::Head), Some(at(Id::HeadBias)));
            }
        };
        let head = if self.config.tied {
            Id::Embedding
        } else {
            Id::Head
        };
        let logits = self.layers.linear(x, at(head), None);
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
        let x = self
            .layers
            .linear(x, at(Id::Patch), Some(at(Id::PatchBias)));
        match positions {
            None => x,
            Some(table) => {
                let numbers: Tokens = (0..rows).map(|t| (t % seq) as u32).collect();
                self.layers.add_rows(x, table, &numbers)
            }
        }
    }

    fn norm(&self, x: Tensor<2>, gain: Tensor<2>, k: usize) -> Tensor<2> {
        let eps = self.config.norm_eps;
        match self.gaps {
            None => self.layers.norm(x, gain, eps, k),
            Some(_) => self.select(self.layers.norm(x, gain, eps, 0), k),
        }
    }

    fn activate(&self, a: Tensor<2>, factor: Option<Tensor<2>>, k: usize) -> Tensor<2> {
        let kind = self.config.activation;
        match self.gaps {
            None => self.layers.activate(a, factor, kind, k),
            Some(_) => self.select(self.layers.activate(a, factor, kind, 0), k),
        }
    }

    fn attention(&self, leaves: &Leaves, layer: usize, x: Tensor<2>, seq: usize) -> Tensor<2> {
        let at = |id| leaves[&(id, layer)].clone();
        let maybe = |id| leaves.get(&(id, layer)).cloned();
        let k = &self.config.topk;
        let h = self.norm(x, at(Id::AttnNorm), k.attn_in);
        let project = |w, b, k| {
            let y = self.layers.linear(h.clone(), at(w), maybe(b));
            self.select(y, k)
        };
        let qkv = [
            project(Id::Wq, Id::Bq, k.q),
            project(Id::Wk, Id::Bk, k.k),
            project(Id::Wv, Id::Bv, k.v),
        ];
        let (rope, sink) = (self.rope.as_ref(), maybe(Id::Sink));
        let z = self.layers.attend(&self.config, rope, seq, qkv, sink);
        let out = self.layers.linear(z, at(Id::Wo), maybe(Id::Bo));
        self.select(out, k.attn_out)
    }

    fn mlp(&self, leaves: &Leaves, layer: usize, x: Tensor<2>) -> Tensor<2> {
        let at = |id| leaves[&(id, layer)].clone();
        let maybe = |id| leaves.get(&(id, layer)).cloned();
        let k = &self.config.topk;
        let h = self.norm(x, at(Id::MlpNorm), k.mlp_in);
        let factor = maybe(Id::W3).map(|w3| self.layers.linear(h.clone(), w3, maybe(Id::B3)));
        let a = self.layers.linear(h, at(Id::W1), maybe(Id::B1));
        let y = self.activate(a, factor, k.mlp_neuron);
        let out = self.layers.linear(y, at(Id::W2), maybe(Id::B2));
        self.select(out, k.mlp_out)
    }
}
