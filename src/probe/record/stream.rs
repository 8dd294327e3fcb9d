//! Frames out of bytes that arrive in any pieces.
//!
//! ```text
//! … 5 a 00 │ 00 │ 3 7 1 │ 9 00 4 …      pieces as a link hands them over
//!      └ frame       └──────┘ frame
//! ```
//!
//! # Invariants
//! - Fixed memory: one frame; a stretch without a zero that is longer is dropped up to the next zero.
//! - Damage costs the frames it hit: the next zero starts afresh. A zero that damage made or took away costs the two
//!   frames beside it at most.
//! - The same frames come out however the bytes are cut.

use super::frame::{Error, Frame, MAX_FRAME, decode};

/// Finds frames in a stream of bytes.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Decoder {
    buffer: [u8; MAX_FRAME],
    /// Bytes since the last zero; more than the buffer holds once a stretch is too long.
    len: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub const fn new() -> Self {
        Self {
            buffer: [0; MAX_FRAME],
            len: 0,
        }
    }

    /// Takes `bytes` and hands every frame that ends in them to `each`, broken ones as errors.
    ///
    /// Empty stretches between zeros are nothing. The bytes behind the last zero are kept for the next call.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Result<Frame<'_>, Error>)) {
        for &byte in bytes {
            if byte != 0 {
                if let Some(place) = self.buffer.get_mut(self.len) {
                    *place = byte;
                }
                self.len = (self.len + 1).min(MAX_FRAME + 1);
            } else if self.len > 0 {
                let len = core::mem::take(&mut self.len);
                match self.buffer.get_mut(..len) {
                    Some(stretch) => each(decode(stretch)),
                    None => each(Err(Error::Framing)),
                }
            }
        }
    }

    /// Bytes of a frame that has not ended yet.
    pub const fn pending(&self) -> usize {
        self.len
    }

    /// Forgets the frame that has not ended yet, as after a reconnection; true if there was one.
    pub fn reset(&mut self) -> bool {
        core::mem::take(&mut self.len) > 0
    }
}
