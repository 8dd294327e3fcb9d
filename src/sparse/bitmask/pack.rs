//! Writing a bitmask from any other layout into a caller's memory.

use super::{Bitmask, WORD, words};
use crate::sparse::{Error, Kind, Layout, Value};

/// Memory for a bitmask; what it held is overwritten.
#[derive(Debug)]
pub struct Room<'a, V> {
    /// `(rows + 1,)`.
    pub starts: &'a mut [u32],
    /// `(rows · words(cols),)`.
    pub masks: &'a mut [u32],
    /// As many as the source has nonzeros.
    pub values: &'a mut [V],
}

impl<'a, V: Value> Bitmask<'a, V> {
    /// Writes the nonzeros of `source` into `room` and wraps them. Exact zeros are left out.
    ///
    /// # Errors
    /// [`Kind::Length`] if a part of `room` has not the length that `source` needs.
    pub fn pack(source: &Layout<'_, V>, room: Room<'a, V>) -> Result<Self, Error> {
        let (rows, cols) = source.shape();
        let length = Error {
            kind: Kind::Length,
            at: room.values.len(),
        };
        let masks = rows.checked_mul(words(cols));
        if room.starts.len().checked_sub(1) != Some(rows) || masks != Some(room.masks.len()) {
            return Err(length);
        }
        room.masks.fill(0);
        room.starts[0] = 0;
        let mut at = 0;
        for row in 0..rows {
            let masks = &mut room.masks[row * words(cols)..(row + 1) * words(cols)];
            source.for_each_in(row, |column, v| {
                if v.to_f32() != 0.0 {
                    masks[column / WORD] |= 1 << (column % WORD);
                    if let Some(room) = room.values.get_mut(at) {
                        *room = v;
                    }
                    at += 1;
                }
            });
            room.starts[row + 1] = at as u32;
        }
        if at != room.values.len() {
            return Err(length);
        }
        Self::trusted((rows, cols), room.starts, room.masks, room.values)
    }
}
