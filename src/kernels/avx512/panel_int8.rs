//! Panels of int8: x is looked up in registers, four columns a lane at a time. Sums are left as i32 bits in `y`.
//!
//! ```text
//! q[base .. base + 128] in two registers, + 128       64 index bytes: four of each of 16 lanes
//!        └───────── vpermi2b ◄──────────────────────────────┘
//!                     │ (u8) · values (i8), four products a lane: vpdpbusd       sums of q + 128
//!                128  │        · values: vpdpbusd                                sums of 128, taken off at the end
//! ```
//!
//! Integer sums are exact in any order, so the detour over unsigned bytes changes no bit.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, _mm512_castsi512_ps, _mm512_dpbusd_epi32, _mm512_loadu_si512,
    _mm512_permutex2var_epi8, _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_setzero_si512,
    _mm512_sub_epi32, _mm512_xor_si512,
};

use super::lanes::{ahead, fetch, finish};
use crate::kernels::isa::Avx512Bytes;
use crate::sparse::Panel;
use crate::sparse::panel::{LANES, WIDEST};

/// True of the windows that fill one or two registers.
pub(super) fn fits(w: &Panel<'_, i8>) -> bool {
    matches!(w.window(), 64 | 128)
}

/// Sums of a panel whose window [`fits`].
pub(super) fn output(_: Avx512Bytes, w: Panel<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(fits(&w), "window does not fill registers");
    let q = &q[..w.cols()];
    let mut padded = [0; WIDEST];
    let q = match q.len() < w.window() {
        true => {
            padded[..q.len()].copy_from_slice(q);
            &padded[..w.window()]
        }
        false => q,
    };
    // SAFETY: an `Avx512Bytes` exists only where the processor has all of these features.
    unsafe {
        match w.window() {
            64 => panel_bytes::<1>(w, q, y),
            _ => panel_bytes::<2>(w, q, y),
        }
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c,avx512vbmi,avx512vnni")]
fn panel_bytes<const T: usize>(w: Panel<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(q.len() >= 64 * T, "q is shorter than a window");
    let last = q.len() - 64 * T;
    let parts = w.parts();
    let indices = parts.indices.as_chunks::<64>().0.as_chunks::<4>().0;
    let values = parts.values.as_chunks::<64>().0.as_chunks::<4>().0;
    let ahead = ahead(size_of_val(parts.values)) / 4;
    let offset = _mm512_set1_epi8(i8::MIN);
    for slice in 0..w.rows().div_ceil(LANES) {
        let mut acc = [_mm512_setzero_si512(); 4];
        let mut excess = [_mm512_setzero_si512(); 4];
        let range = w.steps(slice);
        let bases = &parts.bases[range.clone()];
        let steps = bases.iter().zip(&indices[range.clone()]);
        for ((&base, indices), values) in steps.zip(&values[range]) {
            fetch(indices, ahead);
            fetch(values, ahead);
            // SAFETY: by the minimum, 64 T bytes follow.
            let q = unsafe { q.as_ptr().add(usize::from(base).min(last)) };
            let q: [__m512i; T] = core::array::from_fn(|t| {
                // SAFETY: as above.
                let q = unsafe { _mm512_loadu_si512(q.add(64 * t).cast()) };
                _mm512_xor_si512(q, offset)
            });
            for k in 0..4 {
                // SAFETY: 64 bytes each of two arrays of 64.
                let (index, v) = unsafe {
                    (
                        _mm512_loadu_si512(indices[k].as_ptr().cast()),
                        _mm512_loadu_si512(values[k].as_ptr().cast()),
                    )
                };
                let q = match T {
                    1 => _mm512_permutexvar_epi8(index, q[0]),
                    _ => _mm512_permutex2var_epi8(q[0], index, q[T - 1]),
                };
                acc[k] = _mm512_dpbusd_epi32(acc[k], q, v);
                excess[k] = _mm512_dpbusd_epi32(excess[k], offset, v);
            }
        }
        let sum = |k: usize| _mm512_castsi512_ps(_mm512_sub_epi32(acc[k], excess[k]));
        finish(&w, slice, [sum(0), sum(1), sum(2), sum(3)], y);
    }
}
