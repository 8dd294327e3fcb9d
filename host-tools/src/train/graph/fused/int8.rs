//! What int8 products see of their inputs: each row in steps of its largest |x| / 127.
//!
//! # Why
//! The gradient passes as if nothing was rounded (straight through: Bengio et al., 2013); the scale is the engine's,
//! token by token, so there is nothing to learn about it.

use burn::backend::flex::FlexTensor;

use super::{Kernel, plain, sides};
use crate::checkpoint::int8;

/// `x` (tokens, width).
#[derive(Debug)]
pub(in super::super) struct Int8;

impl Kernel<1> for Int8 {
    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, Vec<FlexTensor>) {
        let mut x = plain(x);
        let [rows, cols] = sides(&x);
        int8::fake(&mut x.storage_mut::<f32>()[..rows * cols], cols);
        (x, Vec::new())
    }

    fn backward(&self, _: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 1] {
        [grad]
    }
}
