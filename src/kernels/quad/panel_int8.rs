//! Panels of int8: sixteen bytes of q are looked up and multiplied at a time, four of each of four lanes. Sums are left
//! as i32 bits in `y`.

use super::{Quad, padded};
use crate::kernels::panel::put;
use crate::sparse::Panel;
use crate::sparse::panel::{LANES, WIDEST};

/// Columns of a table.
const TABLE: usize = 16;

/// Sums of rows that are outputs.
pub(super) fn output<Q: Quad>(w: Panel<'_, i8>, q: &[i8], y: &mut [f32]) {
    if w.window() <= 4 * TABLE {
        sums::<Q, 4>(w, q, y);
    } else {
        const { assert!(WIDEST == 8 * TABLE) };
        sums::<Q, 8>(w, q, y);
    }
}

/// `T` tables for a window.
#[inline(always)]
fn sums<Q: Quad, const T: usize>(w: Panel<'_, i8>, q: &[i8], y: &mut [f32]) {
    let parts = w.parts();
    let indices = parts.indices.as_chunks::<{ 4 * LANES }>().0;
    let values = parts.values.as_chunks::<{ 4 * LANES }>().0;
    for slice in 0..w.rows().div_ceil(LANES) {
        let mut acc = [Q::zero(); LANES / 4];
        let steps = w.steps(slice);
        let steps = parts.bases[steps.clone()]
            .iter()
            .zip(&indices[steps.clone()])
            .zip(&values[steps]);
        for ((&base, indices), values) in steps {
            let mut tables = [Q::bytes(&[0; 16]); T];
            for (t, table) in tables.iter_mut().enumerate() {
                let q = q.get(usize::from(base) + TABLE * t..).unwrap_or_default();
                *table = Q::bytes(&match q.first_chunk() {
                    Some(q) => *q,
                    None => padded(q),
                });
            }
            let fours = indices.as_chunks().0.iter().zip(values.as_chunks().0);
            for (acc, (indices, values)) in acc.iter_mut().zip(fours) {
                *acc = Q::dot4(*acc, values, Q::look_up_bytes(&tables, indices));
            }
        }
        let mut sums = [0.0; LANES];
        for (sums, acc) in sums.as_chunks_mut().0.iter_mut().zip(acc) {
            Q::store_sums(sums, acc);
        }
        put(&w, slice, &sums, y);
    }
}
