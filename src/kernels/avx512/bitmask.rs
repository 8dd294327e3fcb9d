//! Bitmasks: sixteen values are spread to the places of sixteen bits.
//!
//! ```text
//! mask    │ 1 0 0 1 1 0 …  │ 16 bits, n of them set
//! values  │ a b c │ …        n are loaded      expand ──►  │ a 0 0 b c 0 … │    absent elements are +0.0
//!
//! rows are inputs:    y[16 outputs] += expanded · x[j]          rows whose x[j] is zero are passed over
//! rows are outputs:   expanded · x[16 columns] of sixteen rows, transposed as dense rows are
//! ```
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512, __m512i, _mm_loadu_si128, _mm_maskz_loadu_epi8, _mm512_add_epi32, _mm512_add_ps,
    _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtepi8_epi32, _mm512_maskz_expand_epi32,
    _mm512_maskz_expand_ps, _mm512_mul_ps, _mm512_mullo_epi32, _mm512_reduce_add_epi32,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_shuffle_f32x4,
};

use super::lanes::{Widen, add_columns, load, store};
use crate::kernels::isa::Avx512;
use crate::sparse::{Bitmask, Value};

/// `y = W x`, rows are outputs.
pub(super) fn output<V: Widen>(_: Avx512, w: Bitmask<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { bitmask_output(w, x, y) }
}

/// `y = W x`, rows are inputs; zero inputs are skipped.
pub(super) fn input<V: Widen>(_: Avx512, w: Bitmask<'_, V>, x: &[f32], y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { bitmask_input(w, x, y) }
}

/// Sums of int8 rows that are outputs, as i32 bits in `y`.
pub(super) fn output_i8(_: Avx512, w: Bitmask<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { bitmask_output_i8(w, q, y) }
}

/// Sums over int8 rows that are inputs, as i32 bits in `y`; zero inputs are skipped.
pub(super) fn input_i8(_: Avx512, w: Bitmask<'_, i8>, q: &[i8], y: &mut [f32]) {
    // SAFETY: an `Avx512` exists only where the processor has all of these features.
    unsafe { bitmask_input_i8(w, q, y) }
}

/// Masks of sixteen bits and the values that are still to come.
struct Row<'a, V> {
    masks: &'a [u32],
    values: &'a [V],
}

impl<'a, V: Value> Row<'a, V> {
    #[inline]
    fn new(w: &Bitmask<'a, V>, row: usize) -> Self {
        let (masks, values) = w.row(row);
        Self { masks, values }
    }

