//! The frozen model under study, and the loss of a task.
//!
//! ```text
//! loss = mean over prompts of ln(1 + exp(−scale · margin)),   margin = logit(right) − logit(wrong)       chance: ln 2
//! ```
//!
//! # Why
//! A shift of all logits cancels in the softmax, so of "scale and shift" (Gao et al., A.5) only the scale is fitted. The
//! loss is convex in it, so bisection of its slope finds it without an optimiser. A circuit that is right about every pair
//! it was chosen by would get any scale, and be ruined by one mistake on the next pair; so the fit aims at a probability
//! of (n + 1) / (n + 2) after n prompts, not at 1 (Platt, "Probabilistic outputs for support vector machines", 1999).

use std::sync::Arc;

use super::Error;
use super::cases::Cases;
use crate::checkpoint::{Checkpoint, rope};
use crate::train::graph::{Ablation, Device, Graph, Nodes};
use crate::train::parameters::Layout;

/// Prompts that run at once.
const AT_ONCE: usize = 128;
/// Largest scale of logits that is considered.
const STEEPEST: f64 = 64.0;

/// A frozen model, its nodes and what stands in for them.
#[derive(Clone, Debug)]
pub struct Subject {
    graph: Graph,
    parameters: Vec<f32>,
    constants: Vec<f32>,
    /// All nodes.
    pub nodes: Nodes,
}

impl Subject {
    /// `model`, whose nodes become `constants` where they are off.
    ///
    /// # Errors
    /// A model whose RoPE angles are not those of the graph.
    pub fn new(model: &Checkpoint, constants: Vec<f32>) -> Result<Subject, Error> {
        if !rope::usual(model) {
            return Err(Error::Angles);
        }
        let layout = Arc::new(Layout::new(&model.config));
        let parameters = layout.flatten(&model.tensors);
        let graph = Graph::new(&model.config, layout, Device::Cpu)?;
        let nodes = Nodes::new(&model.config);
        Ok(Subject {
            graph,
            parameters,
            constants,
            nodes,
        })
    }

    /// What stands in for nodes that are off.
    pub fn constants(&self) -> &[f32] {
        &self.constants
    }

    /// Margins of all `cases` with the nodes `on`.
    pub fn margins(&self, on: &[bool], cases: &Cases) -> Vec<f32> {
        let mask: Vec<f32> = on.iter().map(|&on| f32::from(u8::from(on))).collect();
        let mut margins = Vec::with_capacity(cases.len());
        for piece in cases.pieces(AT_ONCE) {
            let logits = self.graph.candidates(
                &self.parameters,
                self.ablation(&mask),
                &cases.prompts(piece),
            );
            margins.extend(logits.iter().map(|[right, wrong]| right - wrong));
        }
        margins
    }

    /// Loss of the cases `which` under `mask`, and its gradient in the mask.
    pub fn gradient(
        &self,
        mask: &[f32],
        cases: &Cases,
        which: impl IntoIterator<Item = usize>,
    ) -> (f32, Vec<f32>) {
        let prompts = cases.prompts(which);
        self.graph
            .mask_gradient(&self.parameters, self.ablation(mask), &prompts)
    }

    fn ablation<'a>(&'a self, mask: &'a [f32]) -> Ablation<'a> {
        Ablation {
            mask,
            constants: &self.constants,
        }
    }
}

/// `ln(1 + exp(−scale · margin))`
pub fn surprise(margin: f32, scale: f64) -> f64 {
    let x = -scale * f64::from(margin);
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Mean loss in nats.
pub fn loss(margins: &[f32], scale: f64) -> f64 {
    let total: f64 = margins.iter().map(|&m| surprise(m, scale)).sum();
    total / margins.len().max(1) as f64
}

/// The scale in 0…64 of the least loss, were each prompt right with probability (n + 1) / (n + 2).
pub fn calibrated(margins: &[f32]) -> f64 {
    let n = margins.len() as f64;
    let aim = (n + 1.0) / (n + 2.0);
    let slope = |scale: f64| -> f64 {
        let each = margins.iter().map(|&m| {
            let m = f64::from(m);
            m * (1.0 / (1.0 + (-scale * m).exp()) - aim)
        });
        each.sum()
    };
    let (mut low, mut high) = (0.0, STEEPEST);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if slope(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// Mean loss of each pair.
pub fn by_pair(margins: &[f32], scale: f64) -> Vec<f64> {
    margins.chunks(2).map(|pair| loss(pair, scale)).collect()
}
