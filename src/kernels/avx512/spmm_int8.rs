//! Sparse int8 rows times several tokens: four elements of a row meet four rows of q in one dot product.
//!
//! ```text
//!   q of columns i0 i1 i2 i3, 64 tokens each      bytes, then pairs interleaved         dot with v0 v1 v2 v3
//!   │ i0 t0 t1 t2 … │                             │ i0 i1 i2 i3 of t0 │ of t1 │ … │     sums of 16 tokens, four times
//!   │ i1 t0 t1 t2 … │ …                   ──►
//! ```
//!
//! Where 32 tokens are enough, the upper halves serve the next four elements. Sums are exact in any order. The
//! instruction multiplies unsigned by signed bytes, so q goes in 128 too large, and 128 times the sum of the values
//! is taken off at the end.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, __mmask16, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_maskz_loadu_epi8,
    _mm_maskz_loadu_epi16, _mm256_loadu_si256, _mm256_maskz_loadu_epi8, _mm512_add_epi32,
    _mm512_castsi256_si512, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_inserti64x4,
    _mm512_loadu_si512, _mm512_mask_storeu_ps, _mm512_maskz_loadu_epi8, _mm512_maskz_loadu_ps,
    _mm512_mul_ps, _mm512_permutexvar_epi32, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_set1_epi64, _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_si512,
    _mm512_shuffle_i32x4, _mm512_sub_epi32, _mm512_unpackhi_epi8, _mm512_unpackhi_epi16,
    _mm512_unpacklo_epi8, _mm512_unpacklo_epi16, _mm512_xor_si512,
};

use crate::kernels::batch::Batch;
use crate::kernels::block::Checked;
use crate::kernels::isa::Avx512Bytes;
use crate::sparse::Csr;

/// `Y = W X`, rows are outputs, `scales` theirs.
pub(super) fn output(_: Avx512Bytes, w: Csr<'_, i8>, scales: &[f32], b: &Batch<'_>, y: &mut [f32]) {
    // SAFETY: an `Avx512Bytes` exists only where the processor has all of these features.
    unsafe { output_avx512(w, scales, b, y) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn output_avx512(w: Csr<'_, i8>, scales: &[f32], b: &Batch<'_>, y: &mut [f32]) {
    let (tokens, stride) = (b.lanes().tokens(), b.lanes().stride());
    assert!(b.q().len() >= w.cols() * stride, "shape of a batch");
    let w = Checked::new(w);
    let mut at = 0;
    while at < tokens {
        let width = if tokens - at > 32 { 64 } else { 32 };
        let here = width.min(tokens - at);
        let span = Span {
            q: &b.q()[at..],
            stride,
            present: u64::MAX >> (64 - here),
        };
        let sx = &b.scales()[at..][..here];
        for (row, (y, &sw)) in y.chunks_exact_mut(stride).zip(scales).enumerate() {
            let sums = match (width, here) {
                (64, 64) => sums::<false, true>(&w, row, span),
                (64, _) => sums::<false, false>(&w, row, span),
                (_, 32) => sums::<true, true>(&w, row, span),
                _ => sums::<true, false>(&w, row, span),
            };
            let y = &mut y[at..][..here];
            if width == 64 {
                scaled(sums, sx, sw, y);
            } else {
                let [a, b, c, d] = sums;
                let halves = [_mm512_add_epi32(a, c), _mm512_add_epi32(b, d)];
                scaled(halves, sx, sw, y);
            }
        }
        at += here;
    }
}

/// Rows of tokens, a bit for each token that is there.
#[derive(Clone, Copy)]
struct Span<'a> {
    q: &'a [i8],
    stride: usize,
    present: u64,
}

impl Span<'_> {
    /// Tokens of column `j`, or of `j` and `k` in halves if `PAIR`, 128 too large.
    ///
    /// # Safety
    /// Both are rows of q; if `FULL`, all tokens are present.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn column<const PAIR: bool, const FULL: bool>(&self, j: u64, k: u64) -> __m512i {
        let at = |j: u64| {
            let row = usize::from(j as u16) * self.stride;
            self.q.as_ptr().wrapping_add(row)
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
}

/// Sums of row `row`, 16 tokens a vector; if `PAIR`, the second two vectors are further parts of the first two.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn sums<const PAIR: bool, const FULL: bool>(
    w: &Checked<'_, i8>,
    row: usize,
    span: Span<'_>,
) -> [__m512i; 4] {
    let (mut at, end) = w.range(row);
    let (indices, values) = (w.csr().indices().as_ptr(), w.csr().values().as_ptr());
    let mut sums = Sums {
        acc: [_mm512_setzero_si512(); 4],
        excess: _mm512_setzero_si512(),
    };
    let step = if PAIR { 8 } else { 4 };
    // SAFETY: elements below `end` are there, and their indices are checked; those that a mask leaves out have index 0,
    // which is a row of q where a row has any element, and value 0.
    unsafe {
        while at + step <= end {
            let i = indices.add(at).cast::<u64>();
            if PAIR {
                let words = [i.read_unaligned(), i.add(1).read_unaligned()];
                let v = values.add(at).cast::<u64>().read_unaligned();
                sums.add::<PAIR, FULL>(&span, words, v);
            } else {
                let v = values.add(at).cast::<u32>().read_unaligned();
                sums.add::<PAIR, FULL>(&span, [i.read_unaligned(), 0], v.into());
            }
            at += step;
        }
        if at < end {
            let left = 0xff >> (8 - (end - at));
            let i = _mm_maskz_loadu_epi16(left, indices.add(at).cast());
            let words = [
                _mm_cvtsi128_si64(i) as u64,
                _mm_extract_epi64::<1>(i) as u64,
            ];
            let v = _mm_maskz_loadu_epi8(left.into(), values.add(at));
            sums.add::<PAIR, FULL>(&span, words, _mm_cvtsi128_si64(v) as u64);
        }
    }
    sums.in_order()
}

