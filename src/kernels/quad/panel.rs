//! Panels of f32 and f16: x is looked up in registers, a byte of it at a time.
//!
//! ```text
//! x[base ..]             planes, 16 bytes each        16 lanes' indices
//!  │ a₀ a₁ a₂ a₃ │ b₀ …  │ a₀ b₀ c₀ … │ ─ look-up ─►  │ byte 0 of 16 lanes │ ┐
//!  │  a float    │  ──►  │ a₁ b₁ c₁ … │ ─ look-up ─►  │ byte 1             │ │ interleaved: 4 × 4 floats
//!                        │ a₂ b₂ c₂ … │ ─ look-up ─►  │ byte 2             │ │
//!                        │ a₃ b₃ c₃ … │ ─ look-up ─►  │ byte 3             │ ┘
//! ```

use super::{Float, Quad, padded};
use crate::kernels::panel::put;
use crate::sparse::Panel;
use crate::sparse::panel::LANES;

/// Columns of a table.
const TABLE: usize = 16;

/// Columns that two tables hold.
pub(super) const WIDEST: usize = 2 * TABLE;

/// `y = W x`, windows of at most [`WIDEST`] columns.
pub(super) fn output<Q: Quad, V: Float>(w: Panel<'_, V>, x: &[f32], y: &mut [f32]) {
    assert!(w.window() <= WIDEST, "window does not fit the tables");
    if w.window() <= TABLE {
        sums::<Q, V, 1>(w, x, y);
    } else {
        sums::<Q, V, 2>(w, x, y);
    }
}

/// `T` tables for a window.
#[inline(always)]
fn sums<Q: Quad, V: Float, const T: usize>(w: Panel<'_, V>, x: &[f32], y: &mut [f32]) {
    let parts = w.parts();
    let indices = parts.indices.as_chunks::<LANES>().0;
    let values = parts.values.as_chunks::<LANES>().0;
    for slice in 0..w.rows().div_ceil(LANES) {
        let mut acc = [Q::splat(0.0); LANES / 4];
        let steps = w.steps(slice);
        let steps = parts.bases[steps.clone()]
            .iter()
            .zip(&indices[steps.clone()])
            .zip(&values[steps]);
        for ((&base, indices), values) in steps {
            let mut tables = [[Q::bytes(&[0; 16]); 4]; T];
            for (t, tables) in tables.iter_mut().enumerate() {
                let x = x.get(usize::from(base) + TABLE * t..).unwrap_or_default();
                *tables = match x.first_chunk() {
                    Some(x) => Q::planes(x),
                    None => Q::planes(&padded(x)),
                };
            }
            let values = values.as_chunks::<4>().0;
            // Byte k of 32-bit word w is lane 16 k + w; sixteen bytes are four words.
            for (at, indices) in indices.as_chunks::<16>().0.iter().enumerate() {
                let x = Q::look_up(&tables, indices);
                for k in 0..4 {
                    let at = 4 * k + at;
                    acc[at] = Q::add(acc[at], Q::mul(V::quad::<Q>(&values[at]), x[k]));
                }
            }
        }
        let mut sums = [0.0; LANES];
        for (sums, acc) in sums.as_chunks_mut().0.iter_mut().zip(acc) {
            Q::store(sums, acc);
        }
        put(&w, slice, &sums, y);
    }
}
