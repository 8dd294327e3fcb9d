//! Every back-end of a board against the definition, bit for bit, over the awkward shapes.

use alloc::vec;
use alloc::vec::Vec;

use lacuna::fixture::{Form, Numbers, SHAPES, activations, matrix};
use lacuna::kernels::{INPUT_PAD, Isa, Lanes, Quantised};
use lacuna::num::{CANONICAL_NAN, Rng};
use lacuna::sparse::Matrix;
use semihosting::println;

/// Chances of an element in 256.
const DENSITIES: [u32; 3] = [13, 128, 256];

/// True if all back-ends agree; prints the first product of each form that differs.
pub(crate) fn same_bits() -> bool {
    let only_portable = Isa::available().count() == 1;
    only_portable
        || (Isa::available().all(sees_what_is_not_finite)
            && Form::all().all(|form| SHAPES.into_iter().all(|shape| agree(form, shape))))
}

/// The first infinity or NaN of vectors of all small lengths, wherever it is.
fn sees_what_is_not_finite(isa: Isa) -> bool {
    let mut scratch = vec![0; 20 + INPUT_PAD];
    for n in 1..20 {
        for at in 0..n {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut x = vec![-f32::MAX; n];
                (x[at], x[n - 1]) = (bad, if at % 2 == 0 { bad } else { x[n - 1] });
                for int8 in [false, true] {
                    let found = isa.input(&x, &mut scratch, int8).err();
                    if found.map(|e| e.at) != x.iter().position(|v| !v.is_finite()) {
                        println!("{isa}: {bad} at {at} of {n} was found at {found:?}");
                        return false;
                    }
                }
            }
        }
    }
    true
}

fn agree(form: Form, shape: (usize, usize)) -> bool {
    for density in DENSITIES {
        let mut rng = Rng::new(shape.0 as u64 + u64::from(density));
        let parts = matrix(&mut rng, form, shape, density, Numbers::Wild);
        let x = activations(&mut rng, shape.1, 64, Numbers::Wild);
        let Some(w) = parts.view() else { return false };
        let expected = product(Isa::Portable, &w, &x);
        for isa in Isa::available() {
            // Both sizes of groups of tokens, and lanes that are nobody's.
            let batches = [
                (1, 1, 0),
                (4, 4, 1),
                (6, 7, 2),
                (6, 7, 0),
                (6, 7, 3),
                (6, 7, 5),
            ];
            let several = |(t, stride, at)| {
                let lanes = Lanes::with_stride(t, stride)?;
                products(isa, &w, &x, lanes, at)
            };
            let same = product(isa, &w, &x) == expected
                && batches.into_iter().all(|b| several(b) == expected);
            if !same || expected.is_none() {
                println!("{form} {isa} {shape:?} {density}/256: other bits");
                return false;
            }
        }
    }
    true
}

/// Bits of `W x`, every NaN as one; `y` starts as garbage, which a product must overwrite.
fn product(isa: Isa, w: &Matrix<'_>, x: &[f32]) -> Option<Vec<u32>> {
    let mut scratch = vec![99; x.len() + INPUT_PAD];
    let input = isa.input(x, &mut scratch, w.is_i8()).ok()?;
    let mut y = vec![f32::NAN; w.rows()];
    isa.matvec(w, &input, None, &mut y);
    Some(bits(y.iter()))
}

/// The same of token `at` of several; the others have other activations.
fn products(isa: Isa, w: &Matrix<'_>, x: &[f32], lanes: Lanes, at: usize) -> Option<Vec<u32>> {
    let stride = lanes.stride();
    let lane = |i: usize| {
        if i % stride == at {
            x[i / stride]
        } else {
            i as f32
        }
    };
    let all: Vec<f32> = (0..x.len() * stride).map(lane).collect();
    let (mut q, mut scales) = (vec![99; all.len() + INPUT_PAD], vec![0.0; lanes.tokens()]);
    let room = Quantised {
        q: &mut q,
        scales: &mut scales,
    };
    let batch = isa.batch(&all, lanes, w.is_i8().then_some(room)).ok()?;
    let mut y = vec![f32::NAN; w.rows() * stride];
    isa.matmul(w, &batch, None, &mut y);
    Some(bits(y.iter().skip(at).step_by(stride)))
}

fn bits<'a>(y: impl Iterator<Item = &'a f32>) -> Vec<u32> {
    let canonical = |y: &f32| {
        if y.is_nan() {
            CANONICAL_NAN
        } else {
            y.to_bits()
        }
    };
    y.map(canonical).collect()
}
