//! Plain loops, compiled once per vector width and chosen when the program runs.
//!
//! ```text
//! fast(|| loop)  ─►  AVX-512 copy │ AVX2 copy │ baseline copy of the same loop
//! sum: 16 lanes, element i in lane i mod 16, folded by halves
//! ```
//!
//! # Invariants
//! - Everything here is `#[inline(always)]`: a function that is not inlined would be compiled for the baseline.
//!
//! # Why
//! The binary is built for any machine of its family; these loops are where the training time goes.

/// Runs `body` compiled for the best vectors of this machine.
#[inline(always)]
pub(crate) fn fast<R>(body: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(body)
}

const LANES: usize = 16;

/// Σ f(x, y) in 16 lanes.
#[inline(always)]
pub(crate) fn sum2(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let ((xs, x_end), (ys, y_end)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in xs.iter().zip(ys) {
        for i in 0..LANES {
            lanes[i] += f(x[i], y[i]);
        }
    }
    for (i, (&x, &y)) in x_end.iter().zip(y_end).enumerate() {
        lanes[i] += f(x, y);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Σ x
#[inline(always)]
pub(crate) fn sum(x: &[f32]) -> f32 {
    sum2(x, x, |x, _| x)
}

/// Σ x·y
#[inline(always)]
pub(crate) fn dot(x: &[f32], y: &[f32]) -> f32 {
    sum2(x, y, |x, y| x * y)
}

/// max x, or −∞
#[inline(always)]
pub(crate) fn max(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (xs, end) = x.as_chunks::<LANES>();
    for x in xs {
        for i in 0..LANES {
            lanes[i] = if x[i] > lanes[i] { x[i] } else { lanes[i] };
        }
    }
    for (i, &x) in end.iter().enumerate() {
        lanes[i] = if x > lanes[i] { x } else { lanes[i] };
    }
    lanes
        .into_iter()
        .fold(f32::NEG_INFINITY, |m, x| if x > m { x } else { m })
}

/// x ← x + y
#[inline(always)]
pub(crate) fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// x ← x · y
#[inline(always)]
pub(crate) fn multiply(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x *= y;
    }
}

/// eˣ within 2 ulp for |x| ≤ 87, clamped beyond: range reduction by ln 2, then a polynomial of degree 6.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = if x > 87.0 { 87.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * core::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let mut p = 1.388_888_9e-3;
    for c in [8.333_334e-3, 4.166_666_6e-2, 1.666_666_7e-1, 0.5, 1.0, 1.0] {
        p = p * r + c;
    }
    let exponent = shifted
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .wrapping_add(127);
    p * f32::from_bits(exponent << 23)
}

/// tanh x = 1 − 2 / (e²ˣ + 1)
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

/// 1 / (1 + e⁻ˣ)
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_close() {
        for i in -4000..4000 {
            let x = i as f32 * 0.02;
            let e = f64::from(x).exp();
            assert!((f64::from(exp(x)) - e).abs() <= 3e-7 * e, "exp {x}");
            assert!(
                (f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 3e-7,
                "tanh {x}"
            );
            let s = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - s).abs() < 3e-7, "sigmoid {x}");
        }
    }

    #[test]
    fn sums_cover_every_element() {
        for n in 0..70u16 {
            let x: Vec<f32> = (0..n).map(f32::from).collect();
            assert_eq!(sum(&x), f32::from(n) * (f32::from(n) - 1.0) / 2.0);
            if n > 0 {
                assert_eq!(max(&x), f32::from(n - 1));
            }
        }
    }
}
