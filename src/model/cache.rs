//! Keys and values of past positions.
//!
//! ```text
//! layer 0: K │ slot 0 │ slot 1 │ … │ slot context−1 │   V │ slot 0 │ … │      layer 1: K … V …     slot (kv_dim,)
//! window:  from `start`, wrapping to slot 0: older = slots start.., newer = slots ..start
//! ```
//!
//! # Invariants
//! - Slots are used from 0 upwards before any is used again.
//! - What is stored is finite: a value that the cache's type cannot hold is refused when it is stored.
//!
//! # Why
//! Rows by position, not by head, so that storing one token is two copies, and a save is the used front of each block.

use half::f16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::nn::{Kept, Rows, Run};

/// In what keys and values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum CacheType {
    /// As computed, 4 bytes a number.
    F32 = 0,
    /// Rounded to nearest even, 2 bytes a number.
    F16 = 1,
}

impl CacheType {
    /// Bytes of one number.
    pub const fn bytes(self) -> usize {
        match self {
            CacheType::F32 => 4,
            CacheType::F16 => 2,
        }
    }
}

/// A number that a cache stores.
pub(super) trait Element: Kept + FromBytes + IntoBytes + Immutable + KnownLayout {
    fn from_f32(v: f32) -> Self;
}

impl Element for f32 {
    #[inline(always)]
    fn from_f32(v: f32) -> Self {
        v
    }
}

impl Element for f16 {
    #[inline(always)]
    fn from_f32(v: f32) -> Self {
        f16::from_f32(v)
    }
}

/// The cache, in the type it was asked for.
#[derive(Debug)]
pub(super) enum Cache<'a> {
    F32(Blocks<'a, f32>),
    F16(Blocks<'a, f16>),
}

impl Cache<'_> {
    /// The bytes of the first `slots` slots of every block, layer by layer, K before V.
    pub(super) fn used(&self, slots: usize) -> impl Iterator<Item = &[u8]> {
        let (bytes, block, used) = match self {
            Cache::F32(b) => (b.data.as_bytes(), b.block() * 4, b.width * slots * 4),
            Cache::F16(b) => (b.data.as_bytes(), b.block() * 2, b.width * slots * 2),
        };
        bytes.chunks_exact(block).map(move |b| &b[..used])
    }

    /// Like [`Cache::used`], to be overwritten.
    pub(super) fn used_mut(&mut self, slots: usize) -> impl Iterator<Item = &mut [u8]> {
        let (bytes, block, used) = match self {
            Cache::F32(b) => {
                let (block, used) = (b.block() * 4, b.width * slots * 4);
                (b.data.as_mut_bytes(), block, used)
            }
            Cache::F16(b) => {
                let (block, used) = (b.block() * 2, b.width * slots * 2);
                (b.data.as_mut_bytes(), block, used)
            }
        };
        bytes.chunks_exact_mut(block).map(move |b| &mut b[..used])
    }

    /// True if every stored number of the first `slots` slots is finite.
    pub(super) fn is_finite(&self, slots: usize) -> bool {
        match self {
            Cache::F32(b) => b.is_finite(slots),
            Cache::F16(b) => b.is_finite(slots),
        }
    }
}

/// Two blocks a layer, K then V, each of `context` slots.
#[derive(Debug)]
pub(super) struct Blocks<'a, T> {
    data: &'a mut [T],
    context: usize,
    width: usize,
}

impl<'a, T: Element> Blocks<'a, T> {
    pub(super) fn new(data: &'a mut [T], context: usize, width: usize) -> Self {
        Self {
            data,
            context,
            width,
        }
    }

    fn block(&self) -> usize {
        self.context * self.width
    }

    /// Stores one position's `row (kv_dim,)` in block `block`; false if the type cannot hold it.
    pub(super) fn store(&mut self, block: usize, slot: usize, row: &[f32]) -> bool {
        let at = block * self.block() + slot * self.width;
        let mut finite = true;
        for (to, from) in self.data[at..at + self.width].iter_mut().zip(row) {
            *to = T::from_f32(*from);
            finite &= to.storable();
        }
        finite
    }

    /// The `len` slots of block `block` from `start` on, in logical order.
    pub(super) fn rows(&self, block: usize, start: usize, len: usize) -> Rows<'_, T> {
        let at = block * self.block();
        let slots = &self.data[at..at + self.block()];
        let wrap = len.min(self.context - start);
        let run = |numbers| Run {
            numbers,
            scales: &[],
        };
        Rows {
            older: run(&slots[start * self.width..(start + wrap) * self.width]),
            newer: run(&slots[..(len - wrap) * self.width]),
        }
    }

    fn is_finite(&self, slots: usize) -> bool {
        self.data
            .chunks_exact(self.block())
            .all(|b| b[..slots * self.width].iter().all(|v| v.storable()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_wraps_in_logical_order() {
        let mut data = [0.0f32; 2 * 3 * 2];
        let mut cache = Blocks::new(&mut data, 3, 2);
        for slot in 0..3 {
            assert!(cache.store(1, slot, &[slot as f32, -1.0]));
        }
        let rows = cache.rows(1, 2, 3);
        assert_eq!(rows.older.numbers, [2.0, -1.0]);
        assert_eq!(rows.newer.numbers, [0.0, -1.0, 1.0, -1.0]);
        let rows = cache.rows(1, 0, 2);
        assert_eq!((rows.older.numbers.len(), rows.newer.numbers.len()), (4, 0));
        assert_eq!(cache.rows(0, 0, 3).older.numbers, [0.0; 6]);
    }

    #[test]
    fn half_refuses_what_it_cannot_hold() {
        let mut data = [f16::ZERO; 4];
        let mut cache = Blocks::new(&mut data, 1, 2);
        assert!(cache.store(0, 0, &[65_504.0, 1.0]));
        assert!(!cache.store(1, 0, &[1.0, 70_000.0]));
        assert!(!cache.is_finite(1));
    }

    #[test]
    fn used_is_the_front_of_every_block() {
        let mut data = [1.0f32, 2.0, 3.0, 4.0];
        let mut cache = Cache::F32(Blocks::new(&mut data, 2, 1));
        for bytes in cache.used_mut(1) {
            bytes.fill(0);
        }
        assert_eq!(cache.used(1).map(<[u8]>::len).sum::<usize>(), 8);
        assert_eq!(data, [0.0, 2.0, 0.0, 4.0]);
    }
}
