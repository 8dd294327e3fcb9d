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
//! - Attention reads keys and values back through the cache's type, the current token's too: f16 as the nearest half; int8
//!   as q · s rounded to f32, with s = max|x| / 127 over one head of one position and q = rne(x / s), both 0 where s is.
//!
//! # Why
//! Rows by position, not by head, so that storing one token is two copies, and a save is the used front of each block.
//! An int8 scale belongs to one head of one position: heads differ in size by far more than the numbers within one, and
//! a scale of more positions would have to be known before they come.

use half::f16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::kernels::quantise;
use crate::nn::{Heads, Kept, Rows, Run};

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
    /// −127..=127 times a scale per position and key/value head, 1 byte a number and 4 a scale.
    I8 = 2,
}

impl CacheType {
    /// Every type, the exact one first.
    pub const ALL: [CacheType; 3] = [CacheType::F32, CacheType::F16, CacheType::I8];

    /// The word for it on a command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            CacheType::F32 => "f32",
            CacheType::F16 => "f16",
            CacheType::I8 => "i8",
        }
    }

    /// Bytes of one number.
    pub const fn bytes(self) -> usize {
        match self {
            CacheType::F32 => 4,
            CacheType::F16 => 2,
            CacheType::I8 => 1,
        }
    }

    /// True if every head of a position has a scale.
    pub const fn is_scaled(self) -> bool {
        matches!(self, CacheType::I8)
    }
}

/// A number that a cache stores.
pub(super) trait Element: Kept + FromBytes + IntoBytes + Immutable + KnownLayout {
    /// Stores one row, `(n_kv_heads · head_dim,)`, and its scales; false if the type cannot hold it.
    fn store(row: &[f32], to: &mut [Self], scales: &mut [f32]) -> bool;
}

/// Stores a number each.
fn store_each<T: Element>(row: &[f32], to: &mut [T], from_f32: impl Fn(f32) -> T) -> bool {
    let mut finite = true;
    for (to, from) in to.iter_mut().zip(row) {
        *to = from_f32(*from);
        finite &= to.storable();
    }
    finite
}

impl Element for f32 {
    fn store(row: &[f32], to: &mut [f32], _: &mut [f32]) -> bool {
        store_each(row, to, |v| v)
    }
}

impl Element for f16 {
    fn store(row: &[f32], to: &mut [f16], _: &mut [f32]) -> bool {
        store_each(row, to, f16::from_f32)
    }
}

impl Element for i8 {
    fn store(row: &[f32], to: &mut [i8], scales: &mut [f32]) -> bool {
        let head_dim = row.len() / scales.len();
        let heads = row
            .chunks_exact(head_dim)
            .zip(to.chunks_exact_mut(head_dim));
        let mut finite = true;
        for ((row, to), scale) in heads.zip(scales) {
            *scale = row.iter().fold(0.0, |m: f32, v| m.max(v.abs())) / 127.0;
            for (to, from) in to.iter_mut().zip(row) {
                *to = quantise(*from, *scale);
            }
            finite &= scale_ok(*scale);
        }
        finite
    }
}

/// True if every int8 number times `scale` is finite.
fn scale_ok(scale: f32) -> bool {
    (scale * 128.0).is_finite()
}

/// The cache, in the type it was asked for.
#[derive(Debug)]
pub(super) enum Cache<'a> {
    F32(Blocks<'a, f32>),
    F16(Blocks<'a, f16>),
    I8(Blocks<'a, i8>),
}

impl Cache<'_> {
    /// The bytes of the first `slots` slots of every block, layer by layer, K before V, numbers before scales.
    pub(super) fn used(&self, slots: usize) -> impl Iterator<Item = &[u8]> {
        let (numbers, scales, at) = match self {
            Cache::F32(b) => (b.numbers.as_bytes(), b.scales.as_bytes(), b.places(slots)),
            Cache::F16(b) => (b.numbers.as_bytes(), b.scales.as_bytes(), b.places(slots)),
            Cache::I8(b) => (b.numbers.as_bytes(), b.scales.as_bytes(), b.places(slots)),
        };
        (0..numbers.len() / at.block).flat_map(move |i| {
            [
                &numbers[i * at.block..][..at.used],
                &scales[i * at.scale_block..][..at.scale_used],
            ]
        })
    }

    /// Like [`Cache::used`], to be overwritten.
    pub(super) fn used_mut(&mut self, slots: usize) -> impl Iterator<Item = &mut [u8]> {
        let (at, numbers, mut scales) = match self {
            Cache::F32(b) => b.bytes_mut(slots),
            Cache::F16(b) => b.bytes_mut(slots),
            Cache::I8(b) => b.bytes_mut(slots),
        };
        numbers.chunks_exact_mut(at.block).flat_map(move |numbers| {
            let (block, rest) = core::mem::take(&mut scales).split_at_mut(at.scale_block);
            scales = rest;
            [&mut numbers[..at.used], &mut block[..at.scale_used]]
        })
    }

    /// True if everything that the first `slots` slots stand for is finite.
    pub(super) fn is_finite(&self, slots: usize) -> bool {
        match self {
            Cache::F32(b) => b.is_finite(slots),
            Cache::F16(b) => b.is_finite(slots),
            Cache::I8(b) => b.is_finite(slots),
        }
    }
}

/// Two blocks a layer, K then V, each of `context` slots.
#[derive(Debug)]
pub(super) struct Blocks<'a, T> {
    numbers: &'a mut [T],
    /// One a head of a slot, or none at all.
    scales: &'a mut [f32],
    context: usize,
    heads: Heads,
}

