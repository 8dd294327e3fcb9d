//! How the elements of one matrix lie: a list of forms that all mean the same.

use super::{Bitmask, Csr, Dense, Gaps, Nibbles, Panel, Value};

/// A pattern and its values, by stored rows (the major axis) and places within them (the minor axis).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Layout<'a, V> {
    /// Every element.
    Dense(Dense<'a, V>),
    /// Row starts, columns, values.
    Csr(Csr<'a, V>),
    /// Distances of one byte beside values.
    Gaps(Gaps<'a, V>),
    /// Distances of four bits beside values.
    Nibbles(Nibbles<'a, V>),
    /// A bit for every element, and the values of the set ones.
    Bitmask(Bitmask<'a, V>),
    /// Slices of 64 rows that share sliding windows of columns.
    Panel(Panel<'a, V>),
}

impl<V: Value> Layout<'_, V> {
    /// Lengths of the stored axes, major first.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Layout::Dense(d) => (d.rows(), d.cols()),
            Layout::Csr(c) => (c.rows(), c.cols()),
            Layout::Gaps(g) => (g.rows(), g.cols()),
            Layout::Nibbles(n) => (n.rows(), n.cols()),
            Layout::Bitmask(b) => (b.rows(), b.cols()),
            Layout::Panel(p) => (p.rows(), p.cols()),
        }
    }

    /// Stored elements, fillers included; for a dense form rows · cols.
    pub fn nnz(&self) -> usize {
        match self {
            Layout::Dense(d) => d.values().len(),
            Layout::Csr(c) => c.nnz(),
            Layout::Gaps(g) => g.nnz(),
            Layout::Nibbles(n) => n.nnz(),
            Layout::Bitmask(b) => b.nnz(),
            Layout::Panel(p) => p.nnz(),
        }
    }

    /// Calls `f(major, minor, value)` for every stored element in the order of storage: within a stored row, minor
    /// indices ascend. Zeros may be left out.
    #[inline]
    pub fn for_each(&self, f: impl FnMut(usize, usize, V)) {
        match self {
            Layout::Dense(d) => d.for_each(f),
            Layout::Csr(c) => c.for_each(f),
            Layout::Gaps(g) => g.for_each(f),
            Layout::Nibbles(n) => n.for_each(f),
            Layout::Bitmask(b) => b.for_each(f),
            Layout::Panel(p) => p.for_each(f),
        }
    }

    /// Calls `f(minor, value)` for every stored element of stored row `major`, minor indices ascending.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    pub fn for_each_in(&self, major: usize, mut f: impl FnMut(usize, V)) {
        match self {
            Layout::Dense(d) => d.row(major).iter().enumerate().for_each(|(j, &v)| f(j, v)),
            Layout::Csr(c) => {
                let (indices, values) = c.row(major);
                for (&j, &v) in indices.iter().zip(values) {
                    f(j.into(), v);
                }
            }
            Layout::Gaps(g) => g.for_each_in(major, f),
            Layout::Nibbles(n) => n.for_each_in(major, f),
            Layout::Bitmask(b) => b.for_each_in(major, f),
            Layout::Panel(p) => p.for_each_in(major, f),
        }
    }

    /// The element at `(major, minor)`, or `None` where none is stored; zeros may be left out.
    pub(super) fn get(&self, major: usize, minor: usize) -> Option<V> {
        match self {
            Layout::Dense(d) => Some(d.row(major)[minor]),
            Layout::Csr(c) => {
                let (indices, values) = c.row(major);
                let at = indices
                    .binary_search_by(|&i| usize::from(i).cmp(&minor))
                    .ok()?;
                Some(values[at])
            }
            Layout::Gaps(g) => g.get(major, minor),
            Layout::Nibbles(n) => n.get(major, minor),
            Layout::Bitmask(b) => b.get(major, minor),
            Layout::Panel(p) => {
                let mut found = None;
                p.for_each_in(major, |j, v| found = (j == minor).then_some(v).or(found));
                found
            }
        }
    }
}
