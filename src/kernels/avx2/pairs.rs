//! int8 rows, sparse and dense, times several tokens: two elements of a row meet two rows of q in one multiply-add.
//!
//! ```text
//!   q of columns i and j, 16 tokens each, as words      interleaved                     madd with vi vj
//!   │ i t0 t1 … │  │ j t0 t1 … │                 ──►    │ i j of t0 │ i j of t1 │ … │   8 sums, twice
//! ```
//!
//! Sums are exact in any order. 16 tokens are always read: behind the last of them come others, and behind all of
//! them padding.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm_set1_epi16, _mm256_add_epi32, _mm256_cvtepi8_epi16,
    _mm256_cvtepi32_ps, _mm256_loadu_ps, _mm256_madd_epi16, _mm256_mul_ps,
    _mm256_permute2x128_si256, _mm256_set1_ps, _mm256_setzero_si256, _mm256_storeu_ps,
    _mm256_unpackhi_epi16, _mm256_unpacklo_epi16,
};

use crate::kernels::INPUT_PAD;
use crate::kernels::batch::Batch;
use crate::kernels::block::Checked;
use crate::kernels::isa::Avx2;
use crate::sparse::{Csr, Dense};

/// Tokens whose sums two vectors hold.
const WIDTH: usize = 16;

/// Dense rows that share the q they read.
const ROWS: usize = 4;

/// `Y = W X`, sparse rows are outputs, `scales` theirs.
pub(super) fn csr(_: Avx2, w: Csr<'_, i8>, scales: &[f32], b: &Batch<'_>, y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { csr_avx2(w, scales, b, y) }
}

/// `Y = W X`, dense rows are outputs, `scales` theirs.
pub(super) fn dense(_: Avx2, w: Dense<'_, i8>, scales: &[f32], b: &Batch<'_>, y: &mut [f32]) {
    // SAFETY: an `Avx2` exists only where the processor has AVX2 and F16C.
    unsafe { dense_avx2(w, scales, b, y) }
}

#[target_feature(enable = "avx2,f16c")]
fn csr_avx2(w: Csr<'_, i8>, scales: &[f32], b: &Batch<'_>, y: &mut [f32]) {
    let w = Checked::new(w);
    let stride = b.lanes().stride();
    for at in (0..b.lanes().tokens()).step_by(2 * WIDTH) {
        let (low, high) = (Columns::new(b, w.csr().cols(), at), at + WIDTH);
        // The second half only where it has a token.
        let high = (high < b.lanes().tokens()).then(|| Columns::new(b, w.csr().cols(), high));
        for (row, (y, &sw)) in y.chunks_exact_mut(stride).zip(scales).enumerate() {
            // SAFETY: indices of a checked matrix are rows of q.
            unsafe {
                match &high {
                    Some(high) => sparse_row([&low, high], &w, row, sw, y),
                    None => sparse_row([&low], &w, row, sw, y),
                }
            }
        }
    }
}

