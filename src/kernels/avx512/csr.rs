//! Sparse rows of f32 and f16 over at most 128 columns: x is looked up in registers.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512, __m512i, _mm512_add_epi32, _mm512_cmpgt_epi32_mask, _mm512_cvtepu16_epi32,
    _mm512_mask_blend_ps, _mm512_mask_set1_epi32, _mm512_maskz_mul_ps, _mm512_permutex2var_ps,
    _mm512_set1_epi32, _mm512_setr_epi32, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_test_epi32_mask,
};

use super::lanes::{Widen, add_columns, joined, load, store};
use crate::kernels::block::{Block, Checked};
use crate::kernels::isa::Avx512;
use crate::kernels::portable::csr_row;
use crate::sparse::Csr;

/// Columns that eight registers hold.
pub(super) const MOST_COLS: usize = 128;

/// `y = W x`, rows are outputs, at most [`MOST_COLS`] columns.
pub(super) fn output<V: Widen>(_: Avx512, w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    assert!(x.len() <= MOST_COLS, "x does not fit the registers");
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe {
        match x.len() {
            0..=32 => output_avx512::<V, 1>(w, x, y),
            33..=64 => output_avx512::<V, 2>(w, x, y),
            _ => output_avx512::<V, 4>(w, x, y),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn output_avx512<V: Widen, const T: usize>(w: Csr<'_, V>, x: &[f32], y: &mut [f32]) {
    let w = Checked::new(w);
    let table = Table::<T>::new(x);
    for (b, y) in y.chunks_mut(16).enumerate() {
        let block = w.block(b * 16);
        let sums = if block.inner {
            sums::<V, T, true>(&block, &table)
        } else {
            sums::<V, T, false>(&block, &table)
        };
        let mut out = [0.0; 16];
        store(&mut out, sums);
        y.copy_from_slice(&out[..y.len()]);
        block.finish(b * 16, y, |i, v| csr_row(i, v, x));
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn sums<V: Widen, const T: usize, const INNER: bool>(
    block: &Block<'_, V, 16>,
    x: &Table<T>,
) -> __m512 {
    let mut lengths = [_mm512_setzero_si512(); 8];
    for (r, lengths) in lengths.iter_mut().enumerate() {
        let (low, high) = (block.length[r], block.length[r + 8]);
        *lengths = _mm512_mask_set1_epi32(_mm512_set1_epi32(low), 0xff00, high);
    }
    let mut acc = _mm512_setzero_ps();
    let mut lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7);
    for at in (0..block.longest).step_by(8) {
        let p = [
            products::<V, T, INNER>(block, x, 0, at, lengths[0], lanes),
            products::<V, T, INNER>(block, x, 1, at, lengths[1], lanes),
            products::<V, T, INNER>(block, x, 2, at, lengths[2], lanes),
            products::<V, T, INNER>(block, x, 3, at, lengths[3], lanes),
            products::<V, T, INNER>(block, x, 4, at, lengths[4], lanes),
            products::<V, T, INNER>(block, x, 5, at, lengths[5], lanes),
            products::<V, T, INNER>(block, x, 6, at, lengths[6], lanes),
            products::<V, T, INNER>(block, x, 7, at, lengths[7], lanes),
        ];
        acc = add_columns(acc, &p);
        lanes = _mm512_add_epi32(lanes, _mm512_set1_epi32(8));
    }
    acc
}

/// `v · x[index]` of eight elements of row `r` and of row `r + 8`; zero beyond the rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn products<V: Widen, const T: usize, const INNER: bool>(
    block: &Block<'_, V, 16>,
    x: &Table<T>,
    r: usize,
    at: usize,
    length: __m512i,
    lanes: __m512i,
) -> __m512 {
    let (low_i, low_v) = block.window::<8, INNER>(r, at);
    let (high_i, high_v) = block.window::<8, INNER>(r + 8, at);
    let index = _mm512_cvtepu16_epi32(joined(&low_i, &high_i));
    let within = _mm512_cmpgt_epi32_mask(length, lanes);
    // SAFETY: this function's own features are those `widen` asks for.
    let v = unsafe { V::widen(&low_v, &high_v) };
    _mm512_maskz_mul_ps(within, v, x.look_up(index))
}

/// `32 T` columns of x in registers.
struct Table<const T: usize>([[__m512; 2]; T]);

impl<const T: usize> Table<T> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    fn new(x: &[f32]) -> Self {
        let mut columns = [[[0.0; 16]; 2]; T];
        let flat = columns.as_flattened_mut().as_flattened_mut();
        flat[..x.len()].copy_from_slice(x);
        let mut table = [[_mm512_setzero_ps(); 2]; T];
        for (table, columns) in table.iter_mut().zip(&columns) {
            *table = [load(&columns[0]), load(&columns[1])];
        }
        Self(table)
    }

    /// `x[index]`; a lookup sees the low five bits of an index, blends see the two above.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    fn look_up(&self, index: __m512i) -> __m512 {
        let pick = |t: usize| _mm512_permutex2var_ps(self.0[t][0], index, self.0[t][1]);
        if T == 1 {
            return pick(0);
        }
        let upper = _mm512_test_epi32_mask(index, _mm512_set1_epi32(32));
        let first = _mm512_mask_blend_ps(upper, pick(0), pick(1));
        if T == 2 {
            return first;
        }
        let second = _mm512_mask_blend_ps(upper, pick(2), pick(3));
        let third = _mm512_test_epi32_mask(index, _mm512_set1_epi32(64));
        _mm512_mask_blend_ps(third, first, second)
    }
}
