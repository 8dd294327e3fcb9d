//! From the lanes of a panel back to its rows.

use crate::sparse::panel::{GROUP, LANES};
use crate::sparse::{Panel, Value};

/// Writes the sums of slice `slice`, one a lane, to the rows that they are of.
///
/// # Panics
/// If the panel's order is not a permutation, which no panel made by `Panel::new` has.
#[inline(always)]
pub(super) fn put<V: Value>(w: &Panel<'_, V>, slice: usize, sums: &[f32; LANES], y: &mut [f32]) {
    let first = slice * LANES;
    let there = first..w.rows().min(first + LANES);
    let sums = &sums[..there.len()];
    match w.parts().order.get(there.clone()) {
        Some(order) => {
            let group = &mut y[first / GROUP * GROUP..];
            for (&row, &sum) in order.iter().zip(sums) {
                group[usize::from(row)] = sum;
            }
        }
        None => y[there].copy_from_slice(sums),
    }
}
