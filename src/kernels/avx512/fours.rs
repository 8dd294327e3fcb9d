//! int8 tokens in fours of columns, as dot products of bytes want them.
//!
//! ```text
//!   q of columns i0 i1 i2 i3, 64 tokens each      bytes, then pairs interleaved         dot with v0 v1 v2 v3
//!   │ i0 t0 t1 t2 … │                             │ i0 i1 i2 i3 of t0 │ of t1 │ … │     sums of 16 tokens, four times
//!   │ i1 t0 t1 t2 … │ …                   ──►
//! ```
//!
//! Where 32 tokens are enough, the upper halves serve four further columns: `PAIR`. The instruction multiplies
//! unsigned by signed bytes, so q goes in 128 too large, and 128 times the sum of the values, the excess, is taken off
//! at the end. Sums are exact in any order.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, __mmask16, _mm256_loadu_si256, _mm256_maskz_loadu_epi8, _mm512_add_epi32,
    _mm512_castsi256_si512, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_inserti64x4,
    _mm512_loadu_si512, _mm512_mask_storeu_ps, _mm512_maskz_loadu_epi8, _mm512_maskz_loadu_ps,
    _mm512_mul_ps, _mm512_permutexvar_epi32, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_set1_epi64, _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_si512,
    _mm512_shuffle_i32x4, _mm512_sub_epi32, _mm512_unpackhi_epi8, _mm512_unpackhi_epi16,
    _mm512_unpacklo_epi8, _mm512_unpacklo_epi16, _mm512_xor_si512,
};

use crate::kernels::batch::Batch;

/// At most 64 tokens, or 32 if `PAIR`; that many if `FULL`.
#[derive(Clone, Copy)]
pub(super) struct Span<'a, const PAIR: bool, const FULL: bool> {
    q: &'a [i8],
    scales: &'a [f32],
    stride: usize,
    at: usize,
    /// A bit for each token.
    present: u64,
}

impl<'a, const PAIR: bool, const FULL: bool> Span<'a, PAIR, FULL> {
    /// Columns a step.
    pub(super) const STEP: usize = if PAIR { 8 } else { 4 };

    /// Tokens `at .. at + tokens` of a batch of `cols` columns.
    ///
    /// # Panics
    /// If there are other columns, or the tokens are not there, or not as many as the parameters say.
    pub(super) fn new(b: &Batch<'a>, cols: usize, at: usize, tokens: usize) -> Self {
        let stride = b.lanes().stride();
        assert!(b.q().len() >= cols * stride, "shape of a batch");
        let most = if PAIR { 32 } else { 64 };
        assert!(tokens == most || !FULL && (1..most).contains(&tokens));
        Span {
            q: b.q(),
            scales: &b.scales()[at..][..tokens],
            stride,
            at,
            present: u64::MAX >> (64 - tokens),
        }
    }

