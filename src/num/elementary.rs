//! exp, tanh and what is built on them: one text for one float and for vectors.
//!
//! ```text
//! x = k·ln 2 + r, |r| ≤ ½ ln 2        eʳ = 1 + r + r²·P(r)        eˣ = (eʳ · 2^⌊k/2⌋) · 2^(k−⌊k/2⌋)
//! ```
//!
//! # Invariants
//! - No branch and no fused operation: every lane does the same work, so a vector gives the bits of its lanes.
//! - NaN stays NaN. Subnormal results are rounded once.
//!
//! # Why
//! A softmax asks for hundreds of exponentials a token; a library's `expf` takes them one at a time and branches on
//! their size. The reduction and the polynomials are those of Cephes (S. Moshier), coefficients rounded to f32: within
//! one unit in the last place without fused multiplication.

use super::simd::Simd;

/// Coefficients of (eʳ − 1 − r) / r², highest first.
const EXP: [f32; 6] = [
    1.987_569_1e-4,
    1.398_2e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    1.666_666_5e-1,
    0.5,
];

/// Coefficients of (tanh x − x) / x³ in x², highest first.
const TANH: [f32; 5] = [
    -5.704_988_7e-3,
    2.063_909e-2,
    -5.373_971_6e-2,
    1.333_144_2e-1,
    -0.333_332_8,
];

#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::F, coefficients: [f32; N]) -> S::F {
    let mut p = s.splat(coefficients[0]);
    for c in &coefficients[1..] {
        p = s.add(s.mul(p, x), s.splat(*c));
    }
    p
}

/// eˣ.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    /// Adding 1.5 · 2^23 rounds to a whole number, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts; the first has few bits, so that its product with k is exact.
    const LN2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
    // Beyond these, the result is 0 or infinite by far; NaN passes both.
    let x = s.smaller(s.splat(89.0), s.larger(s.splat(-104.0), x));
    let shifted = s.add(s.mul(x, s.splat(core::f32::consts::LOG2_E)), s.splat(ROUND));
    let whole = s.sub(shifted, s.splat(ROUND));
    let r = s.sub(
        s.sub(x, s.mul(whole, s.splat(LN2[0]))),
        s.mul(whole, s.splat(LN2[1])),
    );
    let p = polynomial(s, r, EXP);
    let e = s.add(s.add(s.mul(p, s.mul(r, r)), r), s.splat(1.0));
    // 2^k in two factors, each of which is a normal number.
    let k = s.word_sub(s.bits(shifted), s.word(ROUND.to_bits()));
    let half = s.halve(k);
    s.mul(s.mul(e, power(s, half)), power(s, s.word_sub(k, half)))
}

/// 2^k for −127 < k < 128.
#[inline(always)]
fn power<S: Simd>(s: S, k: S::I) -> S::F {
    s.float(s.to_exponent(s.word_add(k, s.word(127))))
}

/// Hyperbolic tangent: a polynomial near zero, 1 − 2/(e^2|x| + 1) elsewhere.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    let bits = s.bits(x);
    let sign = s.and(bits, s.word(1 << 31));
    let size = s.float(s.and(bits, s.word(0x7fff_ffff)));
    let square = s.mul(size, size);
    let near = s.add(
        s.mul(s.mul(polynomial(s, square, TANH), square), size),
        size,
    );
    let e = exp(s, s.add(size, size));
    let one = s.splat(1.0);
    let far = s.sub(one, s.div(s.splat(2.0), s.add(e, one)));
    let size = s.if_less(size, s.splat(0.625), near, far);
    s.float(s.or(s.bits(size), sign))
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    s.div(one, s.add(one, exp(s, negative(s, x))))
}

/// x / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn silu<S: Simd>(s: S, x: S::F) -> S::F {
    s.div(x, s.add(s.splat(1.0), exp(s, negative(s, x))))
}

/// ½x·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
#[inline(always)]
pub(crate) fn gelu<S: Simd>(s: S, x: S::F) -> S::F {
    const ROOT_2_OVER_PI: f32 = 0.797_884_6;
    let cube = s.mul(s.mul(x, x), x);
    let inner = s.add(x, s.mul(s.splat(0.044_715), cube));
    let t = tanh(s, s.mul(s.splat(ROOT_2_OVER_PI), inner));
    s.mul(s.mul(s.splat(0.5), x), s.add(s.splat(1.0), t))
}

#[inline(always)]
fn negative<S: Simd>(s: S, x: S::F) -> S::F {
    s.sub(s.splat(0.0), x)
}
