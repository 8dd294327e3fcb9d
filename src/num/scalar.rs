//! Elementary functions of one float.

use super::elementary;
use super::simd::Scalar;

/// eˣ, within one unit in the last place; 0 below −103.97, infinite above 88.72.
#[inline]
pub fn exp(x: f32) -> f32 {
    elementary::exp(Scalar, x)
}

/// √x, correctly rounded; NaN below zero.
#[inline]
pub fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// ln x, within one unit in the last place; −∞ of zero, NaN below it.
///
/// `x = 2^k·m`, √½ ≤ m < √2, `ln x = k·ln 2 + ln m`; the polynomial of ln(1 + r) is that of Cephes (S. Moshier).
pub fn ln(x: f32) -> f32 {
    const P: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    const SQRT_HALF: u32 = 0x3f35_04f3;
    if x <= 0.0 || !x.is_finite() {
        return match x {
            0.0 => f32::NEG_INFINITY,
            f32::INFINITY => x,
            _ => f32::NAN,
        };
    }
    let (bits, lift) = if x < f32::MIN_POSITIVE {
        ((x * 8_388_608.0).to_bits(), -23)
    } else {
        (x.to_bits(), 0)
    };
    let above = bits.wrapping_sub(SQRT_HALF);
    let k = ((above as i32) >> 23) + lift;
    let r = f32::from_bits((above & 0x007f_ffff) + SQRT_HALF) - 1.0;
    let square = r * r;
    let mut p = P[0];
    for c in &P[1..] {
        p = p * r + c;
    }
    let k = k as f32;
    // ln 2 in two parts, the first with few bits; small terms first.
    let low = (p * r) * square + k * -2.121_944_4e-4 - 0.5 * square;
    (r + low) + k * 0.693_359_4
}

/// Hyperbolic tangent.
#[inline]
pub fn tanh(x: f32) -> f32 {
    elementary::tanh(Scalar, x)
}

/// Logistic function, 1 / (1 + e⁻ˣ).
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    elementary::sigmoid(Scalar, x)
}

/// x / (1 + e⁻ˣ); "SiLU" (Elfwing et al., 2018), also called swish.
#[inline]
pub fn silu(x: f32) -> f32 {
    elementary::silu(Scalar, x)
}

/// ½x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), the tanh form of GELU (Hendrycks and Gimpel, 2016).
#[inline]
pub fn gelu(x: f32) -> f32 {
    elementary::gelu(Scalar, x)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{exp, gelu, ln, sigmoid, silu, sqrt, tanh};
    use crate::num::Fnv64;

    /// Bit patterns spread over all floats, every sign, exponent and the specials among them.
    fn sweep() -> impl Iterator<Item = f32> {
        let step = if cfg!(miri) { 99_999_999 } else { 65_537 };
        (0..=u32::MAX).step_by(step).map(f32::from_bits).chain([
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            0.0,
            -0.0,
        ])
    }

    /// A machine or a compiler that changes one bit of one value fails here.
    #[cfg(not(miri))] // The sweep is shorter there.
    #[test]
    fn bits_are_frozen() {
        let digest = |f: fn(f32) -> f32| {
            let mut d = Fnv64::new();
            sweep().for_each(|x| d.update_f32(&[f(x)]));
            d.finish()
        };
        let found = [exp, tanh, sqrt, sigmoid, silu, gelu, ln].map(digest);
        let frozen = [
            0x0ca3_2eb8_2b23_8730,
            0xa1dd_6459_5509_8f95,
            0x7d2b_84d7_2936_6e03,
            0xc111_3baf_6fb9_5527,
            0x7e97_e201_f750_cf26,
            0x2ca2_0f8e_6aa7_d594,
            0x7d47_cc4a_72bc_397c,
        ];
        assert_eq!(found, frozen, "{found:016x?}");
    }

    #[test]
    fn close_to_double_precision() {
        let near = |a: f32, b: f64, ulps: f64| {
            let b32 = b as f32;
            let ulp = f64::from(f32::from_bits(b32.abs().to_bits() + 1)) - f64::from(b32.abs());
            assert!(
                a == b32 || (f64::from(a) - b).abs() <= ulps * ulp,
                "{a} {b}"
            );
        };
        for x in sweep().filter(|x| x.is_finite()) {
            let d = f64::from(x);
            if x.abs() < 87.0 {
                near(exp(x), d.exp(), 1.0);
                near(sigmoid(x), 1.0 / (1.0 + (-d).exp()), 2.5);
            }
            near(tanh(x), d.tanh(), 2.5);
            if x > 0.0 {
                near(ln(x), d.ln(), 1.0);
            }
            if x >= 0.0 {
                near(sqrt(x), d.sqrt(), 0.5);
            }
        }
    }

    #[test]
    fn ends() {
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(89.0), f32::INFINITY);
        assert_eq!(
            (ln(0.0), ln(-0.0), ln(1.0)),
            (f32::NEG_INFINITY, f32::NEG_INFINITY, 0.0)
        );
        assert_eq!(ln(f32::INFINITY), f32::INFINITY);
        assert!(ln(-1.0).is_nan() && ln(f32::NAN).is_nan());
        assert_eq!((sigmoid(-200.0), sigmoid(200.0)), (0.0, 1.0));
        assert_eq!((silu(0.0), gelu(0.0)), (0.0, 0.0));
        assert!(silu(-100.0).abs() < 1e-30 && silu(100.0) == 100.0);
        assert!((gelu(1.0) - 0.841_192).abs() < 1e-6);
        assert_eq!(gelu(30.0), 30.0);
    }
}
