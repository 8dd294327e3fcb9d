//! One bit for every element, and the values of the set bits.
//!
//! ```text
//! stored row i:  masks  │ word 0: bits of columns 0..32 │ word 1: 32..64 │ …   column j is bit j mod 32 of word j / 32
//!                values │ v v v … in the order of the bits               │   from starts[i] on
//! ```
//!
//! # Invariants
//! - A row has `cols / 32` words, rounded up; bits at and behind `cols` are 0.
//! - `starts` ascends from 0 to nnz, and a row has as many values as bits.
//! - Every value is finite; int8 values are in −127..=127.
//!
//! # Why
//! An index costs 8 to 16 bits a nonzero, a mask one bit an element: from 1 in 8 elements on, masks are smaller than
//! u8 gaps. Vector instructions expand sixteen values by a mask at once.

mod pack;

pub use pack::Room;

use super::{Error, Kind, Value};

/// Columns of one mask word.
const WORD: usize = u32::BITS as usize;

/// Mask words of a stored row of `cols` columns.
pub const fn words(cols: usize) -> usize {
    cols.div_ceil(WORD)
}

/// A bitmask matrix of shape `(rows, cols)`, borrowed. What its rows mean is [`super::Major`]'s business.
#[derive(Clone, Copy, Debug)]
pub struct Bitmask<'a, V> {
    rows: usize,
    cols: usize,
    starts: &'a [u32],
    masks: &'a [u32],
    values: &'a [V],
}

impl<'a, V: Value> Bitmask<'a, V> {
    /// Checks and wraps the parts. Shapes: `starts (rows + 1,)`, `masks (rows · words(cols),)`, `values (nnz,)`.
    ///
    /// # Errors
    /// The first part that breaks an invariant of the module, in time linear in the parts: `at` is a row, or an
    /// element for [`Kind::Value`].
    pub fn new(
        (rows, cols): (usize, usize),
        starts: &'a [u32],
        masks: &'a [u32],
        values: &'a [V],
    ) -> Result<Self, Error> {
        let bitmask = Self::trusted((rows, cols), starts, masks, values)?;
        let error = |kind, at| Err(Error { kind, at });
        if let Some(row) = starts.windows(2).position(|w| w[0] > w[1]) {
            return error(Kind::Order, row);
        }
        for row in 0..rows {
            let (masks, values) = bitmask.row(row);
            let beyond = match cols % WORD {
                0 => 0,
                used => masks.last().map_or(0, |last| last >> used),
            };
            if beyond != 0 {
                return error(Kind::OutOfRange, row);
            }
            let bits: usize = masks.iter().map(|m| m.count_ones() as usize).sum();
            if bits != values.len() {
                return error(Kind::Indptr, row);
            }
        }
        match values.iter().position(|v| !v.storable()) {
            Some(at) => error(Kind::Value, at),
            None => Ok(bitmask),
        }
    }

    /// Wraps parts that [`Bitmask::new`] has checked before; checks lengths and ends only, in constant time.
    ///
    /// Wrong parts give wrong numbers or a panic, never wrong memory: no kernel trusts a bit.
    ///
    /// # Errors
    /// [`Kind::Indptr`] or [`Kind::Length`].
    pub fn trusted(
        (rows, cols): (usize, usize),
        starts: &'a [u32],
        masks: &'a [u32],
        values: &'a [V],
    ) -> Result<Self, Error> {
        let ends = starts.len().checked_sub(1) == Some(rows)
            && starts[0] == 0
            && usize::try_from(starts[rows]) == Ok(values.len());
        if !ends {
            let (kind, at) = (Kind::Indptr, starts.len());
            return Err(Error { kind, at });
        }
        if rows.checked_mul(words(cols)) != Some(masks.len()) {
            let (kind, at) = (Kind::Length, masks.len());
            return Err(Error { kind, at });
        }
        Ok(Self {
            rows,
            cols,
            starts,
            masks,
            values,
        })
    }

    /// Length of the major axis.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Length of the minor axis.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Stored elements.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    /// First value of each row and the number of values, `(rows + 1,)`.
    pub fn starts(&self) -> &'a [u32] {
        self.starts
    }

    /// Mask words of all rows, `(rows · words(cols),)`.
    pub fn masks(&self) -> &'a [u32] {
        self.masks
    }

    /// Values, `(nnz,)`.
    pub fn values(&self) -> &'a [V] {
        self.values
    }

    /// Mask words and values of one row.
    ///
    /// # Panics
    /// If `row >= rows`.
    #[inline(always)]
    pub fn row(&self, row: usize) -> (&'a [u32], &'a [V]) {
        let words = words(self.cols);
        let values = self.starts[row] as usize..self.starts[row + 1] as usize;
        (
            &self.masks[row * words..(row + 1) * words],
            &self.values[values],
        )
    }

    /// Calls `f(row, column, value)` for every stored element in order.
    #[inline]
    pub fn for_each(&self, mut f: impl FnMut(usize, usize, V)) {
        for row in 0..self.rows {
            self.for_each_in(row, |column, v| f(row, column, v));
        }
    }

    /// Calls `f(column, value)` for every stored element of `row` in order.
    ///
    /// # Panics
    /// If `row >= rows`.
    #[inline]
    pub fn for_each_in(&self, row: usize, mut f: impl FnMut(usize, V)) {
        let (masks, values) = self.row(row);
        let mut values = values.iter();
        for (w, &mask) in masks.iter().enumerate() {
            let mut rest = mask;
            while rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let Some(&v) = values.next() else { return };
                f(w * WORD + bit, v);
            }
        }
    }

    /// The stored element at `(row, column)`.
    pub(super) fn get(&self, row: usize, column: usize) -> Option<V> {
        let (masks, values) = self.row(row);
        let (word, bit) = (column / WORD, column % WORD);
        if masks[word] >> bit & 1 == 0 {
            return None;
        }
        let before: u32 = masks[..word].iter().map(|m| m.count_ones()).sum();
        let within = (masks[word] & ((1 << bit) - 1)).count_ones();
        values.get((before + within) as usize).copied()
    }
}

#[cfg(test)]
mod tests;
