//! int8 rows: exact i32 sums, so a row may be split over lanes. Sums are left as i32 bits in `y`.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    _mm_maskz_loadu_epi8, _mm256_cvtepi8_epi16, _mm256_maskz_loadu_epi8, _mm256_maskz_loadu_epi16,
    _mm512_add_epi32, _mm512_cvtepi8_epi16, _mm512_cvtepu16_epi32, _mm512_madd_epi16,
    _mm512_mask_i32gather_epi32, _mm512_min_epu32, _mm512_reduce_add_epi32, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_slli_epi32, _mm512_srai_epi32,
};

use crate::kernels::INPUT_PAD;
use crate::kernels::isa::Avx512;
use crate::sparse::{Csr, Dense};

/// Sums of sparse rows that are outputs.
pub(super) fn csr_output(_: Avx512, w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { csr_output_avx512(w, q, y) }
}

/// Sums of dense rows that are outputs.
pub(super) fn dense_output(_: Avx512, w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { dense_output_avx512(w, q, y) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn csr_output_avx512(w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(q.len() >= w.cols() + INPUT_PAD, "padding of q");
    if w.cols() == 0 {
        y.fill(0.0);
        return;
    }
    let last = _mm512_set1_epi32(w.cols() as i32 - 1);
    for (row, y) in y.iter_mut().enumerate() {
        let (indices, values) = w.row(row);
        let mut acc = _mm512_setzero_si512();
        for (indices, values) in indices.chunks(16).zip(values.chunks(16)) {
            let mask = ((1u32 << indices.len()) - 1) as u16;
            // SAFETY: the mask has a bit only for elements that both chunks have.
            let (index, v) = unsafe {
                (
                    _mm256_maskz_loadu_epi16(mask, indices.as_ptr().cast()),
                    _mm_maskz_loadu_epi8(mask, values.as_ptr()),
                )
            };
            let index = _mm512_min_epu32(_mm512_cvtepu16_epi32(index), last);
            // SAFETY: four bytes from at most `cols - 1` on; `q` has `INPUT_PAD` bytes behind its columns.
            let x = unsafe {
                _mm512_mask_i32gather_epi32::<1>(
                    _mm512_setzero_si512(),
                    mask,
                    index,
                    q.as_ptr().cast(),
                )
            };
            let x = _mm512_srai_epi32::<24>(_mm512_slli_epi32::<24>(x));
            // The upper half of each value is zero, so the pair sum is the one product.
            let v = _mm512_cvtepu16_epi32(_mm256_cvtepi8_epi16(v));
            acc = _mm512_add_epi32(acc, _mm512_madd_epi16(x, v));
        }
        *y = f32::from_bits(_mm512_reduce_add_epi32(acc) as u32);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn dense_output_avx512(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    let q = &q[..w.cols()];
    for (block, y) in y.chunks_mut(4).enumerate() {
        let rows = [0, 1, 2, 3].map(|r: usize| w.row(block * 4 + r.min(y.len() - 1)));
        let mut acc = [_mm512_setzero_si512(); 4];
        for at in (0..q.len()).step_by(32) {
            let load = |s: &[i8]| {
                let s = &s[at..];
                let mask = ((1u64 << s.len().min(32)) - 1) as u32;
                // SAFETY: the mask has a bit only for elements that `s` has.
                _mm512_cvtepi8_epi16(unsafe { _mm256_maskz_loadu_epi8(mask, s.as_ptr()) })
            };
            let x = load(q);
            for (acc, row) in acc.iter_mut().zip(rows) {
                *acc = _mm512_add_epi32(*acc, _mm512_madd_epi16(load(row), x));
            }
        }
        for (y, acc) in y.iter_mut().zip(acc) {
            *y = f32::from_bits(_mm512_reduce_add_epi32(acc) as u32);
        }
    }
}
