//! How close each token came to another choice at an AbsTopK.
//!
//! ```text
//! |x| in order:  x₁ ≥ … ≥ x_k │ x_{k+1} ≥ …        gap = (x_k − x_{k+1}) / x_k, least over all sites of the token
//! ```
//!
//! # Why
//! Two correct programs round differently, so at a gap of rounding size they may keep different entries and everything
//! after differs. A comparison of logits has to know where that can have happened.

use std::sync::{Arc, Mutex};

use burn::tensor::Tensor;

use super::{Graph, Tokens, host};
use crate::train::select::selects;

/// Least relative gap of every token so far; `None` in a graph that does not look.
pub(super) type Gaps = Option<Arc<Mutex<Vec<f32>>>>;

impl Graph {
    /// [`Graph::logits`], and the least relative gap of each token (∞ where nothing is selected).
    pub fn logits_and_gaps(
        &self,
        parameters: &[f32],
        tokens: &Tokens,
        seq: usize,
    ) -> (Vec<f32>, Vec<f32>) {
        let gaps = Arc::new(Mutex::new(vec![f32::INFINITY; tokens.len()]));
        let looking = Graph {
            gaps: Some(gaps.clone()),
            ..self.clone()
        };
        let logits = looking.logits(parameters, tokens, seq);
        let gaps = gaps.lock().map(|g| g.clone()).unwrap_or_default();
        (logits, gaps)
    }

    /// [`Graph::classify`], and the least relative gap over the positions of each window.
    pub fn classify_and_gaps(
        &self,
        parameters: &[f32],
        patches: &Arc<[f32]>,
        seq: usize,
    ) -> (Vec<f32>, Vec<f32>) {
        let positions = patches.len() / self.config.patch_dim();
        let gaps = Arc::new(Mutex::new(vec![f32::INFINITY; positions]));
        let looking = Graph {
            gaps: Some(gaps.clone()),
            ..self.clone()
        };
        let logits = looking.classify(parameters, patches, seq);
        let gaps = gaps.lock().map(|g| g.clone()).unwrap_or_default();
        let least = |g: &[f32]| g.iter().copied().fold(f32::INFINITY, f32::min);
        (logits, gaps.chunks(seq).map(least).collect())
    }

    /// AbsTopK, seen by the gaps of this graph if it has some.
    pub(super) fn select(&self, x: Tensor<2>, k: usize) -> Tensor<2> {
        let width = x.dims()[1];
        if let (Some(gaps), true) = (&self.gaps, selects(k, width)) {
            let values = host(x.clone());
            if let Ok(mut gaps) = gaps.lock() {
                for (least, row) in gaps.iter_mut().zip(values.chunks_exact(width)) {
                    *least = least.min(gap(row, k));
                }
            }
        }
        self.layers.top_k(x, k)
    }
}

fn gap(row: &[f32], k: usize) -> f32 {
    let mut sizes: Vec<f32> = row.iter().map(|x| x.abs()).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let (kept, next) = (sizes[k - 1], sizes[k]);
    // Equal zeros cannot be told apart by rounding, whichever is kept.
    if kept == 0.0 {
        f32::INFINITY
    } else {
        (kept - next) / kept
    }
}
