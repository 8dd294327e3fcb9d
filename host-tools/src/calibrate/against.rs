//! Is a monitor worth its bytes for a shift that is feared? Its score beside plain ones, on data that show the shift.
//!
//! ```text
//! conformal units, scored ─┐
//!                          ├─► AUROC · FPR at 95 % TPR · share above the own threshold     each score, paired draws
//! shifted units, scored   ─┘   └─► difference to the first plain score ─► interval over units ─► a word
//! ```
//!
//! # Invariants
//! - Every score is calibrated to the same rate on the same units, and no score was fitted on either side.
//! - A draw takes whole units, of both sides as many as there are; all scores see the same draws.
//!
//! # Why
//! A rate of false alarms is only half of a monitor. What it detects can be known for named shifts alone, and largest
//! probability, which costs nothing, is the score that it has to beat there.

use serde::Serialize;

use crate::report::{percent, table};
use crate::stats::{Clusters, Interval, Place, auroc, fpr_at_tpr};

/// A calibrated score and what it says of either side: units, their windows.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Its name.
    pub name: String,
    /// Units that it was calibrated on.
    pub familiar: Vec<Vec<f32>>,
    /// Shifted units.
    pub shifted: Vec<Vec<f32>>,
    /// A window above is unfamiliar.
    pub threshold: f32,
    /// Of its block in the file.
    pub flash_bytes: usize,
}

/// A figure and its 95 % interval over units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Of all units.
    pub value: f64,
    /// Percentiles of the bootstrap.
    pub interval: Interval,
}

/// How one score did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its name.
    pub score: String,
    /// How often a shifted window scores above a familiar one.
    pub auroc: Figure,
    /// Share of familiar windows above the score that 95 % of the shifted ones are above.
    pub fpr95: Figure,
    /// Share of a unit's windows above the threshold, mean over shifted units.
    pub detected: Figure,
    /// Its AUROC less that of the first plain score; none for that one.
    pub gain: Option<Figure>,
    /// Of its block in the file.
    pub flash_bytes: usize,
}

/// How all scores did on one shift.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Against {
    /// What was shown.
    pub data: String,
    /// Units of either side.
    pub familiar_units: usize,
    /// Of the shift.
    pub shifted_units: usize,
    /// Windows of either side.
    pub familiar_windows: usize,
    /// Of the shift.
    pub shifted_windows: usize,
    /// The calibrated score, then plain ones.
    pub scores: Vec<Line>,
}

/// Numbers of items on either side, unit by unit.
struct Sides {
    clusters: Clusters,
    /// Items below are familiar.
    border: usize,
    /// Unit of every item.
    unit: Vec<usize>,
}

impl Sides {
    fn new(one: &Scored) -> Self {
        let mut places = Vec::new();
        for (stratum, units) in (0..).zip([&one.familiar, &one.shifted]) {
            for (unit, windows) in (0..).zip(units) {
                let place = Place {
                    stratum,
                    unit,
                    ..Place::default()
                };
                places.extend(core::iter::repeat_n(place, windows.len()));
            }
        }
        Self {
            clusters: Clusters::new(&places),
            border: one.familiar.iter().map(Vec::len).sum(),
            unit: places.iter().map(|p| p.unit as usize).collect(),
        }
    }

    /// Scores of drawn items, familiar and shifted.
    fn parted(&self, scores: &[f64], drawn: &[usize]) -> (Vec<f64>, Vec<f64>) {
        let (familiar, shifted): (Vec<usize>, Vec<usize>) =
            drawn.iter().partition(|i| **i < self.border);
        let of = |items: Vec<usize>| items.into_iter().map(|i| scores[i]).collect();
        (of(familiar), of(shifted))
    }

    fn figure(&self, (rounds, seed): (usize, u64), of: impl Fn(&[usize]) -> f64) -> Figure {
        let (value, interval) = self.clusters.interval(of, 0.95, (rounds, seed));
        Figure { value, interval }
    }

    /// Mean over drawn units of their `shares`; of a unit all windows are drawn alike.
    fn mean(&self, shares: &[(f64, f64)], drawn: &[usize]) -> f64 {
        let shifted = drawn.iter().filter(|i| **i >= self.border);
        let (mut sum, mut n) = (0.0, 0.0);
        for &item in shifted {
            let (share, windows) = shares[self.unit[item]];
            sum += share / windows;
            n += 1.0 / windows;
        }
        sum / n
    }
}

/// Share of the windows of each shifted unit above the threshold, and how many they are.
fn shares(one: &Scored) -> Vec<(f64, f64)> {
    let of = |windows: &Vec<f32>| {
        let n = windows.len() as f64;
        let above = windows.iter().filter(|s| **s > one.threshold);
        (above.count() as f64 / n, n)
    };
    one.shifted.iter().map(of).collect()
}

fn flat(one: &Scored) -> Vec<f64> {
    let units = one.familiar.iter().chain(&one.shifted);
    units.flatten().map(|s| f64::from(*s)).collect()
}

