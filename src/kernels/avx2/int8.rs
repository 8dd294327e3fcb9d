//! int8 rows: exact i32 sums, so a row may be split over lanes. Sums are left as i32 bits in `y`.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256i, _mm_cvtepi8_epi16, _mm256_add_epi32, _mm256_castsi256_ps, _mm256_cmpgt_epi32,
    _mm256_cvtepi8_epi16, _mm256_cvtepu16_epi32, _mm256_hadd_epi32, _mm256_madd_epi16,
    _mm256_mask_i32gather_epi32, _mm256_min_epu32, _mm256_permute2x128_si256, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_slli_epi32, _mm256_srai_epi32, _mm256_unpackhi_epi16,
    _mm256_unpacklo_epi16,
};

use super::lanes::{iota, load_8i8, load_16i8, load_u16, store, window};
use crate::kernels::INPUT_PAD;
use crate::kernels::isa::Avx2;
use crate::sparse::{Csr, Dense};

/// Sums of sparse rows that are outputs.
pub(super) fn csr_output(_: Avx2, w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { csr_output_avx2(w, q, y) }
}

/// Sums of dense rows that are outputs.
pub(super) fn dense_output(_: Avx2, w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { dense_output_avx2(w, q, y) }
}

/// Sums over dense rows that are inputs.
pub(super) fn dense_input(_: Avx2, w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { dense_input_avx2(w, q, y) }
}

/// The sum of each of eight vectors, in order.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn row_sums(a: &[__m256i; 8]) -> __m256i {
    let low = _mm256_hadd_epi32(_mm256_hadd_epi32(a[0], a[1]), _mm256_hadd_epi32(a[2], a[3]));
    let high = _mm256_hadd_epi32(_mm256_hadd_epi32(a[4], a[5]), _mm256_hadd_epi32(a[6], a[7]));
    _mm256_add_epi32(
        _mm256_permute2x128_si256::<0x20>(low, high),
        _mm256_permute2x128_si256::<0x31>(low, high),
    )
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn store_sums(y: &mut [f32], sums: __m256i) {
    let mut out = [0.0; 8];
    store(&mut out, _mm256_castsi256_ps(sums));
    y.copy_from_slice(&out[..y.len()]);
}

#[target_feature(enable = "avx2,f16c")]
fn csr_output_avx2(w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    y.fill(0.0);
    assert!(q.len() >= w.cols() + INPUT_PAD, "padding of q");
    if w.cols() == 0 {
        return;
    }
    let last = _mm256_set1_epi32(w.cols() as i32 - 1);
    for (block, y) in y.chunks_mut(8).enumerate() {
        let mut acc = [_mm256_setzero_si256(); 8];
        for r in 0..y.len() {
            let (indices, values) = w.row(block * 8 + r);
            for at in (0..indices.len()).step_by(8) {
                let left = _mm256_set1_epi32((indices.len() - at) as i32);
                let mask = _mm256_cmpgt_epi32(left, iota());
                let index = _mm256_cvtepu16_epi32(load_u16(&window(indices, at)));
                let index = _mm256_min_epu32(index, last);
                // SAFETY: four bytes from at most `cols - 1` on; `q` has `INPUT_PAD` bytes behind its columns.
                let x = unsafe {
                    _mm256_mask_i32gather_epi32::<1>(
                        _mm256_setzero_si256(),
                        q.as_ptr().cast(),
                        index,
                        mask,
                    )
                };
                let x = _mm256_srai_epi32::<24>(_mm256_slli_epi32::<24>(x));
                // The upper half of each value is zero, so the pair sum is the one product.
                let v = _mm_cvtepi8_epi16(load_8i8(&window(values, at)));
                let product = _mm256_madd_epi16(x, _mm256_cvtepu16_epi32(v));
                acc[r] = _mm256_add_epi32(acc[r], product);
            }
        }
        store_sums(y, row_sums(&acc));
    }
}

