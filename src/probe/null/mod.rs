//! What a statistic would be if the vector had no structure: x isotropic Gaussian, of the same width.
//!
//! ```text
//! null(Hoyer, 64) = 0.227 ± 0.038        null(Hoyer, 4096) = 0.206 ± 0.005
//! ```
//!
//! # Invariants
//! - Every figure of the table is one of `tests/nulls.rs`, which makes the table again and compares.
//!
//! # Why
//! Most statistics depend on the width, by more than what they are used to find: without the null beside it a value says
//! nothing. A Gaussian vector's direction does not depend on its length, so the mean of a share of the energy is the
//! share of the means: L1, Hoyer and the top shares are exact, the first two by the Γ function, the last by an integral
//! over order statistics. The others, and all deviations, are a seeded simulation's, in a table over d; between two widths
//! means and √d·sd are interpolated in 1/d, in which they are all but straight.

// Simulated figures, of which some come near known constants.
#[allow(clippy::approx_constant)]
mod table;

use libm::{erfc, exp, lgamma, log, sqrt};

use self::table::{KNOTS, MEANS, SDS};
use super::Stat;
use super::measure::top_count;

/// Mean and standard deviation of a statistic over isotropic Gaussian vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Null {
    /// The mean.
    pub mean: f32,
    /// The standard deviation of one vector's value.
    pub sd: f32,
}

impl Null {
    /// How many standard deviations `value` lies above the mean; 0 where there is no deviation.
    pub fn standardise(self, value: f32) -> f32 {
        if self.sd > 0.0 {
            (value - self.mean) / self.sd
        } else {
            0.0
        }
    }
}

/// The null of `stat` for vectors of `d` elements; `None` below 4 elements and for what depends on the scale of x (ε,
/// rms) or is of logits.
///
/// For tables and reports: it computes in f64, up to some 10⁵ operations.
pub fn null(stat: Stat, d: usize) -> Option<Null> {
    if d < KNOTS[0] as usize {
        return None;
    }
    if stat == Stat::ZeroShare {
        return Some(Null { mean: 0.0, sd: 0.0 });
    }
    let row = table::row(stat)?;
    let width = d as f64;
    let mean = match stat {
        Stat::L1 => l1(width),
        Stat::Hoyer => sqrt(width) * (1.0 - l1(width)) / (sqrt(width) - 1.0),
        Stat::Top1 => top_share(d, top_count(d, 1)),
        Stat::Top5 => top_share(d, top_count(d, 5)),
        Stat::Top10 => top_share(d, top_count(d, 10)),
        _ => between(&MEANS[row], width),
    };
    Some(Null {
        mean: mean as f32,
        sd: (between(&SDS[row], width) / sqrt(width)) as f32,
    })
}

/// Interpolates in 1/d; beyond the last knot its value holds.
fn between(values: &[f32; KNOTS.len()], d: f64) -> f64 {
    let mut last = (0.0, 0.0);
    for (knot, value) in KNOTS.iter().zip(values) {
        let here = (1.0 / f64::from(*knot), f64::from(*value));
        if 1.0 / d >= here.0 {
            let share = if last.0 > here.0 {
                (1.0 / d - here.0) / (last.0 - here.0)
            } else {
                0.0
            };
            return here.1 + share * (last.1 - here.1);
        }
        last = here;
    }
    last.1
}

/// E[Σ|x|/√(d·Σx²)] = √(d/π)·Γ(d/2)/Γ((d+1)/2).
fn l1(d: f64) -> f64 {
    sqrt(d / core::f64::consts::PI) * exp(lgamma(d / 2.0) - lgamma((d + 1.0) / 2.0))
}

/// E[Σ of the k largest x²]/d = ∫ 2z²φ(z)·P(fewer than k of the other d − 1 are beyond z) dz.
fn top_share(d: usize, k: usize) -> f64 {
    const STEPS: usize = 600;
    const LAST: f64 = 9.0;
    let step = LAST / STEPS as f64;
    let density = |z: f64| 2.0 * z * z * exp(-z * z / 2.0) / sqrt(core::f64::consts::TAU);
    let sum: f64 = (0..STEPS)
        .map(|i| (i as f64 + 0.5) * step)
        .map(|z| density(z) * fewer(k, d - 1, erfc(z * core::f64::consts::FRAC_1_SQRT_2)))
        .sum();
    (sum * step).min(1.0)
}

/// P(B < k) of a binomial B(n, q).
fn fewer(k: usize, n: usize, q: f64) -> f64 {
    let (n64, k64) = (n as f64, k as f64);
    if k > n || q <= 0.0 {
        return 1.0;
    }
    if q >= 1.0 {
        return 0.0;
    }
    let (mean, far) = (n64 * q, 10.0 * sqrt(n64 * q * (1.0 - q)) + 10.0);
    if mean + far < k64 {
        return 1.0;
    }
    if mean - far > k64 {
        return 0.0;
    }
    let j = k64 - 1.0;
    let choose = lgamma(n64 + 1.0) - lgamma(j + 1.0) - lgamma(n64 - j + 1.0);
    let mut term = exp(choose + j * log(q) + (n64 - j) * log(1.0 - q));
    let mut sum = term;
    for j in (1..k).rev() {
        // From P(B = j) to P(B = j − 1).
        term *= j as f64 * (1.0 - q) / ((n - j + 1) as f64 * q);
        sum += term;
    }
    sum.min(1.0)
}
