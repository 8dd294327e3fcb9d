//! A few sparse rows side by side: where they are, and windows on them that need no further check.
//!
//! ```text
//! indices │ row 0 ──────►│ row 1 ─►│ … │ row R−1 ────►│ next block …            │ 8 │
//!           └ window ┘     └ window ┘     └ window ┘                     late ──┘   a row that ends here is summed alone
//! ```
#![allow(unsafe_code)]

use crate::sparse::{Csr, Value};

/// Most elements that a window may have.
const WIDEST: usize = 8;

/// A matrix whose indices are all below its number of columns, by having looked.
#[derive(Clone, Copy)]
pub(super) struct Checked<'a, V>(Csr<'a, V>);

impl<'a, V: Value> Checked<'a, V> {
    /// Looks at every index: one vector maximum for a handful, a small part of what a product costs.
    ///
    /// # Panics
    /// If an index is out of range, which no matrix made by `Csr::new` has.
    #[inline(always)]
    pub(super) fn new(w: Csr<'a, V>) -> Self {
        let largest = w.indices().iter().fold(0, |m, &i| m.max(i));
        assert!(
            w.nnz() == 0 || usize::from(largest) < w.cols(),
            "index out of range"
        );
        Self(w)
    }

    /// The matrix.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn csr(&self) -> Csr<'a, V> {
        self.0
    }

    /// First element of row `row` and the one behind its last; whatever `indptr` says, both are among those there are.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn range(&self, row: usize) -> (usize, usize) {
        let ends = self.0.indptr();
        let end = (ends[row + 1] as usize).min(self.0.nnz());
        ((ends[row] as usize).min(end), end)
    }

    /// `R <= 16` rows from `first` on; those that are not there are empty.
    #[inline(always)]
    pub(super) fn block<const R: usize>(&self, first: usize) -> Block<'a, V, R> {
        const { assert!(R <= u16::BITS as usize) };
        let (ends, nnz) = (self.0.indptr(), self.0.nnz());
        let (mut start, mut length) = ([0; R], [0; R]);
        let (mut longest, mut furthest, mut late) = (0, 0, 0u16);
        for r in 0..R.min(self.0.rows() - first) {
            // Whatever `indptr` says, a row lies within the elements that there are.
            let end = (ends[first + r + 1] as usize).min(nnz);
            let begin = (ends[first + r] as usize).min(end);
            if end + WIDEST > nnz {
                late |= 1 << r;
                continue;
            }
            start[r] = begin;
            length[r] = (end - begin) as i32;
            longest = longest.max(end - begin);
            furthest = furthest.max(begin);
        }
        Block {
            w: self.0,
            start,
            length,
            longest,
            inner: furthest + longest + 2 * WIDEST <= nnz,
            late,
        }
    }
}

/// `R` rows.
pub(super) struct Block<'a, V, const R: usize> {
    w: Csr<'a, V>,
    start: [usize; R],
    /// Their lengths; 0 for those that are `late`.
    pub(super) length: [i32; R],
    /// Length of the longest.
    pub(super) longest: usize,
    /// Every window of every row lies inside, also those behind a row's end.
    pub(super) inner: bool,
    /// Bit r: row r ends within the last elements of the matrix, where a window would leave it.
    late: u16,
}

impl<V: Value, const R: usize> Block<'_, V, R> {
    /// Indices and values of `N <= 8` elements of row `r` from its `at`-th on, `at` below `longest` rounded up to `N`.
    ///
    /// Beyond the row's end come other elements of the matrix; the caller masks them. `INNER` is to be
    /// [`Block::inner`]: it spares a minimum, and with it a detour that compilers take through vector registers.
    #[inline(always)]
    pub(super) fn window<const N: usize, const INNER: bool>(
        &self,
        r: usize,
        at: usize,
    ) -> ([u16; N], [V; N]) {
        const { assert!(N <= WIDEST) };
        debug_assert!(INNER == self.inner && at < self.longest);
        let mut start = self.start[r] + at;
        if !INNER {
            // Where the row has not ended, this changes nothing: it ends at least `WIDEST` elements before the last.
            start = start.min(self.w.nnz() - WIDEST);
        }
        // SAFETY: the window lies inside by `inner` or by the minimum: a block with a row that is not late, as one with
        // a longest row is, has at least `WIDEST` elements. `Csr` keeps both slices equally long.
        unsafe {
            (
                self.w
                    .indices()
                    .as_ptr()
                    .add(start)
                    .cast::<[u16; N]>()
                    .read(),
                self.w.values().as_ptr().add(start).cast::<[V; N]>().read(),
            )
        }
    }

    /// As [`Block::window`], with `x[index]` in place of each index.
    ///
    /// # Panics
    /// If `x` is shorter than the matrix is wide.
    #[inline(always)]
    pub(super) fn gather<const N: usize, const INNER: bool, X: Copy>(
        &self,
        r: usize,
        at: usize,
        x: &[X],
    ) -> ([X; N], [V; N]) {
        assert!(x.len() >= self.w.cols(), "shape of x");
        let (indices, values) = self.window::<N, INNER>(r, at);
        // SAFETY: a block is of a checked matrix, whose indices are all below its number of columns.
        let look_up = |i: u16| unsafe { *x.get_unchecked(usize::from(i)) };
        (indices.map(look_up), values)
    }

    /// Sums alone the rows that are late. `first` is the block's, `y` its outputs, `sum` that of one row.
    #[inline(always)]
    pub(super) fn finish(&self, first: usize, y: &mut [f32], sum: impl Fn(&[u16], &[V]) -> f32) {
        if self.late != 0 {
            for (r, y) in y.iter_mut().enumerate() {
                if self.late >> r & 1 != 0 {
                    let (indices, values) = self.w.row(first + r);
                    *y = sum(indices, values);
                }
            }
        }
    }
}
