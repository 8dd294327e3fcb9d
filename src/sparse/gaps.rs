//! Rows as steps: where the next element lies, counted from the one before it.
//!
//! ```text
//! starts  │ 0 │ 2 │ 2 │ 3 │                 row starts, in blocks
//! words   │ gaps │ values… │ gaps │ values… │ gaps │ values… │
//!           block 0          block 1          block 2
//!
//! Gaps     │ g0 g1 g2 g3 │ v0 v1 v2 v3 │                  bytes; four elements a block: 2 words for int8, 5 for f32
//! Nibbles  │ g0 g1 … g7  │ v0 v1 … v7  │                  4 bits; eight elements: 3 words for int8, 9 for f32
//!
//! columns 2, 3, 70 of f32     gaps 8 4 252 16            in bytes of x, 63 columns at most; the third is a filler
//! ```
//!
//! # Invariants
//! - Walking a row's gaps from column 0 stays inside the row: every element, fillers included, lies below `cols`. This
//!   holds for whatever [`Steps::new`] and [`Steps::pack`] return, and for the crate's own `trusted`, whose callers have
//!   shown the very same bytes to `new` before. Kernels advance pointers by gaps and rest on it.
//! - Nonzero values lie at strictly increasing columns. Fillers are zeros: in a row where a distance is too long for a
//!   gap, and behind its last element (gap 0), so that rows are whole blocks.
//! - A gap of [`Gaps`] is a distance in bytes of the vector that a product walks ([`Stride`]); one of [`Nibbles`] is in
//!   columns.
//!
//! # Why
//! Made for Cortex-M4. One load takes four gaps, `uxtab` with a rotation adds any one of them to a pointer, so an
//! address costs one instruction, and no tail needs a loop of its own because a block is never broken. Gaps and values
//! share one stream: one pointer to keep, one `ldmia` for eight int8 elements, and one sequence of addresses for a
//! flash prefetcher. For int8 an element takes 2 bytes, 1.5 as nibbles, against 3 in CSR.

use core::marker::PhantomData;

use super::{Error, Kind, Major, Value, ValueType};

/// Bytes of one element of the vector that gaps walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Stride {
    /// Quantised activations: a gap of up to 255 columns.
    Byte,
    /// Activations or sums of 32 bits: a gap of up to 63 columns.
    Word,
}

impl Stride {
    /// What a product with a matrix of this orientation and type walks: int8 activations, else 32-bit words.
    pub const fn of(major: Major, values: ValueType) -> Stride {
        match (major, values) {
            (Major::Output, ValueType::I8) => Stride::Byte,
            _ => Stride::Word,
        }
    }

    /// log2 of the bytes.
    pub(super) const fn shift(self) -> u32 {
        match self {
            Stride::Byte => 0,
            Stride::Word => 2,
        }
    }
}

/// Delta-coded rows of shape `(rows, cols)`, borrowed: [`Gaps`] or [`Nibbles`].
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a, V, const BITS: u32> {
    rows: usize,
    cols: usize,
    stride: Stride,
    starts: &'a [u32],
    words: &'a [u32],
    values: PhantomData<&'a [V]>,
}

/// One byte a gap: from about 2 % of the elements on.
pub type Gaps<'a, V> = Steps<'a, V, 8>;

/// Four bits a gap: from about 20 % of the elements on.
pub type Nibbles<'a, V> = Steps<'a, V, 4>;

impl<'a, V: Value> Gaps<'a, V> {
    /// Checks and wraps the parts. Shapes: `starts (rows + 1,)` in blocks, `words (blocks · WORDS,)`.
    ///
    /// # Errors
    /// The first part that breaks an invariant of the module, in time linear in rows + blocks.
    pub fn new(
        rows: usize,
        cols: usize,
        stride: Stride,
        starts: &'a [u32],
        words: &'a [u32],
    ) -> Result<Self, Error> {
        Self::trusted(rows, cols, stride, starts, words)?.checked()
    }

    /// Wraps parts that [`Gaps::new`] has accepted before, the same shape and stride with the same bytes; checks lengths.
    ///
    /// # Errors
    /// [`Kind::Indptr`] or [`Kind::Length`].
    pub(crate) fn trusted(
        rows: usize,
        cols: usize,
        stride: Stride,
        starts: &'a [u32],
        words: &'a [u32],
    ) -> Result<Self, Error> {
        Self::measured(rows, cols, stride, starts, words)
    }
}

impl<'a, V: Value> Nibbles<'a, V> {
    /// Checks and wraps the parts. Shapes: `starts (rows + 1,)` in blocks, `words (blocks · WORDS,)`.
    ///
    /// # Errors
    /// The first part that breaks an invariant of the module, in time linear in rows + blocks.
    pub fn new(
        rows: usize,
        cols: usize,
        starts: &'a [u32],
        words: &'a [u32],
    ) -> Result<Self, Error> {
        Self::trusted(rows, cols, starts, words)?.checked()
    }

