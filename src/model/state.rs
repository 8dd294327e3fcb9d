//! All memory that a run writes, carved from one arena.
//!
//! ```text
//! f32: │ x dim │ norm dim │ work │ logits vocab │ cache (f32, f16, int8): layers × (K, V) × context × kv_dim │ int8 input │
//! work = the largest of  q │ k │ v │ scores (context),  h │ g  and the normalised patches: they never live at once
//! ```
//!
//! With a prefill of T > 1 tokens, every vector but the logits is `stride` times as long, [`Lanes::of`]`(T)` (scores at most
//! 16 times), and behind the logits come T scales of int8 inputs and up to 16 rows of the widest input. Scales of an int8 cache,
//! layers × (K, V) × context × n_kv_heads, come before its numbers.
//!
//! # Invariants
//! - [`State::len`] is the sum of these, to the byte, with no padding; the arena may be longer.
//! - Slots of the cache fill from 0; the window is the latest `min(position, context)` positions.
//!
//! # Why
//! One arena, so that a firmware reserves one static and a host one allocation, and so that "does it fit" is one number.
//! Under [`WhenFull::Slide`] RoPE keys are kept unturned and turned as they are read, by their place in the window: no
//! angle ever leaves the tables, and a session can run for ever.

use zerocopy::{FromBytes, IntoBytes, KnownLayout};

use super::Error;
use super::cache::{Blocks, Cache, CacheType};
use super::forward::{GROUP, heads};
use crate::config::{Config, Input, MAX_SIDE, Position};
use crate::kernels::{INPUT_PAD, Lanes};

/// How much a session may hold; with the model's shape it decides the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// Positions that the cache holds; at most `seq_len` where the model has position tables.
    pub context: usize,
    /// Most tokens that [`super::prefill`] runs at once, from 1; memory of activations grows with it.
    pub prefill: usize,
    /// In what keys and values are kept.
    pub cache: CacheType,
}

impl Limits {
    /// The context that the model was trained for, one token at a time or a whole window, exact cache.
    pub const fn new(config: &Config) -> Limits {
        Limits {
            context: config.seq_len,
            prefill: match config.input {
                Input::Tokens => 1,
                Input::Patches { .. } => config.seq_len,
            },
            cache: CacheType::F32,
        }
    }
}

/// What a full context does with the next token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WhenFull {
    /// Refuses it with [`Error::ContextFull`].
    #[default]
    Error,
    /// Forgets the oldest position. With an f32 cache the first `context` positions have the bits of
    /// [`WhenFull::Error`]; with another cache RoPE keys are rounded before they are turned instead of after.
    Slide,
}

/// Bytes for an arena, aligned as state and wide loads like it.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct Arena<const N: usize>(pub [u8; N]);

impl<const N: usize> Arena<N> {
    /// Zeros, in `.bss` where it is a static.
    pub const fn new() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Default for Arena<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The mutable half of a session: activations, logits, and the cache of keys and values.
#[derive(Debug)]
pub struct State<'a> {
    pub(super) config: Config,
    pub(super) limits: Limits,
    pub(super) when_full: WhenFull,
    pub(super) x: &'a mut [f32],
    pub(super) norm: &'a mut [f32],
    pub(super) work: &'a mut [f32],
    pub(super) logits: &'a mut [f32],
    pub(super) cache: Cache<'a>,
    pub(super) quantised: &'a mut [i8],
    /// Scales of a batch's int8 input, and some of its tokens as rows; empty where tokens run one by one.
    pub(super) scales: &'a mut [f32],
    pub(super) rows: &'a mut [f32],
    pub(super) place: Place,
}

/// Where the next token goes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Tokens run so far.
    pub(super) position: u64,
    /// Slots in use.
    pub(super) filled: usize,
    /// Slot of the next token.
    pub(super) next: usize,
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Floats of `work`, for activations of `stride` lanes.
const fn work_len(c: &Config, context: usize, stride: usize) -> usize {
    // A batch has scores of up to sixteen tokens at a time.
    let scores = context.saturating_mul(if stride < GROUP { stride } else { GROUP });
    let attention = (c.q_dim() + 2 * c.kv_dim())
        .saturating_mul(stride)
        .saturating_add(scores);
    let mlp = if c.gated {
        2 * c.hidden_dim
    } else {
        c.hidden_dim
    };
    let patches = c.patch_dim().saturating_mul(stride);
    max(attention, max(mlp.saturating_mul(stride), patches))
}

