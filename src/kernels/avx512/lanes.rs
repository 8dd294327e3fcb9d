//! Masked loads, and the transpose of eight vectors of two rows each.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m128i, __m256i, __m512, __m512i, _mm_maskz_loadu_epi16, _mm256_castsi128_si256,
    _mm256_inserti128_si256, _mm256_maskz_loadu_ps, _mm512_add_ps, _mm512_castps256_ps512,
    _mm512_cvtph_ps, _mm512_insertf32x8, _mm512_permutex2var_ps, _mm512_setr_epi32,
    _mm512_shuffle_ps, _mm512_storeu_ps, _mm512_unpackhi_ps, _mm512_unpacklo_ps,
};

use half::f16;

use crate::sparse::Value;

/// Up to eight elements of a slice: where they begin, and as many low bits as there are.
#[derive(Clone, Copy)]
pub(super) struct Part<'a, T> {
    slice: &'a [T],
    pub(super) mask: u8,
}

impl<'a, T> Part<'a, T> {
    /// The first eight elements of `slice`, or all that it has.
    #[inline(always)]
    pub(super) fn of(slice: &'a [T]) -> Self {
        let mask = ((1u32 << slice.len().min(8)) - 1) as u8;
        Self { slice, mask }
    }
}

/// A stored float that vectors of two parts can widen to f32.
pub(super) trait Widen: Value {
    /// Eight values of each part as f32, zero where a part has ended.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW, VL and DQ, and F16C.
    unsafe fn widen(low: Part<'_, Self>, high: Part<'_, Self>) -> __m512
    where
        Self: Sized;
}

impl Widen for f32 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn widen(low: Part<'_, f32>, high: Part<'_, f32>) -> __m512 {
        // SAFETY: a part's mask has a bit only for elements that its slice has.
        let (low, high) = unsafe {
            (
                _mm256_maskz_loadu_ps(low.mask, low.slice.as_ptr()),
                _mm256_maskz_loadu_ps(high.mask, high.slice.as_ptr()),
            )
        };
        _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)
    }
}

impl Widen for f16 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    unsafe fn widen(low: Part<'_, f16>, high: Part<'_, f16>) -> __m512 {
        // SAFETY: a part's mask has a bit only for elements that its slice has, and f16 is as wide as i16.
        let (low, high) = unsafe {
            (
                _mm_maskz_loadu_epi16(low.mask, low.slice.as_ptr().cast()),
                _mm_maskz_loadu_epi16(high.mask, high.slice.as_ptr().cast()),
            )
        };
        _mm512_cvtph_ps(joined(low, high))
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn joined(low: __m128i, high: __m128i) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
}

/// Eight u16 of each part, zero where a part has ended.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
pub(super) fn load_u16(low: Part<'_, u16>, high: Part<'_, u16>) -> __m256i {
    // SAFETY: a part's mask has a bit only for elements that its slice has.
    let (low, high) = unsafe {
        (
            _mm_maskz_loadu_epi16(low.mask, low.slice.as_ptr().cast()),
            _mm_maskz_loadu_epi16(high.mask, high.slice.as_ptr().cast()),
        )
    };
    joined(low, high)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
pub(super) fn store(out: &mut [f32; 16], v: __m512) {
    // SAFETY: 64 bytes of an array of sixteen floats.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), v) }
}

/// Adds the columns of two 8 × 8 blocks (vector r of `p`: row r of the first and of the second) to `acc`, column 0 first.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
pub(super) fn add_columns(mut acc: __m512, p: &[__m512; 8]) -> __m512 {
    let (a0, a1) = (
        _mm512_unpacklo_ps(p[0], p[1]),
        _mm512_unpackhi_ps(p[0], p[1]),
    );
    let (a2, a3) = (
        _mm512_unpacklo_ps(p[2], p[3]),
        _mm512_unpackhi_ps(p[2], p[3]),
    );
    let (a4, a5) = (
        _mm512_unpacklo_ps(p[4], p[5]),
        _mm512_unpackhi_ps(p[4], p[5]),
    );
    let (a6, a7) = (
        _mm512_unpacklo_ps(p[6], p[7]),
        _mm512_unpackhi_ps(p[6], p[7]),
    );
    let top = [
        _mm512_shuffle_ps::<0x44>(a0, a2),
        _mm512_shuffle_ps::<0xee>(a0, a2),
        _mm512_shuffle_ps::<0x44>(a1, a3),
        _mm512_shuffle_ps::<0xee>(a1, a3),
    ];
    let bottom = [
        _mm512_shuffle_ps::<0x44>(a4, a6),
        _mm512_shuffle_ps::<0xee>(a4, a6),
        _mm512_shuffle_ps::<0x44>(a5, a7),
        _mm512_shuffle_ps::<0xee>(a5, a7),
    ];
    // Quads 0 and 2 are columns 0–3 of the two blocks, quads 1 and 3 columns 4–7.
    let first: __m512i =
        _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    let second: __m512i =
        _mm512_setr_epi32(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
    for c in 0..4 {
        acc = _mm512_add_ps(acc, _mm512_permutex2var_ps(top[c], first, bottom[c]));
    }
    for c in 0..4 {
        acc = _mm512_add_ps(acc, _mm512_permutex2var_ps(top[c], second, bottom[c]));
    }
    acc
}
