//! Mean next-token cross entropy, in nats.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;

use super::{Kernel, plain, sides, tensor, values};
use crate::train::simd::{exp, fast, max, sum};

/// `logits` (tokens, vocabulary) against `targets`; the output is (1, 1).
#[derive(Debug)]
pub(in super::super) struct CrossEntropy {
    pub(in super::super) targets: Arc<[u32]>,
}

impl Kernel<1> for CrossEntropy {
    fn forward(&self, [logits]: [FlexTensor; 1]) -> (FlexTensor, Vec<FlexTensor>) {
        let logits = plain(logits);
        let [rows, cols] = sides(&logits);
        let mut slope = values(&logits).to_vec();
        let share = 1.0 / rows as f32;
        let mut loss = 0.0f64;
        fast(
            #[inline(always)]
            || {
                for (p, &target) in slope.chunks_exact_mut(cols).zip(self.targets.iter()) {
                    let (peak, wanted) = (max(p), p[target as usize]);
                    for x in p.iter_mut() {
                        *x = exp(*x - peak);
                    }
                    let total = sum(p);
                    loss += f64::from(total.ln() - (wanted - peak));
                    let scale = share / total;
                    for x in p.iter_mut() {
                        *x *= scale;
                    }
                    p[target as usize] -= share;
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
        if factor == 1.0 {
            return [saved[0].clone()];
        }
        let slope = values(&saved[0]).iter().map(|s| s * factor).collect();
        [tensor(slope, sides(&saved[0]))]
    }
}
