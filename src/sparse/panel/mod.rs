//! Panels: sixty-four rows walk their columns together, so that vector instructions can look x up in registers.
//!
//! ```text
//! slice = 64 rows (lanes)                 one step of a slice of floats
//!  lane 0   c₀  c₁    c₂ …                base ─┐    x[base .. base + window]   in registers
//!  lane 1     c₀   c₁      …                    ▼    ┌──┬──┬──┬──┬──────┬──┐
//!    ⋮                          ──►  indices │ i₀ … i₆₃ │  column = base + i, one entry a lane
//!  lane 63  c₀    c₁  c₂   …         values  │ v₀ … v₆₃ │  a lane that has none: i = 0, v = 0
//!
//! bytes of `indices`, floats: lane l at 4 (l mod 16) + l / 16, so that byte k of 32-bit word w is lane 16 k + w
//! bytes of `indices`, int8:   a step has four entries a lane; entry j of lane l at 4 l + j, `values` likewise
//! ```
//!
//! A step's base is the leftmost column that any of its lanes still waits for (or `cols - window`); every lane whose
//! next column lies inside the window advances. Slices follow each other; `starts[s] .. starts[s + 1]` are the steps of
//! slice s. Where rows differ in length, the rows of each group of 256 are sorted by length first: position p of a group
//! holds its row `order[p]`.
//!
//! # Invariants
//! - `starts` ascends from 0 to the number of steps; every base is at most `cols - window` (0 if that is negative).
//! - Columns of a row strictly ascend; an entry whose value is zero is a filler, +0.0 and index 0.
//! - `order` is empty (rows in place) or a permutation of every group of 256 rows (of the rest, for the last).
//! - Rows are outputs: nothing here helps a product that skips inputs.
//!
//! # Why
//! One look-up instruction reads a 32-column window of f32 (128 of int8) five to nine times as fast as gathers read
//! memory. Windows at fixed columns waste half the lanes at 10 % density and a quarter at 50 %; a window that follows
//! its lanes wastes a third and a twentieth. Sixty-four lanes are four independent sums of sixteen, enough to hide the
//! latency of the additions that the numeric contract keeps in order, and they share one base and one load of x. Fillers
//! multiply a finite x by zero, which no sum that started at +0.0 can show.

mod check;
mod pack;

pub use pack::{Need, Room};

use super::{Error, Kind, Value};

/// Rows of a slice.
pub const LANES: usize = 64;
/// Rows that are sorted together.
pub const GROUP: usize = 256;
/// Widest window, in columns.
pub const WIDEST: usize = 128;

/// Entries that one lane has in one step: four for int8, whose dot products take four at a time, else one.
pub const fn depth<V>() -> usize {
    if size_of::<V>() == 1 { 4 } else { 1 }
}

/// The window that 512-bit registers look up at once: 32 columns of floats, 128 of int8.
pub const fn widest_window<V>() -> usize {
    if size_of::<V>() == 1 { 128 } else { 32 }
}

/// Place of a step's entry `j` of lane `lane` among the step's index bytes.
#[inline(always)]
pub const fn index_at<V>(lane: usize, j: usize) -> usize {
    if depth::<V>() == 1 {
        4 * (lane % 16) + lane / 16
    } else {
        4 * lane + j
    }
}

/// What a [`Panel`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a, V> {
    /// First step of each slice and the number of steps, `(slices + 1,)`.
    pub starts: &'a [u32],
    /// First column of each step's window, `(steps,)`.
    pub bases: &'a [u16],
    /// Columns relative to the base, `(steps · 64 · depth,)`.
    pub indices: &'a [u8],
    /// Values, `(steps · 64 · depth,)`.
    pub values: &'a [V],
    /// Row at each position within its group of 256, `(rows,)`; empty if rows are in place.
    pub order: &'a [u8],
}

/// Rows of shape `(rows, cols)` in slices of 64 that share a sliding window, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Panel<'a, V> {
    rows: usize,
    cols: usize,
    window: usize,
    parts: Parts<'a, V>,
}

impl<'a, V: Value> Panel<'a, V> {
    /// Checks and wraps the parts; `window` is 1..=128 columns.
    ///
    /// # Errors
    /// The first part that breaks an invariant of the module, in time linear in the parts: `at` is a slice for
    /// [`Kind::Indptr`] and [`Kind::Order`], a row for [`Kind::Permutation`], an entry for all others.
    pub fn new(
        (rows, cols): (usize, usize),
        window: usize,
        parts: Parts<'a, V>,
    ) -> Result<Self, Error> {
        let panel = Self::trusted((rows, cols), window, parts)?;
        check::all(&panel)?;
        Ok(panel)
    }

