//! Loads, and the 8 × 8 transpose.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m128, __m128i, __m256, __m256i, _mm_cvtph_ps, _mm_loadl_epi64, _mm_loadu_ps, _mm_loadu_si128,
    _mm256_add_ps, _mm256_cvtph_ps, _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_set_m128,
    _mm256_setr_epi32, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use half::f16;

use crate::sparse::Value;

/// At most `N` elements with zeros behind them.
#[inline(always)]
pub(super) fn padded<T: Copy + Default, const N: usize>(s: &[T]) -> [T; N] {
    match s.first_chunk() {
        Some(whole) => *whole,
        None => {
            let mut out = [T::default(); N];
            out[..s.len()].copy_from_slice(s);
            out
        }
    }
}

/// A stored float that eight lanes can widen to f32.
pub(super) trait Widen: Value + Default {
    /// Eight values as f32.
    ///
    /// # Safety
    /// The processor has AVX2 and F16C.
    unsafe fn widen(v: &[Self; 8]) -> __m256;

    /// Four values as f32.
    ///
    /// # Safety
    /// The processor has AVX2 and F16C.
    unsafe fn widen4(v: &[Self; 4]) -> __m128;
}

impl Widen for f32 {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn widen(v: &[f32; 8]) -> __m256 {
        load(v)
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn widen4(v: &[f32; 4]) -> __m128 {
        // SAFETY: 16 bytes of an array of four floats.
        unsafe { _mm_loadu_ps(v.as_ptr()) }
    }
}

impl Widen for f16 {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn widen(v: &[f16; 8]) -> __m256 {
        // SAFETY: 16 bytes of an array of eight two-byte values.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(v.as_ptr().cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn widen4(v: &[f16; 4]) -> __m128 {
        // SAFETY: 8 bytes of an array of four two-byte values.
        _mm_cvtph_ps(unsafe { _mm_loadl_epi64(v.as_ptr().cast()) })
    }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn load(v: &[f32; 8]) -> __m256 {
    // SAFETY: 32 bytes of an array of eight floats.
    unsafe { _mm256_loadu_ps(v.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn store(out: &mut [f32; 8], v: __m256) {
    // SAFETY: 32 bytes of an array of eight floats.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), v) }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn load_8i8(v: &[i8; 8]) -> __m128i {
    // SAFETY: 8 bytes of an array of eight.
    unsafe { _mm_loadl_epi64(v.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn load_16i8(v: &[i8; 16]) -> __m128i {
    // SAFETY: 16 bytes of an array of sixteen.
    unsafe { _mm_loadu_si128(v.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn iota() -> __m256i {
    _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)
}

/// The columns of two 4 × 4 blocks, which are the 128-bit halves of four rows.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn columns4(a: __m256, b: __m256, c: __m256, d: __m256) -> [__m256; 4] {
    let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
    let (ab_2, cd_2) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
    [
        _mm256_shuffle_ps::<0x44>(ab, cd),
        _mm256_shuffle_ps::<0xee>(ab, cd),
        _mm256_shuffle_ps::<0x44>(ab_2, cd_2),
        _mm256_shuffle_ps::<0xee>(ab_2, cd_2),
    ]
}

/// Adds the columns of the 8 × 8 block `p` (one row a vector) to `acc`, column 0 first.
#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn add_columns(mut acc: __m256, p: &[__m256; 8]) -> __m256 {
    let top = columns4(p[0], p[1], p[2], p[3]);
    let bottom = columns4(p[4], p[5], p[6], p[7]);
    for c in 0..4 {
        acc = _mm256_add_ps(acc, _mm256_permute2f128_ps::<0x20>(top[c], bottom[c]));
    }
    for c in 0..4 {
        acc = _mm256_add_ps(acc, _mm256_permute2f128_ps::<0x31>(top[c], bottom[c]));
    }
    acc
}

/// Adds the columns of the 8 × 4 block `p` (one row a vector) to `acc`, column 0 first.
#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn add_columns4(mut acc: __m256, p: &[__m128; 8]) -> __m256 {
    // Rows r and r + 4 share a vector, so a transpose within 128-bit halves is all it takes.
    let columns = columns4(
        _mm256_set_m128(p[4], p[0]),
        _mm256_set_m128(p[5], p[1]),
        _mm256_set_m128(p[6], p[2]),
        _mm256_set_m128(p[7], p[3]),
    );
    for column in columns {
        acc = _mm256_add_ps(acc, column);
    }
    acc
}