    /// The tokens of row `row` of `y`.
    pub(super) fn outputs<'y>(&self, y: &'y mut [f32], row: usize) -> &'y mut [f32] {
        &mut y[row * self.stride + self.at..][..self.scales.len()]
    }

    /// Tokens of column `j`, or of `j` and `k` in halves if `PAIR`, 128 too large. Low words of the two count.
    ///
    /// # Safety
    /// Both are columns of the batch.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn column(&self, j: u64, k: u64) -> __m512i {
        let at = |j: u64| {
            let row = usize::from(j as u16) * self.stride;
            self.q.as_ptr().wrapping_add(row + self.at)
        };
        // SAFETY: the tokens that are present lie within rows `j` and `k`.
        let q = unsafe {
            if PAIR {
                let half = |j| {
                    if FULL {
                        _mm256_loadu_si256(at(j).cast())
                    } else {
                        _mm256_maskz_loadu_epi8(self.present as u32, at(j))
                    }
                };
                let (low, high) = (half(j), half(k));
                _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
            } else if FULL {
                _mm512_loadu_si512(at(j).cast())
            } else {
                _mm512_maskz_loadu_epi8(self.present, at(j))
            }
        };
        _mm512_xor_si512(q, _mm512_set1_epi8(i8::MIN))
    }

    /// The columns that are words of `i` (and of `j` if `PAIR`), interleaved: within quarter l of vector m tokens
    /// 16 l + 4 m and on.
    ///
    /// # Safety
    /// All are columns of the batch.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    pub(super) unsafe fn fours(&self, [i, j]: [u64; 2]) -> [__m512i; 4] {
        // SAFETY: the caller's.
        let [q0, q1, q2, q3] = unsafe {
            [
                self.column(i, j),
                self.column(i >> 16, j >> 16),
                self.column(i >> 32, j >> 32),
                self.column(i >> 48, j >> 48),
            ]
        };
        let (a, b) = (_mm512_unpacklo_epi8(q0, q1), _mm512_unpackhi_epi8(q0, q1));
        let (c, d) = (_mm512_unpacklo_epi8(q2, q3), _mm512_unpackhi_epi8(q2, q3));
        [
            _mm512_unpacklo_epi16(a, c),
            _mm512_unpackhi_epi16(a, c),
            _mm512_unpacklo_epi16(b, d),
            _mm512_unpackhi_epi16(b, d),
        ]
    }

    /// Four values, bytes of `v`, for every token; if `PAIR`, the upper four for the upper half.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    pub(super) fn values(v: u64) -> __m512i {
        if PAIR {
            let halves = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
            _mm512_permutexvar_epi32(halves, _mm512_set1_epi64(v as i64))
        } else {
            _mm512_set1_epi32(v as i32)
        }
    }

    /// `y = (sum − excess) · (sx · sw)` of these tokens; halves are added if `PAIR`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    pub(super) fn finish(&self, sums: [__m512i; 4], excess: __m512i, sw: f32, y: &mut [f32]) {
        let mut sums = in_order(sums.map(|sums| _mm512_sub_epi32(sums, excess)));
        if PAIR {
            sums[0] = _mm512_add_epi32(sums[0], sums[2]);
            sums[1] = _mm512_add_epi32(sums[1], sums[3]);
        }
        assert_eq!(y.len(), self.scales.len());
        for (l, sums) in sums.into_iter().enumerate().take(if PAIR { 2 } else { 4 }) {
            let lanes = (self.present >> (16 * l)) as __mmask16;
            // SAFETY: the tokens that are present; both slices have as many.
            unsafe {
                let sx = self.scales.as_ptr().wrapping_add(16 * l);
                let scale = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, sx), _mm512_set1_ps(sw));
                let y = y.as_mut_ptr().wrapping_add(16 * l);
                _mm512_mask_storeu_ps(y, lanes, _mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale));
            }
        }
    }
}

/// Adds the products of one row's values with what [`Span::fours`] gives.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn multiply_add(sums: &mut [__m512i; 4], fours: [__m512i; 4], v: __m512i) {
    for (sums, fours) in sums.iter_mut().zip(fours) {
        *sums = _mm512_dpbusd_epi32(*sums, fours, v);
    }
}

/// Adds 128 times the values to the sum that each lane keeps of them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn exceed(excess: __m512i, v: __m512i) -> __m512i {
    _mm512_dpbusd_epi32(excess, _mm512_set1_epi8(i8::MIN), v)
}

/// No sums yet.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn nothing() -> [__m512i; 4] {
    [_mm512_setzero_si512(); 4]
}

/// Tokens in order: vector l is quarter l of all four.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn in_order([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    let (ab, cd) = (
        _mm512_shuffle_i32x4::<0x44>(a, b),
        _mm512_shuffle_i32x4::<0x44>(c, d),
    );
    let (ab_high, cd_high) = (
        _mm512_shuffle_i32x4::<0xee>(a, b),
        _mm512_shuffle_i32x4::<0xee>(c, d),
    );
    [
        _mm512_shuffle_i32x4::<0x88>(ab, cd),
        _mm512_shuffle_i32x4::<0xdd>(ab, cd),
        _mm512_shuffle_i32x4::<0x88>(ab_high, cd_high),
        _mm512_shuffle_i32x4::<0xdd>(ab_high, cd_high),
    ]
}
