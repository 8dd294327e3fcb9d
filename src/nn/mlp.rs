//! The nonlinearities of the MLP, its gate, and the residual sum: element by element, so that a batch is one long vector.

use crate::kernels::Isa;
use crate::kernels::run::Op;
use crate::num::each::{self, Lanewise};
use crate::num::elementary;
use crate::num::simd::Simd;

/// `h[i] ← gelu(h[i])`, tanh form.
pub fn gelu(isa: Isa, h: &mut [f32]) {
    isa.run(Each(h, Function::Gelu));
}

/// `h[i] ← max(h[i], 0)`; a silent neuron is +0.0, never −0.0, and NaN stays: a fault must not look like silence.
pub fn relu(isa: Isa, h: &mut [f32]) {
    isa.run(Each(h, Function::Relu));
}

/// `h[i] ← max(h[i], 0)²` (So et al., "Primer", 2021).
pub fn relu2(isa: Isa, h: &mut [f32]) {
    isa.run(Each(h, Function::Relu2));
}

/// `h[i] ← h[i] · sigmoid(h[i])`.
pub fn silu(isa: Isa, h: &mut [f32]) {
    isa.run(Each(h, Function::Silu));
}

/// `h[i] ← h[i] · g[i]` (Shazeer, "GLU Variants Improve Transformer", 2020). Shapes: `h (n,)`, `g (n,)`.
pub fn gate(isa: Isa, h: &mut [f32], g: &[f32]) {
    isa.run(Pair(h, g, Product));
}

/// `x[i] ← x[i] + y[i]`. Shapes: `x (n,)`, `y (n,)`.
pub fn add(isa: Isa, x: &mut [f32], y: &[f32]) {
    isa.run(Pair(x, y, Sum));
}

enum Function {
    Gelu,
    Relu,
    Relu2,
    Silu,
}

struct Each<'a>(&'a mut [f32], Function);

impl Op for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Each(h, function) = self;
        let zero = s.splat(0.0);
        match function {
            Function::Gelu => each::map(s, h, zero, Gelu),
            Function::Relu => each::map(s, h, zero, Positive),
            Function::Relu2 => each::map(s, h, zero, Square),
            Function::Silu => each::map(s, h, zero, Silu),
        }
    }
}

#[derive(Clone, Copy)]
struct Gelu;

impl Lanewise for Gelu {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::F, _: S::F) -> S::F {
        elementary::gelu(s, x)
    }
}

#[derive(Clone, Copy)]
struct Silu;

impl Lanewise for Silu {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::F, _: S::F) -> S::F {
        elementary::silu(s, x)
    }
}

/// With zero.
#[derive(Clone, Copy)]
struct Positive;

impl Lanewise for Positive {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::F, zero: S::F) -> S::F {
        // −0.0 is not below 0.0; adding makes it positive.
        s.add(s.larger(zero, x), zero)
    }
}

/// With zero.
#[derive(Clone, Copy)]
struct Square;

impl Lanewise for Square {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::F, zero: S::F) -> S::F {
        let x = Positive.of(s, x, zero);
        s.mul(x, x)
    }
}

#[derive(Clone, Copy)]
struct Product;

impl Lanewise for Product {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::F, y: S::F) -> S::F {
        s.mul(x, y)
    }
}

#[derive(Clone, Copy)]
struct Sum;

impl Lanewise for Sum {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::F, y: S::F) -> S::F {
        s.add(x, y)
    }
}

struct Pair<'a, F>(&'a mut [f32], &'a [f32], F);

impl<F: Lanewise> Op for Pair<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        each::map_pairs(s, self.0, self.1, self.2);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;
    use crate::num::Rng;

    const ALL: [fn(Isa, &mut [f32]); 4] = [gelu, relu, relu2, silu];

    fn of(act: fn(Isa, &mut [f32]), x: f32) -> f32 {
        let mut h = [x];
        act(Isa::Portable, &mut h);
        h[0]
    }

    #[test]
    fn values() {
        assert_eq!(of(relu, -0.0).to_bits(), 0);
        assert_eq!(of(relu, 2.5), 2.5);
        assert_eq!(of(relu2, 3.0), 9.0);
        assert_eq!(of(relu2, -3.0).to_bits(), 0);
        assert!((of(silu, 1.0) - 0.731_058_6).abs() < 1e-6);
        assert!((of(gelu, 1.0) - 0.841_192).abs() < 1e-6);
    }

    #[test]
    fn a_fault_stays_visible() {
        for act in ALL {
            for isa in Isa::available() {
                let mut h = [f32::NAN; 17];
                act(isa, &mut h);
                assert!(h.iter().all(|v| v.is_nan()));
            }
        }
    }

    #[test]
    fn gate_multiplies_and_add_adds() {
        for isa in Isa::available() {
            let mut h = [2.0, 3.0];
            gate(isa, &mut h, &[0.5, -1.0]);
            assert_eq!(h, [1.0, -3.0]);
            add(isa, &mut h, &[1.0, 0.5]);
            assert_eq!(h, [2.0, -2.5]);
        }
    }

    #[test]
    fn every_back_end_gives_the_bits_of_the_definition() {
        let mut rng = Rng::new(1);
        // Any bits that are a number, and sizes at which the functions bend.
        let mut draw = |i: usize| match i % 3 {
            0 => f32::from_bits(rng.next_u32() & 0xbfff_ffff),
            1 => (rng.next_f32() - 0.5) * 200.0,
            _ => (rng.next_f32() - 0.5) * 4.0,
        };
        for n in (0..40).chain([100, 1000]) {
            let x: Vec<f32> = (0..n).map(&mut draw).collect();
            for act in ALL {
                let bits = |isa| -> Vec<u32> {
                    let mut h = x.clone();
                    act(isa, &mut h);
                    h.iter().map(|v| v.to_bits()).collect()
                };
                for isa in Isa::available() {
                    assert_eq!(bits(isa), bits(Isa::Portable), "{isa} {n}");
                }
            }
        }
    }
}
