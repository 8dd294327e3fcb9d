//! The model with some nodes switched off, asked for one of two tokens.
//!
//! ```text
//! prompt ─► model, nodes masked ─► logits behind its last token ─► (right, wrong) ─► −ln softmax over these two
//! ```
//!
//! # Invariants
//! - The model's own numbers get no gradient; the mask is the only leaf.
//! - Prompts of unequal length are padded behind their end, where a causal model cannot look.
//!
//! # Why
//! Source: Gao et al., "Weight-sparse transformers have interpretable circuits", §2 and appendix A.5; the loss is that of
//! the released code, halved, so that it is a mean over prompts and chance is ln 2.

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use lacuna::probe::Hook;

use super::nodes::Nodes;
use super::{Graph, Inputs, Tokens, host};

/// Mask and constants of every site.
type Sites = HashMap<(Hook, usize), Masked>;

/// What is masked; `None` in a graph that runs whole.
pub(super) type Masks = Option<Arc<Sites>>;

/// What is done at one site.
#[derive(Clone, Debug)]
pub(super) struct Masked {
    mask: Tensor<2>,
    constants: Arc<[f32]>,
}

/// Which nodes are on, and what stands in for the others; both in the order of [`Nodes`].
#[derive(Clone, Copy, Debug)]
pub struct Ablation<'a> {
    /// 1 where a node is on, 0 where it is off.
    pub mask: &'a [f32],
    /// Values of nodes that are off.
    pub constants: &'a [f32],
}

/// Prompts, and which of two tokens is to follow each.
#[derive(Clone, Debug)]
pub struct Prompts {
    /// Length of a padded prompt.
    pub seq: usize,
    /// Padded prompts, one after the other.
    pub tokens: Tokens,
    /// Index in `tokens` of the last token of each prompt.
    pub last: Arc<[usize]>,
    /// The right and the wrong token of each prompt.
    pub candidates: Arc<[[u32; 2]]>,
}

impl Graph {
    /// Logits of the right and the wrong token of each prompt.
    pub fn candidates(
        &self,
        parameters: &[f32],
        ablation: Ablation<'_>,
        prompts: &Prompts,
    ) -> Vec<[f32; 2]> {
        let (logits, _) = self.masked(parameters, ablation, prompts, false);
        host(logits).as_chunks().0.to_vec()
    }

    /// Mean −ln P(right) in nats, and its gradient in the mask.
    pub fn mask_gradient(
        &self,
        parameters: &[f32],
        ablation: Ablation<'_>,
        prompts: &Prompts,
    ) -> (f32, Vec<f32>) {
        let (logits, masked) = self.masked(parameters, ablation, prompts, true);
        let right: Tokens = vec![0; prompts.last.len()].into();
        let loss = self.layers.cross_entropy(logits, &right);
        let tape = loss.backward();
        let nodes = Nodes::new(&self.config);
        let mut gradient = vec![0.0; nodes.len];
        for s in &nodes.sites {
            let at = (s.site.hook, usize::from(s.site.layer));
            if let Some(grad) = masked[&at].mask.grad(&tape) {
                gradient[s.range.clone()].copy_from_slice(&host(grad));
            }
        }
        (host(loss)[0], gradient)
    }

    /// Logits (prompts, 2), and the masks that they came through.
    fn masked(
        &self,
        parameters: &[f32],
        ablation: Ablation<'_>,
        prompts: &Prompts,
        tracked: bool,
    ) -> (Tensor<2>, Arc<Sites>) {
        let device = match tracked {
            true => self.device.clone().autodiff(),
            false => self.device.clone(),
        };
        let masks = Arc::new(masks(&Nodes::new(&self.config), ablation, &device, tracked));
        let graph = Graph {
            masks: Some(masks.clone()),
            ..self.clone()
        };
        let leaves = self.leaves(parameters, &device, false);
        let inputs = Inputs::Tokens(prompts.tokens.clone());
        let n = prompts.last.len();
        let ids = |ids: Vec<i32>| {
            let len = ids.len();
            Tensor::<1, Int>::from_data(TensorData::new(ids, [len]), &device)
        };
        let last = ids(prompts.last.iter().map(|&at| at as i32).collect());
        let tokens = prompts.last.iter().map(|&at| prompts.tokens[at]).collect();
        let rows = graph.stream(&leaves, &inputs, prompts.seq).select(0, last);
        let logits = graph.head(&leaves, rows, &tokens);
        let both = prompts.candidates.as_flattened();
        let both = ids(both.iter().map(|&t| t as i32).collect()).reshape([n, 2]);
        (logits.gather(1, both), masks)
    }

    /// AbsTopK at a site, through the mask if there is one.
    pub(super) fn site(&self, at: (Hook, usize), x: Tensor<2>, k: usize) -> Tensor<2> {
        match self.masks.as_ref().and_then(|masks| masks.get(&at)) {
            None => self.select(x, k),
            Some(m) => self.layers.mask(x, m.mask.clone(), &m.constants, k),
        }
    }
}

fn masks(nodes: &Nodes, ablation: Ablation<'_>, device: &Device, tracked: bool) -> Sites {
    let each = nodes.sites.iter().map(|s| {
        let values = ablation.mask[s.range.clone()].to_vec();
        let data = TensorData::new(values, [1, s.range.len()]);
        let leaf = Tensor::from_data(data, device);
        let masked = Masked {
            mask: if tracked { leaf.require_grad() } else { leaf },
            constants: ablation.constants[s.range.clone()].into(),
        };
        ((s.site.hook, usize::from(s.site.layer)), masked)
    });
    each.collect()
}
