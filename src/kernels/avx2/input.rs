//! The finite check and the int8 form of an activation vector.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_max_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set1_epi8,
    _mm_storel_epi64, _mm256_and_si256, _mm256_castps_si256, _mm256_castsi256_si128,
    _mm256_cvtps_epi32, _mm256_div_ps, _mm256_extracti128_si256, _mm256_max_epu32,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_si256, _mm256_storeu_si256,
};

use super::lanes::{load, padded};
use crate::kernels::isa::Avx2;
use crate::kernels::portable::{MAGNITUDE, first_non_finite};
use crate::kernels::{INPUT_PAD, Input, NonFinite};

/// As `portable::input` defines it.
pub(in crate::kernels) fn input<'a>(
    _: Avx2,
    x: &'a [f32],
    scratch: &'a mut [i8],
    int8: bool,
) -> Result<Input<'a>, NonFinite> {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    let largest = unsafe { largest(x) };
    if largest >= f32::INFINITY.to_bits() {
        return Err(first_non_finite(x));
    }
    if !int8 {
        return Ok(Input::plain(x));
    }
    let q = &mut scratch[..x.len() + INPUT_PAD];
    let scale = f32::from_bits(largest) / 127.0;
    if scale == 0.0 {
        q.fill(0);
    } else {
        q[x.len()..].fill(0);
        // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
        unsafe { quantise(x, scale, q) };
    }
    Ok(Input { x, q, scale })
}

/// Largest |x| as bits, which order as the numbers do, infinity and NaN above all.
#[target_feature(enable = "avx2,f16c")]
fn largest(x: &[f32]) -> u32 {
    let mut max = [_mm256_setzero_si256(); 4];
    let (whole, rest) = x.as_chunks::<32>();
    for x in whole {
        for (max, x) in max.iter_mut().zip(x.as_chunks::<8>().0) {
            *max = _mm256_max_epu32(*max, magnitudes(load(x)));
        }
    }
    for x in rest.chunks(8) {
        max[0] = _mm256_max_epu32(max[0], magnitudes(load(&padded(x))));
    }
    let max = _mm256_max_epu32(
        _mm256_max_epu32(max[0], max[1]),
        _mm256_max_epu32(max[2], max[3]),
    );
    let mut out = [0u32; 8];
    // SAFETY: 32 bytes of an array of eight u32.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), max) };
    out.iter().fold(0, |a, &b| a.max(b))
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn magnitudes(x: __m256) -> __m256i {
    _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(MAGNITUDE as i32))
}

#[target_feature(enable = "avx2,f16c")]
fn quantise(x: &[f32], scale: f32, q: &mut [i8]) {
    // The last eight write zeros into the padding, where zeros belong.
    let scale = _mm256_set1_ps(scale);
    for (x, q) in x.chunks(8).zip(q.as_chunks_mut::<8>().0) {
        let ratio = _mm256_div_ps(load(&padded(x)), scale);
        let words = _mm256_cvtps_epi32(ratio);
        let words = _mm_packs_epi32(
            _mm256_castsi256_si128(words),
            _mm256_extracti128_si256::<1>(words),
        );
        let bytes: __m128i = _mm_packs_epi16(words, words);
        let bytes = _mm_max_epi8(bytes, _mm_set1_epi8(-127));
        // SAFETY: 8 bytes of an array of eight.
        unsafe { _mm_storel_epi64(q.as_mut_ptr().cast(), bytes) };
    }
}
