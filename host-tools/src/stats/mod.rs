//! Statistics of detectors: how well a score tells two samples apart, and how sure that is.
//!
//! ```text
//! scores of familiar and unfamiliar units ─► AUROC · AUPR · FPR at a TPR ─► bootstrap over units ─► interval
//! alarms of units ─► rate ─► Clopper-Pearson ─► interval
//! several numbers of a unit ─► ridge ─► one score; two of them, others held still ─► partial rank correlation
//! ```
//!
//! # Invariants
//! - Ties count half in an AUROC and are taken together everywhere else: no figure depends on the order of equal scores.
//! - Intervals resample whole units, by a seed; the same input gives the same figures.
//!
//! # Why
//! Distributions come from `statrs`; what is here is the little that it lacks. Windows of one unit are alike, so an
//! interval over windows would be too narrow by the root of how alike they are.

mod clusters;
mod curve;
mod logistic;
mod partial;
mod power;
mod separation;

pub use clusters::{Clusters, Draw, Place, percentiles};
pub use curve::{Curve, Figures};
pub use logistic::{Linear, logistic};
pub use partial::partial_spearman;
pub use power::seeds_needed;
pub use separation::{aupr, auroc, fpr_at_tpr, spearman};

use lacuna::num::Rng;
use statrs::distribution::{Beta, ContinuousCDF, StudentsT};

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `x` lies in it.
    pub fn covers(&self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }
}

/// The `confidence` interval of a rate seen as `successes` of `n` (Clopper and Pearson, 1934), exact for whole numbers.
///
/// `successes` may be a sum of rates, one a unit: a rate in 0…1 varies no more than a coin of the same mean, so the
/// interval of the coin is wide enough.
pub fn clopper_pearson(successes: f64, n: f64, confidence: f64) -> Interval {
    let tail = (1.0 - confidence) / 2.0;
    let quantile = |a: f64, b: f64, q: f64| Beta::new(a, b).map(|beta| beta.inverse_cdf(q));
    let low = quantile(successes, n - successes + 1.0, tail);
    let high = quantile(successes + 1.0, n - successes, 1.0 - tail);
    Interval {
        low: if successes <= 0.0 {
            0.0
        } else {
            low.unwrap_or(0.0)
        },
        high: if successes >= n {
            1.0
        } else {
            high.unwrap_or(1.0)
        },
    }
}

/// Mean and `confidence` interval of the mean of independent, roughly normal values (Student's t); no interval for one.
pub fn mean_interval(values: &[f64], confidence: f64) -> (f64, Option<Interval>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let quantile = |freedom: f64| {
        let t = StudentsT::new(0.0, 1.0, freedom).ok()?;
        Some(t.inverse_cdf(1.0 - (1.0 - confidence) / 2.0))
    };
    let interval = || {
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        let half = quantile(n - 1.0)? * (squares / (n - 1.0) / n).sqrt();
        Some(Interval {
            low: mean - half,
            high: mean + half,
        })
    };
    (mean, if values.len() > 1 { interval() } else { None })
}

/// The percentile interval of `figure` over samples of both sides drawn with replacement, `rounds` times.
pub fn bootstrap<T: Clone>(
    [a, b]: [&[T]; 2],
    figure: impl Fn(&[T], &[T]) -> f64,
    confidence: f64,
    rounds: usize,
    seed: u64,
) -> Interval {
    let mut rng = Rng::new(seed);
    let mut draw = |from: &[T]| -> Vec<T> {
        let place = |rng: &mut Rng| rng.below(from.len() as u32) as usize;
        (0..from.len())
            .map(|_| from[place(&mut rng)].clone())
            .collect()
    };
    let figures = (0..rounds).map(|_| figure(&draw(a), &draw(b))).collect();
    percentiles(figures, confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clopper_pearson_of_the_tables() {
        let near = |i: Interval, low: f64, high: f64| {
            assert!(
                (i.low - low).abs() < 5e-4 && (i.high - high).abs() < 5e-4,
                "{i:?}"
            );
        };
        near(clopper_pearson(0.0, 10.0, 0.95), 0.0, 0.3085);
        near(clopper_pearson(1.0, 10.0, 0.95), 0.0025, 0.4450);
        near(clopper_pearson(5.0, 10.0, 0.95), 0.1871, 0.8129);
        near(clopper_pearson(10.0, 10.0, 0.95), 0.6915, 1.0);
    }

    #[test]
    fn clopper_pearson_covers_rates_of_units() {
        // Rates of units are 0 or 0.2 with equal odds: 0.1 on average.
        let mut rng = Rng::new(4);
        let covered = (0..1000)
            .filter(|_| {
                let sum = (0..30)
                    .map(|_| if rng.next_f32() < 0.5 { 0.2 } else { 0.0 })
                    .sum();
                clopper_pearson(sum, 30.0, 0.95).covers(0.1)
            })
            .count();
        assert!(covered >= 950, "{covered} of 1000");
    }

    #[test]
    fn mean_interval_of_the_tables() {
        let (mean, interval) = mean_interval(&[1.0, 2.0, 3.0], 0.95);
        let i = interval.unwrap();
        // t of 2 degrees of freedom is 4.3027.
        assert!((mean - 2.0).abs() < 1e-12 && (i.high - 2.0 - 4.3027 / 3f64.sqrt()).abs() < 1e-3);
        assert_eq!(mean_interval(&[5.0], 0.95), (5.0, None));
    }

    #[test]
    fn bootstrap_brackets_the_figure() {
        let a: Vec<f64> = (0..40).map(f64::from).collect();
        let b: Vec<f64> = (10..50).map(f64::from).collect();
        let whole = auroc(&a, &b);
        let interval = bootstrap([&a, &b], auroc, 0.95, 500, 7);
        assert!(
            interval.low < whole && whole < interval.high,
            "{whole} {interval:?}"
        );
        assert!(interval.high - interval.low < 0.3);
    }
}
