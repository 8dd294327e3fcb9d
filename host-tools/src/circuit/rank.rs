//! Nodes in order of a score, cut where the task loss just meets the target.
//!
//! ```text
//! score: ████▇▆▅▄▃▃▂▂▁▁▁▁      loss of the first k:  0.69 … 0.4 … 0.16 │ 0.149 … ─► least k found by bisection
//! ```
//!
//! # Invariants
//! - Equal scores are in the order of the nodes.
//!
//! # Why
//! The loss need not fall with every node, so bisection finds a crossing, as the published algorithm does, and not always
//! the first. Where neither the start nor the whole model meets the target, sizes in between are tried before giving up:
//! a part of a model may do better than the whole, above all on a task that the model does not know.

use serde::{Deserialize, Serialize};

use super::cases::Cases;
use super::subject::{self, Subject};

/// The first `nodes` of an order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// How many.
    pub nodes: usize,
    /// Loss on the cases that chose it.
    pub loss: f64,
    /// Whether this is the target or less.
    pub met: bool,
}

impl Cut {
    /// Whether this is the better circuit: it meets the target with fewer nodes, or where neither does, at a lower loss.
    pub fn beats(&self, other: &Cut) -> bool {
        match self.met {
            true => !other.met || self.nodes < other.nodes,
            false => !other.met && self.loss < other.loss,
        }
    }
}

/// Nodes by score, largest first.
pub fn order(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

/// The first `k` of `order`, as a mask.
pub fn first(order: &[usize], k: usize) -> Vec<bool> {
    let mut on = vec![false; order.len()];
    for &node in &order[..k.min(order.len())] {
        on[node] = true;
    }
    on
}

/// The least cut of `order` that bisection finds at `target` or less; `start` nodes are tried first. The cut of the least
/// loss seen, with [`Cut::met`] false, if none meets the target.
pub fn cut(subject: &Subject, cases: &Cases, order: &[usize], start: usize, target: f64) -> Cut {
    let at = |nodes: usize| {
        let loss = subject::loss(&subject.margins(&first(order, nodes), cases), 1.0);
        Cut {
            nodes,
            loss,
            met: loss <= target,
        }
    };
    let all = order.len();
    let mut best = at(start);
    let mut sizes = vec![all];
    sizes.extend((1..).map(|i| all >> i).take_while(|&n| n > 0));
    for size in sizes {
        if best.met {
            break;
        }
        let other = at(size);
        if other.loss < best.loss {
            best = other;
        }
    }
    let mut low = 0;
    while best.met && best.nodes - low > 1 {
        let middle = at((low + best.nodes) / 2);
        if middle.met {
            best = middle;
        } else {
            low = middle.nodes;
        }
    }
    best
}
