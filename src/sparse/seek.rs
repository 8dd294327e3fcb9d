//! Elements asked for in ascending order, from a place that is remembered.
//!
//! # Invariants
//! - A place belongs to one stored row, starts as [`Place::default`], and is asked for ascending minor indices.
//!
//! # Why
//! Steps can be found from the row's start only. Whoever reads a matrix across its stored rows, as the model id does
//! where inputs are stored as rows, would walk each row from its start again for every element.

use super::gaps::Steps;
use super::{Layout, Value};

/// Where the search in a stored row goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Elements passed.
    passed: u32,
    /// Sum of their gaps.
    walked: u32,
}

impl<V: Value> Layout<'_, V> {
    /// The element at `(major, minor)`, as [`Layout::get`] has it; for steps in constant time on average.
    pub(super) fn seek(&self, major: usize, minor: usize, place: &mut Place) -> Option<V> {
        match self {
            Layout::Gaps(g) => g.seek(major, minor, place),
            Layout::Nibbles(n) => n.seek(major, minor, place),
            _ => self.get(major, minor),
        }
    }
}

impl<V: Value, const BITS: u32> Steps<'_, V, BITS> {
    fn seek(&self, row: usize, column: usize, place: &mut Place) -> Option<V> {
        let shift = self.stride().shift();
        let [first, last] = [row, row + 1].map(|r| self.starts()[r] as usize * Self::BLOCK);
        while first + (place.passed as usize) < last {
            let at = first + place.passed as usize;
            let (block, k) = (at / Self::BLOCK * Self::WORDS, (at % Self::BLOCK) as u32);
            let gap = self.words()[block] >> (k * BITS) & (u32::MAX >> (32 - BITS));
            let walked = place.walked + gap;
            if (walked >> shift) as usize > column {
                return None;
            }
            (place.walked, place.passed) = (walked, place.passed + 1);
            let bit = k * V::BITS;
            let value = V::from_bits(self.words()[block + 1 + bit as usize / 32] >> (bit % 32));
            if (walked >> shift) as usize == column && value.to_f32() != 0.0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;

    use super::Place;
    use crate::num::Rng;
    use crate::sparse::{Dense, Gaps, Layout, Nibbles, Stride};

    #[test]
    fn ascending_questions_are_answered_as_any_are() {
        let (rows, cols) = (7, 200);
        let mut rng = Rng::new(3);
        let mut value = |_| match rng.below(9) {
            0 => rng.below(100) as i8 + 1,
            _ => 0,
        };
        let values: vec::Vec<i8> = (0..rows * cols).map(&mut value).collect();
        let dense = Layout::Dense(Dense::new(rows, cols, &values).unwrap());
        let (mut starts, mut words) = ([vec![0; rows + 1], vec![0; rows + 1]], [vec![], vec![]]);
        words[0].resize(Gaps::size(&dense, Stride::Word).unwrap(), 0);
        words[1].resize(Nibbles::size(&dense).unwrap(), 0);
        let [gap_starts, nibble_starts] = &mut starts;
        let [gap_words, nibble_words] = &mut words;
        let layouts = [
            Layout::Gaps(Gaps::pack(&dense, Stride::Word, gap_starts, gap_words).unwrap()),
            Layout::Nibbles(Nibbles::pack(&dense, nibble_starts, nibble_words).unwrap()),
            dense,
        ];
        for layout in layouts {
            let mut places = [Place::default(); 7];
            for j in (0..cols).step_by(3) {
                for (i, place) in places.iter_mut().enumerate() {
                    let found = layout.seek(i, j, place).unwrap_or(0);
                    assert_eq!(found, values[i * cols + j], "{i} {j}");
                }
            }
        }
    }
}
