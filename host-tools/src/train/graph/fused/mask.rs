//! `y = m ⊙ AbsTopK(m ⊙ x) + (1 − m) ⊙ c` over rows: nodes that are switched off, and their constants.
//!
//! ```text
//! dy/dx = m where AbsTopK left x            dy/dm = x̃ − c,   x̃ = x where AbsTopK left it,
//!                                                             or would if a node that is off were on; else 0
//! ```
//!
//! # Why
//! A node that is off leaves the competition for places, as it does where its weights are gone. The gradient of its m
//! still has to say what it would bring if it came back, so it is the straight-through one.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;

use super::{Kernel, plain, sides, tensor, values};
use crate::train::select::{keep, selects};
use crate::train::simd::fast;

/// `x` (tokens, width), `m` (1, width) of 0 and 1.
#[derive(Debug)]
pub(in super::super) struct Mask {
    /// What stands in for nodes that are off, (width,).
    pub(in super::super) constants: Arc<[f32]>,
    /// How many stay; 0 is all.
    pub(in super::super) k: usize,
}

impl Kernel<2> for Mask {
    fn forward(&self, [x, m]: [FlexTensor; 2]) -> (FlexTensor, Vec<FlexTensor>) {
        let (x, m) = (plain(x), plain(m));
        let [rows, cols] = sides(&x);
        let select = selects(self.k, cols);
        let mut y = vec![0.0; rows * cols];
        let mut shown = values(&x).to_vec();
        let mut stays = vec![1.0; cols];
        let (mask, constants) = (values(&m), &self.constants);
        fast(
            #[inline(always)]
            || {
                let rows = y.chunks_exact_mut(cols).zip(shown.chunks_exact_mut(cols));
                for (y, x) in rows {
                    for j in 0..cols {
                        y[j] = x[j] * mask[j];
                    }
                    if select {
                        keep(y, &mut stays, self.k);
                        let mut least = f32::INFINITY;
                        for (y, stays) in y.iter().zip(&stays) {
                            least = if *stays == 0.0 {
                                least
                            } else {
                                least.min(y.abs())
                            };
                        }
                        for j in 0..cols {
                            let counts = match mask[j] == 0.0 {
                                true => x[j].abs() >= least,
                                false => stays[j] != 0.0,
                            };
                            x[j] = if counts { x[j] } else { 0.0 };
                        }
                    }
                    for j in 0..cols {
                        y[j] += (1.0 - mask[j]) * constants[j];
                    }
                }
            },
        );
        let shown = tensor(shown, [rows, cols]);
        (tensor(y, [rows, cols]), vec![shown, m])
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 2] {
        let grad = plain(grad);
        let [rows, cols] = sides(&grad);
        let (shown, mask) = (values(&saved[0]), values(&saved[1]));
        let mut dx = values(&grad).to_vec();
        let mut dm = vec![0.0; cols];
        let constants = &self.constants;
        let select = selects(self.k, cols);
        fast(
            #[inline(always)]
            || {
                for (dx, x) in dx.chunks_exact_mut(cols).zip(shown.chunks_exact(cols)) {
                    for j in 0..cols {
                        dm[j] += dx[j] * (x[j] - constants[j]);
                        let passes = !select || x[j] != 0.0;
                        dx[j] = if passes { dx[j] * mask[j] } else { 0.0 };
                    }
                }
            },
        );
        [tensor(dx, [rows, cols]), tensor(dm, [1, cols])]
    }
}
