//! Panels of int8 where bytes cannot be looked up: the columns of a window as sixteen-bit words.
//!
//! ```text
//! q[base .. base + 128] as 32 words each in four registers       32 index bytes: four of each of 8 lanes
//!        └── two vpermi2w and a blend ◄─────────────────────────────┘ as words
//!               │ · values as words, pairs added: vpmaddwd           two partial sums a lane, added at the end
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, _mm256_loadu_si256, _mm512_add_epi32, _mm512_castsi512_ps, _mm512_cvtepi8_epi16,
    _mm512_cvtepu8_epi16, _mm512_madd_epi16, _mm512_mask_blend_epi16, _mm512_permutex2var_epi16,
    _mm512_permutex2var_epi32, _mm512_set1_epi16, _mm512_setr_epi32, _mm512_setzero_si512,
    _mm512_test_epi16_mask,
};

use super::lanes::finish;
use crate::kernels::isa::Avx512;
use crate::sparse::Panel;
use crate::sparse::panel::{LANES, WIDEST};

/// Sums of a panel whose window is 64 or 128 columns, as i32 bits in `y`.
pub(super) fn output(_: Avx512, w: Panel<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(
        super::panel_int8::fits(&w),
        "window does not fill registers"
    );
    let q = &q[..w.cols()];
    let mut padded = [0; WIDEST];
    let q = match q.len() < w.window() {
        true => {
            padded[..q.len()].copy_from_slice(q);
            &padded[..w.window()]
        }
        false => q,
    };
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe {
        match w.window() {
            64 => panel_words::<2>(w, q, y),
            _ => panel_words::<4>(w, q, y),
        }
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn panel_words<const T: usize>(w: Panel<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(q.len() >= 32 * T, "q is shorter than a window");
    let last = q.len() - 32 * T;
    let parts = w.parts();
    let indices = parts.indices.as_chunks::<32>().0.as_chunks::<8>().0;
    let values = parts.values.as_chunks::<32>().0.as_chunks::<8>().0;
    for slice in 0..w.rows().div_ceil(LANES) {
        let mut acc = [_mm512_setzero_si512(); 8];
        let range = w.steps(slice);
        let bases = &parts.bases[range.clone()];
        let steps = bases.iter().zip(&indices[range.clone()]);
        for ((&base, indices), values) in steps.zip(&values[range]) {
            let base = usize::from(base).min(last);
            let q: [__m512i; T] = core::array::from_fn(|t| {
                // SAFETY: by the minimum, 32 T bytes follow.
                unsafe { _mm512_cvtepi8_epi16(load(q.as_ptr().add(base + 32 * t))) }
            });
            for k in 0..8 {
                // SAFETY: 32 bytes each of two arrays of 32.
                let (index, v) = unsafe {
                    (
                        _mm512_cvtepu8_epi16(load(indices[k].as_ptr().cast())),
                        _mm512_cvtepi8_epi16(load(values[k].as_ptr())),
                    )
                };
                acc[k] = _mm512_add_epi32(acc[k], _mm512_madd_epi16(look_up(&q, index), v));
            }
        }
        let sum = |k: usize| _mm512_castsi512_ps(pairs(acc[2 * k], acc[2 * k + 1]));
        finish(&w, slice, [sum(0), sum(1), sum(2), sum(3)], y);
    }
}

/// # Safety
/// 32 bytes follow.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(bytes: *const i8) -> core::arch::x86_64::__m256i {
    // SAFETY: the caller's promise.
    unsafe { _mm256_loadu_si256(bytes.cast()) }
}

/// `q[index]`; a look-up sees the low six bits of an index, a blend the next.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn look_up<const T: usize>(q: &[__m512i; T], index: __m512i) -> __m512i {
    let low = _mm512_permutex2var_epi16(q[0], index, q[1]);
    if T == 2 {
        return low;
    }
    let high = _mm512_permutex2var_epi16(q[T - 2], index, q[T - 1]);
    let upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(64));
    _mm512_mask_blend_epi16(upper, low, high)
}

/// Sums of the pairs of `low` and, behind them, of `high`.
#[inline]
#[target_feature(enable = "avx512f")]
fn pairs(low: __m512i, high: __m512i) -> __m512i {
    let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    _mm512_add_epi32(
        _mm512_permutex2var_epi32(low, even, high),
        _mm512_permutex2var_epi32(low, odd, high),
    )
}
