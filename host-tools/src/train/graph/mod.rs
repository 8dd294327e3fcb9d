//! The model as a differentiable graph: the one room that knows burn.
//!
//! ```text
//! flat parameters ─► leaves on a device ─► decoder or classifier ─► loss ─► backward ─► flat gradient
//! ```
//!
//! # Invariants
//! - Logits equal the engine's up to rounding: every switch of `Config` is here, and AbsTopK keeps the same entries.
//! - On the CPU the gradient is the same bits for the same parameters and batch.
//!
//! # Why
//! Parameters and gradients cross this border as flat slices, so the optimiser, the projection, checkpoints and resume
//! know nothing of tensors, and a release of burn that changes its interface touches this directory alone.

mod composed;
mod decoder;
mod device;
mod fused;
mod gaps;
mod layers;
mod mask;
mod nodes;
mod rope;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use lacuna::config::{Config, Position};
use lacuna::format::schema::Id;

use super::parameters::Layout;
use crate::checkpoint::int8;

pub use device::{Device, Unavailable};
pub use layers::Layers;
pub use mask::{Ablation, Prompts};
pub use nodes::{NODES, Nodes, SiteNodes};
pub use rope::Rope;

/// Token ids that a kernel can keep.
pub type Tokens = Arc<[u32]>;

/// Parameters as tensors, by schema id and layer.
type Leaves = HashMap<(Id, usize), Tensor<2>>;

/// What enters the graph.
#[derive(Clone, Debug)]
pub enum Inputs {
    /// Tokens, sequence after sequence.
    Tokens(Tokens),
    /// Normalised patches, `(windows · seq, channels · len)`, window after window.
    Patches(Arc<[f32]>),
}

/// Sequences of equal length and what is to be predicted.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Length of one sequence.
    pub seq: usize,
    /// The sequences.
    pub inputs: Inputs,
    /// The token that follows each; the class of each window.
    pub targets: Tokens,
    /// What another model says follows; `None` where the targets alone are learned.
    pub soft: Option<Soft>,
}

/// What another model says follows, and how much that counts.
#[derive(Clone, Debug)]
pub struct Soft {
    /// Its logits, (rows, vocabulary).
    pub logits: Arc<[f32]>,
    /// Both models' logits are divided by this, and their divergence is multiplied by its square.
    pub temperature: f32,
    /// Share of the divergence in the loss; the rest is the cross entropy of the targets.
    pub share: f32,
}

/// A model of one configuration on one device.
#[derive(Clone, Debug)]
pub struct Graph {
    config: Config,
    layout: Arc<Layout>,
    rope: Option<Arc<Rope>>,
    device: burn::tensor::Device,
    layers: Layers,
    int8: bool,
    gaps: gaps::Gaps,
    masks: mask::Masks,
}

impl Graph {
    /// The graph of `config`, whose parameters lie as `layout` says.
    ///
    /// # Errors
    /// A device that this build does not have.
    pub fn new(config: &Config, layout: Arc<Layout>, device: Device) -> Result<Graph, Unavailable> {
        Ok(Graph {
            config: *config,
            layout,
            rope: (config.position == Position::Rope).then(|| Arc::new(Rope::new(config))),
            device: device.open()?,
            layers: device.layers(),
            int8: false,
            gaps: None,
            masks: None,
        })
    }

    /// The same graph out of burn's own operations.
    pub fn composed(self) -> Graph {
        Graph {
            layers: Layers::Composed,
            ..self
        }
    }

    /// The same graph as it computes when it is exported to int8: weights and the inputs of products rounded as the
    /// engine rounds them, their gradients taken as if they were not.
    pub fn int8(self) -> Graph {
        Graph { int8: true, ..self }
    }

    /// `parameters` on `device`, with gradients if they are `tracked`.
    fn leaves(&self, parameters: &[f32], device: &burn::tensor::Device, tracked: bool) -> Leaves {
        let leaf = |entry: &super::parameters::Entry| {
            let mut values = parameters[entry.range.clone()].to_vec();
            if self.int8 && entry.stored() {
                int8::fake(&mut values, entry.cols);
            }
            let data = TensorData::new(values, [entry.rows, entry.cols]);
            let leaf = Tensor::from_data(data, device);
            if tracked { leaf.require_grad() } else { leaf }
        };
        let entries = self.layout.entries.iter();
        entries.map(|e| ((e.id, e.layer), leaf(e))).collect()
    }

    /// Mean loss of `batch` in nats, and its gradient in the order of the layout.
    pub fn gradient(&self, parameters: &[f32], batch: &Batch) -> (f32, Vec<f32>) {
        let leaves = self.leaves(parameters, &self.device.clone().autodiff(), true);
        let logits = self.decode(&leaves, &batch.inputs, batch.seq);
        let loss = match &batch.soft {
            None => self.layers.cross_entropy(logits, &batch.targets),
            Some(soft) => self.layers.distil(logits, &batch.targets, soft),
        };
        let tape = loss.backward();
        let mut gradient = vec![0.0; self.layout.len];
        for entry in &self.layout.entries {
            if let Some(grad) = leaves[&(entry.id, entry.layer)].grad(&tape) {
                gradient[entry.range.clone()].copy_from_slice(&host(grad));
            }
        }
        (host(loss)[0], gradient)
    }

    /// Logits (tokens, vocabulary) of sequences of length `seq`.
    pub fn logits(&self, parameters: &[f32], tokens: &Tokens, seq: usize) -> Vec<f32> {
        let inputs = Inputs::Tokens(tokens.clone());
        let leaves = self.leaves(parameters, &self.device, false);
        host(self.decode(&leaves, &inputs, seq))
    }

    /// Logits (windows, classes) of windows of normalised patches, `(windows · seq, channels · len)`.
    pub fn classify(&self, parameters: &[f32], patches: &Arc<[f32]>, seq: usize) -> Vec<f32> {
        let inputs = Inputs::Patches(patches.clone());
        let leaves = self.leaves(parameters, &self.device, false);
        host(self.decode(&leaves, &inputs, seq))
    }
}

/// Row-major values of a tensor.
fn host(x: Tensor<2>) -> Vec<f32> {
    x.into_data()
        .convert::<f32>()
        .try_into_vec()
        .unwrap_or_default()
}
