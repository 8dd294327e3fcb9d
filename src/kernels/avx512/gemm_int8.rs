//! Dense int8 rows times several tokens: the sparse kernel's opponent, of the same effort. Columns are interleaved once
//! for several rows.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, _mm512_maskz_loadu_epi8, _mm512_maskz_set1_epi32, _mm512_reduce_add_epi32,
    _mm512_setzero_si512,
};

use super::fours::{Span, exceed, multiply_add, nothing};
use crate::kernels::batch::Batch;
use crate::kernels::isa::Avx512Bytes;
use crate::sparse::Dense;

/// Rows that share the columns they read.
const ROWS: usize = 4;

/// `Y = W X`, rows are outputs, `scales` theirs.
pub(super) fn output(
    _: Avx512Bytes,
    w: Dense<'_, i8>,
    scales: &[f32],
    b: &Batch<'_>,
    y: &mut [f32],
) {
    // SAFETY: an `Avx512Bytes` exists only where the processor has all of these features.
    unsafe { output_avx512(w, scales, b, y) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn output_avx512(w: Dense<'_, i8>, scales: &[f32], b: &Batch<'_>, y: &mut [f32]) {
    let (tokens, cols) = (b.lanes().tokens(), w.cols());
    let mut at = 0;
    while at < tokens {
        at += match tokens - at {
            64.. => panel(w, scales, Span::<false, true>::new(b, cols, at, 64), y, 64),
            n @ 33.. => panel(w, scales, Span::<false, false>::new(b, cols, at, n), y, n),
            32 => panel(w, scales, Span::<true, true>::new(b, cols, at, 32), y, 32),
            n => panel(w, scales, Span::<true, false>::new(b, cols, at, n), y, n),
        };
    }
}

/// All outputs of the tokens of a span. Returns how many those are.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn panel<const PAIR: bool, const FULL: bool>(
    w: Dense<'_, i8>,
    scales: &[f32],
    span: Span<'_, PAIR, FULL>,
    y: &mut [f32],
    tokens: usize,
) -> usize {
    let step = Span::<PAIR, FULL>::STEP;
    for (block, scales) in scales.chunks(ROWS).enumerate() {
        // Rows that are not there repeat the last one; nobody stores them.
        let first = block * ROWS;
        let rows: [&[i8]; ROWS] = core::array::from_fn(|r| w.row(first + r.min(scales.len() - 1)));
        let mut sums = [nothing(); ROWS];
        let whole = w.cols() - w.cols() % step;
        for at in (0..whole).step_by(step) {
            // SAFETY: `step` columns from `at` on are there.
            unsafe {
                add(&mut sums, &span, columns(at, step), |r| {
                    word(rows[r].as_ptr().add(at), step)
                })
            };
        }
        if whole < w.cols() {
            let left = w.cols() - whole;
            let rest = |r: usize| {
                let values = rows[r][whole..].iter().rev();
                values.fold(0, |word, &v| word << 8 | u64::from(v as u8))
            };
            // SAFETY: columns that are left; column 0, which is there too, stands in for others, with value zero.
            unsafe { add(&mut sums, &span, columns(whole, left), rest) };
        }
        for (r, &sw) in scales.iter().enumerate() {
            span.finish(
                sums[r],
                excess::<PAIR>(rows[r]),
                sw,
                span.outputs(y, first + r),
            );
        }
    }
    tokens
}

/// Words for `n <= 8` columns from `at` on; those behind them are 0.
#[inline(always)]
fn columns(at: usize, n: usize) -> [u64; 2] {
    const EACH: u64 = 0x0001_0001_0001_0001;
    const FROM_0: u64 = 0x0003_0002_0001_0000;
    let low = (at as u64).wrapping_mul(EACH).wrapping_add(FROM_0);
    let high = low.wrapping_add(4 * EACH);
    let keep = |n: usize| {
        if n >= 4 {
            u64::MAX
        } else {
            (1 << (16 * n)) - 1
        }
    };
    [low & keep(n), high & keep(n.saturating_sub(4))]
}

/// `n` values, four or eight.
///
/// # Safety
/// There are as many.
#[inline(always)]
unsafe fn word(values: *const i8, n: usize) -> u64 {
    // SAFETY: the caller's.
    unsafe {
        if n == 8 {
            values.cast::<u64>().read_unaligned()
        } else {
            values.cast::<u32>().read_unaligned().into()
        }
    }
}

/// Adds the products of some columns to the sums of all rows, whose values are `word(row)`.
///
/// # Safety
/// There are such columns.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn add<const PAIR: bool, const FULL: bool>(
    sums: &mut [[__m512i; 4]; ROWS],
    span: &Span<'_, PAIR, FULL>,
    columns: [u64; 2],
    word: impl Fn(usize) -> u64,
) {
    // SAFETY: the caller's.
    let fours = unsafe { span.fours(columns) };
    for (r, sums) in sums.iter_mut().enumerate() {
        multiply_add(sums, fours, Span::<PAIR, FULL>::values(word(r)));
    }
}

/// 128 times the sum of a row, once for each token: if `PAIR`, in the lower half alone.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn excess<const PAIR: bool>(row: &[i8]) -> __m512i {
    let mut excess = _mm512_setzero_si512();
    for values in row.chunks(64) {
        // SAFETY: the bytes that the mask leaves are the chunk's.
        let v =
            unsafe { _mm512_maskz_loadu_epi8(u64::MAX >> (64 - values.len()), values.as_ptr()) };
        excess = exceed(excess, v);
    }
    let lanes = if PAIR { 0x00ff } else { 0xffff };
    _mm512_maskz_set1_epi32(lanes, _mm512_reduce_add_epi32(excess))
}
