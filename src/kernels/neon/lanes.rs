//! The operations of [`Quad`] in NEON.
#![allow(unsafe_code)]

use core::arch::aarch64::{
    float32x4_t, int8x16_t, int8x16x2_t, int8x16x4_t, int16x8_t, int32x4_t, vaddq_f32, vandq_u32,
    vcgtq_s32, vcombine_s8, vcvt_f32_f16, vdup_n_s8, vdupq_n_f32, vdupq_n_s16, vdupq_n_s32,
    vdupq_n_u8, vget_low_s8, vld1_s8, vld1_u16, vld1q_f32, vld1q_s8, vld1q_s32, vld1q_u8, vld4q_s8,
    vmlal_high_s8, vmull_high_s8, vmull_s8, vmulq_f32, vpadalq_s16, vpaddq_s16, vpaddq_s32,
    vqtbl1q_s8, vqtbl1q_u8, vqtbl2q_s8, vqtbl4q_s8, vqtbx4q_s8, vreinterpret_f16_u16,
    vreinterpretq_f32_f64, vreinterpretq_f32_s16, vreinterpretq_f32_s32, vreinterpretq_f32_u32,
    vreinterpretq_f64_f32, vreinterpretq_s8_s16, vreinterpretq_s16_s8, vreinterpretq_u32_f32,
    vst1q_f32, vsubq_u8, vtrn1q_f32, vtrn1q_f64, vtrn2q_f32, vtrn2q_f64, vzip1q_s8, vzip1q_s16,
    vzip2q_s8, vzip2q_s16,
};
use core::arch::asm;

use half::f16;

use crate::kernels::quad::Quad;

/// Four lanes; `DOT` where the dot-product extension is there.
pub(super) struct Lanes<const DOT: bool>;

/// What every aarch64 with NEON has.
pub(super) type Base = Lanes<false>;

/// With `sdot`: for a holder of a proof alone.
pub(super) type Sdot = Lanes<true>;

/// Instructions of the target's own set, on registers alone.
macro_rules! neon {
    ($e:expr) => {{
        // SAFETY: this file is compiled only for targets that have NEON.
        unsafe { $e }
    }};
}

#[inline(always)]
fn load_16(v: &[i8; 16]) -> int8x16_t {
    // SAFETY: 16 bytes of an array of sixteen.
    unsafe { vld1q_s8(v.as_ptr()) }
}

