//! Sparse int8 rows over at most 256 columns: exact i32 sums, so a row may be split over lanes. Sums are left as i32 bits in `y`.
//!
//! ```text
//!   one vector: 8 elements each of rows k, k + 4, k + 8, k + 12      madd      4 partial sums each     k = 0..4
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, _mm256_loadu_si256, _mm512_add_epi16, _mm512_add_epi32, _mm512_castsi512_ps,
    _mm512_cmplt_epu16_mask, _mm512_cvtepi8_epi16, _mm512_loadu_si512, _mm512_madd_epi16,
    _mm512_mask_blend_epi16, _mm512_maskz_mov_epi16, _mm512_permutex2var_epi16, _mm512_set1_epi16,
    _mm512_setzero_si512, _mm512_test_epi16_mask, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::lanes::store;
use crate::kernels::block::{Block, Checked};
use crate::kernels::isa::Avx512;
use crate::kernels::portable::csr_row_i8;
use crate::sparse::Csr;

/// Columns that eight registers hold.
pub(super) const MOST_COLS: usize = 256;

/// Sums of sparse rows that are outputs, at most [`MOST_COLS`] columns.
pub(super) fn csr_output(_: Avx512, w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    assert!(w.cols() <= MOST_COLS, "q does not fit the registers");
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe {
        match w.cols() {
            0..=64 => csr_output_avx512::<1>(w, q, y),
            65..=128 => csr_output_avx512::<2>(w, q, y),
            _ => csr_output_avx512::<4>(w, q, y),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn csr_output_avx512<const T: usize>(w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    let table = Table::<T>::new(&q[..w.cols()]);
    let w = Checked::new(w);
    for (b, y) in y.chunks_mut(16).enumerate() {
        let block = w.block(b * 16);
        let sums = if block.inner {
            sums::<T, true>(&block, &table)
        } else {
            sums::<T, false>(&block, &table)
        };
        let mut out = [0.0; 16];
        store(&mut out, _mm512_castsi512_ps(sums));
        y.copy_from_slice(&out[..y.len()]);
        block.finish(b * 16, y, |i, v| csr_row_i8(i, v, q));
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn sums<const T: usize, const INNER: bool>(block: &Block<'_, i8, 16>, q: &Table<T>) -> __m512i {
    let mut lengths = [_mm512_setzero_si512(); 4];
    for (k, lengths) in lengths.iter_mut().enumerate() {
        // At most `MOST_COLS` each, so 16 bits are enough.
        let of = |g: usize| [block.length[k + 4 * g] as u16; 8];
        *lengths = load([of(0), of(1), of(2), of(3)].as_flattened());
    }
    let first: [u16; 32] = core::array::from_fn(|lane| lane as u16 % 8);
    let (mut acc, mut lanes) = ([_mm512_setzero_si512(); 4], load(&first));
    for at in (0..block.longest).step_by(8) {
        acc = [
            step::<T, INNER>(acc[0], block, q, 0, at, lengths[0], lanes),
            step::<T, INNER>(acc[1], block, q, 1, at, lengths[1], lanes),
            step::<T, INNER>(acc[2], block, q, 2, at, lengths[2], lanes),
            step::<T, INNER>(acc[3], block, q, 3, at, lengths[3], lanes),
        ];
        lanes = _mm512_add_epi16(lanes, _mm512_set1_epi16(8));
    }
    // Transpose 4 × 4 within each group of four lanes while adding: lane 4g + k becomes the sum of row k + 4g.
    let pair = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let (low, high) = (pair(acc[0], acc[1]), pair(acc[2], acc[3]));
    _mm512_add_epi32(
        _mm512_unpacklo_epi64(low, high),
        _mm512_unpackhi_epi64(low, high),
    )
}

/// Adds the products of eight elements each of rows `k`, `k + 4`, `k + 8` and `k + 12`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn step<const T: usize, const INNER: bool>(
    acc: __m512i,
    block: &Block<'_, i8, 16>,
    q: &Table<T>,
    k: usize,
    at: usize,
    length: __m512i,
    lanes: __m512i,
) -> __m512i {
    let (i0, v0) = block.window::<8, INNER>(k, at);
    let (i1, v1) = block.window::<8, INNER>(k + 4, at);
    let (i2, v2) = block.window::<8, INNER>(k + 8, at);
    let (i3, v3) = block.window::<8, INNER>(k + 12, at);
    let (index, v) = ([i0, i1, i2, i3], [v0, v1, v2, v3]);
    // SAFETY: 32 bytes of four arrays of eight.
    let v = _mm512_cvtepi8_epi16(unsafe { _mm256_loadu_si256(v.as_ptr().cast()) });
    let v = _mm512_maskz_mov_epi16(_mm512_cmplt_epu16_mask(lanes, length), v);
    let q = q.look_up(load(index.as_flattened()));
    _mm512_add_epi32(acc, _mm512_madd_epi16(v, q))
}

/// `v`, which has 32 elements or more.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn load(v: &[u16]) -> __m512i {
    let v = &v[..32];
    // SAFETY: 64 bytes of a slice of 32 u16.
    unsafe { _mm512_loadu_si512(v.as_ptr().cast()) }
}

/// `64 T` columns of q in registers, sixteen bits each.
struct Table<const T: usize>([[__m512i; 2]; T]);

impl<const T: usize> Table<T> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    fn new(q: &[i8]) -> Self {
        let mut columns = [[[0u16; 32]; 2]; T];
        let flat = columns.as_flattened_mut().as_flattened_mut();
        for (column, &q) in flat.iter_mut().zip(q) {
            *column = i16::from(q) as u16;
        }
        let mut table = [[_mm512_setzero_si512(); 2]; T];
        for (table, columns) in table.iter_mut().zip(&columns) {
            *table = [load(&columns[0]), load(&columns[1])];
        }
        Self(table)
    }

    /// `q[index]`; a lookup sees the low six bits of an index, blends see the two above.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
    fn look_up(&self, index: __m512i) -> __m512i {
        let pick = |t: usize| _mm512_permutex2var_epi16(self.0[t][0], index, self.0[t][1]);
        if T == 1 {
            return pick(0);
        }
        let upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(64));
        let first = _mm512_mask_blend_epi16(upper, pick(0), pick(1));
        if T == 2 {
            return first;
        }
        let second = _mm512_mask_blend_epi16(upper, pick(2), pick(3));
        let third = _mm512_test_epi16_mask(index, _mm512_set1_epi16(128));
        _mm512_mask_blend_epi16(third, first, second)
    }
}
