//! `y = AbsTopK(act(a))` or, gated, `AbsTopK(act(a) ⊙ b)` over rows.

use burn::backend::flex::FlexTensor;
use lacuna::config::Activation;

use super::{Kernel, plain, sides, tensor, values};
use crate::train::select::{keep, selects};
use crate::train::simd::{fast, multiply, sigmoid, tanh};

/// `a` (tokens, neurons), with 2 inputs also the factor `b` of the same shape.
#[derive(Debug)]
pub(in super::super) struct Activate {
    pub(in super::super) kind: Activation,
    /// How many stay; 0 is all.
    pub(in super::super) k: usize,
}

const SLOPE: f32 = 0.797_884_6; // sqrt(2 / π)
const CUBE: f32 = 0.044_715;

/// `(act(x), act′(x))`
#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    let t = tanh(SLOPE * (x + CUBE * x * x * x));
    let inner = SLOPE * (1.0 + 3.0 * CUBE * x * x);
    let y = 0.5 * x * (1.0 + t);
    (y, 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner)
}

#[inline(always)]
fn relu(x: f32) -> (f32, f32) {
    if x > 0.0 { (x, 1.0) } else { (0.0, 0.0) }
}

#[inline(always)]
fn relu2(x: f32) -> (f32, f32) {
    if x > 0.0 {
        (x * x, 2.0 * x)
    } else {
        (0.0, 0.0)
    }
}

#[inline(always)]
fn silu(x: f32) -> (f32, f32) {
    let s = sigmoid(x);
    (x * s, s + x * s * (1.0 - s))
}

/// Runs `$body` with `$f` bound to the function of `$kind`, outside its loop.
macro_rules! with {
    ($kind:expr, $f:ident => $body:expr) => {
        match $kind {
            Activation::Relu => {
                let $f = relu;
                $body
            }
            Activation::Relu2 => {
                let $f = relu2;
                $body
            }
            Activation::Silu => {
                let $f = silu;
                $body
            }
            _ => {
                let $f = gelu;
                $body
            }
        }
    };
}

impl Activate {
    /// `y` and, where something is cleared, the mask.
    fn output(&self, a: &FlexTensor, b: Option<&FlexTensor>) -> (FlexTensor, Option<FlexTensor>) {
        let shape = sides(a);
        let [rows, cols] = shape;
        let select = selects(self.k, cols);
        let mut y = vec![0.0; rows * cols];
        let mut mask = vec![0.0; if select { rows * cols } else { 0 }];
        let (a, b) = (values(a), b.map(values));
        fast(
            #[inline(always)]
            || {
                with!(self.kind, f => for (y, a) in y.iter_mut().zip(a) { *y = f(*a).0; });
                if let Some(b) = b {
                    multiply(&mut y, b);
                }
                if select {
                    let rows = y.chunks_exact_mut(cols).zip(mask.chunks_exact_mut(cols));
                    for (y, mask) in rows {
                        keep(y, mask, self.k);
                    }
                }
            },
        );
        (tensor(y, shape), select.then(|| tensor(mask, shape)))
    }
}

/// The gradient with what AbsTopK cleared set to zero.
fn through(grad: FlexTensor, mask: Option<&FlexTensor>) -> Vec<f32> {
    let grad = plain(grad);
    let mut g = values(&grad).to_vec();
    if let Some(mask) = mask {
        let mask = values(mask);
        fast(
            #[inline(always)]
            || multiply(&mut g, mask),
        );
    }
    g
}

impl Kernel<1> for Activate {
    fn forward(&self, [a]: [FlexTensor; 1]) -> (FlexTensor, Vec<FlexTensor>) {
        let a = plain(a);
        let (y, mask) = self.output(&a, None);
        (y, [a].into_iter().chain(mask).collect())
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 1] {
        let shape = sides(&grad);
        let mut g = through(grad, saved.get(1));
        let a = values(&saved[0]);
        fast(
            #[inline(always)]
            || with!(self.kind, f => for (g, a) in g.iter_mut().zip(a) { *g *= f(*a).1; }),
        );
        [tensor(g, shape)]
    }
}

impl Kernel<2> for Activate {
    fn forward(&self, [a, b]: [FlexTensor; 2]) -> (FlexTensor, Vec<FlexTensor>) {
        let (a, b) = (plain(a), plain(b));
        let (y, mask) = self.output(&a, Some(&b));
        (y, [a, b].into_iter().chain(mask).collect())
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 2] {
        let shape = sides(&grad);
        let mut da = through(grad, saved.get(2));
        let mut db = vec![0.0; da.len()];
        let (a, b) = (values(&saved[0]), values(&saved[1]));
        fast(
            #[inline(always)]
            || {
                with!(self.kind, f => for i in 0..da.len().min(a.len()).min(b.len()).min(db.len()) {
                    let (y, slope) = f(a[i]);
                    db[i] = da[i] * y;
                    da[i] *= b[i] * slope;
                })
            },
        );
        [tensor(da, shape), tensor(db, shape)]
    }
}
