//! Rows of keys or values, in whatever type the cache keeps them.
//!
//! ```text
//! Run   numbers (n, n_kv_heads · head_dim), scales (n, n_kv_heads) for int8       ─► head(h): its columns of every row
//! Rows  the one or two runs of a ring buffer, in logical order
//! ```

use half::f16;

use super::Heads;
use crate::num::simd::{MOST, Simd};
use crate::sparse::Value;

/// A number as a cache keeps it.
pub(crate) trait Kept: Value {
    /// Each row has a scale per head; a number read is number · scale, rounded.
    const SCALED: bool;

    /// The first `S::N` of `x`, which has as many, as f32.
    fn load<S: Simd>(s: S, x: &[Self]) -> S::F;
}

impl Kept for f32 {
    const SCALED: bool = false;

    #[inline(always)]
    fn load<S: Simd>(s: S, x: &[f32]) -> S::F {
        s.load(x)
    }
}

impl Kept for f16 {
    const SCALED: bool = false;

    #[inline(always)]
    fn load<S: Simd>(s: S, x: &[f16]) -> S::F {
        s.load_f16(x)
    }
}

impl Kept for i8 {
    const SCALED: bool = true;

    #[inline(always)]
    fn load<S: Simd>(s: S, x: &[i8]) -> S::F {
        s.load_i8(x)
    }
}

/// Rows that lie one behind the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a, T> {
    /// Shape `(n, n_kv_heads · head_dim)`.
    pub(crate) numbers: &'a [T],
    /// Shape `(n, n_kv_heads)`, or empty where numbers have none.
    pub(crate) scales: &'a [f32],
}

/// Rows of a ring buffer in logical order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a, T> {
    /// The run that starts the window.
    pub(crate) older: Run<'a, T>,
    /// The run that follows it; empty unless the window wraps.
    pub(crate) newer: Run<'a, T>,
}

impl<'a, T: Kept> Run<'a, T> {
    /// Number of rows.
    pub(super) fn len(self, heads: Heads) -> usize {
        self.numbers.len() / (heads.n_kv_heads * heads.head_dim)
    }

    /// The columns of key/value head `h`.
    #[inline(always)]
    pub(super) fn head(self, heads: Heads, h: usize) -> Head<'a, T> {
        Head {
            run: self,
            width: heads.n_kv_heads * heads.head_dim,
            column: h * heads.head_dim,
            head_dim: heads.head_dim,
            n_kv_heads: heads.n_kv_heads,
            h,
        }
    }
}

/// One head of a run.
#[derive(Clone, Copy)]
pub(super) struct Head<'a, T> {
    run: Run<'a, T>,
    width: usize,
    column: usize,
    head_dim: usize,
    n_kv_heads: usize,
    h: usize,
}

impl<'a, T: Kept> Head<'a, T> {
    /// Number of rows.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.run.numbers.len() / self.width
    }

    /// The numbers of row `t`, `(head_dim,)`.
    #[inline(always)]
    pub(super) fn row(&self, t: usize) -> &'a [T] {
        &self.run.numbers[t * self.width + self.column..][..self.head_dim]
    }

    /// What they are multiplied by; only where `T::SCALED`.
    #[inline(always)]
    pub(super) fn scale(&self, t: usize) -> f32 {
        self.run.scales[t * self.n_kv_heads + self.h]
    }

    /// One number of row `t` as it is read.
    #[inline(always)]
    pub(super) fn number(&self, t: usize, number: T) -> f32 {
        if T::SCALED {
            number.to_f32() * self.scale(t)
        } else {
            number.to_f32()
        }
    }

    /// `S::N` numbers of `row`, which is row `t`, from `at` on.
    #[inline(always)]
    pub(super) fn load<S: Simd>(&self, s: S, t: usize, row: &[T], at: usize) -> S::F {
        self.scaled(s, t, T::load(s, &row[at..]))
    }

    /// Like [`Head::load`] where fewer are left, with zeros behind them.
    #[inline(always)]
    pub(super) fn load_some<S: Simd>(&self, s: S, t: usize, row: &[T], at: usize) -> S::F {
        let mut padded = [0.0; MOST];
        for (to, from) in padded.iter_mut().zip(&row[at..]) {
            *to = from.to_f32();
        }
        self.scaled(s, t, s.load(&padded))
    }

    #[inline(always)]
    fn scaled<S: Simd>(&self, s: S, t: usize, v: S::F) -> S::F {
        if T::SCALED {
            s.mul(v, s.splat(self.scale(t)))
        } else {
            v
        }
    }
}
