//! Every back-end against the definition, bit for bit.

use lacuna::fixture::{Form, Numbers, Pattern, SHAPES, activations, matrix};
use lacuna::kernels::{INPUT_PAD, Isa, NonFinite};
use lacuna::num::Rng;
use lacuna::sparse::{Csr, Layout, Major, Matrix, Stored, ValueType};
use proptest::prelude::*;

/// Bits with every NaN as one: `inf - inf` may make either sign.
fn bits(x: &[f32]) -> Vec<u32> {
    let canonical = |v: &f32| if v.is_nan() { 0x7fc0_0000 } else { v.to_bits() };
    x.iter().map(canonical).collect()
}

/// Every back-end of this machine, also as on processors without its newer extensions.
fn isas() -> impl Iterator<Item = Isa> {
    let plain = |isa| match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(proof) => Some(Isa::Avx512(proof.without_bytes())),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon(proof) => Some(Isa::Neon(proof.without_sdot())),
        _ => None,
    };
    Isa::available().chain(Isa::available().filter_map(plain))
}

/// `W x (+ bias)`; `y` starts as garbage, which a product must overwrite.
fn run(isa: Isa, w: &Matrix<'_>, x: &[f32], bias: Option<&[f32]>) -> Vec<u32> {
    let mut scratch = vec![99i8; x.len() + INPUT_PAD];
    let input = isa.input(x, &mut scratch, w.is_i8()).expect("finite");
    let mut y = vec![f32::NAN; w.rows()];
    isa.matvec(w, &input, bias, &mut y);
    bits(&y)
}

fn check(seed: u64, shape: (usize, usize), density: u32, zeros: u32, numbers: Numbers) {
    for form in Form::all() {
        check_form(form, seed, shape, density, zeros, numbers);
    }
}

fn check_form(
    form: Form,
    seed: u64,
    shape: (usize, usize),
    density: u32,
    zeros: u32,
    numbers: Numbers,
) {
    let mut rng = Rng::new(seed);
    let parts = matrix(&mut rng, form, shape, density, numbers);
    let w = parts.view().expect("fixtures are well formed");
    let x = activations(&mut rng, shape.1, zeros, numbers);
    let bias = activations(&mut rng, shape.0, 0, numbers);
    for bias in [None, Some(&bias[..])] {
        let expected = run(Isa::Portable, &w, &x, bias);
        for isa in isas() {
            let found = run(isa, &w, &x, bias);
            assert_eq!(found, expected, "{isa} {form:?} {shape:?} seed {seed}");
        }
    }
}

/// More columns than any back-end keeps by the side.
#[test]
fn wide_panels() {
    let panels = [Pattern::Panel16, Pattern::Panel32];
    for form in Form::all().filter(|f| panels.contains(&f.pattern)) {
        for (seed, cols) in [4095, 4096, 4097, 4130, 9000].into_iter().enumerate() {
            check_form(form, seed as u64, (130, cols), 9, 0, Numbers::Wild);
        }
    }
}

#[test]
fn awkward_shapes() {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        for density in [0, 13, 128, 256] {
            check(seed as u64, shape, density, 64, Numbers::Wild);
            check(seed as u64, shape, density, 0, Numbers::Tame);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_shapes(
        seed: u64,
        rows in 1usize..200,
        cols in 1usize..300,
        density in 0u32..=256,
        zeros in 0u32..=256,
        wild: bool,
    ) {
        let numbers = if wild { Numbers::Wild } else { Numbers::Tame };
        check(seed, (rows, cols), density, zeros, numbers);
    }

    #[test]
    fn inputs_of_any_size(seed: u64, n in 0usize..200, scale in -149i32..127, odd in any::<prop::sample::Index>(), bad: bool) {
        let factor = 2f64.powi(scale);
        let mut rng = Rng::new(seed);
        // Halves of the quantisation step, where rounding to even decides.
        let mut x: Vec<f32> = (0..n)
            .map(|_| ((f64::from(rng.below(255)) - 127.0) * 0.5 * factor) as f32)
            .collect();
        if bad && n > 0 {
            x[odd.index(n)] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][rng.below(3) as usize];
        }
        check_input(&x);
    }
}

