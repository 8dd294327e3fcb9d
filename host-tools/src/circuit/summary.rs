//! Circuits of several tasks in one: geometric means of nodes and edges.
//!
//! # Invariants
//! - A circuit that does not meet its target is counted and left out of the means.
//!
//! # Why
//! Source: Gao et al. report the geometric mean over tasks of edges at the target loss. Nodes stand beside it, because
//! with equal nodes the edges of a sparse model are fewer by construction.

use serde::Serialize;

use super::record::Record;
use crate::stats::{self, Interval};

/// A geometric mean over tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// The mean; NaN where nothing was met.
    pub mean: f64,
    /// Lower end of its 95 % interval over tasks.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Several circuits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Circuits.
    pub circuits: usize,
    /// Those that meet their target.
    pub met: usize,
    /// Those that are sufficient on held-out pairs.
    pub sufficient: usize,
    /// Those that are necessary.
    pub necessary: usize,
    /// Geometric mean of nodes of those that meet it.
    pub nodes: Mean,
    /// Geometric mean of edges; an edgeless circuit counts as one edge.
    pub edges: Mean,
}

/// Seed of the intervals.
const SEED: u64 = 1;

/// The summary of `records`.
pub fn summary(records: &[Record]) -> Summary {
    let met: Vec<&Record> = records.iter().filter(|r| r.met).collect();
    let mean = |of: fn(&Record) -> usize| {
        let logs: Vec<f64> = met.iter().map(|r| (of(r).max(1) as f64).ln()).collect();
        geometric(&logs)
    };
    Summary {
        circuits: records.len(),
        met: met.len(),
        sufficient: records.iter().filter(|r| r.sufficient).count(),
        necessary: records.iter().filter(|r| r.necessary).count(),
        nodes: mean(|r| r.size.nodes),
        edges: mean(|r| r.size.edges),
    }
}

/// exp of the mean of `logs`.
fn geometric(logs: &[f64]) -> Mean {
    let mean = |x: &[f64], _: &[f64]| (x.iter().sum::<f64>() / x.len() as f64).exp();
    let Interval { low, high } = stats::bootstrap([logs, &[]], mean, 0.95, 1000, SEED);
    Mean {
        mean: mean(logs, &[]),
        low,
        high,
    }
}
