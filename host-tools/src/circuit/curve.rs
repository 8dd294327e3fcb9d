//! One search cut at several losses: how large must a circuit be to do its task so well?
//!
//! ```text
//! ranking ─► cut at 0.5 · 0.25 · 0.15 · 0.05 ─► nodes and edges of each; of several prices the smallest
//! ```
//!
//! # Invariants
//! - Nodes are ranked once; every target cuts the same rankings.
//!
//! # Expected
//! Fewer edges for a larger loss; learned masks need fewer than attribution at every loss.
//!
//! # Why
//! Source: Gao et al., figures 2 and 31: losses from 0.5 to 0.002 against edges. A single target hides where two models, or
//! two ways to rank, cross.

use serde::{Deserialize, Serialize};

use super::Error;
use super::rank::{self, Cut};
use super::size::{self, Size};
use super::study::{Found, Material};
use super::subject::Subject;
use super::validate::Figure;

/// Nodes in the order that one search gave them.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// What was searched: `learned` or `attribution`.
    pub what: String,
    /// All nodes, the most important first.
    pub order: Vec<usize>,
    /// The first so many were on when the search ended.
    pub start: usize,
}

/// The smallest circuit of one kind of search at one loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// What was searched.
    pub what: String,
    /// Loss to meet, in nats.
    pub target: f64,
    /// The cut, on the pairs that chose it.
    pub cut: Cut,
    /// Its size.
    pub size: Size,
    /// Loss of the circuit alone on the pairs that judge.
    pub alone: Figure,
}

/// Cuts the rankings of `found` at each of `targets`, in nats.
///
/// # Errors
/// As [`Subject::new`].
pub fn curve(material: &Material<'_>, found: &Found, targets: &[f64]) -> Result<Vec<Point>, Error> {
    let subject = Subject::new(material.model, found.constants.clone())?;
    let mut kinds: Vec<&str> = Vec::new();
    for ranking in &found.rankings {
        if !kinds.contains(&ranking.what.as_str()) {
            kinds.push(&ranking.what);
        }
    }
    let mut points = Vec::new();
    for what in kinds {
        for &target in targets {
            let of = found.rankings.iter().filter(|r| r.what == what);
            let cuts = of.map(|r| {
                let cut = rank::cut(&subject, material.train, &r.order, r.start, target);
                (r, cut)
            });
            let Some((ranking, cut)) = cuts.reduce(|a, b| if b.1.beats(&a.1) { b } else { a })
            else {
                continue;
            };
            let on = rank::first(&ranking.order, cut.nodes);
            let margins = subject.margins(&on, material.held_out);
            points.push(Point {
                what: what.to_owned(),
                target,
                cut,
                size: size::size(material.model, &subject.nodes, &on),
                alone: Figure::new(&margins, 1.0, 0),
            });
        }
    }
    Ok(points)
}
