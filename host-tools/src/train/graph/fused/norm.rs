//! `y = AbsTopK(x / sqrt(mean x² + ε) · gain)` over rows.

use burn::backend::flex::FlexTensor;

use super::{Kernel, plain, sides, tensor, values};
use crate::train::select::{keep, selects};
use crate::train::simd::{dot, fast, multiply, sum2};

/// `x` (tokens, width), `gain` (1, width).
#[derive(Debug)]
pub(in super::super) struct Norm {
    pub(in super::super) eps: f32,
    /// How many stay; 0 is all.
    pub(in super::super) k: usize,
}

impl Kernel<2> for Norm {
    fn forward(&self, [x, gain]: [FlexTensor; 2]) -> (FlexTensor, Vec<FlexTensor>) {
        let (x, gain) = (plain(x), plain(gain));
        let [rows, cols] = sides(&x);
        let select = selects(self.k, cols);
        let mut y = vec![0.0; rows * cols];
        let mut inverse = vec![0.0; rows];
        let mut mask = vec![0.0; if select { rows * cols } else { 0 }];
        let (xs, g) = (values(&x), values(&gain));
        fast(
            #[inline(always)]
            || {
                let rows = y.chunks_exact_mut(cols).zip(xs.chunks_exact(cols));
                for (i, (y, x)) in rows.enumerate() {
                    let r = 1.0 / (dot(x, x) / cols as f32 + self.eps).sqrt();
                    inverse[i] = r;
                    for j in 0..cols {
                        y[j] = x[j] * r * g[j];
                    }
                    if select {
                        keep(y, &mut mask[i * cols..(i + 1) * cols], self.k);
                    }
                }
            },
        );
        let mut saved = vec![x, gain, tensor(inverse, [rows, 1])];
        if select {
            saved.push(tensor(mask, [rows, cols]));
        }
        (tensor(y, [rows, cols]), saved)
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 2] {
        let grad = plain(grad);
        let [rows, cols] = sides(&grad);
        let (x, gain, inverse) = (values(&saved[0]), values(&saved[1]), values(&saved[2]));
        let mask = saved.get(3).map(values);
        let mut dx = values(&grad).to_vec();
        let mut dgain = vec![0.0; cols];
        let mut scaled = vec![0.0; cols];
        fast(
            #[inline(always)]
            || {
                for (i, dx) in dx.chunks_exact_mut(cols).enumerate() {
                    let row = i * cols..(i + 1) * cols;
                    let (x, r) = (&x[row.clone()], inverse[i]);
                    if let Some(mask) = mask {
                        multiply(dx, &mask[row]);
                    }
                    for j in 0..cols {
                        dgain[j] += dx[j] * x[j] * r;
                        scaled[j] = dx[j] * gain[j];
                    }
                    let mean = sum2(&scaled, x, |d, x| d * x) * r * r / cols as f32;
                    for j in 0..cols {
                        dx[j] = r * (scaled[j] - x[j] * mean);
                    }
                }
            },
        );
        [tensor(dx, [rows, cols]), tensor(dgain, [1, cols])]
    }
}
