//! Which nodes matter: learned masks, and gradient times activation as their baseline.
//!
//! ```text
//! τ ~ N(0.1, 0.01)   m = [τ ≥ 0]   loss(m) + k_coef · Σ m   dτ = dm · σ′(τ/T)/T   AdamW, clipped   τ ← clamp(τ, −1, 1)
//! ```
//!
//! # Invariants
//! - The same subject, cases and settings give the same scores.
//!
//! # Why
//! Source: Gao et al., appendix A.5 and table 2 (search centres). There all constants are tuned per model and task over
//! hundreds of trials, with 64 pairs a step; here they are fixed and the price per node is tried at a few values
//! ([`super::study`]), up to a hundred times theirs: with a thousand nodes, few steps and 16 pairs a step circuits were
//! smaller so (`var_if`, two blocks of 64, density 0.1: 367, 216 and 290 nodes after 150 steps at 1e-3, 3e-3 and 1e-2, and
//! 101, 69 and 53 after 400). Too high a price switches off everything, and from there no single node of a chain can come
//! back, because alone it changes nothing: so a low price is tried as well.

use lacuna::num::Rng;
use serde::{Deserialize, Serialize};

use super::cases::Cases;
use super::subject::Subject;

/// Constants of a search.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learning {
    /// Steps.
    pub steps: u64,
    /// Pairs in a step.
    pub pairs: usize,
    /// Price of a node, in nats.
    pub k_coef: f64,
    /// Learning rate; rises over the first `warmup` of the steps, then falls linearly to 0.
    pub lr: f64,
    /// Share of the steps that warm up.
    pub warmup: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Decoupled decay per unit of learning rate.
    pub weight_decay: f64,
    /// Largest norm of a gradient.
    pub clip: f64,
    /// T of the sigmoid that stands in for the step when gradients pass.
    pub temperature: f64,
    /// Mean of the first τ.
    pub bias: f64,
    /// Deviation of the first τ.
    pub noise: f64,
    /// Seed of the first τ and of the pairs of each step.
    pub seed: u64,
}

impl Default for Learning {
    fn default() -> Learning {
        Learning {
            steps: 600,
            pairs: 16,
            k_coef: 1e-3,
            lr: 3e-3,
            warmup: 0.05,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 1e-3,
            clip: 1.0,
            temperature: 1.0,
            bias: 0.1,
            noise: 0.01,
            seed: 0,
        }
    }
}

impl Learning {
    /// Share of the learning rate at `step`.
    fn rate(&self, step: u64) -> f64 {
        let (at, steps) = (step as f64, self.steps.max(1) as f64);
        let warm = (self.warmup * steps).max(1.0);
        ((at + 1.0) / warm).min(1.0) * (1.0 - at / steps)
    }
}

/// τ of every node after the search; `each` is told of every step.
pub fn learn(subject: &Subject, cases: &Cases, how: &Learning, each: &mut dyn FnMut()) -> Vec<f32> {
    let n = subject.nodes.len;
    let mut rng = Rng::new(how.seed);
    let mut tau: Vec<f64> = (0..n)
        .map(|_| (how.bias + how.noise * normal(&mut rng)).clamp(-1.0, 1.0))
        .collect();
    let (mut first, mut second) = (vec![0.0f64; n], vec![0.0f64; n]);
    for step in 0..how.steps {
        let mask: Vec<f32> = tau.iter().map(|&t| f32::from(u8::from(t >= 0.0))).collect();
        let pairs: Vec<usize> = (0..how.pairs)
            .map(|_| rng.below((cases.len() / 2) as u32) as usize)
            .collect();
        let which = pairs.iter().flat_map(|&pair| [2 * pair, 2 * pair + 1]);
        let (_, gradient) = subject.gradient(&mask, cases, which);
        let mut slopes: Vec<f64> = (gradient.iter().zip(&tau))
            .map(|(&dm, &tau)| {
                let s = 1.0 / (1.0 + (-tau / how.temperature).exp());
                (f64::from(dm) + how.k_coef) * s * (1.0 - s) / how.temperature
            })
            .collect();
        let norm = slopes.iter().map(|g| g * g).sum::<f64>().sqrt();
        let shrink = (how.clip / norm.max(f64::MIN_POSITIVE)).min(1.0);
        slopes.iter_mut().for_each(|g| *g *= shrink);
        let at = i32::try_from(step + 1).unwrap_or(i32::MAX);
        let unbias = [1.0 - how.beta1.powi(at), 1.0 - how.beta2.powi(at)];
        let rate = how.lr * how.rate(step);
        for i in 0..n {
            let g = slopes[i];
            first[i] = how.beta1 * first[i] + (1.0 - how.beta1) * g;
            second[i] = how.beta2 * second[i] + (1.0 - how.beta2) * g * g;
            let moved = (first[i] / unbias[0]) / ((second[i] / unbias[1]).sqrt() + 1e-8);
            tau[i] -= rate * (moved + how.weight_decay * tau[i]);
            tau[i] = tau[i].clamp(-1.0, 1.0);
        }
        each();
    }
    tau.iter().map(|&tau| tau as f32).collect()
}

/// Attribution of every node with all nodes on: |Σ gradient · (activation − constant)|, over all cases.
pub fn attribution(subject: &Subject, cases: &Cases) -> Vec<f32> {
    let mask = vec![1.0; subject.nodes.len];
    let mut total = vec![0.0f64; subject.nodes.len];
    for piece in cases.pieces(128) {
        let share = piece.len() as f64 / cases.len() as f64;
        let (_, gradient) = subject.gradient(&mask, cases, piece);
        for (total, g) in total.iter_mut().zip(gradient) {
            *total += share * f64::from(g);
        }
    }
    total.iter().map(|g| g.abs() as f32).collect()
}

/// A standard normal number (Box–Muller).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - f64::from(rng.next_f32())).ln()).sqrt();
    radius * (core::f64::consts::TAU * f64::from(rng.next_f32())).cos()
}
