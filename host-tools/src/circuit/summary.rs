//! Circuits of several tasks in one: geometric means of nodes and edges, and of the same search's controls.
//!
//! # Invariants
//! - What does not meet its target is counted and left out of the means.
//! - A ratio is over tasks in which both the circuit and the control meet the target.
//!
//! # Why
//! Source: Gao et al. report the geometric mean over tasks of edges at the target loss. Nodes stand beside it, because
//! with equal nodes the edges of a sparse model are fewer by construction. A circuit says something about a model where
//! controls are larger or miss the target.

use serde::Serialize;

use super::record::Record;
use super::size::Size;
use super::study::Trial;
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
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// The other searches of the same tasks.
    pub controls: Vec<Control>,
}

/// One kind of other search over several tasks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Control {
    /// What was searched.
    pub what: String,
    /// Searches.
    pub searches: usize,
    /// Those that meet the target.
    pub met: usize,
    /// Geometric mean of their nodes over the circuit's.
    pub nodes: Mean,
    /// Geometric mean of their edges over the circuit's.
    pub edges: Mean,
}

/// Seed of the intervals.
const SEED: u64 = 1;

/// The summary of `records`.
pub fn summary(records: &[Record]) -> Summary {
    let met: Vec<&Record> = records.iter().filter(|r| r.met).collect();
    let mean = |of: fn(&Size) -> usize| {
        let logs: Vec<f64> = met.iter().map(|r| log(of(&r.size))).collect();
        geometric(&logs)
    };
    let others = |r: &Record| r.trials.iter().skip(1).cloned().collect::<Vec<Trial>>();
    let mut kinds: Vec<String> = Vec::new();
    for trial in records.iter().flat_map(others) {
        if !kinds.contains(&trial.what) {
            kinds.push(trial.what);
        }
    }
    Summary {
        circuits: records.len(),
        met: met.len(),
        sufficient: records.iter().filter(|r| r.sufficient).count(),
        necessary: records.iter().filter(|r| r.necessary).count(),
        nodes: mean(nodes),
        edges: mean(edges),
        controls: kinds.iter().map(|what| control(records, what)).collect(),
    }
}

fn control(records: &[Record], what: &str) -> Control {
    let all = records.iter().flat_map(|r| {
        let trials = r.trials.iter().skip(1).filter(|t| t.what == what);
        trials.map(move |trial| (r, trial))
    });
    let all: Vec<(&Record, &Trial)> = all.collect();
    let ratio = |of: fn(&Size) -> usize| {
        let both = all.iter().filter(|(r, t)| r.met && t.cut.met);
        let logs = both.map(|(r, t)| log(of(&t.size)) - log(of(&r.size)));
        geometric(&logs.collect::<Vec<_>>())
    };
    Control {
        what: what.to_owned(),
        searches: all.len(),
        met: all.iter().filter(|(_, t)| t.cut.met).count(),
        nodes: ratio(nodes),
        edges: ratio(edges),
    }
}

fn nodes(size: &Size) -> usize {
    size.nodes
}

fn edges(size: &Size) -> usize {
    size.edges
}

fn log(n: usize) -> f64 {
    (n.max(1) as f64).ln()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::constants::Stand;
    use crate::circuit::learn::Learning;
    use crate::circuit::rank::Cut;
    use crate::circuit::study::{Method, Request};
    use crate::circuit::validate::{Draws, Figure, Validation};

    #[test]
    fn summaries_are_geometric_and_leave_out_what_misses() {
        let figure = Figure::new(&[1.0, 2.0], 1.0, 0);
        let trial = |what: &str, edges: usize, met: bool| Trial {
            what: what.to_owned(),
            seed: 0,
            k_coef: None,
            cut: Cut {
                nodes: 2,
                loss: 0.1,
                met,
            },
            size: Size { nodes: 2, edges },
            whole: 0.1,
            alone: figure,
        };
        let trials = |edges: usize, met: bool, other: usize| {
            vec![trial("learned", edges, met), trial("nonsense", other, true)]
        };
        let record = |edges: usize, met: bool, other: usize| {
            let trials = trials(edges, met, other);
            let draws = Draws {
                draws: 1,
                loss: 0.1,
                low: 0.1,
                high: 0.1,
            };
            Record {
                task: "t".to_owned(),
                checkpoint: "m".into(),
                weights: String::new(),
                pairs: 1,
                seed: 0,
                request: Request {
                    target: 0.15,
                    stand: Stand::Zero,
                    method: Method::Learned,
                    learning: Learning::default(),
                    prices: vec![1e-3],
                    seeds: 1,
                    draws: 1,
                    controls: true,
                },
                zeroed: Vec::new(),
                met,
                sufficient: met,
                necessary: false,
                size: trials[0].size,
                whole: Size::default(),
                scale: 1.0,
                nodes: Vec::new(),
                validation: Validation {
                    whole: figure,
                    alone: figure,
                    calibrated: figure,
                    without: figure,
                    random_alone: draws,
                    random_without: draws,
                },
                trials,
                jaccard: Vec::new(),
                curve: Vec::new(),
            }
        };
        let records = [
            record(4, true, 8),
            record(16, true, 64),
            record(999, false, 1),
        ];
        let s = summary(&records);
        assert_eq!((s.circuits, s.met, s.sufficient), (3, 2, 2));
        assert!(
            (s.edges.mean - 8.0).abs() < 1e-9 && (s.nodes.mean - 2.0).abs() < 1e-9,
            "{s:?}"
        );
        let nonsense = &s.controls[0];
        assert_eq!((nonsense.searches, nonsense.met), (3, 3));
        assert!(
            (nonsense.edges.mean - 8f64.sqrt()).abs() < 1e-9,
            "{nonsense:?}"
        );
    }
}
