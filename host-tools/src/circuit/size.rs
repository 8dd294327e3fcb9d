//! Size of a circuit: nodes, and the weights between them.
//!
//! ```text
//! ln1 ─► q, k, v    v ─► attn_out    ln2 ─► post    post ─► mlp_out        an edge is a nonzero weight, both ends kept
//! ```
//!
//! # Invariants
//! - Edges are exactly the nonzero block weights that [`super::carve`] leaves.
//! - What the residual stream carries from a write to a read is no edge.
//!
//! # Why
//! Source: Gao et al., §2 and appendix A.5. Edges as well as nodes, because with equal nodes the ratio of edges between a
//! dense and a sparse model is the ratio of their densities by construction.

use lacuna::config::Config;
use lacuna::format::schema::{self, Id};
use lacuna::probe::Hook;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::train::graph::Nodes;

/// How large a circuit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Nodes.
    pub nodes: usize,
    /// Nonzero weights between them.
    pub edges: usize,
}

/// A weight between two nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The node that is read.
    pub from: usize,
    /// The node that is made.
    pub to: usize,
    /// The weight.
    pub weight: f32,
}

/// The sites that `id` reads and makes, if its weights are edges.
pub fn ends(id: Id) -> Option<(Hook, Hook)> {
    Some(match id {
        Id::Wq => (Hook::AttnIn, Hook::Q),
        Id::Wk => (Hook::AttnIn, Hook::K),
        Id::Wv => (Hook::AttnIn, Hook::V),
        Id::Wo => (Hook::V, Hook::AttnOut),
        Id::W1 | Id::W3 => (Hook::MlpIn, Hook::MlpPost),
        Id::W2 => (Hook::MlpPost, Hook::MlpOut),
        _ => return None,
    })
}

/// The channel of the site that column `col` of `id` reads: of wo it is the v channel behind z.
pub fn read(config: &Config, id: Id, col: usize) -> usize {
    if id != Id::Wo {
        return col;
    }
    let (head, channel) = (col / config.head_dim, col % config.head_dim);
    let group = config.n_heads / config.n_kv_heads;
    head / group * config.head_dim + channel
}

/// Every nonzero block weight whose two ends are `on`.
pub fn edges(model: &Checkpoint, nodes: &Nodes, on: &[bool]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for line in schema::tensors(&model.config) {
        let (Some((from, to)), Some(values)) = (ends(line.id), model.values(&line)) else {
            continue;
        };
        let (from, to) = (nodes.range(line.layer, from), nodes.range(line.layer, to));
        for (row, weights) in values.chunks_exact(line.cols).enumerate() {
            if !on[to.start + row] {
                continue;
            }
            for (col, &weight) in weights.iter().enumerate() {
                let from = from.start + read(&model.config, line.id, col);
                if weight != 0.0 && on[from] {
                    let to = to.start + row;
                    edges.push(Edge { from, to, weight });
                }
            }
        }
    }
    edges
}

/// Nodes and edges of what is `on`.
pub fn size(model: &Checkpoint, nodes: &Nodes, on: &[bool]) -> Size {
    Size {
        nodes: on.iter().filter(|on| **on).count(),
        edges: edges(model, nodes, on).len(),
    }
}
