//! Arithmetic on a few floats at once: what a formula is written in so that one text serves every vector width.
//!
//! ```text
//! fn f<S: Simd>(s: S, x: S::F) -> S::F          f(Scalar, x)  ─► the definition
//!                                                f(Avx512, xs) ─► the same bits, sixteen at a time
//! ```
//!
//! # Invariants
//! - Every operation is IEEE's or an integer's, lane by lane, rounded on its own; nothing is fused and no lane sees another.
//! - A value of an implementing type is a proof that the processor has its instructions, so the methods are safe.
//!
//! # Why
//! A definition in plain floats and a copy of it in intrinsics drift apart. Written over this trait there is no copy: what
//! is tested as scalar code is what runs in vectors.

use half::f16;

/// The most lanes that any implementation has.
pub(crate) const MOST: usize = 16;

/// Vectors of [`Simd::N`] floats.
pub(crate) trait Simd: Copy {
    /// Number of lanes: 1, 4, 8 or 16.
    const N: usize;
    /// `N` floats.
    type F: Copy;
    /// `N` words of 32 bits.
    type I: Copy;
    /// Eight lanes, which is what ordered sums are defined by; or one, where sums are plain loops.
    type Eight: Simd;

    /// The eight lanes of this processor.
    fn eight(self) -> Self::Eight;

    /// `v` in every lane.
    fn splat(self, v: f32) -> Self::F;
    /// The first `N` of `x`, which has as many.
    fn load(self, x: &[f32]) -> Self::F;
    /// The first `N` of `x`, which has as many, as f32.
    fn load_f16(self, x: &[f16]) -> Self::F;
    /// The first `N` of `x`, which has as many, as f32.
    fn load_i8(self, x: &[i8]) -> Self::F;
    /// Into the first `N` of `out`, which has as many.
    fn store(self, v: Self::F, out: &mut [f32]);
    /// Rows of an `N × N` block become its columns; further elements of `tile` are left alone.
    fn transpose(self, tile: &mut [Self::F; MOST]);

    /// a + b
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// a − b
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// a · b
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// a / b
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// a if a > b, else b: also where either is NaN.
    fn larger(self, a: Self::F, b: Self::F) -> Self::F;
    /// a if a < b, else b: also where either is NaN.
    fn smaller(self, a: Self::F, b: Self::F) -> Self::F;
    /// x if a < b, else y: also where a or b is NaN.
    fn if_less(self, a: Self::F, b: Self::F, x: Self::F, y: Self::F) -> Self::F;

    /// The bits of floats.
    fn bits(self, x: Self::F) -> Self::I;
    /// The floats of bits.
    fn float(self, bits: Self::I) -> Self::F;
    /// `v` in every lane.
    fn word(self, v: u32) -> Self::I;
    /// a + b, wrapping.
    fn word_add(self, a: Self::I, b: Self::I) -> Self::I;
    /// a − b, wrapping.
    fn word_sub(self, a: Self::I, b: Self::I) -> Self::I;
    /// a & b
    fn and(self, a: Self::I, b: Self::I) -> Self::I;
    /// a | b
    fn or(self, a: Self::I, b: Self::I) -> Self::I;
    /// All bits set if a ≥ b as signed numbers, else none.
    fn at_least(self, a: Self::I, b: Self::I) -> Self::I;
    /// a · 2^23, wrapping: a number becomes the exponent of a float.
    fn to_exponent(self, a: Self::I) -> Self::I;
    /// ⌊a / 2⌋ of signed numbers.
    fn halve(self, a: Self::I) -> Self::I;

    /// At most `N` floats with zeros behind them.
    #[inline(always)]
    fn load_some(self, x: &[f32]) -> Self::F {
        if x.len() >= Self::N {
            return self.load(x);
        }
        let mut padded = [0.0; MOST];
        padded[..x.len()].copy_from_slice(x);
        self.load(&padded)
    }

    /// As many of the first floats as `out` has room for.
    #[inline(always)]
    fn store_some(self, v: Self::F, out: &mut [f32]) {
        if out.len() >= Self::N {
            return self.store(v, out);
        }
        let mut all = [0.0; MOST];
        self.store(v, &mut all);
        let n = out.len();
        out.copy_from_slice(&all[..n]);
    }
}

/// One lane: plain floats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scalar;

impl Simd for Scalar {
    const N: usize = 1;
    type F = f32;
    type I = u32;
    type Eight = Scalar;

    #[inline(always)]
    fn eight(self) -> Scalar {
        self
    }

    #[inline(always)]
    fn splat(self, v: f32) -> f32 {
        v
    }

    #[inline(always)]
    fn load(self, x: &[f32]) -> f32 {
        x[0]
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16]) -> f32 {
        x[0].to_f32()
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8]) -> f32 {
        f32::from(x[0])
    }

    #[inline(always)]
    fn store(self, v: f32, out: &mut [f32]) {
        out[0] = v;
    }

    #[inline(always)]
    fn transpose(self, _: &mut [f32; MOST]) {}

    #[inline(always)]
    fn add(self, a: f32, b: f32) -> f32 {
        a + b
    }

    #[inline(always)]
    fn sub(self, a: f32, b: f32) -> f32 {
        a - b
    }

    #[inline(always)]
    fn mul(self, a: f32, b: f32) -> f32 {
        a * b
    }

    #[inline(always)]
    fn div(self, a: f32, b: f32) -> f32 {
        a / b
    }

    #[inline(always)]
    fn larger(self, a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }

    #[inline(always)]
    fn smaller(self, a: f32, b: f32) -> f32 {
        if a < b { a } else { b }
    }

    #[inline(always)]
    fn if_less(self, a: f32, b: f32, x: f32, y: f32) -> f32 {
        if a < b { x } else { y }
    }

    #[inline(always)]
    fn bits(self, x: f32) -> u32 {
        x.to_bits()
    }

    #[inline(always)]
    fn float(self, bits: u32) -> f32 {
        f32::from_bits(bits)
    }

    #[inline(always)]
    fn word(self, v: u32) -> u32 {
        v
    }

    #[inline(always)]
    fn word_add(self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    #[inline(always)]
    fn word_sub(self, a: u32, b: u32) -> u32 {
        a.wrapping_sub(b)
    }

    #[inline(always)]
    fn and(self, a: u32, b: u32) -> u32 {
        a & b
    }

    #[inline(always)]
    fn or(self, a: u32, b: u32) -> u32 {
        a | b
    }

    #[inline(always)]
    fn at_least(self, a: u32, b: u32) -> u32 {
        if a as i32 >= b as i32 { u32::MAX } else { 0 }
    }

    #[inline(always)]
    fn to_exponent(self, a: u32) -> u32 {
        a << 23
    }

    #[inline(always)]
    fn halve(self, a: u32) -> u32 {
        ((a as i32) >> 1) as u32
    }
}
