//! Sparse rows of f32 and f16.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    _mm512_cvtepu16_epi32, _mm512_mask_i32gather_ps, _mm512_min_epu32, _mm512_mul_ps,
    _mm512_set1_epi32, _mm512_setzero_ps,
};

use super::lanes::{Part, Widen, add_columns, load_u16, store};
use crate::kernels::isa::Avx512;
use crate::sparse::Csr;

/// `y = W x`, rows are outputs.
pub(super) fn output<V: Widen>(_: Avx512, w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { output_avx512(w, x, y) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn output_avx512<V: Widen>(w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    if x.is_empty() {
        return;
    }
    let last = _mm512_set1_epi32(x.len() as i32 - 1);
    for (block, y) in y.chunks_mut(16).enumerate() {
        let mut rows: [(&[u16], &[V]); 16] = [(&[], &[]); 16];
        for (r, row) in rows[..y.len()].iter_mut().enumerate() {
            *row = w.row(block * 16 + r);
        }
        let longest = rows.iter().fold(0, |n, row| n.max(row.0.len()));
        let mut acc = _mm512_setzero_ps();
        for at in (0..longest).step_by(8) {
            let part = |r: usize| {
                let (indices, values) = rows[r];
                let at = at.min(indices.len());
                (Part::of(&indices[at..]), Part::of(&values[at..]))
            };
            let mut p = [_mm512_setzero_ps(); 8];
            for r in 0..8 {
                let (low, high) = (part(r), part(r + 8));
                let mask = u16::from_le_bytes([low.0.mask, high.0.mask]);
                let index = _mm512_cvtepu16_epi32(load_u16(low.0, high.0));
                let index = _mm512_min_epu32(index, last);
                // SAFETY: every index is at most `x.len() - 1`, and `x` is not empty.
                let x = unsafe {
                    _mm512_mask_i32gather_ps::<4>(_mm512_setzero_ps(), mask, index, x.as_ptr())
                };
                // SAFETY: this function's own features are those `widen` asks for.
                p[r] = _mm512_mul_ps(unsafe { V::widen(low.1, high.1) }, x);
            }
            acc = add_columns(acc, &p);
        }
        let mut out = [0.0; 16];
        store(&mut out, acc);
        y.copy_from_slice(&out[..y.len()]);
    }
}
