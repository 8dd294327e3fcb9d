//! Which bytes a training step sees: a function of the seed and the step alone.
//!
//! # Invariants
//! - Step n draws the same sequences however often training was stopped and resumed before it.

use super::Error;

/// Draws training sequences of bytes, or of other tokens.
#[derive(Clone, Copy, Debug)]
pub struct Sampler<'a, T = u8> {
    stream: &'a [T],
    seq: usize,
    seed: u64,
}

impl<'a, T> Sampler<'a, T> {
    /// Sequences of `seq` tokens and their successors from `stream`.
    ///
    /// # Errors
    /// A stream shorter than one sequence.
    pub fn new(stream: &'a [T], seq: usize, seed: u64) -> Result<Self, Error> {
        let len = stream.len();
        if len <= seq {
            let which = "training";
            return Err(Error::Short { which, len, seq });
        }
        Ok(Sampler { stream, seq, seed })
    }

    /// Tokens of a sequence, the one behind it not counted.
    pub fn seq(&self) -> usize {
        self.seq
    }

    /// Sequence `row` of step `step`: `seq + 1` tokens.
    pub fn sequence(&self, step: u64, row: u64) -> &'a [T] {
        let places = (self.stream.len() - self.seq) as u64;
        let lot = mix(mix(mix(self.seed) ^ step) ^ row);
        let start = (u128::from(lot) * u128::from(places)) >> 64;
        &self.stream[start as usize..][..self.seq + 1]
    }
}

/// A bijection of u64 in which every input bit moves every output bit (splitmix64, Steele et al. 2014).
pub fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
