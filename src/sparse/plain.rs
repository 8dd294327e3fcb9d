//! The two reference forms written from any other: dense, CSR, and CSR with its axes exchanged.
//!
//! ```text
//! layout (major, minor) ── csr ──► the same axes      stored zeros are dropped, fillers with them
//!                       └─ turn ─► (minor, major)     one pass to count, one to place
//! ```
//!
//! # Invariants
//! - Caller's slices have exactly the lengths that [`nonzeros`] and the shape give, else nothing is written.
//! - Within a row of the result indices ascend, because stored rows are walked in ascending order, whatever the order
//!   in which a layout keeps them.
//!
//! # Why
//! Every other layout has a packer that walks stored rows of its own orientation; with these two, any matrix can be
//! brought into any form without a heap.

use super::{Csr, Error, Kind, Layout, Value};

/// Stored elements that are not zero.
pub fn nonzeros<V: Value>(layout: &Layout<'_, V>) -> usize {
    let mut n = 0;
    layout.for_each(|_, _, v| n += usize::from(v.to_f32() != 0.0));
    n
}

/// Writes every element, `out (major · minor,)`; absent ones as `zero`.
///
/// # Errors
/// [`Kind::Length`].
pub fn dense<V: Value>(layout: &Layout<'_, V>, zero: V, out: &mut [V]) -> Result<(), Error> {
    let (_, minor) = measured(layout, out.len())?;
    out.fill(zero);
    layout.for_each(|i, j, v| out[i * minor + j] = v);
    Ok(())
}

/// Writes every element with the axes exchanged, `out (minor · major,)`; absent ones as `zero`.
///
/// # Errors
/// [`Kind::Length`].
pub fn turn_dense<V: Value>(layout: &Layout<'_, V>, zero: V, out: &mut [V]) -> Result<(), Error> {
    let (major, _) = measured(layout, out.len())?;
    out.fill(zero);
    layout.for_each(|i, j, v| out[j * major + i] = v);
    Ok(())
}

fn measured<V: Value>(layout: &Layout<'_, V>, len: usize) -> Result<(usize, usize), Error> {
    let (major, minor) = layout.shape();
    if major.checked_mul(minor) == Some(len) {
        Ok((major, minor))
    } else {
        Err(length(len))
    }
}

fn length(at: usize) -> Error {
    Error {
        kind: Kind::Length,
        at,
    }
}

/// Writes CSR with the same axes. Shapes: `indptr (major + 1,)`, `indices` and `values` as [`nonzeros`] says.
///
/// # Errors
/// [`Kind::Indptr`] or [`Kind::Length`].
pub fn csr<'a, V: Value>(
    layout: &Layout<'_, V>,
    indptr: &'a mut [u32],
    indices: &'a mut [u16],
    values: &'a mut [V],
) -> Result<Csr<'a, V>, Error> {
    let (major, minor) = layout.shape();
    place(
        layout,
        (major, minor),
        |i, j| (i, j),
        indptr,
        indices,
        values,
    )
}

/// Writes CSR with the axes exchanged. Shapes: `indptr (minor + 1,)`, `indices` and `values` as [`nonzeros`] says.
///
/// # Errors
/// [`Kind::Indptr`] or [`Kind::Length`].
pub fn turn<'a, V: Value>(
    layout: &Layout<'_, V>,
    indptr: &'a mut [u32],
    indices: &'a mut [u16],
    values: &'a mut [V],
) -> Result<Csr<'a, V>, Error> {
    let (major, minor) = layout.shape();
    place(
        layout,
        (minor, major),
        |i, j| (j, i),
        indptr,
        indices,
        values,
    )
}

/// Counts, then places.
fn place<'a, V: Value>(
    layout: &Layout<'_, V>,
    (rows, cols): (usize, usize),
    to: impl Fn(usize, usize) -> (usize, usize),
    indptr: &'a mut [u32],
    indices: &'a mut [u16],
    values: &'a mut [V],
) -> Result<Csr<'a, V>, Error> {
    lengths(layout, rows, indptr, indices, values)?;
    // Counts lie two places on, so that placing moves each start to where the next row's belongs.
    indptr.fill(0);
    layout.for_each(|i, j, v| {
        let (row, _) = to(i, j);
        if v.to_f32() != 0.0
            && let Some(count) = indptr.get_mut(row + 2)
        {
            *count += 1;
        }
    });
    for row in 2..indptr.len() {
        indptr[row] += indptr[row - 1];
    }
    for i in 0..layout.shape().0 {
        layout.for_each_in(i, |j, v| {
            if v.to_f32() != 0.0 {
                let (row, col) = to(i, j);
                let at = indptr[row + 1] as usize;
                indices[at] = col as u16;
                values[at] = v;
                indptr[row + 1] += 1;
            }
        });
    }
    Csr::trusted(rows, cols, indptr, indices, values)
}