/// Floats from one element of an activation to the next.
const fn stride(limits: &Limits) -> usize {
    // Beyond, no memory is enough, and nothing may overflow on the way to saying so.
    if limits.prefill > MAX_SIDE {
        return usize::MAX;
    }
    Lanes::of(limits.prefill).stride()
}

/// Floats of a batch's scales and of its tokens as rows.
const fn batch_len(c: &Config, limits: &Limits) -> (usize, usize) {
    match limits.prefill {
        0 | 1 if matches!(c.input, Input::Tokens) => (0, 0),
        n if n < GROUP => (n, n * c.widest_input()),
        n => (n, GROUP * c.widest_input()),
    }
}

/// Numbers of the cache, and their scales.
const fn cache_len(c: &Config, cache: CacheType, context: usize) -> (usize, usize) {
    let scales = if cache.is_scaled() { c.n_kv_heads } else { 0 };
    (
        (2 * c.n_layers * c.kv_dim()).saturating_mul(context),
        (2 * c.n_layers * scales).saturating_mul(context),
    )
}

/// Bytes of both.
const fn cache_bytes(c: &Config, cache: CacheType, context: usize) -> usize {
    let (numbers, scales) = cache_len(c, cache, context);
    numbers
        .saturating_mul(cache.bytes())
        .saturating_add(scales.saturating_mul(4))
}

impl<'a> State<'a> {
    /// Bytes that a model of this shape needs under these limits; `usize::MAX` where no memory could be enough.
    pub const fn len(config: &Config, limits: &Limits) -> usize {
        let (stride, (scales, rows)) = (stride(limits), batch_len(config, limits));
        let floats = (2 * config.dim)
            .saturating_mul(stride)
            .saturating_add(config.n_logits())
            .saturating_add(work_len(config, limits.context, stride))
            .saturating_add(scales.saturating_add(rows));
        floats
            .saturating_mul(4)
            .saturating_add(cache_bytes(config, limits.cache, limits.context))
            .saturating_add(config.widest_input().saturating_mul(stride))
            .saturating_add(INPUT_PAD)
    }

    /// An empty state in the front of `arena`.
    ///
    /// # Errors
    /// [`Error::Context`], [`Error::Prefill`], [`Error::Window`], [`Error::ArenaTooSmall`], [`Error::ArenaMisaligned`].
    pub fn new(config: &Config, limits: &Limits, arena: &'a mut [u8]) -> Result<Self, Error> {
        let (context, seq_len) = (limits.context, config.seq_len);
        if context == 0 || (config.position != Position::None && context > seq_len) {
            return Err(Error::Context { context, seq_len });
        }
        if limits.prefill == 0 {
            return Err(Error::Prefill {
                prefill: limits.prefill,
            });
        }
        if config.input != Input::Tokens && context.min(limits.prefill) < seq_len {
            return Err(Error::Window {
                positions: seq_len,
                context,
                prefill: limits.prefill,
            });
        }
        let needed = Self::len(config, limits);
        if arena.len() < needed {
            return Err(Error::ArenaTooSmall {
                needed,
                given: arena.len(),
            });
        }
        let mut rest = &mut arena[..needed];
        let (stride, (scales, rows)) = (stride(limits), batch_len(config, limits));
        let x = floats(&mut rest, config.dim * stride)?;
        let norm = floats(&mut rest, config.dim * stride)?;
        let work = floats(&mut rest, work_len(config, context, stride))?;
        let logits = floats(&mut rest, config.n_logits())?;
        let scales = floats(&mut rest, scales)?;
        let rows = floats(&mut rest, rows)?;
        logits.fill(0.0);
        let (numbers, cache_scales) = cache_len(config, limits.cache, context);
        let (cache_scales, heads) = (floats(&mut rest, cache_scales)?, heads(config));
        let cache = match limits.cache {
            CacheType::F32 => {
                let numbers = cut(&mut rest, numbers)?;
                Cache::F32(Blocks::new(numbers, cache_scales, context, heads))
            }
            CacheType::F16 => {
                let numbers = cut(&mut rest, numbers)?;
                Cache::F16(Blocks::new(numbers, cache_scales, context, heads))
            }
            CacheType::I8 => {
                let numbers = cut(&mut rest, numbers)?;
                Cache::I8(Blocks::new(numbers, cache_scales, context, heads))
            }
        };
        let quantised = <[i8]>::mut_from_bytes(rest).map_err(|_| Error::ArenaMisaligned)?;
        Ok(Self {
            config: *config,
            limits: *limits,
            when_full: WhenFull::Error,
            x,
            norm,
            work,
            logits,
            cache,
            quantised,
            scales,
            rows,
            place: Place::default(),
        })
    }

