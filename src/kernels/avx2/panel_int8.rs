//! Panels of int8: 32 bytes of q are looked up and multiplied at a time, four of each of eight lanes. Sums are left as
//! i32 bits in `y`.
//!
//! ```text
//! q[base ..]  16-byte tables      every table at once, then halves of them chosen by a bit of the index
//!  │ t₀ │ t₁ │ … │ t₇ │  ─ pshufb (bits 0–3) ─►  8 candidates ─ bit 4 ─► 4 ─ bit 5 ─► 2 ─ bit 6 ─► 32 bytes
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_abs_epi8, _mm256_add_epi32, _mm256_blendv_epi8,
    _mm256_broadcastsi128_si256, _mm256_castsi256_ps, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_sign_epi8, _mm256_slli_epi16,
};

use super::lanes::{padded, store};
use crate::kernels::isa::Avx2;
use crate::kernels::panel::put;
use crate::sparse::Panel;
use crate::sparse::panel::{LANES, WIDEST};

/// Columns that a table holds.
const TABLE: usize = 16;

/// Sums of rows that are outputs.
pub(super) fn output(_: Avx2, w: Panel<'_, i8>, q: &[i8], y: &mut [f32]) {
    const { assert!(WIDEST == 8 * TABLE) };
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe {
        if w.window() <= 4 * TABLE {
            output_avx2::<4>(w, q, y);
        } else {
            output_avx2::<8>(w, q, y);
        }
    }
}

/// `T` tables for a window.
#[target_feature(enable = "avx2,f16c")]
fn output_avx2<const T: usize>(w: Panel<'_, i8>, q: &[i8], y: &mut [f32]) {
    let parts = w.parts();
    let indices = parts.indices.as_chunks::<{ 4 * LANES }>().0;
    let values = parts.values.as_chunks::<{ 4 * LANES }>().0;
    for slice in 0..w.rows().div_ceil(LANES) {
        let mut acc = [_mm256_setzero_si256(); LANES / 8];
        let steps = w.steps(slice);
        let steps = parts.bases[steps.clone()]
            .iter()
            .zip(&indices[steps.clone()])
            .zip(&values[steps]);
        for ((&base, indices), values) in steps {
            let tables = tables::<T>(q, usize::from(base));
            let eights = indices.as_chunks().0.iter().zip(values.as_chunks().0);
            for (acc, (indices, values)) in acc.iter_mut().zip(eights) {
                *acc = _mm256_add_epi32(*acc, dots(values, look_up(&tables, indices)));
            }
        }
        let mut sums = [0.0; LANES];
        for (sums, acc) in sums.as_chunks_mut().0.iter_mut().zip(acc) {
            store(sums, _mm256_castsi256_ps(acc));
        }
        put(&w, slice, &sums, y);
    }
}

/// `16 T` columns of q from `base` on, zeros behind its end; each table in both halves of a vector.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn tables<const T: usize>(q: &[i8], base: usize) -> [__m256i; T] {
    let mut tables = [_mm256_setzero_si256(); T];
    for (t, table) in tables.iter_mut().enumerate() {
        let q = q.get(base + TABLE * t..).unwrap_or_default();
        let sixteen = |q: &[i8; TABLE]| {
            // SAFETY: 16 bytes of an array of as many.
            unsafe { _mm_loadu_si128(q.as_ptr().cast()) }
        };
        let sixteen = match q.first_chunk() {
            Some(q) => sixteen(q),
            None => sixteen(&padded(q)),
        };
        *table = _mm256_broadcastsi128_si256(sixteen);
    }
    tables
}

/// Bytes of the tables, side by side; indices are below `16 T`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn look_up<const T: usize>(tables: &[__m256i; T], indices: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes of an array of as many.
    let index = unsafe { _mm256_loadu_si256(indices.as_ptr().cast()) };
    let mut found = [index; T];
    for (found, table) in found.iter_mut().zip(tables) {
        *found = _mm256_shuffle_epi8(*table, index);
    }
    // A blend looks at the highest bit of each byte: bits 4, 5 and 6 go there.
    let bits = [
        _mm256_slli_epi16::<3>(index),
        _mm256_slli_epi16::<2>(index),
        _mm256_slli_epi16::<1>(index),
    ];
    let mut left = T;
    for bit in bits.into_iter().take(T.ilog2() as usize) {
        left /= 2;
        for t in 0..left {
            found[t] = _mm256_blendv_epi8(found[2 * t], found[2 * t + 1], bit);
        }
    }
    found[0]
}

/// The sums of four products, eight of them; both factors are in −127..=127.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn dots(values: &[i8; 32], q: __m256i) -> __m256i {
    // SAFETY: 32 bytes of an array of as many.
    let v = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
    // One factor must be unsigned: |q| · (v with the sign of q). Two products fit 16 bits.
    let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(v, q));
    _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
}
