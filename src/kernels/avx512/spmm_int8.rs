//! Sparse int8 rows times several tokens: four elements of a row, wherever they are, meet their columns in one dot
//! product.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    _mm_cvtsi128_si64, _mm_extract_epi64, _mm_maskz_loadu_epi8, _mm_maskz_loadu_epi16,
    _mm512_setzero_si512,
};

use super::fours::{Span, exceed, multiply_add, nothing};
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
    let (w, cols) = (Checked::new(w), w.cols());
    let tokens = b.lanes().tokens();
    let mut at = 0;
    while at < tokens {
        at += match tokens - at {
            64.. => panel(&w, scales, Span::<false, true>::new(b, cols, at, 64), y, 64),
            n @ 33.. => panel(&w, scales, Span::<false, false>::new(b, cols, at, n), y, n),
            32 => panel(&w, scales, Span::<true, true>::new(b, cols, at, 32), y, 32),
            n => panel(&w, scales, Span::<true, false>::new(b, cols, at, n), y, n),
        };
    }
}

/// All outputs of the tokens of a span. Returns how many those are.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn panel<const PAIR: bool, const FULL: bool>(
    w: &Checked<'_, i8>,
    scales: &[f32],
    span: Span<'_, PAIR, FULL>,
    y: &mut [f32],
    tokens: usize,
) -> usize {
    for (row, &sw) in scales.iter().enumerate() {
        output_row(w, row, sw, &span, span.outputs(y, row));
    }
    tokens
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn output_row<const PAIR: bool, const FULL: bool>(
    w: &Checked<'_, i8>,
    row: usize,
    sw: f32,
    span: &Span<'_, PAIR, FULL>,
    y: &mut [f32],
) {
    let step = Span::<PAIR, FULL>::STEP;
    let (mut at, end) = w.range(row);
    let (indices, values) = (w.csr().indices().as_ptr(), w.csr().values().as_ptr());
    let (mut sums, mut excess) = (nothing(), _mm512_setzero_si512());
    // SAFETY: elements below `end` are there, and their indices are checked; those that a mask leaves out have index 0,
    // which is a column where a row has any element, and value 0.
    unsafe {
        while at + step <= end {
            let i = indices.add(at).cast::<u64>();
            let (words, v) = if PAIR {
                let words = [i.read_unaligned(), i.add(1).read_unaligned()];
                (words, values.add(at).cast::<u64>().read_unaligned())
            } else {
                let v = values.add(at).cast::<u32>().read_unaligned();
                ([i.read_unaligned(), 0], v.into())
            };
            let v = Span::<PAIR, FULL>::values(v);
            multiply_add(&mut sums, span.fours(words), v);
            excess = exceed(excess, v);
            at += step;
        }
        if at < end {
            let left = 0xff >> (8 - (end - at));
            let i = _mm_maskz_loadu_epi16(left, indices.add(at).cast());
            let i = [_mm_cvtsi128_si64(i), _mm_extract_epi64::<1>(i)];
            let v = _mm_maskz_loadu_epi8(left.into(), values.add(at));
            let v = Span::<PAIR, FULL>::values(_mm_cvtsi128_si64(v) as u64);
            multiply_add(&mut sums, span.fours(i.map(|i| i as u64)), v);
            excess = exceed(excess, v);
        }
    }
    span.finish(sums, excess, sw, y);
}