    /// Wraps parts that [`Panel::new`] has checked before; checks lengths and ends only, in constant time.
    ///
    /// Wrong parts give wrong numbers or a panic, never wrong memory: no kernel trusts a base or an index.
    ///
    /// # Errors
    /// [`Kind::Indptr`] or [`Kind::Length`].
    pub fn trusted(
        (rows, cols): (usize, usize),
        window: usize,
        parts: Parts<'a, V>,
    ) -> Result<Self, Error> {
        let (starts, steps) = (parts.starts, parts.bases.len());
        let slices = rows.div_ceil(LANES);
        let ends = starts.len() == slices + 1
            && starts[0] == 0
            && usize::try_from(starts[slices]) == Ok(steps);
        if !ends {
            let (kind, at) = (Kind::Indptr, starts.len());
            return Err(Error { kind, at });
        }
        let entries = steps.checked_mul(LANES * depth::<V>());
        let lengths = entries == Some(parts.values.len())
            && entries == Some(parts.indices.len())
            && (parts.order.is_empty() || parts.order.len() == rows)
            && (1..=WIDEST).contains(&window);
        if !lengths {
            let (kind, at) = (Kind::Length, parts.values.len());
            return Err(Error { kind, at });
        }
        Ok(Self {
            rows,
            cols,
            window,
            parts,
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

    /// Columns of a window.
    pub fn window(&self) -> usize {
        self.window
    }

    /// The parts.
    pub fn parts(&self) -> Parts<'a, V> {
        self.parts
    }

    /// Entries, fillers included.
    pub fn nnz(&self) -> usize {
        self.parts.values.len()
    }

    /// Steps of slice `slice`; whatever `starts` says, steps that there are.
    #[inline(always)]
    pub fn steps(&self, slice: usize) -> core::ops::Range<usize> {
        let (starts, steps) = (self.parts.starts, self.parts.bases.len());
        let end = (starts[slice + 1] as usize).min(steps);
        (starts[slice] as usize).min(end)..end
    }

    /// The row at position `at`, or `None` behind the last.
    #[inline]
    pub fn row_at(&self, at: usize) -> Option<usize> {
        if at >= self.rows {
            return None;
        }
        match self.parts.order.get(at) {
            Some(&row) => Some(at / GROUP * GROUP + usize::from(row)),
            None => Some(at),
        }
    }

    fn position_of(&self, row: usize) -> Option<usize> {
        assert!(row < self.rows, "no such row");
        if self.parts.order.is_empty() {
            return Some(row);
        }
        let group = row / GROUP * GROUP;
        let rest = self.parts.order[group..].iter().take(GROUP);
        let at = rest
            .into_iter()
            .position(|&r| usize::from(r) == row - group)?;
        Some(group + at)
    }

    /// Entry `j` of lane `lane` in step `step`: its column, however wrong, and its value.
    #[inline(always)]
    fn entry(&self, step: usize, lane: usize, j: usize) -> (usize, V) {
        let first = step * LANES * depth::<V>();
        let index = self.parts.indices[first + index_at::<V>(lane, j)];
        let column = usize::from(self.parts.bases[step]) + usize::from(index);
        (column, self.parts.values[first + lane * depth::<V>() + j])
    }

    /// Calls `f(row, column, value)` for every entry but fillers, in the order of storage; columns of a row ascend.
    pub fn for_each(&self, mut f: impl FnMut(usize, usize, V)) {
        for slice in 0..self.rows.div_ceil(LANES) {
            for step in self.steps(slice) {
                for lane in 0..LANES {
                    let Some(row) = self.row_at(slice * LANES + lane) else {
                        break;
                    };
                    for j in 0..depth::<V>() {
                        let (column, v) = self.entry(step, lane, j);
                        if v.to_f32() != 0.0 {
                            f(row, column, v);
                        }
                    }
                }
            }
        }
    }

    /// Calls `f(column, value)` for every entry of `row` but fillers; columns ascend.
    ///
    /// # Panics
    /// If `row >= rows`.
    pub fn for_each_in(&self, row: usize, mut f: impl FnMut(usize, V)) {
        let Some(at) = self.position_of(row) else {
            return;
        };
        for step in self.steps(at / LANES) {
            for j in 0..depth::<V>() {
                let (column, v) = self.entry(step, at % LANES, j);
                if v.to_f32() != 0.0 {
                    f(column, v);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