    /// Wraps parts that [`Nibbles::new`] has accepted before, the same shape with the same bytes; checks lengths.
    ///
    /// # Errors
    /// [`Kind::Indptr`] or [`Kind::Length`].
    pub(crate) fn trusted(
        rows: usize,
        cols: usize,
        starts: &'a [u32],
        words: &'a [u32],
    ) -> Result<Self, Error> {
        Self::measured(rows, cols, Stride::Byte, starts, words)
    }
}

impl<'a, V: Value, const BITS: u32> Steps<'a, V, BITS> {
    /// Elements of a block.
    pub const BLOCK: usize = (32 / BITS) as usize;

    /// Words of a block: one of gaps, then the values.
    pub const WORDS: usize = 1 + Self::BLOCK * V::BITS as usize / 32;

    pub(super) fn measured(
        rows: usize,
        cols: usize,
        stride: Stride,
        starts: &'a [u32],
        words: &'a [u32],
    ) -> Result<Self, Error> {
        let error = |kind, at| Err(Error { kind, at });
        if starts.len().checked_sub(1) != Some(rows) || starts[0] != 0 {
            return error(Kind::Indptr, starts.len());
        }
        if (starts[rows] as usize).checked_mul(Self::WORDS) != Some(words.len()) {
            return error(Kind::Length, words.len());
        }
        Ok(Self {
            rows,
            cols,
            stride,
            starts,
            words,
            values: PhantomData,
        })
    }

    fn checked(self) -> Result<Self, Error> {
        let error = |kind, at| Err(Error { kind, at });
        if let Some(at) = self.starts.windows(2).position(|w| w[0] > w[1]) {
            return error(Kind::Order, at);
        }
        let shift = self.stride.shift();
        for row in 0..self.rows {
            let (mut at, mut first) = (0u64, true);
            let begin = self.starts[row] as usize * Self::BLOCK;
            let all = self
                .blocks(row)
                .flat_map(|b| (0..Self::BLOCK).map(|k| Self::element(b, k)));
            for (k, (gap, value)) in all.enumerate() {
                if !value.storable() {
                    return error(Kind::Value, begin + k);
                }
                let zero = value.to_f32() == 0.0;
                if gap & ((1 << shift) - 1) != 0 || (gap == 0 && !first && !zero) {
                    return error(Kind::Gap, row);
                }
                at += u64::from(gap);
                if at >> shift >= self.cols as u64 {
                    return error(Kind::OutOfRange, row);
                }
                first = false;
            }
        }
        Ok(self)
    }

    /// Length of the major axis.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Length of the minor axis.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// What the gaps of [`Gaps`] count; [`Stride::Byte`] for [`Nibbles`], whose gaps are columns.
    pub fn stride(&self) -> Stride {
        self.stride
    }

