//! Has what the device sees become unfamiliar over time? A test with a stated rate of false alarms, in 100 bytes.
//!
//! ```text
//! scores of a block of windows ─► mean ─► level 0 … 15 ─► p = (#above + τ·#equal) / n     counts of all levels so far
//!                                                          │
//!            six bets  R ← (R + 1)·f(p)   f: ε·p^(ε−1) and ε·(1−p)^(ε−1), ε = ¼ ½ ¾  ─►  mean R ≥ run length: alarm
//! ```
//!
//! # Invariants
//! - While steps are exchangeable with the units of calibration, each p is uniform given the past, so E f(p) ≤ 1, R − t is
//!   a martingale or falls, and the mean number of steps to a false alarm is at least the run length, whatever the
//!   distribution of scores and however few the units.
//! - The same bits on every machine: square roots, products, and τ from a generator seeded by model and step.
//!
//! # Why
//! p-values against a fixed table are each valid but not independent: all lean on the same few units, and a bet that
//! multiplies them for a year exploits every accident of that draw. Here every step joins the table it is ranked in, as
//! in a conformal test martingale (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2nd ed., ch. 8);
//! sixteen levels, cut on other data, make the table small enough to keep. A Shiryaev-Roberts sum over bets is an
//! e-detector (Shin, Ramdas and Rinaldo, 2024): unlike one long product it forgets that nothing happened for a year, so
//! delay does not grow with age, and unlike CUSUM with a simulated limit its run length is a theorem. Several bets are
//! averaged because the size of a shift is not known; both tails, because a sensor that is stuck looks all too familiar.

use crate::format::calibration::{Calibration, LEVELS};
use crate::num::{Rng, sqrt};

/// Bets of the mixture: three exponents for each tail.
pub(super) const BETS: usize = 6;

/// The state of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Drift {
    /// Shiryaev-Roberts sums.
    pub(super) bets: [f32; BETS],
    /// Steps and units of calibration in each level.
    pub(super) counts: [u32; LEVELS],
    /// Steps so far.
    pub(super) steps: u32,
    /// Scores of the windows of the step to come, summed.
    pub(super) sum: f32,
    /// How many windows that are.
    pub(super) windows: u32,
    /// Whether it has raised the alarm, which stays until acknowledged.
    pub(super) alarm: bool,
}

impl Drift {
    /// The test before its first window.
    pub fn new(calibration: &Calibration<'_>) -> Self {
        Self {
            bets: [0.0; BETS],
            counts: calibration.settings().counts,
            steps: 0,
            sum: 0.0,
            windows: 0,
            alarm: false,
        }
    }

    /// Evidence: the mean of the bets; an alarm is raised where it reaches the run length.
    pub fn evidence(&self) -> f32 {
        self.bets.iter().sum::<f32>() / BETS as f32
    }

    /// Whether the alarm has been raised and not acknowledged.
    pub const fn alarm(&self) -> bool {
        self.alarm
    }

    /// Steps so far.
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// Takes the score of a window; a block of them makes a step. True where that raises the alarm.
    ///
    /// After an alarm the test stands still: windows that have drifted do not become its reference.
    pub fn push(&mut self, calibration: &Calibration<'_>, seed: u64, score: f32) -> bool {
        if self.alarm {
            return false;
        }
        // A score may be infinite; the mean of a block must not be NaN.
        self.sum += score.clamp(-1e30, 1e30);
        self.windows += 1;
        if self.windows < calibration.settings().block {
            return false;
        }
        let mean = self.sum / self.windows as f32;
        (self.sum, self.windows) = (0.0, 0);
        self.step(calibration.level(mean), draw(seed, self.steps));
        self.alarm = self.evidence() >= calibration.settings().run_length;
        self.alarm
    }

    /// Ranks a step of this level among those before it and lets the bets run; `tau` breaks ties, in 0…1.
    pub fn step(&mut self, level: usize, tau: f32) {
        let level = level.min(LEVELS - 1);
        let (below, rest) = self.counts.split_at_mut(level);
        let Some((equal, above)) = rest.split_first_mut() else {
            return;
        };
        let sum = |counts: &[u32]| counts.iter().map(|&n| u64::from(n)).sum::<u64>();
        let (below, above) = (sum(below) as f32, sum(above) as f32);
        *equal = equal.saturating_add(1);
        let equal = *equal as f32;
        let n = below + equal + above;
        let tails = [(above + tau * equal) / n, (below + (1.0 - tau) * equal) / n];
        for (bets, p) in self.bets.chunks_exact_mut(BETS / 2).zip(tails) {
            for (bet, f) in bets.iter_mut().zip(powers(p)) {
                *bet = (*bet + 1.0) * f;
            }
        }
        self.steps = self.steps.saturating_add(1);
    }

    /// Takes the alarm back and starts anew from the reference of the calibration.
    pub fn acknowledge(&mut self, calibration: &Calibration<'_>) {
        *self = Self {
            steps: self.steps,
            ..Self::new(calibration)
        };
    }
}

/// ε·p^(ε−1) for ε = ¼, ½ and ¾, each of which integrates to one over 0…1.
fn powers(p: f32) -> [f32; 3] {
    let half = sqrt(p);
    let quarter = sqrt(half);
    [0.25 / (half * quarter), 0.5 / half, 0.75 / quarter]
}

/// A uniform number of step `step`: the middle of one of 2²³ cells, so that no convex bet gains by the grid.
pub(super) fn draw(seed: u64, step: u32) -> f32 {
    let mut rng = Rng::new(seed ^ (u64::from(step) << 32 | u64::from(step)));
    ((rng.next_u32() >> 9) as f32 + 0.5) * (1.0 / 8_388_608.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bets_are_fair_or_less() {
        // The mean over the grid of draws, coarser here, is at most the integral.
        let n = 1 << 14;
        let mut means = [0.0f64; 3];
        for i in 0..n {
            let f = powers((i as f32 + 0.5) / n as f32);
            for (mean, f) in means.iter_mut().zip(f) {
                *mean += f64::from(f) / f64::from(n);
            }
        }
        for mean in means {
            assert!(mean <= 1.0 && mean > 0.9, "{means:?}");
        }
    }

    #[test]
    fn draws_are_inside_and_spread() {
        let mut sum = 0.0;
        for step in 0..10_000 {
            let tau = draw(7, step);
            assert!(tau > 0.0 && tau < 1.0);
            sum += f64::from(tau);
        }
        assert!((sum / 1e4 - 0.5).abs() < 0.02, "{sum}");
        assert_ne!(draw(1, 0), draw(2, 0));
    }
}