#[inline(always)]
fn sdot(mut acc: int32x4_t, v: int8x16_t, q: int8x16_t) -> int32x4_t {
    // SAFETY: reads and writes registers only; `Sdot` is chosen only where a proof says that the instruction is there.
    unsafe {
        asm!(
            ".arch_extension dotprod",
            "sdot {acc:v}.4s, {v:v}.16b, {q:v}.16b",
            acc = inout(vreg) acc,
            v = in(vreg) v,
            q = in(vreg) q,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    acc
}

/// The sums of pairs of products, as eight i16: exact, because 2 · 127 · 127 fits.
#[inline(always)]
fn pairs(v: int8x16_t, q: int8x16_t) -> int16x8_t {
    neon!(vmlal_high_s8(
        vmull_s8(vget_low_s8(v), vget_low_s8(q)),
        v,
        q
    ))
}

impl<const DOT: bool> Quad for Lanes<DOT> {
    type F = float32x4_t;
    type I = int32x4_t;
    type B = int8x16_t;

    #[inline(always)]
    fn load(v: &[f32; 4]) -> float32x4_t {
        // SAFETY: 16 bytes of an array of four floats.
        unsafe { vld1q_f32(v.as_ptr()) }
    }

    #[inline(always)]
    fn store(out: &mut [f32; 4], v: float32x4_t) {
        // SAFETY: 16 bytes of an array of four floats.
        unsafe { vst1q_f32(out.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn splat(x: f32) -> float32x4_t {
        neon!(vdupq_n_f32(x))
    }

    #[inline(always)]
    fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        neon!(vaddq_f32(a, b))
    }

    #[inline(always)]
    fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        neon!(vmulq_f32(a, b))
    }

    #[inline(always)]
    fn widen(v: &[f16; 4]) -> float32x4_t {
        // SAFETY: 8 bytes of an array of four two-byte values.
        unsafe { vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(v.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn columns(p: [float32x4_t; 4]) -> [float32x4_t; 4] {
        let [a, b, c, d] = p;
        neon!({
            let pair = |x, y| {
                let even = vreinterpretq_f64_f32(vtrn1q_f32(x, y));
                (even, vreinterpretq_f64_f32(vtrn2q_f32(x, y)))
            };
            let ((ab0, ab1), (cd0, cd1)) = (pair(a, b), pair(c, d));
            [
                vreinterpretq_f32_f64(vtrn1q_f64(ab0, cd0)),
                vreinterpretq_f32_f64(vtrn1q_f64(ab1, cd1)),
                vreinterpretq_f32_f64(vtrn2q_f64(ab0, cd0)),
                vreinterpretq_f32_f64(vtrn2q_f64(ab1, cd1)),
            ]
        })
    }

    #[inline(always)]
    fn first(n: i32, v: float32x4_t) -> float32x4_t {
        // SAFETY: 16 bytes of an array of four i32.
        let lanes = unsafe { vld1q_s32([0, 1, 2, 3].as_ptr()) };
        neon!({
            let within = vcgtq_s32(vdupq_n_s32(n), lanes);
            vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), within))
        })
    }

    #[inline(always)]
    fn zero() -> int32x4_t {
        neon!(vdupq_n_s32(0))
    }

    #[inline(always)]
    fn store_sums(out: &mut [f32; 4], v: int32x4_t) {
        Self::store(out, neon!(vreinterpretq_f32_s32(v)));
    }

    #[inline(always)]
    fn row_sums(a: [int32x4_t; 4]) -> int32x4_t {
        neon!(vpaddq_s32(vpaddq_s32(a[0], a[1]), vpaddq_s32(a[2], a[3])))
    }

    #[inline(always)]
    fn dot8(acc: int32x4_t, v: &[i8; 8], q: &[i8; 8]) -> int32x4_t {
        // SAFETY: 8 bytes each of two arrays of eight.
        let (v, q) = unsafe { (vld1_s8(v.as_ptr()), vld1_s8(q.as_ptr())) };
        if DOT {
            let whole = |v| neon!(vcombine_s8(v, vdup_n_s8(0)));
            sdot(acc, whole(v), whole(q))
        } else {
            neon!(vpadalq_s16(acc, vmull_s8(v, q)))
        }
    }

    #[inline(always)]
    fn dot16(acc: int32x4_t, v: &[i8; 16], q: &[i8; 16]) -> int32x4_t {
        let (v, q) = (load_16(v), load_16(q));
        if DOT {
            sdot(acc, v, q)
        } else {
            neon!(vpadalq_s16(acc, pairs(v, q)))
        }
    }

    #[inline(always)]
    fn pair16(acc: [int32x4_t; 4], even: &[i8; 16], odd: &[i8; 16], q: [i8; 2]) -> [int32x4_t; 4] {
        let (even, odd) = (load_16(even), load_16(odd));
        neon!({
            let q = vreinterpretq_s8_s16(vdupq_n_s16(i16::from_le_bytes(q.map(|q| q as u8))));
            let (low, high) = (vzip1q_s8(even, odd), vzip2q_s8(even, odd));
            [
                vpadalq_s16(acc[0], vmull_s8(vget_low_s8(low), vget_low_s8(q))),
                vpadalq_s16(acc[1], vmull_high_s8(low, q)),
                vpadalq_s16(acc[2], vmull_s8(vget_low_s8(high), vget_low_s8(q))),
                vpadalq_s16(acc[3], vmull_high_s8(high, q)),
            ]
        })
    }

    #[inline(always)]
    fn bytes(v: &[i8; 16]) -> int8x16_t {
        load_16(v)
    }

    #[inline(always)]
    fn planes(x: &[f32; 16]) -> [int8x16_t; 4] {
        // SAFETY: 64 bytes of an array of sixteen floats.
        let int8x16x4_t(a, b, c, d) = unsafe { vld4q_s8(x.as_ptr().cast()) };
        [a, b, c, d]
    }

    #[inline(always)]
    fn look_up<const T: usize>(
        tables: &[[int8x16_t; 4]; T],
        indices: &[u8; 16],
    ) -> [float32x4_t; 4] {
        const BY_PLACE: [u8; 16] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];
        // SAFETY: 16 bytes each of two arrays of sixteen.
        let (indices, by_place) =
            unsafe { (vld1q_u8(indices.as_ptr()), vld1q_u8(BY_PLACE.as_ptr())) };
        neon!({
            let indices = vqtbl1q_u8(indices, by_place);
            let plane = |k: usize| match tables.get(1) {
                Some(second) => vqtbl2q_s8(int8x16x2_t(tables[0][k], second[k]), indices),
                None => vqtbl1q_s8(tables[0][k], indices),
            };
            let (a, b, c, d) = (plane(0), plane(1), plane(2), plane(3));
            let interleaved = |ab: int8x16_t, cd: int8x16_t| {
                let (ab, cd) = (vreinterpretq_s16_s8(ab), vreinterpretq_s16_s8(cd));
                (
                    vreinterpretq_f32_s16(vzip1q_s16(ab, cd)),
                    vreinterpretq_f32_s16(vzip2q_s16(ab, cd)),
                )
            };
            let (first, second) = interleaved(vzip1q_s8(a, b), vzip1q_s8(c, d));
            let (third, fourth) = interleaved(vzip2q_s8(a, b), vzip2q_s8(c, d));
            [first, second, third, fourth]
        })
    }

    #[inline(always)]
    fn look_up_bytes<const T: usize>(tables: &[int8x16_t; T], indices: &[u8; 16]) -> int8x16_t {
        // SAFETY: 16 bytes of an array of sixteen.
        let indices = unsafe { vld1q_u8(indices.as_ptr()) };
        let four = |t: usize| int8x16x4_t(tables[t], tables[t + 1], tables[t + 2], tables[t + 3]);
        neon!({
            let found = vqtbl4q_s8(four(0), indices);
            if T == 4 {
                found
            } else {
                // Out of range leaves what was found.
                vqtbx4q_s8(found, four(4), vsubq_u8(indices, vdupq_n_u8(64)))
            }
        })
    }

    #[inline(always)]
    fn dot4(acc: int32x4_t, v: &[i8; 16], q: int8x16_t) -> int32x4_t {
        let v = load_16(v);
        if DOT {
            return sdot(acc, v, q);
        }
        neon!({
            let low = vmull_s8(vget_low_s8(v), vget_low_s8(q));
            // Two products fit 16 bits.
            vpadalq_s16(acc, vpaddq_s16(low, vmull_high_s8(v, q)))
        })
    }
}
