//! Any layout written as steps, into a caller's words.
//!
//! ```text
//! Layout ─► size() = words needed        Layout ─► pack(starts, words) = the same numbers as Gaps or Nibbles
//! row │ 0 0 5 0 … 7 │ ─► (gap 2, 5) (filler 63, 0) … (gap 4, 7) (pad 0, 0)
//! ```
//!
//! # Invariants
//! - What is written passes `new`, unless a value of the source may not be stored.
//! - `size` and `pack` walk the same steps.
//!
//! # Why
//! No allocator: a firmware, a host and an exporter each have their own memory, and all pack with the same code.

use super::gaps::{Gaps, Nibbles, Steps, Stride};
use super::{Error, Kind, Layout, Value};

impl<'a, V: Value> Gaps<'a, V> {
    /// Words that `source` takes as gaps.
    ///
    /// # Errors
    /// As [`Gaps::pack`].
    pub fn size(source: &Layout<'_, V>, stride: Stride) -> Result<usize, Error> {
        Self::count(source, stride)
    }

    /// Writes `source` as gaps: row starts into the first `rows + 1` of `starts`, blocks into the first
    /// [`Gaps::size`] of `words`. Zeros of the source are left out.
    ///
    /// # Errors
    /// [`Kind::Length`] if a slice is too short or the blocks do not fit u32, [`Kind::Unsorted`] or
    /// [`Kind::OutOfRange`] if the source was never checked and is broken.
    pub fn pack(
        source: &Layout<'_, V>,
        stride: Stride,
        starts: &'a mut [u32],
        words: &'a mut [u32],
    ) -> Result<Self, Error> {
        Self::write(source, stride, starts, words)
    }
}

impl<'a, V: Value> Nibbles<'a, V> {
    /// Words that `source` takes as nibbles.
    ///
    /// # Errors
    /// As [`Nibbles::pack`].
    pub fn size(source: &Layout<'_, V>) -> Result<usize, Error> {
        Self::count(source, Stride::Byte)
    }

    /// Writes `source` as nibbles: row starts into the first `rows + 1` of `starts`, blocks into the first
    /// [`Nibbles::size`] of `words`. Zeros of the source are left out.
    ///
    /// # Errors
    /// As [`Gaps::pack`].
    pub fn pack(
        source: &Layout<'_, V>,
        starts: &'a mut [u32],
        words: &'a mut [u32],
    ) -> Result<Self, Error> {
        Self::write(source, Stride::Byte, starts, words)
    }
}

impl<'a, V: Value, const BITS: u32> Steps<'a, V, BITS> {
    /// Calls `push(gap, value)` for every element of one stored row, fillers before far elements included.
    fn steps(
        source: &Layout<'_, V>,
        row: usize,
        stride: Stride,
        mut push: impl FnMut(u32, u32),
    ) -> Result<(), Error> {
        let shift = stride.shift();
        let longest = u64::from((u32::MAX >> (32 - BITS)) & !((1 << shift) - 1));
        let cols = source.shape().1;
        // The next element may not lie before `free`.
        let (mut at, mut free, mut broken) = (0u64, 0, None);
        source.for_each_in(row, |column, value| {
            if value.to_f32() == 0.0 || broken.is_some() {
                return;
            }
            if column < free {
                broken = Some(Kind::Unsorted);
            } else if column >= cols {
                broken = Some(Kind::OutOfRange);
            } else {
                let mut gap = ((column as u64) << shift) - at;
                while gap > longest {
                    push(longest as u32, 0);
                    gap -= longest;
                }
                push(gap as u32, value.bits());
                at = (column as u64) << shift;
                free = column + 1;
            }
        });
        match broken {
            Some(kind) => Err(Error { kind, at: row }),
            None => Ok(()),
        }
    }

    fn count(source: &Layout<'_, V>, stride: Stride) -> Result<usize, Error> {
        let mut blocks = 0;
        for row in 0..source.shape().0 {
            let mut n = 0usize;
            Self::steps(source, row, stride, |_, _| n += 1)?;
            blocks += n.div_ceil(Self::BLOCK);
        }
        let words = blocks.checked_mul(Self::WORDS);
        match words.filter(|_| u32::try_from(blocks).is_ok()) {
            Some(words) => Ok(words),
            None => Err(Error {
                kind: Kind::Length,
                at: blocks,
            }),
        }
    }

