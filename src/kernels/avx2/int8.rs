//! int8 rows: exact i32 sums, so a row may be split over lanes. Sums are left as i32 bits in `y`.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_and_si256, _mm256_castsi256_ps, _mm256_cmpgt_epi32,
    _mm256_cvtepi8_epi16, _mm256_cvtepi8_epi32, _mm256_hadd_epi32, _mm256_madd_epi16,
    _mm256_mullo_epi32, _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_unpackhi_epi16, _mm256_unpacklo_epi16,
};

use super::lanes::{iota, load_8i8, load_16i8, padded, store};
use crate::kernels::block::{Block, Checked};
use crate::kernels::isa::Avx2;
use crate::kernels::portable::csr_row_i8;
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
    let q = &q[..w.cols()];
    let w = Checked::new(w);
    for (b, y) in y.chunks_mut(8).enumerate() {
        let block = w.block(b * 8);
        let acc = if block.inner {
            csr_sums::<true>(&block, q)
        } else {
            csr_sums::<false>(&block, q)
        };
        store_sums(y, row_sums(&acc));
        block.finish(b * 8, y, |i, v| csr_row_i8(i, v, q));
    }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn csr_sums<const INNER: bool>(block: &Block<'_, i8, 8>, q: &[i8]) -> [__m256i; 8] {
    let (mut acc, mut lanes) = ([_mm256_setzero_si256(); 8], iota());
    for at in (0..block.longest).step_by(8) {
        // Written out: a loop over rows is not unrolled, and its vectors would live in memory.
        acc = [
            csr_step::<INNER>(acc[0], block, q, 0, at, lanes),
            csr_step::<INNER>(acc[1], block, q, 1, at, lanes),
            csr_step::<INNER>(acc[2], block, q, 2, at, lanes),
            csr_step::<INNER>(acc[3], block, q, 3, at, lanes),
            csr_step::<INNER>(acc[4], block, q, 4, at, lanes),
            csr_step::<INNER>(acc[5], block, q, 5, at, lanes),
            csr_step::<INNER>(acc[6], block, q, 6, at, lanes),
            csr_step::<INNER>(acc[7], block, q, 7, at, lanes),
        ];
        lanes = _mm256_add_epi32(lanes, _mm256_set1_epi32(8));
    }
    acc
}

/// Adds the products of eight elements of row `r`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn csr_step<const INNER: bool>(
    acc: __m256i,
    block: &Block<'_, i8, 8>,
    q: &[i8],
    r: usize,
    at: usize,
    lanes: __m256i,
) -> __m256i {
    let (q, v) = block.gather::<8, INNER, i8>(r, at, q);
    let within = _mm256_cmpgt_epi32(_mm256_set1_epi32(block.length[r]), lanes);
    let v = _mm256_and_si256(_mm256_cvtepi8_epi32(load_8i8(&v)), within);
    let product = _mm256_mullo_epi32(v, _mm256_cvtepi8_epi32(load_8i8(&q)));
    _mm256_add_epi32(acc, product)
}

#[target_feature(enable = "avx2,f16c")]
fn dense_output_avx2(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    let (q, q_rest) = q[..w.cols()].as_chunks::<16>();
    for (block, y) in y.chunks_mut(8).enumerate() {
        let mut rows: [(&[[i8; 16]], &[i8]); 8] = [(&[], &[]); 8];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = w.row(block * 8 + r.min(y.len() - 1)).as_chunks();
        }
        let mut acc = [_mm256_setzero_si256(); 8];
        for (at, q) in q.iter().enumerate() {
            acc = dense_step(acc, q, |r| rows[r].0[at]);
        }
        if !q_rest.is_empty() {
            acc = dense_step(acc, &padded(q_rest), |r| padded(rows[r].1));
        }
        store_sums(y, row_sums(&acc));
    }
}

/// Adds sixteen columns of eight rows.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn dense_step(
    mut acc: [__m256i; 8],
    q: &[i8; 16],
    row: impl Fn(usize) -> [i8; 16],
) -> [__m256i; 8] {
    let q = _mm256_cvtepi8_epi16(load_16i8(q));
    for (r, acc) in acc.iter_mut().enumerate() {
        let v = _mm256_cvtepi8_epi16(load_16i8(&row(r)));
        *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(v, q));
    }
    acc
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
