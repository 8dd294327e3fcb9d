//! Dense rows of int8 that are outputs, by byte dot products. Sums are left as i32 bits in `y`.
//!
//! ```text
//! w + 128 (u8) · q (i8), four products a lane: vpdpbusd, sixteen rows side by side        Σ w q + 128 Σ q
//!                                              128 Σ q is the same for all rows: taken off at the end
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_castsi512_ps, _mm512_dpbusd_epi32, _mm512_maskz_loadu_epi8,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_shuffle_i32x4,
    _mm512_sub_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::lanes::store;
use crate::kernels::isa::Avx512Bytes;
use crate::sparse::Dense;

/// Sums of dense rows that are outputs.
pub(super) fn output(_: Avx512Bytes, w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: an `Avx512Bytes` exists only where the processor has all of these features.
    unsafe { dense_bytes(w, &q[..w.cols()], y) }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c,avx512vbmi,avx512vnni")]
fn dense_bytes(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    let total = q.iter().fold(0i32, |sum, &q| sum + i32::from(q));
    let excess = _mm512_set1_epi32(128 * total);
    let offset = _mm512_set1_epi8(i8::MIN);
    for (block, y) in y.chunks_mut(16).enumerate() {
        let mut rows = [&[][..]; 16];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = w.row(block * 16 + r.min(y.len() - 1));
        }
        let mut acc = [_mm512_setzero_si512(); 16];
        for (at, q) in q.chunks(64).enumerate() {
            let there = u64::MAX >> (64 - q.len());
            // SAFETY: masked to the elements of the chunk.
            let q = unsafe { _mm512_maskz_loadu_epi8(there, q.as_ptr()) };
            for (acc, row) in acc.iter_mut().zip(rows) {
                // SAFETY: rows are as long as q, so the same mask keeps to the row.
                let v = unsafe { _mm512_maskz_loadu_epi8(there, row.as_ptr().add(64 * at)) };
                *acc = _mm512_dpbusd_epi32(*acc, _mm512_xor_si512(v, offset), q);
            }
        }
        let sums = _mm512_sub_epi32(row_sums(&acc), excess);
        let mut out = [0.0; 16];
        store(&mut out, _mm512_castsi512_ps(sums));
        y.copy_from_slice(&out[..y.len()]);
    }
}

/// The sum of each of sixteen vectors, in order.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn row_sums(a: &[__m512i; 16]) -> __m512i {
    let mut fours = [_mm512_setzero_si512(); 4];
    for (four, a) in fours.iter_mut().zip(a.as_chunks::<4>().0) {
        // In each quarter of a vector: the sums of that quarter of four vectors.
        let low = _mm512_add_epi32(
            _mm512_unpacklo_epi32(a[0], a[1]),
            _mm512_unpackhi_epi32(a[0], a[1]),
        );
        let high = _mm512_add_epi32(
            _mm512_unpacklo_epi32(a[2], a[3]),
            _mm512_unpackhi_epi32(a[2], a[3]),
        );
        *four = _mm512_add_epi32(
            _mm512_unpacklo_epi64(low, high),
            _mm512_unpackhi_epi64(low, high),
        );
    }
    let low = quarters(fours[0], fours[1]);
    quarters(low, quarters(fours[2], fours[3]))
}

/// Sums of neighbouring quarters: two of `a`, then two of `b`.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarters(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(
        _mm512_shuffle_i32x4::<0x88>(a, b),
        _mm512_shuffle_i32x4::<0xdd>(a, b),
    )
}