    fn write(
        source: &Layout<'_, V>,
        stride: Stride,
        starts: &'a mut [u32],
        words: &'a mut [u32],
    ) -> Result<Self, Error> {
        let (rows, cols) = source.shape();
        let short = |at| Error {
            kind: Kind::Length,
            at,
        };
        let need = Self::count(source, stride)?;
        let got = (starts.len(), words.len());
        let starts = starts.get_mut(..=rows).ok_or(short(got.0))?;
        let words = words.get_mut(..need).ok_or(short(got.1))?;
        words.fill(0);
        starts[0] = 0;
        let mut block = 0;
        for row in 0..rows {
            let mut n = 0;
            let rest = &mut words[block * Self::WORDS..];
            Self::steps(source, row, stride, |gap, bits| {
                let (k, first) = (n % Self::BLOCK, n / Self::BLOCK * Self::WORDS);
                let bit = k * V::BITS as usize;
                rest[first] |= gap << (k * BITS as usize);
                rest[first + 1 + bit / 32] |= bits << (bit % 32);
                n += 1;
            })?;
            block += n.div_ceil(Self::BLOCK);
            starts[row + 1] = block as u32;
        }
        Self::measured(rows, cols, stride, starts, words)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use super::{Gaps, Nibbles, Stride};
    use crate::sparse::{Csr, Dense, Kind, Layout};

    /// Row 0 with far neighbours, row 1 empty, row 2 full of near ones.
    fn dense() -> Vec<f32> {
        let mut w = vec![0.0; 3 * 300];
        for (j, v) in [
            (0, 1.5),
            (14, -2.0),
            (30, 3.0),
            (93, 4.0),
            (157, 5.0),
            (299, 6.0),
        ] {
            w[j] = v;
        }
        for j in 0..9 {
            w[600 + 2 * j] = -0.5 - j as f32;
        }
        w[601] = -0.0;
        w
    }

    #[test]
    fn every_packing_tells_the_same_story() {
        let w = dense();
        let source = Layout::Dense(Dense::new(3, 300, &w).unwrap());
        let mut expected = Vec::new();
        source.for_each(|i, j, v| {
            if v != 0.0 {
                expected.push((i, j, v));
            }
        });
        let story = |l: Layout<'_, f32>| {
            let mut all = Vec::new();
            l.for_each(|i, j, v| all.push((i, j, v)));
            all
        };
        for stride in [Stride::Byte, Stride::Word] {
            let n = Gaps::size(&source, stride).unwrap();
            let (mut starts, mut words) = (vec![9; 5], vec![u32::MAX; n + 3]);
            let g = Gaps::pack(&source, stride, &mut starts, &mut words).unwrap();
            assert_eq!(story(Layout::Gaps(g)), expected);
            let g = Gaps::<f32>::new(3, 300, stride, g.starts(), g.words()).unwrap();
            // Back again, from one packing to the other.
            let n = Nibbles::size(&Layout::Gaps(g)).unwrap();
            let (mut starts, mut words) = (vec![9; 4], vec![0; n]);
            let n = Nibbles::pack(&Layout::Gaps(g), &mut starts, &mut words).unwrap();
            assert_eq!(story(Layout::Nibbles(n)), expected);
            assert!(Nibbles::<f32>::new(3, 300, n.starts(), n.words()).is_ok());
            assert_eq!(n.starts()[1], n.starts()[2]);
        }
    }

    #[test]
    fn short_slices_and_broken_sources_are_refused() {
        let w = dense();
        let source = Layout::Dense(Dense::new(3, 300, &w).unwrap());
        let n = Nibbles::size(&source).unwrap();
        let kind = |starts: usize, words: usize| {
            let (mut starts, mut words) = (vec![0; starts], vec![0; words]);
            let made = Nibbles::pack(&source, &mut starts, &mut words);
            made.err().map(|e| e.kind)
        };
        assert_eq!(kind(4, n), None);
        assert_eq!(kind(3, n), Some(Kind::Length));
        assert_eq!(kind(4, n - 1), Some(Kind::Length));
        for (indices, kind) in [([1, 1], Kind::Unsorted), ([1, 9], Kind::OutOfRange)] {
            let lying = Csr::trusted(1, 3, &[0, 2], &indices, &[1i8, 1]).unwrap();
            let size = Gaps::size(&Layout::Csr(lying), Stride::Byte);
            assert_eq!(size.err().map(|e| e.kind), Some(kind));
        }
    }
}
