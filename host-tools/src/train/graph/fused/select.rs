//! AbsTopK as a layer of its own; the gradient flows through what stayed.

use burn::backend::flex::FlexTensor;

use super::{Kernel, plain, sides, tensor, values};
use crate::train::select::keep;
use crate::train::simd::{fast, multiply};

/// `y = AbsTopK(x)` over rows, k ≥ 1.
#[derive(Debug)]
pub(in super::super) struct TopK {
    pub(in super::super) k: usize,
}

impl Kernel<1> for TopK {
    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, Vec<FlexTensor>) {
        let x = plain(x);
        let [rows, cols] = sides(&x);
        let mut y = values(&x).to_vec();
        let mut mask = vec![0.0; rows * cols];
        fast(
            #[inline(always)]
            || {
                for (y, mask) in y.chunks_exact_mut(cols).zip(mask.chunks_exact_mut(cols)) {
                    keep(y, mask, self.k);
                }
            },
        );
        (tensor(y, [rows, cols]), vec![tensor(mask, [rows, cols])])
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 1] {
        let grad = plain(grad);
        let shape = sides(&grad);
        let mut dx = values(&grad).to_vec();
        let mask = values(&saved[0]);
        fast(
            #[inline(always)]
            || multiply(&mut dx, mask),
        );
        [tensor(dx, shape)]
    }
}
