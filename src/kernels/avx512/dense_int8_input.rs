//! Dense rows of int8 that are inputs, by byte dot products. Zero inputs are skipped; sums are left as i32 bits in `y`.
//!
//! ```text
//! rows j₀ j₁ j₂ j₃, 64 outputs each, + 128      interleaved: four bytes an output         · q₀ q₁ q₂ q₃: vpdpbusd
//!   │ a₀ a₁ … │ b₀ b₁ … │ c₀ … │ d₀ … │   ──►   │ a₀ b₀ c₀ d₀ │ a₁ b₁ c₁ d₁ │ …     ──►  Σ w q + 128 Σ q, as for outputs
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, _mm512_castsi512_ps, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_maskz_loadu_epi8,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_shuffle_i32x4,
    _mm512_sub_epi32, _mm512_test_epi8_mask, _mm512_unpackhi_epi8, _mm512_unpackhi_epi16,
    _mm512_unpacklo_epi8, _mm512_unpacklo_epi16, _mm512_xor_si512,
};

use super::lanes::store;
use crate::kernels::isa::Avx512Bytes;
use crate::sparse::Dense;

/// Sums over dense rows that are inputs.
pub(super) fn input(_: Avx512Bytes, w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: an `Avx512Bytes` exists only where the processor has all of these features.
    unsafe { dense_bytes_input(w, &q[..w.rows()], y) }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c,avx512vbmi,avx512vnni")]
fn dense_bytes_input(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    let mut at = 0;
    while y.len() - at >= 128 {
        band::<2>(&w, q, at, &mut y[at..at + 128]);
        at += 128;
    }
    for (i, y) in y[at..].chunks_mut(64).enumerate() {
        band::<1>(&w, q, at + 64 * i, y);
    }
}

/// One or two times 64 outputs from `at` on; of the last 64 there may be fewer.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c,avx512vbmi,avx512vnni")]
fn band<const B: usize>(w: &Dense<'_, i8>, q: &[i8], at: usize, y: &mut [f32]) {
    let offset = _mm512_set1_epi8(i8::MIN);
    let mut acc = [[_mm512_setzero_si512(); 4]; B];
    let mut total = 0i32;
    for (chunk, q) in q.chunks(64).enumerate() {
        let mut set = nonzero(q);
        while set != 0 {
            // Where fewer than four are left, any row times zero.
            let (mut rows, mut factors) = ([chunk * 64; 4], [0i8; 4]);
            for (row, factor) in rows.iter_mut().zip(&mut factors) {
                if set != 0 {
                    let bit = set.trailing_zeros() as usize;
                    set &= set - 1;
                    (*row, *factor) = (chunk * 64 + bit, q[bit]);
                    total += i32::from(q[bit]);
                }
            }
            let [a, b, c, d] = factors;
            let factors = i32::from_le_bytes([a as u8, b as u8, c as u8, d as u8]);
            let factors = _mm512_set1_epi32(factors);
            let n = y.len();
            let rows = [
                &w.row(rows[0])[at..at + n],
                &w.row(rows[1])[at..at + n],
                &w.row(rows[2])[at..at + n],
                &w.row(rows[3])[at..at + n],
            ];
            acc[0] = add(acc[0], rows, factors, offset);
            if B == 2 {
                let rows = [
                    &rows[0][64..],
                    &rows[1][64..],
                    &rows[2][64..],
                    &rows[3][64..],
                ];
                acc[B - 1] = add(acc[B - 1], rows, factors, offset);
            }
        }
    }
    let excess = _mm512_set1_epi32(128 * total);
    for (y, acc) in y.chunks_mut(64).zip(acc) {
        let mut sums = [0.0; 64];
        for (sums, acc) in sums.as_chunks_mut().0.iter_mut().zip(transpose(acc)) {
            store(sums, _mm512_castsi512_ps(_mm512_sub_epi32(acc, excess)));
        }
        y.copy_from_slice(&sums[..y.len()]);
    }
}

/// Adds four inputs' products with the first 64 outputs of each row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c,avx512vbmi,avx512vnni")]
fn add(acc: [__m512i; 4], rows: [&[i8]; 4], factors: __m512i, offset: __m512i) -> [__m512i; 4] {
    let v = interleave([
        _mm512_xor_si512(load(rows[0]), offset),
        _mm512_xor_si512(load(rows[1]), offset),
        _mm512_xor_si512(load(rows[2]), offset),
        _mm512_xor_si512(load(rows[3]), offset),
    ]);
    [
        _mm512_dpbusd_epi32(acc[0], v[0], factors),
        _mm512_dpbusd_epi32(acc[1], v[1], factors),
        _mm512_dpbusd_epi32(acc[2], v[2], factors),
        _mm512_dpbusd_epi32(acc[3], v[3], factors),
    ]
}

/// At most 64 bytes with zeros behind them; more are ignored.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(v: &[i8]) -> __m512i {
    if let Some(whole) = v.first_chunk::<64>() {
        // SAFETY: 64 bytes of an array of 64.
        return unsafe { _mm512_loadu_si512(whole.as_ptr().cast()) };
    }
    let there = (1u64 << v.len()) - 1;
    // SAFETY: masked to the elements of the slice.
    unsafe { _mm512_maskz_loadu_epi8(there, v.as_ptr()) }
}

/// Bit i is set where q\[i\] is not zero. At most 64 elements.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn nonzero(q: &[i8]) -> u64 {
    let q = load(q);
    _mm512_test_epi8_mask(q, q)
}

/// Byte i of four vectors side by side: outputs 4 k .. 4 k + 4 of every sixteen in vector k.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn interleave(r: [__m512i; 4]) -> [__m512i; 4] {
    let (low, high) = (
        _mm512_unpacklo_epi8(r[0], r[1]),
        _mm512_unpackhi_epi8(r[0], r[1]),
    );
    let (low2, high2) = (
        _mm512_unpacklo_epi8(r[2], r[3]),
        _mm512_unpackhi_epi8(r[2], r[3]),
    );
    [
        _mm512_unpacklo_epi16(low, low2),
        _mm512_unpackhi_epi16(low, low2),
        _mm512_unpacklo_epi16(high, high2),
        _mm512_unpackhi_epi16(high, high2),
    ]
}

/// Quarter b of vector k becomes quarter k of vector b.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(t: [__m512i; 4]) -> [__m512i; 4] {
    let (a, b) = (
        _mm512_shuffle_i32x4::<0x44>(t[0], t[1]),
        _mm512_shuffle_i32x4::<0xee>(t[0], t[1]),
    );
    let (c, d) = (
        _mm512_shuffle_i32x4::<0x44>(t[2], t[3]),
        _mm512_shuffle_i32x4::<0xee>(t[2], t[3]),
    );
    [
        _mm512_shuffle_i32x4::<0x88>(a, c),
        _mm512_shuffle_i32x4::<0xdd>(a, c),
        _mm512_shuffle_i32x4::<0x88>(b, d),
        _mm512_shuffle_i32x4::<0xdd>(b, d),
    ]
}