    /// Row starts in blocks, `(rows + 1,)`.
    pub fn starts(&self) -> &'a [u32] {
        self.starts
    }

    /// All blocks, `(blocks · WORDS,)`.
    pub fn words(&self) -> &'a [u32] {
        self.words
    }

    /// Stored elements, fillers included.
    pub fn nnz(&self) -> usize {
        self.words.len() / Self::WORDS * Self::BLOCK
    }

    /// The blocks of one row.
    #[inline(always)]
    fn blocks(&self, row: usize) -> impl Iterator<Item = &'a [u32]> + use<'a, V, BITS> {
        let range = self.starts[row] as usize..self.starts[row + 1] as usize;
        let words = &self.words[range.start * Self::WORDS..range.end * Self::WORDS];
        words.chunks_exact(Self::WORDS)
    }

    /// The `k`-th gap and value of a block.
    #[inline(always)]
    fn element(block: &[u32], k: usize) -> (u32, V) {
        let gap = block[0] >> (k as u32 * BITS) & (u32::MAX >> (32 - BITS));
        let bit = k as u32 * V::BITS;
        (
            gap,
            V::from_bits(block[1 + bit as usize / 32] >> (bit % 32)),
        )
    }

    /// Calls `f(column, value)` for every stored element of one row, fillers included; columns do not decrease.
    ///
    /// # Panics
    /// If `row >= rows`.
    #[inline(always)]
    pub(crate) fn for_each_stored_in(&self, row: usize, mut f: impl FnMut(usize, V)) {
        let (mut at, shift) = (0, self.stride.shift());
        for block in self.blocks(row) {
            for k in 0..Self::BLOCK {
                let (gap, value) = Self::element(block, k);
                at += gap as usize;
                f(at >> shift, value);
            }
        }
    }

    /// Calls `f(column, value)` for every nonzero of one row; columns strictly increase.
    ///
    /// # Panics
    /// If `row >= rows`.
    #[inline(always)]
    pub fn for_each_in(&self, row: usize, mut f: impl FnMut(usize, V)) {
        self.for_each_stored_in(row, |j, v| {
            if v.to_f32() != 0.0 {
                f(j, v);
            }
        });
    }

    /// Calls `f(row, column, value)` for every nonzero in order.
    #[inline]
    pub fn for_each(&self, mut f: impl FnMut(usize, usize, V)) {
        for row in 0..self.rows {
            self.for_each_in(row, |j, v| f(row, j, v));
        }
    }

    /// The nonzero at `(row, column)`, or `None` where there is none; linear in the row.
    ///
    /// # Panics
    /// If `row >= rows`.
    pub(super) fn get(&self, row: usize, column: usize) -> Option<V> {
        let (mut at, shift) = (0, self.stride.shift());
        for block in self.blocks(row) {
            for k in 0..Self::BLOCK {
                let (gap, value) = Self::element(block, k);
                at += gap as usize;
                if at >> shift > column {
                    return None;
                }
                if at >> shift == column && value.to_f32() != 0.0 {
                    return Some(value);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use half::f16;

    use super::{Error, Gaps, Kind, Nibbles, Stride};

    const WORD: Stride = Stride::Word;

    fn bytes(b: [u8; 4]) -> u32 {
        u32::from_le_bytes(b)
    }

    #[test]
    fn fillers_are_absent_and_columns_ascend() {
        // Row 0: columns 0, 1, 70 of f32; row 1: none; row 2: column 2.
        let v = f32::to_bits;
        let words = [
            bytes([0, 4, 252, 24]),
            v(1.0),
            v(2.0),
            0,
            v(3.0),
            bytes([8, 0, 0, 0]),
            v(4.0),
            0,
            0,
            0,
        ];
        let g = Gaps::<f32>::new(3, 71, WORD, &[0, 1, 1, 2], &words).unwrap();
        let mut all = Vec::new();
        g.for_each(|i, j, v| all.push((i, j, v)));
        assert_eq!(all, [(0, 0, 1.0), (0, 1, 2.0), (0, 70, 3.0), (2, 2, 4.0)]);
        assert_eq!((g.rows(), g.cols(), g.nnz()), (3, 71, 8));
        let found = [(0, 70), (0, 64), (0, 2), (1, 0), (2, 2), (2, 3)].map(|(i, j)| g.get(i, j));
        assert_eq!(found, [Some(3.0), None, None, None, Some(4.0), None]);
    }

    #[test]
    fn nibbles_hold_eight() {
        let words = [0x0000_f321, 0x0004_0302, 0x0000_0000];
        let n = Nibbles::<i8>::new(1, 22, &[0, 1], &words).unwrap();
        let mut all = Vec::new();
        n.for_each(|i, j, v| all.push((i, j, v)));
        assert_eq!(all, [(0, 1, 2), (0, 3, 3), (0, 6, 4)]);
        assert_eq!(
            (n.nnz(), Nibbles::<f16>::WORDS, Gaps::<f16>::WORDS),
            (8, 5, 3)
        );
    }

    #[test]
    fn each_broken_part_is_named_and_placed() {
        let error = |cols, stride, starts: &[u32], words: &[u32]| {
            let made = Gaps::<i8>::new(starts.len().max(1) - 1, cols, stride, starts, words);
            made.err().map(|Error { kind, at }| (kind, at))
        };
        let byte = Stride::Byte;
        let one = [bytes([3, 1, 0, 0]), bytes([7, 8, 0, 0])];
        assert_eq!(error(5, byte, &[0, 1], &one), None);
        assert_eq!(error(5, byte, &[], &one), Some((Kind::Indptr, 0)));
        assert_eq!(error(5, byte, &[1, 1], &one), Some((Kind::Indptr, 2)));
        assert_eq!(error(5, byte, &[0, 2], &one), Some((Kind::Length, 2)));
        assert_eq!(error(5, byte, &[0, 1], &one[..1]), Some((Kind::Length, 1)));
        assert_eq!(error(5, byte, &[0, 2, 1], &one), Some((Kind::Order, 1)));
        assert_eq!(error(4, byte, &[0, 1], &one), Some((Kind::OutOfRange, 0)));
        assert_eq!(
            error(0, byte, &[0, 0, 1], &[0, 0]),
            Some((Kind::OutOfRange, 1))
        );
        // Not whole columns; a nonzero where the one before it lies; −128.
        assert_eq!(error(5, WORD, &[0, 1], &one), Some((Kind::Gap, 0)));
        let twice = [bytes([3, 0, 0, 0]), bytes([7, 8, 0, 0])];
        assert_eq!(error(5, byte, &[0, 1], &twice), Some((Kind::Gap, 0)));
        let low = [bytes([3, 1, 0, 0]), bytes([7, 128, 0, 0])];
        assert_eq!(error(5, byte, &[0, 1], &low), Some((Kind::Value, 1)));
        assert_eq!(
            error(5, byte, &[0, u32::MAX], &one),
            Some((Kind::Length, 2))
        );
    }
}
