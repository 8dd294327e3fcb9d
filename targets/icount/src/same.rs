//! Every back-end of a board against the definition, bit for bit, over the awkward shapes.

use alloc::vec;
use alloc::vec::Vec;

use lacuna::fixture::{Form, Numbers, SHAPES, activations, matrix};
use lacuna::kernels::{INPUT_PAD, Isa};
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
            if expected.is_none() || product(isa, &w, &x) != expected {
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
    let canonical = |y: f32| {
        if y.is_nan() {
            CANONICAL_NAN
        } else {
            y.to_bits()
        }
    };
    Some(y.into_iter().map(canonical).collect())
}
