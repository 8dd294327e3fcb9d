//! The operations of [`Quad`] in simd128.
#![allow(unsafe_code)]

use core::arch::wasm32::{
    f32x4_add, f32x4_mul, f32x4_splat, i8x16_shuffle, i16x8_extend_high_i8x16,
    i16x8_extend_low_i8x16, i32x4, i32x4_add, i32x4_dot_i16x8, i32x4_gt, i32x4_shl, i32x4_shuffle,
    i32x4_splat, u32x4_extend_low_u16x8, u32x4_splat, v128, v128_and, v128_load, v128_load64_zero,
    v128_or, v128_store,
};

use half::f16;

use crate::kernels::quad::Quad;

/// Four lanes.
pub(super) struct Simd128;

#[inline(always)]
fn load_16(v: &[i8; 16]) -> v128 {
    // SAFETY: 16 bytes of an array of sixteen.
    unsafe { v128_load(v.as_ptr().cast()) }
}

#[inline(always)]
fn load_8<T>(v: &[T]) -> v128 {
    assert!(size_of_val(v) == 8);
    // SAFETY: 8 bytes of a slice of eight.
    unsafe { v128_load64_zero(v.as_ptr().cast()) }
}

#[inline(always)]
fn dot_low(acc: v128, v: v128, q: v128) -> v128 {
    let products = i32x4_dot_i16x8(i16x8_extend_low_i8x16(v), i16x8_extend_low_i8x16(q));
    i32x4_add(acc, products)
}

#[inline(always)]
fn dot_high(acc: v128, v: v128, q: v128) -> v128 {
    let products = i32x4_dot_i16x8(i16x8_extend_high_i8x16(v), i16x8_extend_high_i8x16(q));
    i32x4_add(acc, products)
}

/// The columns of a 4 × 4 block.
#[inline(always)]
fn transposed([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab0, cd0) = (
        i32x4_shuffle::<0, 4, 1, 5>(a, b),
        i32x4_shuffle::<0, 4, 1, 5>(c, d),
    );
    let (ab2, cd2) = (
        i32x4_shuffle::<2, 6, 3, 7>(a, b),
        i32x4_shuffle::<2, 6, 3, 7>(c, d),
    );
    [
        i32x4_shuffle::<0, 1, 4, 5>(ab0, cd0),
        i32x4_shuffle::<2, 3, 6, 7>(ab0, cd0),
        i32x4_shuffle::<0, 1, 4, 5>(ab2, cd2),
        i32x4_shuffle::<2, 3, 6, 7>(ab2, cd2),
    ]
}

impl Quad for Simd128 {
    type F = v128;
    type I = v128;

    #[inline(always)]
    fn load(v: &[f32; 4]) -> v128 {
        // SAFETY: 16 bytes of an array of four floats.
        unsafe { v128_load(v.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(out: &mut [f32; 4], v: v128) {
        // SAFETY: 16 bytes of an array of four floats.
        unsafe { v128_store(out.as_mut_ptr().cast(), v) }
    }

    #[inline(always)]
    fn splat(x: f32) -> v128 {
        f32x4_splat(x)
    }

    #[inline(always)]
    fn add(a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    fn mul(a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    fn widen(v: &[f16; 4]) -> v128 {
        let half = u32x4_extend_low_u16x8(load_8(v));
        let magnitude = i32x4_shl(v128_and(half, u32x4_splat(0x7fff)), 13);
        let sign = i32x4_shl(v128_and(half, u32x4_splat(0x8000)), 16);
        let two_to_112 = f32x4_splat(f32::from_bits((112 + 127) << 23));
        v128_or(f32x4_mul(magnitude, two_to_112), sign)
    }

    #[inline(always)]
    fn columns(p: [v128; 4]) -> [v128; 4] {
        transposed(p)
    }

    #[inline(always)]
    fn first(n: i32, v: v128) -> v128 {
        v128_and(v, i32x4_gt(i32x4_splat(n), i32x4(0, 1, 2, 3)))
    }

    #[inline(always)]
    fn zero() -> v128 {
        i32x4_splat(0)
    }

    #[inline(always)]
    fn store_sums(out: &mut [f32; 4], v: v128) {
        Self::store(out, v);
    }

    #[inline(always)]
    fn row_sums(a: [v128; 4]) -> v128 {
        let [a, b, c, d] = transposed(a);
        i32x4_add(i32x4_add(a, b), i32x4_add(c, d))
    }

    #[inline(always)]
    fn dot8(acc: v128, v: &[i8; 8], q: &[i8; 8]) -> v128 {
        dot_low(acc, load_8(v), load_8(q))
    }

    #[inline(always)]
    fn dot16(acc: v128, v: &[i8; 16], q: &[i8; 16]) -> v128 {
        let (v, q) = (load_16(v), load_16(q));
        dot_high(dot_low(acc, v, q), v, q)
    }

    #[inline(always)]
    fn pair16(acc: [v128; 4], even: &[i8; 16], odd: &[i8; 16], q: [i8; 2]) -> [v128; 4] {
        let (even, odd) = (load_16(even), load_16(odd));
        let low =
            i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(even, odd);
        let high = i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(
            even, odd,
        );
        let q = i32x4_splat((i32::from(q[1]) << 16) | (i32::from(q[0]) & 0xffff));
        let add = |acc, products| i32x4_add(acc, i32x4_dot_i16x8(products, q));
        [
            add(acc[0], i16x8_extend_low_i8x16(low)),
            add(acc[1], i16x8_extend_high_i8x16(low)),
            add(acc[2], i16x8_extend_low_i8x16(high)),
            add(acc[3], i16x8_extend_high_i8x16(high)),
        ]
    }
}
