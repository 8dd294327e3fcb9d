//! Products with several tokens against the product of each alone, bit for bit.

use lacuna::fixture::{Form, Numbers, SHAPES, activations, matrix};
use lacuna::kernels::{Batch, INPUT_PAD, Isa, Lanes, NonFiniteToken, Quantised};
use lacuna::num::Rng;
use lacuna::sparse::{Csr, Layout, Major, Matrix, Stored};
use proptest::prelude::*;

const TOKENS: [usize; 14] = [1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 65, 128];

/// Lanes that a product must not touch hold this.
const FREE: f32 = f32::NAN;

/// Bits with every NaN as one: `inf - inf` may make either sign.
fn bits(x: &[f32]) -> Vec<u32> {
    let canonical = |v: &f32| if v.is_nan() { 0x7fc0_0000 } else { v.to_bits() };
    x.iter().map(canonical).collect()
}

/// Activations `(tokens, n)` as a batch lays them out.
fn laid_out(tokens: &[Vec<f32>], n: usize, lanes: Lanes) -> Vec<f32> {
    let mut x = vec![FREE; n * lanes.stride()];
    for (t, token) in tokens.iter().enumerate() {
        for (j, v) in token.iter().enumerate() {
            x[j * lanes.stride() + t] = *v;
        }
    }
    x
}

fn with_batch<R>(
    isa: Isa,
    x: &[f32],
    lanes: Lanes,
    int8: bool,
    f: impl FnOnce(Result<Batch<'_>, NonFiniteToken>) -> R,
) -> R {
    let (mut q, mut scales) = (vec![99; x.len() + INPUT_PAD], vec![FREE; lanes.tokens()]);
    let room = Quantised {
        q: &mut q,
        scales: &mut scales,
    };
    f(isa.batch(x, lanes, int8.then_some(room)))
}

/// `W X (+ bias)` token by token, the definition.
fn one_by_one(w: &Matrix<'_>, tokens: &[Vec<f32>], bias: Option<&[f32]>) -> Vec<Vec<f32>> {
    let product = |x: &Vec<f32>| {
        let (mut scratch, mut y) = (vec![0; x.len() + INPUT_PAD], vec![FREE; w.rows()]);
        let x = Isa::Portable.input(x, &mut scratch, w.is_i8());
        Isa::Portable.matvec(w, &x.expect("finite"), bias, &mut y);
        y
    };
    tokens.iter().map(product).collect()
}

fn check_matrix(
    w: &Matrix<'_>,
    tokens: &[Vec<f32>],
    lanes: Lanes,
    bias: Option<&[f32]>,
    case: &str,
) {
    let x = laid_out(tokens, w.cols(), lanes);
    let expected = laid_out(&one_by_one(w, tokens, bias), w.rows(), lanes);
    for isa in Isa::available() {
        let mut y = vec![FREE; w.rows() * lanes.stride()];
        with_batch(isa, &x, lanes, w.is_i8(), |batch| {
            isa.matmul(w, &batch.expect("finite"), bias, &mut y);
        });
        assert_eq!(bits(&y), bits(&expected), "{isa} {lanes:?} {case}");
    }
}

fn check(
    seed: u64,
    shape: (usize, usize),
    density: u32,
    zeros: u32,
    numbers: Numbers,
    lanes: Lanes,
) {
    for form in Form::all() {
        let mut rng = Rng::new(seed);
        let parts = matrix(&mut rng, form, shape, density, numbers);
        let w = parts.view().expect("fixtures are well formed");
        let bias = activations(&mut rng, shape.0, 0, numbers);
        let token = |_| activations(&mut rng, shape.1, zeros, numbers);
        let tokens: Vec<_> = (0..lanes.tokens()).map(token).collect();
        let bias = seed.is_multiple_of(2).then_some(&bias[..]);
        let case = format!("{form:?} {shape:?} density {density} seed {seed}");
        check_matrix(&w, &tokens, lanes, bias, &case);
    }
}

#[test]
fn awkward_shapes_and_token_counts() {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        for (i, tokens) in TOKENS.into_iter().enumerate() {
            let seed = (seed + i) as u64;
            let density = [0, 13, 26, 128, 256][(seed as usize + i) % 5];
            check(seed, shape, density, 64, Numbers::Wild, Lanes::of(tokens));
        }
    }
}

