//! Sixteen lanes for the layers that are written over [`Simd`].
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512, __m512i, _CMP_LT_OQ, _mm_loadu_si128, _mm256_loadu_si256, _mm512_add_epi32,
    _mm512_add_ps, _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask,
    _mm512_cmpge_epi32_mask, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps, _mm512_cvtph_ps,
    _mm512_div_ps, _mm512_loadu_ps, _mm512_mask_blend_ps, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_maskz_set1_epi32, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps,
    _mm512_or_si512, _mm512_set1_epi32, _mm512_set1_ps, _mm512_shuffle_f32x4, _mm512_shuffle_ps,
    _mm512_slli_epi32, _mm512_srai_epi32, _mm512_storeu_ps, _mm512_sub_epi32, _mm512_sub_ps,
    _mm512_unpackhi_ps, _mm512_unpacklo_ps,
};

use half::f16;

use crate::kernels::isa::{Avx2, Avx512};
use crate::kernels::portable;
use crate::kernels::run::Op;
use crate::num::simd::{MOST, Simd};

/// Runs `op` as AVX-512 code.
pub(in crate::kernels) fn run<O: Op>(proof: Avx512, op: O) -> O::Output {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    fn compiled<O: Op>(proof: Avx512, op: O) -> O::Output {
        op.run(proof)
    }
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { compiled(proof, op) }
}

/// [`portable::scale_i8`], compiled for these vectors.
pub(in crate::kernels) fn scale_i8(_: Avx512, y: &mut [f32], sx: f32, scales: &[f32]) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    fn compiled(y: &mut [f32], sx: f32, scales: &[f32]) {
        portable::scale_i8(y, sx, scales);
    }
    // SAFETY: the proof of the features.
    unsafe { compiled(y, sx, scales) }
}

/// A method that is one expression of intrinsics without memory.
macro_rules! lanewise {
    ($($name:ident($($arg:ident: $of:ty),*) -> $out:ty = $e:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: $of),*) -> $out {
            // SAFETY: an `Avx512` exists only where the processor has the features.
            unsafe { $e }
        }
    )*};
}

impl Simd for Avx512 {
    const N: usize = 16;
    type F = __m512;
    type I = __m512i;
    type Eight = Avx2;

    #[inline(always)]
    fn eight(self) -> Avx2 {
        self.avx2()
    }

    #[inline(always)]
    fn load(self, x: &[f32]) -> __m512 {
        let x = &x[..16];
        // SAFETY: 64 bytes of sixteen floats; the proof of the features.
        unsafe { _mm512_loadu_ps(x.as_ptr()) }
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16]) -> __m512 {
        let x = &x[..16];
        // SAFETY: 32 bytes of sixteen halves; the proof of the features.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(x.as_ptr().cast())) }
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8]) -> __m512 {
        let x = &x[..16];
        // SAFETY: 16 bytes of sixteen; the proof of the features.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(x.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn store(self, v: __m512, out: &mut [f32]) {
        let out = &mut out[..16];
        // SAFETY: 64 bytes of sixteen floats; the proof of the features.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn load_some(self, x: &[f32]) -> __m512 {
        let lanes = (1u32 << x.len().min(16)) - 1;
        // SAFETY: lanes beyond `x` are not read; the proof of the features.
        unsafe { _mm512_maskz_loadu_ps(lanes as u16, x.as_ptr()) }
    }

    #[inline(always)]
    fn store_some(self, v: __m512, out: &mut [f32]) {
        let lanes = (1u32 << out.len().min(16)) - 1;
        // SAFETY: lanes beyond `out` are not written; the proof of the features.
        unsafe { _mm512_mask_storeu_ps(out.as_mut_ptr(), lanes as u16, v) }
    }

    #[inline(always)]
    fn transpose(self, t: &mut [__m512; MOST]) {
        // SAFETY: no memory is touched; the proof of the features.
        unsafe {
            // Pairs of rows, quads within 128-bit quarters, then the quarters of four and of sixteen rows.
            for r in 0..8 {
                let (a, b) = (t[2 * r], t[2 * r + 1]);
                (t[2 * r], t[2 * r + 1]) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            }
            for r in [0, 4, 8, 12] {
                let (a, b, c, d) = (t[r], t[r + 1], t[r + 2], t[r + 3]);
                t[r] = _mm512_shuffle_ps::<0x44>(a, c);
                t[r + 1] = _mm512_shuffle_ps::<0xee>(a, c);
                t[r + 2] = _mm512_shuffle_ps::<0x44>(b, d);
                t[r + 3] = _mm512_shuffle_ps::<0xee>(b, d);
            }
            for c in 0..4 {
                let (a, b, e, f) = (t[c], t[c + 4], t[c + 8], t[c + 12]);
                let (ab, ef) = (
                    _mm512_shuffle_f32x4::<0x88>(a, b),
                    _mm512_shuffle_f32x4::<0x88>(e, f),
                );
                let (ba, fe) = (
                    _mm512_shuffle_f32x4::<0xdd>(a, b),
                    _mm512_shuffle_f32x4::<0xdd>(e, f),
                );
                t[c] = _mm512_shuffle_f32x4::<0x88>(ab, ef);
                t[c + 8] = _mm512_shuffle_f32x4::<0xdd>(ab, ef);
                t[c + 4] = _mm512_shuffle_f32x4::<0x88>(ba, fe);
                t[c + 12] = _mm512_shuffle_f32x4::<0xdd>(ba, fe);
            }
        }
    }

    lanewise! {
        splat(v: f32) -> __m512 = _mm512_set1_ps(v);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        larger(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        smaller(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        if_less(a: __m512, b: __m512, x: __m512, y: __m512) -> __m512 =
            _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), y, x);
        bits(x: __m512) -> __m512i = _mm512_castps_si512(x);
        float(bits: __m512i) -> __m512 = _mm512_castsi512_ps(bits);
        word(v: u32) -> __m512i = _mm512_set1_epi32(v as i32);
        word_add(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        word_sub(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi32(a, b);
        and(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        or(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
        to_exponent(a: __m512i) -> __m512i = _mm512_slli_epi32::<23>(a);
        halve(a: __m512i) -> __m512i = _mm512_srai_epi32::<1>(a);
        at_least(a: __m512i, b: __m512i) -> __m512i = _mm512_maskz_set1_epi32(_mm512_cmpge_epi32_mask(a, b), -1);
    }
}