fn lengths<V: Value>(
    layout: &Layout<'_, V>,
    rows: usize,
    indptr: &[u32],
    indices: &[u16],
    values: &[V],
) -> Result<(), Error> {
    if indptr.len().checked_sub(1) != Some(rows) {
        return Err(Error {
            kind: Kind::Indptr,
            at: indptr.len(),
        });
    }
    let nnz = nonzeros(layout);
    for len in [indices.len(), values.len()] {
        if len != nnz {
            return Err(length(len));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{csr, dense, nonzeros, turn, turn_dense};
    use crate::sparse::{Csr, Dense, Error, Kind, Layout};

    // [ 0 2 0 0 ]
    // [ 0 0 0 0 ]
    // [ 3 0 4 0 ], the last zero of row 2 stored
    fn sample() -> Layout<'static, i8> {
        const INDICES: [u16; 4] = [1, 0, 2, 3];
        let made = Csr::new(3, 4, &[0, 1, 1, 4], &INDICES, &[2, 3, 4, 0]);
        Layout::Csr(made.expect("well formed"))
    }

    #[test]
    fn csr_drops_zeros_and_turns() {
        let source = sample();
        assert_eq!(nonzeros(&source), 3);
        let (mut indptr, mut indices, mut values) = ([9; 4], [9; 3], [9i8; 3]);
        let same = csr(&source, &mut indptr, &mut indices, &mut values).unwrap();
        let same = (same.indptr(), same.indices(), same.values());
        assert_eq!(same, (&[0, 1, 1, 3][..], &[1, 0, 2][..], &[2, 3, 4][..]));
        let (mut indptr, mut indices, mut values) = ([9; 5], [9; 3], [9i8; 3]);
        let turned = turn(&source, &mut indptr, &mut indices, &mut values).unwrap();
        assert_eq!((turned.rows(), turned.cols()), (4, 3));
        let turned = (turned.indptr(), turned.indices(), turned.values());
        assert_eq!(
            turned,
            (&[0, 1, 2, 3, 3][..], &[2, 0, 2][..], &[3, 2, 4][..])
        );
    }

    #[test]
    fn dense_has_every_element() {
        let mut out = [7i8; 12];
        dense(&sample(), 0, &mut out).unwrap();
        assert_eq!(out, [0, 2, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0]);
        turn_dense(&sample(), 0, &mut out).unwrap();
        assert_eq!(out, [0, 0, 3, 2, 0, 0, 0, 0, 4, 0, 0, 0]);
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let error = |kind, at| Some(Error { kind, at });
        let source = sample();
        assert_eq!(
            dense(&source, 0, &mut [0; 11]).err(),
            error(Kind::Length, 11)
        );
        let (mut indptr, mut indices, mut values) = ([0; 5], [0; 3], [0; 3]);
        let found = csr(&source, &mut indptr, &mut indices, &mut values).err();
        assert_eq!(found, error(Kind::Indptr, 5));
        let found = turn(&source, &mut indptr, &mut indices[1..], &mut values).err();
        assert_eq!(found, error(Kind::Length, 2));
    }

    #[test]
    fn empty_axes() {
        let (no_rows, no_columns) = (Dense::<f32>::new(0, 3, &[]), Dense::<f32>::new(3, 0, &[]));
        for (dense, same, other) in [(no_rows, 1, 4), (no_columns, 4, 1)] {
            let source = Layout::Dense(dense.unwrap());
            let mut indptr = [9; 4];
            csr(&source, &mut indptr[..same], &mut [], &mut []).unwrap();
            assert_eq!(indptr[..same], [0; 4][..same]);
            let mut indptr = [9; 4];
            turn(&source, &mut indptr[..other], &mut [], &mut []).unwrap();
            assert_eq!(indptr[..other], [0; 4][..other]);
        }
    }
}