#[test]
fn shapes_of_layers() {
    for (seed, shape) in [(256, 256), (100, 520), (520, 100), (40, 1100)]
        .into_iter()
        .enumerate()
    {
        for tokens in [5, 33, 128] {
            check(seed as u64, shape, 26, 0, Numbers::Tame, Lanes::of(tokens));
            check(
                seed as u64,
                shape,
                128,
                20,
                Numbers::Wild,
                Lanes::of(tokens),
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_shapes(
        seed: u64,
        rows in 1usize..100,
        cols in 1usize..300,
        density in 0u32..=256,
        zeros in 0u32..=256,
        tokens in 1usize..80,
        free in 0usize..20,
        wild: bool,
    ) {
        let numbers = if wild { Numbers::Wild } else { Numbers::Tame };
        let lanes = Lanes::with_stride(tokens, tokens + free).expect("wide enough");
        check(seed, (rows, cols), density, zeros, numbers, lanes);
    }

    #[test]
    fn int8_forms(seed: u64, tokens in 1usize..40, n in 1usize..40, free in 0usize..20, scale in -149i32..120) {
        let factor = 2f64.powi(scale);
        let mut rng = Rng::new(seed);
        // Halves of the quantisation step, where rounding to even decides; a token may be all zero.
        let mut token = |_| -> Vec<f32> {
            let step = if rng.below(4) == 0 { 0.0 } else { factor };
            (0..n).map(|_| ((f64::from(rng.below(255)) - 127.0) * 0.5 * step) as f32).collect()
        };
        let x: Vec<_> = (0..tokens).map(&mut token).collect();
        let (indptr, indices): (Vec<u32>, Vec<u16>) = ((0..=n as u32).collect(), (0..n as u16).collect());
        let (ones, scales) = (vec![1i8; n], vec![1.0; n]);
        let identity = Csr::new(n, n, &indptr, &indices, &ones).expect("identity");
        let identity = Stored::I8(Layout::Csr(identity), &scales);
        let identity = Matrix::new(Major::Output, identity).expect("identity");
        let lanes = Lanes::with_stride(tokens, tokens + free).expect("wide enough");
        check_matrix(&identity, &x, lanes, None, "identity");
    }
}

#[test]
fn the_first_token_that_is_not_finite_is_found() {
    for tokens in TOKENS {
        let lanes = Lanes::of(tokens);
        for n in [1, 3, 10] {
            for (token, at) in (0..tokens).flat_map(|t| (0..n).map(move |j| (t, j))) {
                let bad = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
                // Free lanes hold NaN, which nobody may see.
                let mut x = laid_out(&vec![vec![f32::MAX; n]; tokens], n, lanes);
                x[at * lanes.stride() + token] = bad[(token + at) % 4];
                x[(n - 1) * lanes.stride() + tokens - 1] = f32::NAN;
                for isa in Isa::available() {
                    for int8 in [false, true] {
                        let found = with_batch(isa, &x, lanes, int8, |b| b.err());
                        assert_eq!(found, Some(NonFiniteToken { token, at }), "{isa} {lanes:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn strides_suit_vectors_and_waste_nothing_where_few() {
    for tokens in 1..300 {
        let stride = Lanes::of(tokens).stride();
        assert!(
            stride == tokens && tokens <= 8 || stride.is_multiple_of(16) && stride - tokens < 16
        );
        assert_eq!(Lanes::with_stride(tokens, tokens - 1), None);
    }
    assert_eq!(Lanes::with_stride(0, 4), None);
}

/// Parts that were never checked may give wrong numbers or a panic, but must touch no other memory.
#[cfg(panic = "unwind")] // Elsewhere a panic ends the test.
#[test]
fn lying_indices_stay_inside() {
    let (indptr, indices) = ([0u32, 60, 3, 40], [u16::MAX; 40]);
    let (values, bytes) = ([1.0f32; 40], [1i8; 40]);
    for (isa, tokens) in Isa::available().flat_map(|isa| TOKENS.map(|t| (isa, t))) {
        let lanes = Lanes::of(tokens);
        for major in [Major::Output, Major::Input] {
            for int8 in [false, true] {
                let result = std::panic::catch_unwind(|| {
                    let stored = if int8 {
                        let c = Csr::trusted(3, 3, &indptr, &indices, &bytes).expect("lengths");
                        Stored::I8(Layout::Csr(c), &[1.0; 3])
                    } else {
                        let c = Csr::trusted(3, 3, &indptr, &indices, &values).expect("lengths");
                        Stored::F32(Layout::Csr(c))
                    };
                    let w = Matrix::trusted(major, stored).expect("lengths");
                    let (x, mut y) = (
                        vec![1.0; 3 * lanes.stride()],
                        vec![FREE; 3 * lanes.stride()],
                    );
                    with_batch(isa, &x, lanes, int8, |b| {
                        isa.matmul(&w, &b.expect("finite"), None, &mut y)
                    });
                    y
                });
                assert!(
                    result.map_or(true, |y| y.len() == 3 * lanes.stride()),
                    "{isa}"
                );
            }
        }
    }
}
