//! Panels of f32 and f16: x is looked up in registers.
//!
//! ```text
//! x[base .. base + 32]  in two registers       64 index bytes in one: byte k of word w is lane 16 k + w
//!        └────────┬─────────┘                      │ >> 0       │ >> 8       │ >> 16      │ >> 24
//!              vpermi2ps  ◄────────────────────────┴────────────┴────────────┴────────────┘
//!                 │ × values, 16 at a time         four sums of 16 lanes, each in column order
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512, __m512i, _mm512_add_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_blend_ps,
    _mm512_mul_ps, _mm512_permutex2var_ps, _mm512_permutexvar_ps, _mm512_set1_epi32,
    _mm512_setzero_ps, _mm512_srli_epi32, _mm512_test_epi32_mask,
};

use super::lanes::{Widen, ahead, fetch, finish};
use crate::kernels::isa::Avx512;
use crate::sparse::Panel;
use crate::sparse::panel::{LANES, WIDEST};

/// True of the windows that fill one, two or four registers.
pub(super) fn fits<V: Widen>(w: &Panel<'_, V>) -> bool {
    matches!(w.window(), 16 | 32 | 64)
}

/// `y = W x` of a panel whose window [`fits`].
pub(super) fn output<V: Widen>(_: Avx512, w: Panel<'_, V>, x: &[f32], y: &mut [f32]) {
    assert!(fits(&w) && x.len() == w.cols(), "panel shapes");
    let mut padded = [0.0; WIDEST];
    let x = match x.len() < w.window() {
        true => {
            padded[..x.len()].copy_from_slice(x);
            &padded[..w.window()]
        }
        false => x,
    };
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe {
        match w.window() {
            16 => panel_floats::<V, 1>(w, x, y),
            32 => panel_floats::<V, 2>(w, x, y),
            _ => panel_floats::<V, 4>(w, x, y),
        }
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn panel_floats<V: Widen, const T: usize>(w: Panel<'_, V>, x: &[f32], y: &mut [f32]) {
    assert!(x.len() >= 16 * T, "x is shorter than a window");
    let last = x.len() - 16 * T;
    let parts = w.parts();
    let indices = parts.indices.as_chunks::<LANES>().0;
    let values = parts.values.as_chunks::<LANES>().0;
    let ahead = ahead(size_of_val(parts.values));
    for slice in 0..w.rows().div_ceil(LANES) {
        let mut acc = [_mm512_setzero_ps(); 4];
        let range = w.steps(slice);
        let bases = &parts.bases[range.clone()];
        let steps = bases.iter().zip(&indices[range.clone()]);
        for ((&base, indices), values) in steps.zip(&values[range]) {
            fetch(indices, ahead);
            fetch(values, ahead);
            // SAFETY: by the minimum, 16 T floats follow.
            let x = unsafe { window::<T>(x.as_ptr().add(usize::from(base).min(last))) };
            // SAFETY: 64 bytes of an array of 64.
            let index = unsafe { _mm512_loadu_si512(indices.as_ptr().cast()) };
            let lanes = [
                index,
                _mm512_srli_epi32::<8>(index),
                _mm512_srli_epi32::<16>(index),
                _mm512_srli_epi32::<24>(index),
            ];
            for (k, (acc, v)) in acc.iter_mut().zip(values.as_chunks().0).enumerate() {
                // SAFETY: this function's own features are those `load` asks for.
                let v = unsafe { V::load(v) };
                *acc = _mm512_add_ps(*acc, _mm512_mul_ps(v, look_up(&x, lanes[k])));
            }
        }
        finish(&w, slice, acc, y);
    }
}

/// `16 T` floats.
///
/// # Safety
/// They are there.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn window<const T: usize>(x: *const f32) -> [__m512; T] {
    // SAFETY: the caller's promise.
    core::array::from_fn(|t| unsafe { _mm512_loadu_ps(x.add(16 * t)) })
}

/// `x[index]`: of each index a look-up sees the low four or five bits, a blend the next.
#[inline]
#[target_feature(enable = "avx512f")]
fn look_up<const T: usize>(x: &[__m512; T], index: __m512i) -> __m512 {
    match T {
        1 => _mm512_permutexvar_ps(index, x[0]),
        2 => _mm512_permutex2var_ps(x[0], index, x[1]),
        _ => {
            let upper = _mm512_test_epi32_mask(index, _mm512_set1_epi32(32));
            let low = _mm512_permutex2var_ps(x[0], index, x[1]);
            let high = _mm512_permutex2var_ps(x[2], index, x[3]);
            _mm512_mask_blend_ps(upper, low, high)
        }
    }
}