/// Sums of one row on their way.
struct Sums {
    /// Within quarter l of vector m: tokens 16 l + 4 m and on.
    acc: [__m512i; 4],
    /// 128 times the sum of the values, in every lane.
    excess: __m512i,
}

impl Sums {
    /// Adds four elements, or eight if `PAIR`: their indices are words of `i` (and `j`), their values bytes of `v`.
    ///
    /// # Safety
    /// The indices are rows of q; if `FULL`, all tokens are present.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn add<const PAIR: bool, const FULL: bool>(
        &mut self,
        span: &Span<'_>,
        [i, j]: [u64; 2],
        v: u64,
    ) {
        // SAFETY: the caller's.
        let q = unsafe {
            [
                span.column::<PAIR, FULL>(i, j),
                span.column::<PAIR, FULL>(i >> 16, j >> 16),
                span.column::<PAIR, FULL>(i >> 32, j >> 32),
                span.column::<PAIR, FULL>(i >> 48, j >> 48),
            ]
        };
        let v = if PAIR {
            let halves = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
            _mm512_permutexvar_epi32(halves, _mm512_set1_epi64(v as i64))
        } else {
            _mm512_set1_epi32(v as i32)
        };
        let (a, b) = (
            _mm512_unpacklo_epi8(q[0], q[1]),
            _mm512_unpackhi_epi8(q[0], q[1]),
        );
        let (c, d) = (
            _mm512_unpacklo_epi8(q[2], q[3]),
            _mm512_unpackhi_epi8(q[2], q[3]),
        );
        let fours = [
            _mm512_unpacklo_epi16(a, c),
            _mm512_unpackhi_epi16(a, c),
            _mm512_unpacklo_epi16(b, d),
            _mm512_unpackhi_epi16(b, d),
        ];
        for (acc, fours) in self.acc.iter_mut().zip(fours) {
            *acc = _mm512_dpbusd_epi32(*acc, fours, v);
        }
        self.excess = _mm512_dpbusd_epi32(self.excess, _mm512_set1_epi8(i8::MIN), v);
    }

    /// Tokens in order, without the excess: vector l is quarter l of all four.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    fn in_order(self) -> [__m512i; 4] {
        let [a, b, c, d] = self.acc.map(|acc| _mm512_sub_epi32(acc, self.excess));
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
}

/// `y = sum · (sx · sw)` of at most 16 `N` tokens.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn scaled<const N: usize>(sums: [__m512i; N], sx: &[f32], sw: f32, y: &mut [f32]) {
    let present = u64::MAX >> (64 - y.len().min(sx.len()).clamp(1, 16 * N));
    for (l, sums) in sums.into_iter().enumerate() {
        let lanes = (present >> (16 * l)) as __mmask16;
        // SAFETY: the lanes that both slices have; neither is empty.
        unsafe {
            let sx = _mm512_maskz_loadu_ps(lanes, sx.as_ptr().wrapping_add(16 * l));
            let scale = _mm512_mul_ps(sx, _mm512_set1_ps(sw));
            let y = y.as_mut_ptr().wrapping_add(16 * l);
            _mm512_mask_storeu_ps(y, lanes, _mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale));
        }
    }
}