    /// Chooses what a full context does; forgets everything run so far.
    ///
    /// # Errors
    /// [`Error::SlideLearned`].
    pub fn when_full(mut self, choice: WhenFull) -> Result<Self, Error> {
        if choice == WhenFull::Slide && self.config.position == Position::Learned {
            return Err(Error::SlideLearned);
        }
        self.when_full = choice;
        self.clear();
        Ok(self)
    }

    /// Logits of the latest token or window, `(n_logits,)`; zeros before the first.
    pub fn logits(&self) -> &[f32] {
        self.logits
    }

    /// Tokens run so far; 0 where the model takes windows, of which each is the first.
    pub fn position(&self) -> u64 {
        self.place.position
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What a full context does.
    pub fn policy(&self) -> WhenFull {
        self.when_full
    }

    /// Forgets everything run so far.
    pub fn clear(&mut self) {
        self.place = Place::default();
        self.logits.fill(0.0);
    }

    /// The bytes that [`State::resume`] needs back besides the position: used slots of the cache, then logits.
    pub(crate) fn used(&self) -> impl Iterator<Item = &[u8]> {
        self.cache
            .used(self.place.filled)
            .chain([self.logits.as_bytes()])
    }

    /// How many bytes [`State::used`] would have at `position`, or `None` where these limits have no such position.
    pub(crate) fn used_len(&self, position: u64) -> Option<usize> {
        let place = self.place_at(position)?;
        let c = &self.config;
        Some(cache_bytes(c, self.limits.cache, place.filled) + 4 * c.n_logits())
    }

    /// Continues at `position` with the bytes of [`State::used`] that `fill` writes; false, and cleared, if the limits
    /// have no such position or a number is not finite.
    pub(crate) fn resume(&mut self, position: u64, mut fill: impl FnMut(&mut [u8])) -> bool {
        self.clear();
        let Some(place) = self.place_at(position) else {
            return false;
        };
        self.cache.used_mut(place.filled).for_each(&mut fill);
        fill(self.logits.as_mut_bytes());
        let finite =
            self.cache.is_finite(place.filled) && self.logits.iter().all(|v| v.is_finite());
        if finite {
            self.place = place;
        } else {
            self.clear();
        }
        finite
    }

    fn place_at(&self, position: u64) -> Option<Place> {
        let context = self.limits.context;
        let filled = usize::try_from(position).map_or(context, |p| p.min(context));
        let next = match self.when_full {
            WhenFull::Error if position > context as u64 => return None,
            WhenFull::Error => filled,
            WhenFull::Slide => (position % context as u64) as usize,
        };
        Some(Place {
            position,
            filled,
            next,
        })
    }
}

/// Cuts `n` floats off the front.
fn floats<'a>(rest: &mut &'a mut [u8], n: usize) -> Result<&'a mut [f32], Error> {
    cut(rest, n)
}

/// Cuts `n` numbers off the front.
fn cut<'a, T>(rest: &mut &'a mut [u8], n: usize) -> Result<&'a mut [T], Error>
where
    T: FromBytes + IntoBytes + KnownLayout,
{
    let (front, back) = core::mem::take(rest).split_at_mut(size_of::<T>() * n);
    *rest = back;
    <[T]>::mut_from_bytes(front).map_err(|_| Error::ArenaMisaligned)
}
