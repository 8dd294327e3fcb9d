//! How density and learning rate move over a run.
//!
//! ```text
//! density   1 ────╲                       lr   ╱╲ sharkfin: linear warm-up and decay,
//!                  ╲______ target             ╱  ╲___   times √(target / density)
//!           0  1 %   50 %      100 %         0 1 %   50 %   100 %
//! ```
//!
//! # Why
//! As published for weight-sparse transformers: without the annealing and the √ factor, training from dense to sparse
//! brings nothing. Source: Gao et al., appendix A.2 and figure 25, and the released script.

use serde::{Deserialize, Serialize};

/// Shape of a run; shares are of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Number of steps.
    pub steps: u64,
    /// Highest learning rate, before the sharkfin factor.
    pub lr: f64,
    /// Share of steps over which the learning rate rises.
    pub warmup: f64,
    /// Final share of nonzero weights per matrix; 1 trains densely.
    pub density: f64,
    /// Share of steps after which weights begin to go.
    pub anneal_from: f64,
    /// Share of steps after which the final density holds.
    pub anneal_until: f64,
    /// Whether the learning rate falls to 0 after it has risen.
    #[serde(default = "yes")]
    pub decay: bool,
    /// Whether the learning rate has the factor √(target / density).
    #[serde(default = "yes")]
    pub sharkfin: bool,
}

fn yes() -> bool {
    true
}

impl Schedule {
    fn share(&self, step: u64) -> f64 {
        step as f64 / self.steps.max(1) as f64
    }

    /// Density after step `step` (counted from 0).
    pub fn density(&self, step: u64) -> f64 {
        let span = (self.anneal_until - self.anneal_from).max(f64::MIN_POSITIVE);
        let done = ((self.share(step + 1) - self.anneal_from) / span).clamp(0.0, 1.0);
        1.0 - (1.0 - self.density) * done
    }

    /// Learning rate of step `step` (counted from 0).
    pub fn lr(&self, step: u64) -> f64 {
        let at = self.share(step + 1);
        let rise = if self.warmup > 0.0 {
            at / self.warmup
        } else {
            1.0
        };
        let fall = (self.steps - step.min(self.steps)) as f64 / self.steps.max(1) as f64;
        let decay = match self.decay {
            true => (fall / (1.0 - self.warmup).max(f64::MIN_POSITIVE)).min(1.0),
            false => 1.0,
        };
        let sharkfin = match self.sharkfin {
            true => (self.density / self.density(step)).sqrt(),
            false => 1.0,
        };
        self.lr * rise.min(decay) * sharkfin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Schedule = Schedule {
        steps: 1000,
        lr: 0.01,
        warmup: 0.01,
        density: 0.1,
        anneal_from: 0.01,
        anneal_until: 0.5,
        decay: true,
        sharkfin: true,
    };

    #[test]
    fn density_falls_once_and_stays() {
        assert_eq!(S.density(0), 1.0);
        assert_eq!(S.density(9), 1.0);
        assert!((S.density(254) - 0.55).abs() < 1e-9);
        assert!((S.density(499) - 0.1).abs() < 1e-12);
        assert_eq!(S.density(999), S.density(600));
        assert!((1..1000).all(|i| S.density(i) <= S.density(i - 1)));
    }

    #[test]
    fn rate_rises_then_falls_and_is_the_plain_one_after_annealing() {
        assert!(S.lr(0) > 0.0 && S.lr(0) < S.lr(9));
        assert!((S.lr(500) - 0.01 * 0.5 / 0.99).abs() < 1e-6);
        assert!(S.lr(999) < 1.1e-5 && S.lr(999) > 0.0);
        let dense = Schedule { density: 1.0, ..S };
        assert!((dense.lr(9) - 0.01).abs() < 1e-9);
        assert!((S.lr(9) - 0.01 * 0.1f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn degenerate_runs_are_finite() {
        for steps in [0, 1] {
            let s = Schedule {
                steps,
                warmup: 0.0,
                anneal_from: 0.5,
                ..S
            };
            assert!(s.lr(0).is_finite() && s.density(0).is_finite());
        }
    }
}
