//! Adam on a gradient of unit RMS, and decay.
//!
//! ```text
//! g ← g / (rms(g) + 1e-5)   m ← β₁m + (1−β₁)g   v ← β₂v + (1−β₂)g²   w ← w − lr · m̂ / (√v̂ + ε)
//! ```
//!
//! # Invariants
//! - Moments and gradients stay dense, so that a weight that was cleared can come back.
//! - ε = 0.1 has a meaning only because the gradient was brought to unit RMS just before; [`Normalise`] switches that.
//!
//! # Why
//! One flat pass over a few hundred thousand numbers costs less than a per-tensor optimiser's bookkeeping, and its whole
//! state is two vectors that a checkpoint writes. Source: Gao et al., appendix A.2, and the released script.

use serde::{Deserialize, Serialize};

use super::simd::{dot, fast};

/// Constants of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constants {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled decay of matrices, per unit of learning rate; applied after the projection.
    pub weight_decay: f32,
    /// What Adam sees of a gradient.
    #[serde(default)]
    pub normalise: Normalise,
}

/// What the optimiser sees of a gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Normalise {
    /// It is scaled to an RMS of 1 over all parameters, as the released script does
    #[default]
    Unit,
    /// It is scaled down to an RMS of 1 where it is larger, as the paper says
    Clip,
    /// It is taken as it is
    Raw,
}

impl Normalise {
    /// The factor of a gradient whose values have this mean square.
    #[inline(always)]
    fn scale(self, mean_square: f32) -> f32 {
        let unit = 1.0 / (mean_square.sqrt() + 1e-5);
        match self {
            Normalise::Unit => unit,
            Normalise::Clip => unit.min(1.0),
            Normalise::Raw => 1.0,
        }
    }
}

/// Moments of every parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Mean gradient.
    pub m: Vec<f32>,
    /// Mean squared gradient.
    pub v: Vec<f32>,
}

impl Moments {
    /// Zeros for `len` parameters.
    pub fn new(len: usize) -> Moments {
        Moments {
            m: vec![0.0; len],
            v: vec![0.0; len],
        }
    }

    /// Moves `w` against `gradient`; `step` counts from 0.
    pub fn step(&mut self, w: &mut [f32], gradient: &[f32], step: u64, lr: f64, c: &Constants) {
        let n = i32::try_from(step + 1).unwrap_or(i32::MAX);
        let unbias1 = 1.0 - f64::from(c.beta1).powi(n);
        let unbias2 = 1.0 - f64::from(c.beta2).powi(n);
        let (rate, root) = ((lr / unbias1) as f32, (1.0 / unbias2) as f32);
        let (
            Moments { m, v },
            Constants {
                beta1,
                beta2,
                eps,
                normalise,
                ..
            },
        ) = (self, *c);
        fast(
            #[inline(always)]
            || {
                let mean = dot(gradient, gradient) / gradient.len().max(1) as f32;
                let scale = normalise.scale(mean);
                let moments = m.iter_mut().zip(v);
                for ((w, g), (m, v)) in w.iter_mut().zip(gradient).zip(moments) {
                    let g = g * scale;
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    *w -= rate * *m / ((*v * root).sqrt() + eps);
                }
            },
        );
    }
}

/// `w ← w − weight_decay · lr · w`
pub fn decay(w: &mut [f32], lr: f64, c: &Constants) {
    let factor = (1.0 - lr * f64::from(c.weight_decay)) as f32;
    w.iter_mut().for_each(|w| *w *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: Constants = Constants {
        beta1: 0.9,
        beta2: 0.95,
        eps: 0.1,
        weight_decay: 0.1,
        normalise: Normalise::Unit,
    };

    #[test]
    fn first_step_is_lr_over_one_plus_eps_whatever_the_gradient_scale() {
        for scale in [1e-3, 1.0, 1e3] {
            let mut w = [1.0, 1.0];
            Moments::new(2).step(&mut w, &[scale, -scale], 0, 0.01, &C);
            assert!((w[0] - (1.0 - 0.01 / 1.1)).abs() < 2e-4, "{}", w[0]);
            assert!((w[1] - (1.0 + 0.01 / 1.1)).abs() < 2e-4);
        }
    }

    #[test]
    fn gradients_are_scaled_as_asked() {
        assert!((Normalise::Unit.scale(4.0) - 0.5).abs() < 1e-5);
        assert!(Normalise::Unit.scale(1e-4) > 99.0);
        assert!((Normalise::Clip.scale(4.0) - 0.5).abs() < 1e-5);
        assert_eq!(Normalise::Clip.scale(0.25), 1.0);
        assert_eq!(Normalise::Raw.scale(4.0), 1.0);
    }

    #[test]
    fn zero_gradient_moves_nothing() {
        let mut w = [1.0; 3];
        Moments::new(3).step(&mut w, &[0.0; 3], 0, 0.01, &C);
        assert_eq!(w, [1.0; 3]);
    }

    #[test]
    fn quadratic_is_minimised() {
        let (mut w, mut moments) = (vec![3.0, -2.0], Moments::new(2));
        for step in 0..400 {
            let gradient = w.clone();
            let lr = 0.05 * (1.0 - step as f64 / 400.0);
            moments.step(&mut w, &gradient, step, lr, &C);
        }
        assert!(w.iter().all(|w| w.abs() < 0.05), "{w:?}");
    }
}
