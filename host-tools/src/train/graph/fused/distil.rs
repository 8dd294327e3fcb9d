//! How far a model is from another, and from the targets, in nats.
//!
//! ```text
//! p = softmax(soft / T)   q = softmax(logits / T)   loss = share · T² · Σ p ln(p / q)  +  (1 − share) · −ln softmax(logits)[target]
//! slope of the logits:                                     share · T  · (q − p)        +  (1 − share) · (softmax(logits) − 1[target])
//! ```
//!
//! # Why
//! T² keeps the slope of the first part alike at every temperature: Hinton et al., "Distilling the knowledge in a neural
//! network", 2015.

use burn::backend::flex::FlexTensor;

use super::super::{Soft, Tokens};
use super::{Kernel, plain, sides, tensor, values};
use crate::train::simd::{exp, fast, max, sum};

/// `logits` (tokens, vocabulary) against `soft` and `targets`; the output is (1, 1).
#[derive(Debug)]
pub(in super::super) struct Distil {
    pub(in super::super) targets: Tokens,
    pub(in super::super) soft: Soft,
}

/// Turns `x` into softmax(x · scale) and gives ln Σ exp, so that ln softmax is x · scale less it.
#[inline(always)]
fn softmax(x: &mut [f32], scale: f32) -> f32 {
    let peak = max(x);
    for x in x.iter_mut() {
        *x = exp((*x - peak) * scale);
    }
    let total = sum(x);
    let share = 1.0 / total;
    for x in x.iter_mut() {
        *x *= share;
    }
    peak * scale + total.ln()
}

impl Kernel<1> for Distil {
    fn forward(&self, [logits]: [FlexTensor; 1]) -> (FlexTensor, Vec<FlexTensor>) {
        let logits = plain(logits);
        let [rows, cols] = sides(&logits);
        let Soft {
            logits: teacher,
            temperature,
            share,
        } = &self.soft;
        let (cold, share) = (1.0 / temperature, *share);
        let mut slope = vec![0.0; rows * cols];
        let (mut p, mut q) = (vec![0.0; cols], vec![0.0; cols]);
        let mut loss = 0.0f64;
        let (soft, hard) = (
            share * temperature / rows as f32,
            (1.0 - share) / rows as f32,
        );
        fast(
            #[inline(always)]
            || {
                let own = values(&logits).chunks_exact(cols);
                let theirs = teacher.chunks_exact(cols);
                let all = own.zip(theirs).zip(self.targets.iter());
                for (slope, ((own, theirs), &target)) in slope.chunks_exact_mut(cols).zip(all) {
                    if share > 0.0 {
                        p.copy_from_slice(theirs);
                        q.copy_from_slice(own);
                        let [total_p, total_q] = [softmax(&mut p, cold), softmax(&mut q, cold)];
                        let mut apart = 0.0;
                        for j in 0..cols {
                            let ratio = (theirs[j] - own[j]) * cold - (total_p - total_q);
                            apart += p[j] * ratio;
                            slope[j] = soft * (q[j] - p[j]);
                        }
                        loss += f64::from(share * temperature * temperature * apart);
                    }
                    if share < 1.0 {
                        q.copy_from_slice(own);
                        let total = softmax(&mut q, 1.0);
                        loss += f64::from((1.0 - share) * (total - own[target as usize]));
                        for j in 0..cols {
                            slope[j] += hard * q[j];
                        }
                        slope[target as usize] -= hard;
                    }
                }
            },
        );
        let mean = (loss / rows as f64) as f32;
        (
            tensor(vec![mean], [1, 1]),
            vec![tensor(slope, [rows, cols])],
        )
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 1] {
        let factor = values(&plain(grad))[0];
        let slope = values(&saved[0]).iter().map(|s| s * factor).collect();
        [tensor(slope, sides(&saved[0]))]
    }
}