/// `input` of every back-end: the same error, or the same int8 form as seen through an identity matrix.
fn check_input(x: &[f32]) {
    let n = x.len();
    let first_bad = x.iter().position(|v| !v.is_finite());
    let indptr: Vec<u32> = (0..=n as u32).collect();
    let indices: Vec<u16> = (0..n as u16).collect();
    let (ones, scales) = (vec![1i8; n], vec![1.0; n]);
    let identity = Csr::new(n, n, &indptr, &indices, &ones).expect("identity");
    let identity =
        Matrix::new(Major::Output, Stored::I8(Layout::Csr(identity), &scales)).expect("identity");
    for isa in Isa::available() {
        for int8 in [false, true] {
            let mut scratch = vec![99i8; n + INPUT_PAD];
            let input = isa.input(x, &mut scratch, int8);
            assert_eq!(
                input.err().map(|NonFinite { at }| at),
                first_bad,
                "{isa} {x:?}"
            );
        }
        if first_bad.is_none() {
            assert_eq!(
                run(isa, &identity, x, None),
                run(Isa::Portable, &identity, x, None),
                "{isa} {x:?}"
            );
        }
    }
}

#[test]
fn a_non_finite_activation_is_found_at_every_position() {
    for n in [1, 7, 8, 9, 16, 17, 33, 64, 100] {
        for at in 0..n {
            for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut x = vec![f32::MAX; n];
                x[at] = bad;
                check_input(&x);
                x[n - 1] = bad;
                check_input(&x);
            }
        }
    }
}

/// The quantiser as DESIGN states it, in double precision where it is exact.
#[test]
fn quantisation_rounds_half_to_even() {
    let x: Vec<f32> = (-254..=254).map(|i| i as f32 * 0.5).collect();
    for isa in Isa::available() {
        let mut scratch = vec![0i8; x.len() + INPUT_PAD];
        isa.input(&x, &mut scratch, true).expect("finite");
        for (x, q) in x.iter().zip(&scratch) {
            assert_eq!(f32::from(*q), x.round_ties_even(), "{isa}");
        }
        assert!(scratch[x.len()..].iter().all(|&q| q == 0), "padding");
    }
}

/// The definition itself against the formula, from the matrix's logical elements.
#[test]
fn portable_is_the_formula() {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        for form in Form::all().filter(|f| f.value_type != ValueType::I8) {
            let mut rng = Rng::new(seed as u64);
            let parts = matrix(&mut rng, form, shape, 100, Numbers::Wild);
            let w = parts.view().expect("fixtures are well formed");
            let x = activations(&mut rng, shape.1, 64, Numbers::Wild);
            let mut y = vec![0.0f32; shape.0];
            w.for_each(|e| y[e.row] += e.value * x[e.col]);
            assert_eq!(
                run(Isa::Portable, &w, &x, None),
                bits(&y),
                "{form:?} {shape:?}"
            );
        }
    }
}

#[test]
fn int8_is_the_formula() {
    let plain = |f: &Form| matches!(f.pattern, Pattern::Dense | Pattern::Csr);
    for form in Form::all().filter(|f| f.value_type == ValueType::I8 && plain(f)) {
        let (values, scales) = ([3i8, 0, -127, 127], [0.5, 0.25]);
        let (indptr, indices) = ([0u32, 2, 4], [0u16, 1, 0, 1]);
        let w = if form.is_sparse() {
            let c = Csr::new(2, 2, &indptr, &indices, &values).expect("csr");
            Stored::I8(Layout::Csr(c), &scales)
        } else {
            let d = lacuna::sparse::Dense::new(2, 2, &values).expect("dense");
            Stored::I8(Layout::Dense(d), &scales)
        };
        let w = Matrix::new(form.major, w).expect("matrix");
        // s = 254/127 = 2, q = (127, 1).
        let x = [254.0, 2.0];
        let (a, b) = match form.major {
            Major::Output => (3 * 127, -127 * 127 + 127),
            Major::Input => (3 * 127 - 127, 127),
        };
        let expected = [a as f32 * (2.0 * 0.5) + 1.0, b as f32 * (2.0 * 0.25) + 1.0];
        for isa in Isa::available() {
            assert_eq!(
                run(isa, &w, &x, Some(&[1.0, 1.0])),
                bits(&expected),
                "{isa} {form:?}"
            );
        }
    }
}
