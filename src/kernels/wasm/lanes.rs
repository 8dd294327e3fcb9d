//! The operations of [`Quad`] in simd128.
#![allow(unsafe_code)]

use core::arch::wasm32::{
    f32x4_add, f32x4_mul, f32x4_splat, i8x16_shuffle, i8x16_splat, i8x16_sub, i8x16_swizzle,
    i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i16x8_shuffle, i32x4, i32x4_add,
    i32x4_dot_i16x8, i32x4_gt, i32x4_shl, i32x4_shuffle, i32x4_splat, u32x4_extend_low_u16x8,
    u32x4_splat, v128, v128_and, v128_load, v128_load64_zero, v128_or, v128_store,
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

/// The first eight bytes of two vectors, interleaved.
#[inline(always)]
fn bytes_low(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b)
}

/// The last eight bytes of two vectors, interleaved.
#[inline(always)]
fn bytes_high(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b)
}

/// Bytes of four words, by their place in a word.
#[inline(always)]
fn by_place(a: v128) -> v128 {
    i8x16_shuffle::<0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15>(a, a)
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
    type B = v128;

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
        let (low, high) = (bytes_low(even, odd), bytes_high(even, odd));
        let q = i32x4_splat((i32::from(q[1]) << 16) | (i32::from(q[0]) & 0xffff));
        let add = |acc, products| i32x4_add(acc, i32x4_dot_i16x8(products, q));
        [
            add(acc[0], i16x8_extend_low_i8x16(low)),
            add(acc[1], i16x8_extend_high_i8x16(low)),
            add(acc[2], i16x8_extend_low_i8x16(high)),
            add(acc[3], i16x8_extend_high_i8x16(high)),
        ]
    }

    #[inline(always)]
    fn bytes(v: &[i8; 16]) -> v128 {
        load_16(v)
    }

    #[inline(always)]
    fn planes(x: &[f32; 16]) -> [v128; 4] {
        let fours = x.as_chunks().0;
        let cut = |i: usize| by_place(Self::load(&fours[i]));
        transposed([cut(0), cut(1), cut(2), cut(3)])
    }

    #[inline(always)]
    fn look_up<const T: usize>(tables: &[[v128; 4]; T], indices: &[u8; 16]) -> [v128; 4] {
        // SAFETY: 16 bytes of an array of sixteen.
        let indices = by_place(unsafe { v128_load(indices.as_ptr().cast()) });
        // An index from 16 on looks up zero.
        let beyond = i8x16_sub(indices, i8x16_splat(16));
        let plane = |k: usize| {
            let found = i8x16_swizzle(tables[0][k], indices);
            match tables.get(1) {
                Some(second) => v128_or(found, i8x16_swizzle(second[k], beyond)),
                None => found,
            }
        };
        let (a, b, c, d) = (plane(0), plane(1), plane(2), plane(3));
        let (low_ab, low_cd) = (bytes_low(a, b), bytes_low(c, d));
        let (high_ab, high_cd) = (bytes_high(a, b), bytes_high(c, d));
        [
            i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(low_ab, low_cd),
            i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(low_ab, low_cd),
            i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(high_ab, high_cd),
            i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(high_ab, high_cd),
        ]
    }

    #[inline(always)]
    fn look_up_bytes<const T: usize>(tables: &[v128; T], indices: &[u8; 16]) -> v128 {
        // SAFETY: 16 bytes of an array of sixteen.
        let mut indices = unsafe { v128_load(indices.as_ptr().cast()) };
        let mut found = i8x16_swizzle(tables[0], indices);
        for table in &tables[1..] {
            // An index that is not in 0..16 looks up zero.
            indices = i8x16_sub(indices, i8x16_splat(16));
            found = v128_or(found, i8x16_swizzle(*table, indices));
        }
        found
    }

    #[inline(always)]
    fn dot4(acc: v128, v: &[i8; 16], q: v128) -> v128 {
        let v = load_16(v);
        let zero = i32x4_splat(0);
        let (low, high) = (dot_low(zero, v, q), dot_high(zero, v, q));
        let even = i32x4_shuffle::<0, 2, 4, 6>(low, high);
        let odd = i32x4_shuffle::<1, 3, 5, 7>(low, high);
        i32x4_add(acc, i32x4_add(even, odd))
    }
}