/// One output of the tokens of `N` groups.
///
/// # Safety
/// The matrix has as many columns as the groups have.
#[inline]
#[target_feature(enable = "avx2,f16c")]
unsafe fn sparse_row<const N: usize>(
    columns: [&Columns<'_>; N],
    w: &Checked<'_, i8>,
    row: usize,
    sw: f32,
    y: &mut [f32],
) {
    let (start, end) = w.range(row);
    let (indices, i_rest) = w.csr().indices()[start..end].as_chunks::<2>();
    let (values, v_rest) = w.csr().values()[start..end].as_chunks::<2>();
    let mut acc = [[_mm256_setzero_si256(); 2]; N];
    for ([i, j], v) in indices.iter().zip(values) {
        let v = both(*v);
        for (acc, columns) in acc.iter_mut().zip(columns) {
            // SAFETY: indices are checked.
            let q = unsafe { columns.pair((*i).into(), (*j).into()) };
            *acc = multiply_add(*acc, q, v);
        }
    }
    if let ([i], [v]) = (i_rest, v_rest) {
        for (acc, columns) in acc.iter_mut().zip(columns) {
            // SAFETY: as above.
            let q = unsafe { columns.pair((*i).into(), (*i).into()) };
            *acc = multiply_add(*acc, q, both([*v, 0]));
        }
    }
    for (acc, columns) in acc.into_iter().zip(columns) {
        columns.finish(acc, sw, y);
    }
}

#[target_feature(enable = "avx2,f16c")]
fn dense_avx2(w: Dense<'_, i8>, scales: &[f32], b: &Batch<'_>, y: &mut [f32]) {
    let stride = b.lanes().stride();
    for at in (0..b.lanes().tokens()).step_by(WIDTH) {
        let columns = Columns::new(b, w.cols(), at);
        let blocks = y.chunks_mut(ROWS * stride).zip(scales.chunks(ROWS));
        for (block, (y, scales)) in blocks.enumerate() {
            // Rows that are not there repeat the last one; nobody stores them.
            let row = |r: usize| w.row(block * ROWS + r.min(scales.len() - 1)).as_chunks();
            let rows: [(&[[i8; 2]], &[i8]); ROWS] = core::array::from_fn(row);
            let mut acc = [[_mm256_setzero_si256(); 2]; ROWS];
            for k in 0..w.cols() / 2 {
                // SAFETY: both are columns.
                let q = unsafe { columns.pair(2 * k, 2 * k + 1) };
                for (acc, (pairs, _)) in acc.iter_mut().zip(rows) {
                    *acc = multiply_add(*acc, q, both(pairs[k]));
                }
            }
            for (acc, (pairs, rest)) in acc.iter_mut().zip(rows) {
                if let [v] = rest {
                    // SAFETY: the last column.
                    let q = unsafe { columns.pair(2 * pairs.len(), 2 * pairs.len()) };
                    *acc = multiply_add(*acc, q, both([*v, 0]));
                }
            }
            for ((acc, &sw), y) in acc.into_iter().zip(scales).zip(y.chunks_exact_mut(stride)) {
                columns.finish(acc, sw, y);
            }
        }
    }
}

/// Two values as words, side by side in every pair of lanes.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn both(v: [i8; 2]) -> __m256i {
    _mm256_cvtepi8_epi16(_mm_set1_epi16(i16::from_le_bytes(v.map(|v| v as u8))))
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn multiply_add([a, b]: [__m256i; 2], [p, q]: [__m256i; 2], v: __m256i) -> [__m256i; 2] {
    [
        _mm256_add_epi32(a, _mm256_madd_epi16(p, v)),
        _mm256_add_epi32(b, _mm256_madd_epi16(q, v)),
    ]
}

/// At most [`WIDTH`] tokens from `at` on.
struct Columns<'a> {
    q: &'a [i8],
    stride: usize,
    at: usize,
    scales: &'a [f32],
}

impl<'a> Columns<'a> {
    /// # Panics
    /// If the batch has other columns or there is no such token.
    fn new(b: &Batch<'a>, cols: usize, at: usize) -> Self {
        const { assert!(WIDTH <= INPUT_PAD) };
        let stride = b.lanes().stride();
        assert!(b.q().len() >= cols * stride + INPUT_PAD, "shape of a batch");
        let scales = &b.scales()[at..];
        Columns {
            q: b.q(),
            stride,
            at,
            scales: &scales[..scales.len().min(WIDTH)],
        }
    }

    /// Columns `i` and `j` interleaved: tokens 0–3 and 8–11, then 4–7 and 12–15.
    ///
    /// # Safety
    /// There are such columns.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn pair(&self, i: usize, j: usize) -> [__m256i; 2] {
        let column = |j: usize| {
            // SAFETY: `at` is a token of row `j`, and behind it come 16 bytes of q, its padding included.
            let q =
                unsafe { _mm_loadu_si128(self.q.as_ptr().add(j * self.stride + self.at).cast()) };
            _mm256_cvtepi8_epi16(q)
        };
        let (i, j) = (column(i), column(j));
        [_mm256_unpacklo_epi16(i, j), _mm256_unpackhi_epi16(i, j)]
    }

    /// `y = sum · (sx · sw)` of these tokens in row `y`.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn finish(&self, [a, b]: [__m256i; 2], sw: f32, y: &mut [f32]) {
        let sums = [
            _mm256_permute2x128_si256::<0x20>(a, b),
            _mm256_permute2x128_si256::<0x31>(a, b),
        ];
        let mut sx = [0.0; WIDTH];
        sx[..self.scales.len()].copy_from_slice(self.scales);
        let mut out = [0.0; WIDTH];
        for (k, sums) in sums.into_iter().enumerate() {
            // SAFETY: 32 bytes each of two arrays of sixteen floats.
            unsafe {
                let sx = _mm256_loadu_ps(sx.as_ptr().add(8 * k));
                let scale = _mm256_mul_ps(sx, _mm256_set1_ps(sw));
                let y = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale);
                _mm256_storeu_ps(out.as_mut_ptr().add(8 * k), y);
            }
        }
        y[self.at..][..self.scales.len()].copy_from_slice(&out[..self.scales.len()]);
    }
}