    /// Mask `at` and all values from its first on.
    #[inline]
    fn next(&mut self, at: usize) -> (u16, &'a [V]) {
        let mask = (self.masks[at / 2] >> (16 * (at % 2))) as u16;
        let from = self.values;
        self.values = &from[(mask.count_ones() as usize).min(from.len())..];
        (mask, from)
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn expand<V: Widen>((mask, values): (u16, &[V])) -> __m512 {
    // SAFETY: this function's own features are those the loads ask for.
    let v = unsafe {
        match values.first_chunk() {
            Some(sixteen) => V::load(sixteen),
            None => V::load_some(values),
        }
    };
    _mm512_maskz_expand_ps(mask, v)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn expand_i8((mask, values): (u16, &[i8])) -> __m512i {
    // SAFETY: sixteen bytes of an array, or masked to those of the slice.
    let v = unsafe {
        match values.first_chunk::<16>() {
            Some(sixteen) => _mm_loadu_si128(sixteen.as_ptr().cast()),
            None => _mm_maskz_loadu_epi8(((1u32 << values.len()) - 1) as u16, values.as_ptr()),
        }
    };
    _mm512_maskz_expand_epi32(mask, _mm512_cvtepi8_epi32(v))
}

/// At most sixteen elements with zeros behind them.
#[inline]
fn sixteen<T: Copy + Default>(s: &[T]) -> [T; 16] {
    let mut all = [T::default(); 16];
    all[..s.len()].copy_from_slice(s);
    all
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn bitmask_input<V: Widen>(w: Bitmask<'_, V>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (j, &x) in x.iter().enumerate().filter(|(_, x)| **x != 0.0) {
        let x = _mm512_set1_ps(x);
        let mut row = Row::new(&w, j);
        let (whole, rest) = y.as_chunks_mut::<16>();
        for (at, y) in whole.iter_mut().enumerate() {
            let v = expand(row.next(at));
            store(y, _mm512_add_ps(load(y), _mm512_mul_ps(v, x)));
        }
        if !rest.is_empty() {
            let v = expand(row.next(w.cols() / 16));
            let mut last = sixteen(rest);
            let sum = _mm512_add_ps(load(&last), _mm512_mul_ps(v, x));
            store(&mut last, sum);
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn bitmask_input_i8(w: Bitmask<'_, i8>, q: &[i8], y: &mut [f32]) {
    y.fill(f32::from_bits(0));
    let inputs = q[..w.rows()].iter().enumerate();
    for (j, &q) in inputs.filter(|(_, q)| **q != 0) {
        let q = _mm512_set1_epi32(q.into());
        let mut row = Row::new(&w, j);
        let (whole, rest) = y.as_chunks_mut::<16>();
        for (at, y) in whole.iter_mut().enumerate() {
            store(y, add_i8(load(y), expand_i8(row.next(at)), q));
        }
        if !rest.is_empty() {
            let mut last = sixteen(rest);
            let sum = add_i8(load(&last), expand_i8(row.next(w.cols() / 16)), q);
            store(&mut last, sum);
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }
}

/// `sums + v · q`, sums as i32 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn add_i8(sums: __m512, v: __m512i, q: __m512i) -> __m512 {
    let terms = _mm512_mullo_epi32(v, q);
    _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(sums), terms))
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn bitmask_output<V: Widen>(w: Bitmask<'_, V>, x: &[f32], y: &mut [f32]) {
    for (block, y) in y.chunks_mut(16).enumerate() {
        let row = |r: usize| Row::new(&w, block * 16 + r.min(y.len() - 1));
        let mut rows: [Row<'_, V>; 16] = core::array::from_fn(row);
        let mut acc = _mm512_setzero_ps();
        for (at, x) in x.chunks(16).enumerate() {
            let x = load(&sixteen(x));
            let (mut first, mut second) = ([_mm512_setzero_ps(); 8], [_mm512_setzero_ps(); 8]);
            for r in 0..8 {
                let low = _mm512_mul_ps(expand(rows[r].next(at)), x);
                let high = _mm512_mul_ps(expand(rows[r + 8].next(at)), x);
                first[r] = _mm512_shuffle_f32x4::<0x44>(low, high);
                second[r] = _mm512_shuffle_f32x4::<0xee>(low, high);
            }
            acc = add_columns(add_columns(acc, &first), &second);
        }
        let mut sums = [0.0; 16];
        store(&mut sums, acc);
        y.copy_from_slice(&sums[..y.len()]);
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
fn bitmask_output_i8(w: Bitmask<'_, i8>, q: &[i8], y: &mut [f32]) {
    for (r, y) in y.iter_mut().enumerate() {
        let mut row = Row::new(&w, r);
        let mut acc = _mm512_setzero_si512();
        for (at, q) in q[..w.cols()].chunks(16).enumerate() {
            // SAFETY: masked to the elements of the chunk.
            let q = unsafe { _mm_maskz_loadu_epi8(((1u32 << q.len()) - 1) as u16, q.as_ptr()) };
            let terms = _mm512_mullo_epi32(expand_i8(row.next(at)), _mm512_cvtepi8_epi32(q));
            acc = _mm512_add_epi32(acc, terms);
        }
        *y = f32::from_bits(_mm512_reduce_add_epi32(acc) as u32);
    }
}
