//! `y = x · wᵀ + b`: burn's product, with the bias added in place.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;

use super::{Kernel, plain, sides, tensor, values};
use crate::train::simd::{add, fast};

/// `x` (tokens, inputs), `w` (outputs, inputs), with 3 inputs also `b` (1, outputs).
#[derive(Debug)]
pub(in super::super) struct Linear;

fn product(x: FlexTensor, w: FlexTensor) -> FlexTensor {
    Flex::float_matmul(x, Flex::float_transpose(w))
}

fn gradients(saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 2] {
    let dx = Flex::float_matmul(grad.clone(), saved[1].clone());
    let dw = Flex::float_matmul(Flex::float_transpose(grad), saved[0].clone());
    [dx, dw]
}

impl Kernel<2> for Linear {
    fn forward(&self, [x, w]: [FlexTensor; 2]) -> (FlexTensor, Vec<FlexTensor>) {
        (product(x.clone(), w.clone()), vec![x, w])
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 2] {
        gradients(saved, grad)
    }
}

impl Kernel<3> for Linear {
    fn forward(&self, [x, w, b]: [FlexTensor; 3]) -> (FlexTensor, Vec<FlexTensor>) {
        let mut y = plain(product(x.clone(), w.clone()));
        let [_, cols] = sides(&y);
        let b = plain(b);
        let (y_values, b) = (y.storage_mut::<f32>(), values(&b));
        fast(
            #[inline(always)]
            || {
                for y in y_values.chunks_exact_mut(cols) {
                    add(y, b);
                }
            },
        );
        (y, vec![x, w])
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 3] {
        let grad = plain(grad);
        let [_, cols] = sides(&grad);
        let mut db = vec![0.0; cols];
        let g = values(&grad);
        fast(
            #[inline(always)]
            || {
                for g in g.chunks_exact(cols) {
                    add(&mut db, g);
                }
            },
        );
        let [dx, dw] = gradients(saved, grad);
        [dx, dw, tensor(db, [1, cols])]
    }
}