/// Judges `scores`, which have seen the same windows; the second is the plain one that others are compared with, or the
/// first where it stands alone.
pub fn judge(data: String, scores: &[Scored], draws: (usize, u64)) -> Option<Against> {
    let first = scores.first()?;
    let sides = Sides::new(first);
    let plain = scores.get(1).unwrap_or(first);
    let bar = flat(plain);
    let lines = scores.iter().map(|one| {
        let (own, shares) = (flat(one), shares(one));
        let curve = |scores: &[f64], drawn: &[usize]| {
            let (familiar, shifted) = sides.parted(scores, drawn);
            auroc(&familiar, &shifted)
        };
        Line {
            score: one.name.clone(),
            auroc: sides.figure(draws, |drawn| curve(&own, drawn)),
            fpr95: sides.figure(draws, |drawn| {
                let (familiar, shifted) = sides.parted(&own, drawn);
                fpr_at_tpr(&familiar, &shifted, 0.95)
            }),
            detected: sides.figure(draws, |drawn| sides.mean(&shares, drawn)),
            gain: (one.name != plain.name)
                .then(|| sides.figure(draws, |drawn| curve(&own, drawn) - curve(&bar, drawn))),
            flash_bytes: one.flash_bytes,
        }
    });
    let lines = lines.collect();
    let windows = |units: &[Vec<f32>]| units.iter().map(Vec::len).sum();
    Some(Against {
        data,
        familiar_units: first.familiar.len(),
        shifted_units: first.shifted.len(),
        familiar_windows: windows(&first.familiar),
        shifted_windows: windows(&first.shifted),
        scores: lines,
    })
}

impl Against {
    /// As a person reads it; `alpha` is the rate that every threshold was set for.
    pub fn text(&self, alpha: f64) -> String {
        let shown = |f: Figure| {
            let Interval { low, high } = f.interval;
            format!("{:.3} [{low:.3}, {high:.3}]", f.value)
        };
        let rows = self.scores.iter().map(|l| {
            [
                l.score.clone(),
                shown(l.auroc),
                shown(l.fpr95),
                shown(l.detected),
                l.gain.map_or("-".to_owned(), shown),
                l.flash_bytes.to_string(),
            ]
        });
        let head = [
            "score",
            "AUROC",
            "FPR at 95 % TPR",
            "detected",
            "AUROC gained",
            "bytes",
        ];
        let mut text = format!(
            "against {}: {} windows of {} units, {} windows of {} calibrated units; 95 % intervals over units, detected at the \
             threshold for {} false alarms\n{}\n{}",
            self.data,
            self.shifted_windows,
            self.shifted_units,
            self.familiar_windows,
            self.familiar_units,
            percent(alpha),
            table(head, rows),
            self.word(),
        );
        if self.shifted_units < 5 {
            text += &format!(
                "\n{} shifted units are few: the intervals hardly know how units differ",
                self.shifted_units
            );
        }
        text
    }

    /// What follows for a user.
    pub fn word(&self) -> String {
        let (Some(own), Some(plain)) = (self.scores.first(), self.scores.get(1)) else {
            return "this is the plain score itself".to_owned();
        };
        match own.gain {
            Some(gain) if gain.interval.low > 0.0 => {
                format!("{} tells this shift better than {}", own.score, plain.score)
            }
            Some(gain) if gain.interval.high < 0.0 => format!(
                "{plain} tells this shift better: choose --score {plain}",
                plain = plain.score
            ),
            _ => format!(
                "it was not shown that {} tells this shift better than {}",
                own.score, plain.score
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(name: &str, shift: f32, blind: bool) -> Scored {
        let unit = |u: usize, by: f32| -> Vec<f32> {
            let wave = |i: usize| ((u * 31 + i * 17) % 23) as f32 / 23.0;
            (0..6)
                .map(|i| if blind { wave(i) } else { wave(i) + by })
                .collect()
        };
        Scored {
            name: name.to_owned(),
            familiar: (0..12).map(|u| unit(u, 0.0)).collect(),
            shifted: (20..29).map(|u| unit(u, shift)).collect(),
            threshold: 0.97,
            flash_bytes: 8,
        }
    }

    #[test]
    fn a_score_that_sees_the_shift_is_worth_it_and_a_blind_one_is_not() {
        let scores = [scored("sees", 0.6, false), scored("plain", 0.6, true)];
        let found = judge("x".to_owned(), &scores, (200, 1)).unwrap();
        assert_eq!((found.familiar_units, found.shifted_windows), (12, 54));
        let [sees, plain] = found.scores.as_slice() else {
            panic!("{found:?}");
        };
        assert!(sees.auroc.value > 0.9 && sees.auroc.interval.low > plain.auroc.interval.high);
        assert!(sees.fpr95.value < plain.fpr95.value);
        assert!(sees.detected.value > 0.5 && plain.detected.value < 0.1);
        assert!(sees.gain.unwrap().interval.low > 0.0 && plain.gain.is_none());
        assert!(
            found.word().contains("better than plain"),
            "{}",
            found.word()
        );
        let scores = [scored("blind", 0.6, true), scored("plain", 0.6, false)];
        let found = judge("x".to_owned(), &scores, (200, 1)).unwrap();
        assert!(found.word().contains("choose --score plain"));
        let scores = [scored("blind", 0.6, true), scored("plain", 0.6, true)];
        let found = judge("x".to_owned(), &scores, (200, 1)).unwrap();
        assert!(found.text(0.05).contains("it was not shown"));
        assert!(judge("x".to_owned(), &[], (9, 1)).is_none());
    }

    #[test]
    fn detected_is_a_mean_over_units_not_windows() {
        let one = Scored {
            shifted: vec![vec![2.0], vec![0.0; 9]],
            ..scored("x", 0.0, false)
        };
        let found = judge("x".to_owned(), &[one], (50, 1)).unwrap();
        assert!((found.scores[0].detected.value - 0.5).abs() < 1e-9);
    }
}
