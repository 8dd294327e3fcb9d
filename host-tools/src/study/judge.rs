//! What every detector is worth, against every grade of every family, with intervals over seeds and units.
//!
//! ```text
//! draw: seeds ─► units ─► weights of items       the same draws for every detector, so that two can be compared
//! grade: mean over seeds ─► family: mean over grades ─► overall: mean over families of shifts
//! ```
//!
//! # Invariants
//! - A changed file is drawn with its unchanged self, a window with its file.
//! - Known windows are the same in every comparison, so the share of shifted ones, which AUPR depends on, is reported.

use super::detect::Panel;
use super::measure::Seen;
use super::trial::{KNOWN, SAME, Side};
use crate::stats::{Clusters, Curve, Draw, Figures, Interval, percentiles};

/// A figure and the rounds of its bootstrap.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    /// All items once, then every round; AUROC, AUPR and FPR at 95 % TPR.
    pub rounds: Vec<[f64; 3]>,
}

/// Figures with the ends of their intervals.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// Of all items.
    pub figures: Figures,
    /// Lower ends.
    pub low: Figures,
    /// Upper ends.
    pub high: Figures,
}

impl Rounds {
    /// With 95 % intervals.
    pub fn estimate(&self) -> Estimate {
        let [a, b, c] = [0, 1, 2].map(|i| self.interval(|r| r[i]));
        Estimate {
            figures: self
                .rounds
                .first()
                .map_or(Figures::NONE, |r| Figures::from_array(*r)),
            low: Figures::from_array([a.low, b.low, c.low]),
            high: Figures::from_array([a.high, b.high, c.high]),
        }
    }

    /// The 95 % interval of a number of each round.
    pub fn interval(&self, of: impl Fn(&[f64; 3]) -> f64) -> Interval {
        percentiles(self.rounds.iter().skip(1).map(of).collect(), 0.95)
    }

    /// By how much the AUROC is higher than `other`'s, and the interval of that.
    pub fn exceeds(&self, other: &Rounds) -> (f64, Interval) {
        let each = self.rounds.iter().zip(&other.rounds);
        let all: Vec<f64> = each.map(|(a, b)| a[0] - b[0]).collect();
        let whole = all.first().copied().unwrap_or(f64::NAN);
        (whole, percentiles(all.into_iter().skip(1).collect(), 0.95))
    }

    /// Mean of several, round by round; what is no number is left out.
    fn mean<'a>(of: impl Iterator<Item = &'a Rounds> + Clone) -> Rounds {
        let n = of.clone().map(|r| r.rounds.len()).max().unwrap_or(0);
        let round = |i: usize| {
            let mut sums = [(0.0, 0.0); 3];
            for one in of.clone().filter_map(|r| r.rounds.get(i)) {
                for (sum, x) in sums.iter_mut().zip(one).filter(|(_, x)| !x.is_nan()) {
                    *sum = (sum.0 + x, sum.1 + 1.0);
                }
            }
            sums.map(|(sum, n)| if n > 0.0 { sum / n } else { f64::NAN })
        };
        Rounds {
            rounds: (0..n).map(round).collect(),
        }
    }
}

/// One detector judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Number of the detector.
    pub detector: usize,
    /// By family from [`SAME`] on, by grade.
    pub grades: Vec<Vec<Rounds>>,
    /// By family from [`SAME`] on: the mean over grades.
    pub families: Vec<Rounds>,
    /// Mean over families but [`SAME`].
    pub overall: Rounds,
}

/// Judges `n` detectors by their panels with `rounds` draws of `seed`; `each` is called after every detector.
pub fn judge(
    seen: &Seen,
    panels: &[Panel],
    (n, rounds, seed): (usize, usize, u64),
    each: &mut dyn FnMut(),
) -> Vec<Judged> {
    let places: Vec<_> = seen.items.iter().map(|i| i.place).collect();
    let clusters = Clusters::new(&places);
    let mut draws = vec![clusters.whole()];
    draws.extend(clusters.draws(rounds, seed));
    (0..n)
        .map(|detector| {
            let judged = one(seen, panels, detector, &draws);
            each();
            judged
        })
        .collect()
}

fn one(seen: &Seen, panels: &[Panel], detector: usize, draws: &[Draw]) -> Judged {
    let grades: Vec<Vec<Rounds>> = (SAME..seen.families.len())
        .map(|family| {
            let its: Vec<&Panel> = panels.iter().filter(|p| p.family == family).collect();
            let levels = 0..seen.families[family].levels.len();
            levels
                .map(|level| grade(seen, &its, detector, level, draws))
                .collect()
        })
        .collect();
    let families: Vec<Rounds> = grades.iter().map(|g| Rounds::mean(g.iter())).collect();
    Judged {
        detector,
        overall: Rounds::mean(families.iter().skip(1)),
        grades,
        families,
    }
}

/// One grade: the mean over seeds, each as often as it was drawn.
fn grade(seen: &Seen, panels: &[&Panel], detector: usize, level: usize, draws: &[Draw]) -> Rounds {
    let curves: Vec<(usize, Curve)> = panels
        .iter()
        .map(|panel| {
            let scores = &panel.scores[detector];
            let of = |family: usize, level: Option<usize>| {
                let all = panel.items.iter().zip(scores);
                all.filter_map(move |(i, score)| {
                    let item = &seen.items[*i as usize];
                    let here = item.family == family && level.is_none_or(|l| item.level == l);
                    here.then_some((*i, *score))
                })
            };
            (
                panel.seed,
                Curve::new(of(KNOWN, None), of(panel.family, Some(level))),
            )
        })
        .collect();
    let round = |draw: &Draw| {
        let mut sums = [(0.0, 0.0); 3];
        for (seed, curve) in &curves {
            let weight = f64::from(draw.seeds[*seed]);
            let figures = curve.figures(&draw.items).array();
            for (sum, x) in sums.iter_mut().zip(figures).filter(|(_, x)| !x.is_nan()) {
                *sum = (sum.0 + weight * x, sum.1 + weight);
            }
        }
        sums.map(|(sum, n)| if n > 0.0 { sum / n } else { f64::NAN })
    };
    Rounds {
        rounds: draws.iter().map(round).collect(),
    }
}

/// Known and shifted windows of a grade on the test side, all seeds together.
pub fn counts(seen: &Seen, family: usize, level: usize) -> [usize; 2] {
    let of = |family: usize, level: usize| {
        let its = seen.items.iter();
        its.filter(|i| i.side == Side::Test && i.family == family && i.level == level)
            .count()
    };
    [of(KNOWN, 0), of(family, level)]
}
