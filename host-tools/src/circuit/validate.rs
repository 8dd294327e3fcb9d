//! Whether a circuit does the task alone, whether the model can do it without, and what as many random nodes do.
//!
//! ```text
//! alone: the circuit on, all else off        without: the circuit off, all else on
//! random alone: as many nodes per site, drawn anywhere      random without: as many per site, drawn outside the circuit
//! ```
//!
//! # Invariants
//! - Random nodes are drawn site by site, as many as the circuit has there, or as there are.
//!
//! # Why
//! Source: Gao et al., figures 2 and 32. Drori (2026) found small sets of nodes that score on nonsense, so a
//! loss means something only beside that of equal numbers of random nodes.

use lacuna::num::Rng;
use serde::{Deserialize, Serialize};

use super::cases::Cases;
use super::subject::{self, Subject};
use crate::stats::{self, Interval};

/// Share of the intervals.
pub const CONFIDENCE: f64 = 0.95;
/// Loss without the circuit from which it is called necessary.
pub const NECESSARY: f64 = 0.5;
/// Change of the loss without random nodes below which they are called idle.
pub const IDLE: f64 = 0.05;

/// A loss over pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Mean, in nats.
    pub loss: f64,
    /// Lower end of its 95 % interval over pairs.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share of prompts whose right token is the likelier one.
    pub right: f64,
}

impl Figure {
    /// The loss of `margins` times `scale`.
    pub fn new(margins: &[f32], scale: f64, seed: u64) -> Figure {
        let pairs = subject::by_pair(margins, scale);
        let mean = |a: &[f64], _: &[f64]| a.iter().sum::<f64>() / a.len().max(1) as f64;
        let Interval { low, high } = stats::bootstrap([&pairs, &[]], mean, CONFIDENCE, 1000, seed);
        let right = margins.iter().filter(|m| **m > 0.0).count();
        Figure {
            loss: subject::loss(margins, scale),
            low,
            high,
            right: right as f64 / margins.len().max(1) as f64,
        }
    }
}

/// Losses of several random draws.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draws {
    /// How many draws.
    pub draws: usize,
    /// Mean loss.
    pub loss: f64,
    /// Least.
    pub low: f64,
    /// Largest.
    pub high: f64,
}

/// What a circuit is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The whole model.
    pub whole: Figure,
    /// The circuit alone, logits as they are.
    pub alone: Figure,
    /// The circuit alone, logits times the fitted scale.
    pub calibrated: Figure,
    /// The model without the circuit.
    pub without: Figure,
    /// As many random nodes alone.
    pub random_alone: Draws,
    /// The model without as many random nodes outside the circuit.
    pub random_without: Draws,
}

impl Validation {
    /// Validates the nodes `on` by held-out `cases`.
    pub fn new(
        subject: &Subject,
        cases: &Cases,
        on: &[bool],
        (scale, draws, seed): (f64, usize, u64),
    ) -> Validation {
        let figure = |on: &[bool], scale| Figure::new(&subject.margins(on, cases), scale, seed);
        let random = |inside: bool| {
            let each = (0..draws as u64).map(|draw| {
                let mut rng = Rng::new(seed ^ (draw << 32) ^ 0x7261_6e64);
                let drawn = alike(subject, on, inside, &mut rng);
                let shown = if inside { drawn } else { not(&drawn) };
                subject::loss(&subject.margins(&shown, cases), 1.0)
            });
            let losses: Vec<f64> = each.collect();
            Draws {
                draws,
                loss: losses.iter().sum::<f64>() / losses.len().max(1) as f64,
                low: losses.iter().copied().fold(f64::INFINITY, f64::min),
                high: losses.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            }
        };
        Validation {
            whole: figure(&vec![true; on.len()], 1.0),
            alone: figure(on, 1.0),
            calibrated: figure(on, scale),
            without: figure(&not(on), 1.0),
            random_alone: random(true),
            random_without: random(false),
        }
    }

    /// The circuit alone meets `target`.
    pub fn sufficient(&self, target: f64) -> bool {
        self.alone.loss.min(self.calibrated.loss) <= target
    }

    /// The model fails without the circuit, and not without random nodes.
    pub fn necessary(&self) -> bool {
        let moved = self.random_without.loss - self.whole.loss;
        self.without.loss >= NECESSARY && moved < IDLE
    }
}

fn not(on: &[bool]) -> Vec<bool> {
    on.iter().map(|on| !on).collect()
}

/// As many nodes of each site as are `on` there: of all, or of those outside.
fn alike(subject: &Subject, on: &[bool], inside: bool, rng: &mut Rng) -> Vec<bool> {
    let mut drawn = vec![false; on.len()];
    for site in &subject.nodes.sites {
        let wanted = site.range.clone().filter(|&i| on[i]).count();
        let free = site.range.clone().filter(|&i| inside || !on[i]);
        let mut free: Vec<usize> = free.collect();
        for _ in 0..wanted.min(free.len()) {
            let node = free.swap_remove(rng.below(free.len() as u32) as usize);
            drawn[node] = true;
        }
    }
    drawn
}

/// Nodes in both over nodes in either; 1 where both are empty.
pub fn jaccard(a: &[bool], b: &[bool]) -> f64 {
    let count = |f: fn(bool, bool) -> bool| a.iter().zip(b).filter(|(a, b)| f(**a, **b)).count();
    let (both, either) = (count(|a, b| a && b), count(|a, b| a || b));
    if either == 0 {
        1.0
    } else {
        both as f64 / either as f64
    }
}
