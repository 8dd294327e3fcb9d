//! A figure over seeds, how sure it is, and how many seeds would have made it sure.
//!
//! # Invariants
//! - The same values give the same figure: draws are by a fixed seed.
//!
//! # Why
//! Two shapes are all that the tests need: the mean of something that varies by seed and task, and a rank correlation over
//! densities of means over seeds.

use serde::Serialize;

use crate::stats::{self, Clusters, Interval, percentiles, spearman};

const CONFIDENCE: f64 = 0.95;
const ROUNDS: usize = 2000;
const SEED: u64 = 251_113_653;

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Estimate {
    /// Its value.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// The same of every seed alone.
    pub by_seed: Vec<f64>,
}

impl Estimate {
    /// Value and interval.
    pub(super) fn pair(&self) -> (f64, Interval) {
        (self.value, self.interval)
    }

    /// exp of a figure of logarithms: a geometric mean.
    pub(super) fn exp(&self) -> (f64, Interval) {
        let Interval { low, high } = self.interval;
        let interval = Interval {
            low: low.exp(),
            high: high.exp(),
        };
        (self.value.exp(), interval)
    }
}

/// A number with where it is from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Item {
    /// Seed of its model.
    pub seed: u64,
    /// Number of its density: every draw has all of them.
    pub stratum: usize,
    /// Number of its task: what is drawn within a seed and density.
    pub unit: usize,
    /// It.
    pub value: f64,
}

fn mean_of(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    sum / n
}

/// The mean of `items`: seeds are drawn, and in each of its strata tasks; `None` without items.
pub(super) fn mean(items: &[Item]) -> Option<Estimate> {
    let places: Vec<stats::Place> = items
        .iter()
        .map(|i| stats::Place {
            seed: i.seed as u32,
            stratum: i.stratum as u32,
            unit: i.unit as u32,
            part: 0,
        })
        .collect();
    let figure = |drawn: &[usize]| mean_of(drawn.iter().map(|&i| items[i].value));
    let clusters = Clusters::new(&places);
    let (value, interval) = clusters.interval(figure, CONFIDENCE, (ROUNDS, SEED));
    let mut seeds: Vec<u64> = items.iter().map(|i| i.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let of = |seed: &u64| mean_of(items.iter().filter(|i| i.seed == *seed).map(|i| i.value));
    (!items.is_empty()).then(|| Estimate {
        value,
        interval,
        by_seed: seeds.iter().map(of).collect(),
    })
}

/// Spearman's correlation of densities with means over seeds, `points` being a density and a value for every seed; seeds
/// are drawn within each density. `None` for fewer than three densities.
pub(super) fn trend(points: &[(f64, Vec<f64>)]) -> Option<Estimate> {
    let densities: Vec<f64> = points.iter().map(|p| p.0).collect();
    let mut rng = lacuna::num::Rng::new(SEED);
    let mut drawn = |values: &[f64]| {
        let n = values.len() as u32;
        mean_of((0..n).map(|_| values[rng.below(n) as usize]))
    };
    let draws = (0..ROUNDS).map(|_| {
        let means: Vec<f64> = points.iter().map(|(_, values)| drawn(values)).collect();
        spearman(&densities, &means)
    });
    let interval = percentiles(draws.collect(), CONFIDENCE);
    let means: Vec<f64> = (points.iter())
        .map(|(_, values)| mean_of(values.iter().copied()))
        .collect();
    let seeds = points.iter().map(|(_, values)| values.len()).min()?;
    let of_seed = |seed: usize| {
        let own: Vec<f64> = points.iter().map(|(_, values)| values[seed]).collect();
        spearman(&densities, &own)
    };
    (points.len() > 2 && seeds > 0).then(|| Estimate {
        value: spearman(&densities, &means),
        interval,
        by_seed: (0..seeds).map(of_seed).collect(),
    })
}

/// The share of `moved` below 0, and its exact interval: above 0.5 where a two-sided sign test is below 5 %.
pub(super) fn falling(moved: &[Item]) -> Option<Estimate> {
    let told: Vec<&Item> = moved.iter().filter(|i| i.value != 0.0).collect();
    let fell = told.iter().filter(|i| i.value < 0.0).count() as f64;
    let n = told.len() as f64;
    let share = |i: &Item| Item {
        value: f64::from(u8::from(i.value < 0.0)),
        ..*i
    };
    let by_seed = mean(&told.iter().map(|i| share(i)).collect::<Vec<Item>>())?.by_seed;
    Some(Estimate {
        value: fell / n,
        interval: stats::clopper_pearson(fell, n, CONFIDENCE),
        by_seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(seed: u64, unit: usize, value: f64) -> Item {
        Item {
            seed,
            stratum: 0,
            unit,
            value,
        }
    }

    #[test]
    fn means_vary_by_seed_and_task() {
        let items: Vec<Item> = (0..12)
            .map(|i| item(i / 4, i as usize % 4, i as f64))
            .collect();
        let found = mean(&items).unwrap();
        assert_eq!((found.value, found.by_seed.len()), (5.5, 3));
        assert!(found.interval.covers(5.5) && found.interval.low > 0.0);
        assert!(found.interval.high - found.interval.low > 4.0, "{found:?}");
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn trends_are_sure_where_seeds_agree() {
        let rising = |noise: f64| -> Vec<(f64, Vec<f64>)> {
            let at = |d: f64| (d, vec![d, d + noise, d - noise]);
            [0.125, 0.25, 0.5, 1.0].map(at).into()
        };
        let sure = trend(&rising(0.01)).unwrap();
        assert_eq!((sure.value, sure.interval.low), (1.0, 1.0));
        let unsure = trend(&rising(2.0)).unwrap();
        assert!(unsure.value == 1.0 && unsure.interval.low < 0.9);
        assert_eq!(trend(&rising(0.0)[..2]), None);
    }

    #[test]
    fn signs_are_counted_without_ties() {
        let moved: Vec<Item> = (0..6).map(|i| item(i % 3, i as usize, -1.0)).collect();
        let found = falling(&moved).unwrap();
        // 6 of 6: p = 2 · 0.5⁶ = 0.031.
        assert!(found.value == 1.0 && found.interval.low > 0.5);
        assert!(falling(&moved[..5]).unwrap().interval.low < 0.5);
        let tie = [item(0, 0, 0.0)];
        assert_eq!(falling(&tie), None);
        assert_eq!(falling(&[moved[0], tie[0]]).unwrap().value, 1.0);
    }
}