/// Bytes of a block and of its used front.
#[derive(Clone, Copy)]
struct Places {
    block: usize,
    used: usize,
    scale_block: usize,
    scale_used: usize,
}

impl<'a, T: Element> Blocks<'a, T> {
    pub(super) fn new(
        numbers: &'a mut [T],
        scales: &'a mut [f32],
        context: usize,
        heads: Heads,
    ) -> Self {
        Self {
            numbers,
            scales,
            context,
            heads,
        }
    }

    fn width(&self) -> usize {
        self.heads.n_kv_heads * self.heads.head_dim
    }

    /// Scales of a slot.
    fn scales_of_slot(&self) -> usize {
        if T::SCALED { self.heads.n_kv_heads } else { 0 }
    }

    fn places(&self, slots: usize) -> Places {
        let (number, scales) = (self.width() * size_of::<T>(), 4 * self.scales_of_slot());
        Places {
            block: self.context * number,
            used: slots * number,
            scale_block: self.context * scales,
            scale_used: slots * scales,
        }
    }

    fn bytes_mut(&mut self, slots: usize) -> (Places, &mut [u8], &mut [u8]) {
        let places = self.places(slots);
        let (numbers, scales) = (self.numbers.as_mut_bytes(), self.scales.as_mut_bytes());
        (places, numbers, scales)
    }

    /// Stores one position's `row (kv_dim,)` in block `block`; false if the type cannot hold it.
    pub(super) fn store(&mut self, block: usize, slot: usize, row: &[f32]) -> bool {
        let (width, scales, slot) = (
            self.width(),
            self.scales_of_slot(),
            block * self.context + slot,
        );
        T::store(
            row,
            &mut self.numbers[slot * width..][..width],
            &mut self.scales[slot * scales..][..scales],
        )
    }

    /// The `len` slots of block `block` from `start` on, in logical order.
    pub(super) fn rows(&self, block: usize, start: usize, len: usize) -> Rows<'_, T> {
        let (width, scales, first) = (self.width(), self.scales_of_slot(), block * self.context);
        let run = |from: usize, n: usize| Run {
            numbers: &self.numbers[(first + from) * width..][..n * width],
            scales: &self.scales[(first + from) * scales..][..n * scales],
        };
        let wrap = len.min(self.context - start);
        Rows {
            older: run(start, wrap),
            newer: run(0, len - wrap),
        }
    }

    fn is_finite(&self, slots: usize) -> bool {
        let scales = self.scales_of_slot();
        (0..self.numbers.len() / (self.context * self.width())).all(|block| {
            let rows = self.rows(block, 0, slots.min(self.context)).older;
            let numbers = rows.numbers.iter().all(|v| v.storable());
            numbers && (scales == 0 || rows.scales.iter().all(|s| scale_ok(*s)))
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    const ONE: Heads = Heads {
        n_heads: 1,
        n_kv_heads: 1,
        head_dim: 1,
    };

    const TWO: Heads = Heads { head_dim: 2, ..ONE };

    #[test]
    fn int8_has_a_scale_per_head_and_refuses_what_it_cannot_scale() {
        let (mut data, mut scales) = ([0i8; 8], [0.0f32; 4]);
        let heads = Heads {
            n_kv_heads: 2,
            ..TWO
        };
        let mut cache = Blocks::new(&mut data, &mut scales, 1, heads);
        assert!(cache.store(0, 0, &[127.0, -63.5, 0.0, -0.0]));
        assert!(cache.store(1, 0, &[1e-45, 1.0, 254.0, -3.0]));
        let (k, v) = (cache.rows(0, 0, 1).older, cache.rows(1, 0, 1).older);
        assert_eq!(
            (k.numbers, k.scales),
            (&[127, -64, 0, 0][..], &[1.0, 0.0][..])
        );
        assert_eq!(v.numbers, [0, 127, 127, -2]);
        assert!(cache.is_finite(1));
        assert!(!cache.store(1, 0, &[1.0, 1.0, f32::MAX, 0.0]));
        assert!(!cache.is_finite(1) && cache.is_finite(0));
    }

    #[test]
    fn used_scales_follow_used_numbers() {
        let (mut data, mut scales) = ([1i8, 2, 3, 4], [5.0f32, 6.0, 7.0, 8.0]);
        let cache = Cache::I8(Blocks::new(&mut data, &mut scales, 2, ONE));
        let all: std::vec::Vec<u8> = cache.used(1).flatten().copied().collect();
        let five = 5.0f32.to_le_bytes();
        let seven = 7.0f32.to_le_bytes();
        assert_eq!(all, [&[1][..], &five, &[3], &seven].concat());
    }

    #[test]
    fn a_window_wraps_in_logical_order() {
        let mut data = [0.0f32; 2 * 3 * 2];
        let mut cache = Blocks::new(&mut data, &mut [], 3, TWO);
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
        let mut cache = Blocks::new(&mut data, &mut [], 1, TWO);
        assert!(cache.store(0, 0, &[65_504.0, 1.0]));
        assert!(!cache.store(1, 0, &[1.0, 70_000.0]));
        assert!(!cache.is_finite(1));
    }

    #[test]
    fn used_is_the_front_of_every_block() {
        let mut data = [1.0f32, 2.0, 3.0, 4.0];
        let mut cache = Cache::F32(Blocks::new(&mut data, &mut [], 2, ONE));
        for bytes in cache.used_mut(1) {
            bytes.fill(0);
        }
        assert_eq!(cache.used(1).map(<[u8]>::len).sum::<usize>(), 8);
        assert_eq!(data, [0.0, 2.0, 0.0, 4.0]);
    }
}