/// Sixteen elements from `start` on, zeros where the slice has ended.
#[inline(always)]
fn wide(s: &[i8], start: usize) -> [i8; 16] {
    match s.get(start..).and_then(|s| s.first_chunk()) {
        Some(whole) => *whole,
        None => {
            let mut out = [0; 16];
            out[..8].copy_from_slice(&window(s, start));
            out[8..].copy_from_slice(&window(s, start + 8));
            out
        }
    }
}

#[target_feature(enable = "avx2,f16c")]
fn dense_output_avx2(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    let cols = w.cols();
    assert!(q.len() >= cols + INPUT_PAD, "padding of q");
    for (block, y) in y.chunks_mut(8).enumerate() {
        let mut acc = [_mm256_setzero_si256(); 8];
        for at in (0..cols).step_by(16) {
            // Behind the last column q is zero, and a row's window runs on into its neighbour.
            let x = _mm256_cvtepi8_epi16(load_16i8(&wide(q, at)));
            for (r, acc) in acc.iter_mut().enumerate() {
                let start = (block * 8 + r.min(y.len() - 1)) * cols + at;
                let v = _mm256_cvtepi8_epi16(load_16i8(&wide(w.values(), start)));
                *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(v, x));
            }
        }
        store_sums(y, row_sums(&acc));
    }
}

#[target_feature(enable = "avx2,f16c")]
fn dense_input_avx2(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    let mut at = 0;
    while y.len() - at >= 64 {
        columns::<4>(&w, q, at, y);
        at += 64;
    }
    while y.len() - at >= 16 {
        columns::<1>(&w, q, at, y);
        at += 16;
    }
    for (i, y) in y.iter_mut().enumerate().skip(at) {
        let sum = (0..w.rows()).fold(0i32, |sum, j| {
            sum + i32::from(w.row(j)[i]) * i32::from(q[j])
        });
        *y = f32::from_bits(sum as u32);
    }
}

/// Outputs `at .. at + 16 G`; inputs go by in pairs, which is what `madd` sums.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn columns<const G: usize>(w: &Dense<'_, i8>, q: &[i8], at: usize, y: &mut [f32]) {
    let mut acc = [[_mm256_setzero_si256(); 2]; G];
    for j in (0..w.rows()).step_by(2) {
        // q is padded with zeros, so an odd last input has a partner of weight zero.
        let (q0, q1) = (q[j], q[j + 1]);
        if q0 == 0 && q1 == 0 {
            continue;
        }
        let pair = (i32::from(q1) << 16) | (i32::from(q0) & 0xffff);
        let pair = _mm256_set1_epi32(pair);
        let even = &w.row(j)[at..][..16 * G];
        let odd = &w.row((j + 1).min(w.rows() - 1))[at..][..16 * G];
        let rows = even.as_chunks().0.iter().zip(odd.as_chunks().0);
        for (acc, (even, odd)) in acc.iter_mut().zip(rows) {
            let even = _mm256_cvtepi8_epi16(load_16i8(even));
            let odd = _mm256_cvtepi8_epi16(load_16i8(odd));
            let low = _mm256_madd_epi16(_mm256_unpacklo_epi16(even, odd), pair);
            let high = _mm256_madd_epi16(_mm256_unpackhi_epi16(even, odd), pair);
            acc[0] = _mm256_add_epi32(acc[0], low);
            acc[1] = _mm256_add_epi32(acc[1], high);
        }
    }
    for (y, [low, high]) in y[at..][..16 * G].chunks_exact_mut(16).zip(acc) {
        // Unpacking worked within 128-bit halves: low has outputs 0–3 and 8–11, high the others.
        let (first, second) = y.split_at_mut(8);
        store_sums(first, _mm256_permute2x128_si256::<0x20>(low, high));
        store_sums(second, _mm256_permute2x128_si256::<0x31>(low, high));
    }
}
