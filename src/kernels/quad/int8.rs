//! int8 rows: exact i32 sums, so a row may be split over lanes. Sums are left as i32 bits in `y`.

use super::{Quad, padded};
use crate::kernels::block::{Block, Checked};
use crate::kernels::portable::csr_row_i8;
use crate::sparse::{Csr, Dense};

/// Stores eight sums of rows, as many as `y` has room for.
#[inline(always)]
fn store<Q: Quad>(y: &mut [f32], acc: [Q::I; 8]) {
    let [a, b, c, d, e, f, g, h] = acc;
    let mut out = [[0.0; 4]; 2];
    Q::store_sums(&mut out[0], Q::row_sums([a, b, c, d]));
    Q::store_sums(&mut out[1], Q::row_sums([e, f, g, h]));
    y.copy_from_slice(&out.as_flattened()[..y.len()]);
}

/// Sums of sparse rows that are outputs: eight rows, eight nonzeros of each a step.
pub(super) fn csr_output<Q: Quad>(w: Csr<'_, i8>, q: &[i8], y: &mut [f32]) {
    let q = &q[..w.cols()];
    let w = Checked::new(w);
    for (b, y) in y.chunks_mut(8).enumerate() {
        let block = w.block(b * 8);
        let acc = if block.inner {
            csr_sums::<Q, true>(&block, q)
        } else {
            csr_sums::<Q, false>(&block, q)
        };
        store::<Q>(y, acc);
        block.finish(b * 8, y, |i, v| csr_row_i8(i, v, q));
    }
}

#[inline(always)]
fn csr_sums<Q: Quad, const INNER: bool>(block: &Block<'_, i8, 8>, q: &[i8]) -> [Q::I; 8] {
    let mut acc = [Q::zero(); 8];
    for at in (0..block.longest).step_by(8) {
        // Written out: a loop over rows is not unrolled, and its vectors would live in memory.
        acc = [
            csr_step::<Q, INNER>(acc[0], block, q, 0, at),
            csr_step::<Q, INNER>(acc[1], block, q, 1, at),
            csr_step::<Q, INNER>(acc[2], block, q, 2, at),
            csr_step::<Q, INNER>(acc[3], block, q, 3, at),
            csr_step::<Q, INNER>(acc[4], block, q, 4, at),
            csr_step::<Q, INNER>(acc[5], block, q, 5, at),
            csr_step::<Q, INNER>(acc[6], block, q, 6, at),
            csr_step::<Q, INNER>(acc[7], block, q, 7, at),
        ];
    }
    acc
}

/// Adds the products of eight elements of row `r`.
#[inline(always)]
fn csr_step<Q: Quad, const INNER: bool>(
    acc: Q::I,
    block: &Block<'_, i8, 8>,
    q: &[i8],
    r: usize,
    at: usize,
) -> Q::I {
    let left = block.length[r] - at as i32;
    if left <= 0 {
        return acc;
    }
    let (q, v) = block.gather::<8, INNER, i8>(r, at, q);
    // The row's own elements are the low bytes; what follows them is not multiplied.
    let within = u64::MAX >> (64 - 8 * left.min(8));
    let v = u64::from_le_bytes(v.map(|v| v as u8)) & within;
    Q::dot8(acc, &v.to_le_bytes().map(|v| v as i8), &q)
}

/// Sums of dense rows that are outputs: eight rows, sixteen columns a step.
pub(super) fn dense_output<Q: Quad>(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    let (q, q_rest) = q[..w.cols()].as_chunks::<16>();
    for (block, y) in y.chunks_mut(8).enumerate() {
        let row = |r: usize| w.row(block * 8 + r.min(y.len() - 1)).as_chunks::<16>();
        let rows: [(&[[i8; 16]], &[i8]); 8] = core::array::from_fn(row);
        let whole = rows.map(|(whole, _)| &whole[..q.len()]);
        let mut acc = [Q::zero(); 8];
        for (at, q) in q.iter().enumerate() {
            for (acc, row) in acc.iter_mut().zip(whole) {
                *acc = Q::dot16(*acc, &row[at], q);
            }
        }
        if !q_rest.is_empty() {
            for (acc, row) in acc.iter_mut().zip(rows) {
                *acc = Q::dot16(*acc, &padded(row.1), &padded(q_rest));
            }
        }
        store::<Q>(y, acc);
    }
}

/// Sums over dense rows that are inputs; zero inputs are skipped in pairs.
pub(super) fn dense_input<Q: Quad>(w: Dense<'_, i8>, q: &[i8], y: &mut [f32]) {
    let mut at = 0;
    while y.len() - at >= 64 {
        columns::<Q, 4>(&w, q, at, y);
        at += 64;
    }
    while y.len() - at >= 16 {
        columns::<Q, 1>(&w, q, at, y);
        at += 16;
    }
    for (i, y) in y.iter_mut().enumerate().skip(at) {
        let sum = (0..w.rows()).fold(0i32, |sum, j| {
            sum + i32::from(w.row(j)[i]) * i32::from(q[j])
        });
        *y = f32::from_bits(sum as u32);
    }
}

/// Outputs `at .. at + 16 G`; inputs go by in pairs, whose products one instruction adds.
#[inline(always)]
fn columns<Q: Quad, const G: usize>(w: &Dense<'_, i8>, q: &[i8], at: usize, y: &mut [f32]) {
    let mut acc = [[Q::zero(); 4]; G];
    for j in (0..w.rows()).step_by(2) {
        // q is padded with zeros, so an odd last input has a partner of weight zero.
        let pair = [q[j], q[j + 1]];
        if pair == [0, 0] {
            continue;
        }
        let even = &w.row(j)[at..][..16 * G];
        let odd = &w.row((j + 1).min(w.rows() - 1))[at..][..16 * G];
        let rows = even.as_chunks().0.iter().zip(odd.as_chunks().0);
        for (acc, (even, odd)) in acc.iter_mut().zip(rows) {
            *acc = Q::pair16(*acc, even, odd, pair);
        }
    }
    let y = y[at..][..16 * G].as_chunks_mut().0;
    for (y, sums) in y.iter_mut().zip(acc.as_flattened()) {
        Q::store_sums(y, *sums);
    }
}
