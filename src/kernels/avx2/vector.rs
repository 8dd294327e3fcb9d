//! Eight lanes for the layers that are written over [`Simd`].
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _mm_loadl_epi64, _mm_loadu_si128, _mm256_add_epi32, _mm256_add_ps,
    _mm256_and_si256, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps,
    _mm256_cmpeq_epi32, _mm256_cmpgt_epi32, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps,
    _mm256_cvtph_ps, _mm256_div_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps,
    _mm256_or_si256, _mm256_permute2f128_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_shuffle_ps,
    _mm256_slli_epi32, _mm256_srai_epi32, _mm256_storeu_ps, _mm256_sub_epi32, _mm256_sub_ps,
    _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use half::f16;

use crate::kernels::isa::Avx2;
use crate::kernels::portable;
use crate::kernels::run::Op;
use crate::num::simd::{MOST, Simd};

/// Runs `op` as AVX2 code.
pub(in crate::kernels) fn run<O: Op>(proof: Avx2, op: O) -> O::Output {
    #[target_feature(enable = "avx2,f16c")]
    fn compiled<O: Op>(proof: Avx2, op: O) -> O::Output {
        op.run(proof)
    }
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { compiled(proof, op) }
}

/// [`portable::scale_i8`], compiled for these vectors.
pub(in crate::kernels) fn scale_i8(_: Avx2, y: &mut [f32], sx: f32, scales: &[f32]) {
    #[target_feature(enable = "avx2,f16c")]
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
            // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
            unsafe { $e }
        }
    )*};
}

impl Simd for Avx2 {
    const N: usize = 8;
    type F = __m256;
    type I = __m256i;
    type Eight = Avx2;

    #[inline(always)]
    fn eight(self) -> Avx2 {
        self
    }

    #[inline(always)]
    fn load(self, x: &[f32]) -> __m256 {
        let x = &x[..8];
        // SAFETY: 32 bytes of eight floats; the proof of the features.
        unsafe { _mm256_loadu_ps(x.as_ptr()) }
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16]) -> __m256 {
        let x = &x[..8];
        // SAFETY: 16 bytes of eight halves; the proof of the features.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(x.as_ptr().cast())) }
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8]) -> __m256 {
        let x = &x[..8];
        // SAFETY: 8 bytes of eight; the proof of the features.
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(x.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn store(self, v: __m256, out: &mut [f32]) {
        let out = &mut out[..8];
        // SAFETY: 32 bytes of eight floats; the proof of the features.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn transpose(self, t: &mut [__m256; MOST]) {
        // SAFETY: no memory is touched; the proof of the features.
        unsafe {
            // Pairs of rows, then quads within 128-bit halves, then halves: the textbook transpose.
            for r in [0, 2, 4, 6] {
                let (a, b) = (t[r], t[r + 1]);
                (t[r], t[r + 1]) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            }
            for r in [0, 4] {
                let (a, b, c, d) = (t[r], t[r + 1], t[r + 2], t[r + 3]);
                t[r] = _mm256_shuffle_ps::<0x44>(a, c);
                t[r + 1] = _mm256_shuffle_ps::<0xee>(a, c);
                t[r + 2] = _mm256_shuffle_ps::<0x44>(b, d);
                t[r + 3] = _mm256_shuffle_ps::<0xee>(b, d);
            }
            for c in 0..4 {
                let (a, b) = (t[c], t[c + 4]);
                t[c] = _mm256_permute2f128_ps::<0x20>(a, b);
                t[c + 4] = _mm256_permute2f128_ps::<0x31>(a, b);
            }
        }
    }

    lanewise! {
        splat(v: f32) -> __m256 = _mm256_set1_ps(v);
        add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        larger(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        smaller(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        if_less(a: __m256, b: __m256, x: __m256, y: __m256) -> __m256 =
            _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b));
        bits(x: __m256) -> __m256i = _mm256_castps_si256(x);
        float(bits: __m256i) -> __m256 = _mm256_castsi256_ps(bits);
        word(v: u32) -> __m256i = _mm256_set1_epi32(v as i32);
        word_add(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
        word_sub(a: __m256i, b: __m256i) -> __m256i = _mm256_sub_epi32(a, b);
        and(a: __m256i, b: __m256i) -> __m256i = _mm256_and_si256(a, b);
        or(a: __m256i, b: __m256i) -> __m256i = _mm256_or_si256(a, b);
        to_exponent(a: __m256i) -> __m256i = _mm256_slli_epi32::<23>(a);
        halve(a: __m256i) -> __m256i = _mm256_srai_epi32::<1>(a);
        at_least(a: __m256i, b: __m256i) -> __m256i = _mm256_or_si256(_mm256_cmpgt_epi32(a, b), _mm256_cmpeq_epi32(a, b));
    }
}
