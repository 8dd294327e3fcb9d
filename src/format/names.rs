//! Names as blocks: the classes of a classifier, and what its windows are made of.
//!
//! ```text
//! labl   names                        one a class, in the order of the logits
//! sens   +0 f32 samples a second      0: unknown
//!        +4 u32 hop                   samples from one window to the next, from 1
//!        +8 names                     one a channel, in the order of a sample
//!
//! names  +0 u32  N
//!        +4 u32  × N + 1              start of each name, and the end of the last
//!        …  UTF-8                     names, one after the other
//! ```
//!
//! # Invariants
//! - Starts are monotone from 0 to the end of the block; every name is UTF-8 by itself.
//! - There are as many names as the configuration has classes, or channels.
//!
//! # Why
//! A logit is a number until somebody knows what it stands for, and the firmware that shows it may be older than the
//! model. What changes a logit (mean and scale of a channel) is a tensor and not here.

use core::str;

use super::layout::u32_at;
use crate::config::{Config, Output};

const SENSOR_HEAD: usize = 8;

/// What is wrong with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind {
    /// The parts do not add up to the length of the block.
    Length,
    /// Not as many names as classes or channels, or the model has none.
    Count,
    /// Starts decrease, or do not go from 0 to the end.
    Starts,
    /// A name is not UTF-8.
    Text,
    /// The sampling rate is negative or not finite.
    Rate,
    /// Windows that never move on.
    Hop,
}

impl Kind {
    /// One lower-case phrase.
    pub const fn message(self) -> &'static str {
        match self {
            Kind::Length => "block of names has the wrong length",
            Kind::Count => "block does not name each class or channel of the model",
            Kind::Starts => "starts of names are not monotone",
            Kind::Text => "name is not utf-8",
            Kind::Rate => "sampling rate is not a finite number of at least zero",
            Kind::Hop => "hop of windows is zero",
        }
    }
}

/// Names that are refused: why, and at which byte of their block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// What is wrong.
    pub kind: Kind,
    /// Offset within the block.
    pub at: usize,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.kind.message(), self.at)
    }
}

impl core::error::Error for Error {}

const fn refuse<T>(kind: Kind, at: usize) -> Result<T, Error> {
    Err(Error { kind, at })
}

/// Some names, borrowed and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Names<'a> {
    /// As in a file, checked.
    block: &'a [u8],
}

impl<'a> Names<'a> {
    /// Checks and wraps the bytes of names.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn new(block: &'a [u8]) -> Result<Self, Error> {
        let number = |at| match u32_at(block, at) {
            Ok(n) => Ok(n as usize),
            Err(_) => refuse(Kind::Length, at),
        };
        let n = number(0)?;
        let head = n.checked_add(2).and_then(|n| n.checked_mul(4));
        let Some(text) = head.and_then(|head| block.get(head..)) else {
            return refuse(Kind::Length, 0);
        };
        let (mut at, mut start) = (4, number(4)?);
        if start != 0 {
            return refuse(Kind::Starts, at);
        }
        for _ in 0..n {
            at += 4;
            let end = number(at)?;
            let Some(name) = text.get(start..end) else {
                return refuse(Kind::Starts, at);
            };
            if str::from_utf8(name).is_err() {
                return refuse(Kind::Text, block.len() - text.len() + start);
            }
            start = end;
        }
        if start != text.len() {
            return refuse(Kind::Starts, at);
        }
        Ok(Self { block })
    }

    /// Number of names.
    pub fn count(&self) -> usize {
        u32_at(self.block, 0).map_or(0, |n| n as usize)
    }

    /// Name `i`, or `None` where there is none.
    pub fn get(&self, i: usize) -> Option<&'a str> {
        if i >= self.count() {
            return None;
        }
        let start = u32_at(self.block, 4 + 4 * i).ok()? as usize;
        let end = u32_at(self.block, 8 + 4 * i).ok()? as usize;
        let text = self.block.get(4 * (self.count() + 2)..)?;
        str::from_utf8(text.get(start..end)?).ok()
    }

    /// Every name in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let names = *self;
        (0..names.count()).filter_map(move |i| names.get(i))
    }

    /// As in a file.
    pub fn bytes(&self) -> &'a [u8] {
        self.block
    }

    /// There must be one for each class of `config`.
    pub(crate) fn check_labels(&self, config: &Config) -> Result<(), Error> {
        match config.output {
            Output::Classes(n) if n == self.count() => Ok(()),
            _ => refuse(Kind::Count, 0),
        }
    }

    /// Cuts and checks a `labl` block.
    pub(crate) fn labels(config: &Config, block: &'a [u8]) -> Result<Self, Error> {
        let names = Self::new(block)?;
        names.check_labels(config)?;
        Ok(names)
    }
}

/// What the windows of a classifier are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sensor<'a> {
    /// Samples a second; 0 where nobody said.
    pub rate: f32,
    /// Samples from one window to the next, from 1.
    pub hop: u32,
    /// One a channel.
    pub channels: Names<'a>,
}

impl<'a> Sensor<'a> {
    pub(crate) fn len(&self) -> usize {
        SENSOR_HEAD + self.channels.block.len()
    }

    /// Parts of the block in file order.
    pub(crate) fn parts<E>(&self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        write(&self.rate.to_bits().to_le_bytes())?;
        write(&self.hop.to_le_bytes())?;
        write(self.channels.block)
    }

    /// The invariants of the module under `config`.
    pub(crate) fn check(&self, config: &Config) -> Result<(), Error> {
        match () {
            () if !(self.rate.is_finite() && self.rate >= 0.0) => refuse(Kind::Rate, 0),
            () if self.hop == 0 => refuse(Kind::Hop, 4),
            () if config.channels() == 0 || config.channels() != self.channels.count() => {
                refuse(Kind::Count, SENSOR_HEAD)
            }
            () => Ok(()),
        }
    }

    /// Cuts and checks a `sens` block.
    pub(crate) fn parse(config: &Config, block: &'a [u8]) -> Result<Self, Error> {
        let number = |at| match u32_at(block, at) {
            Ok(n) => Ok(n),
            Err(_) => refuse(Kind::Length, at),
        };
        let (rate, hop) = (f32::from_bits(number(0)?), number(4)?);
        let names = block.get(SENSOR_HEAD..).unwrap_or_default();
        let channels = Names::new(names).map_err(|e| Error {
            at: SENSOR_HEAD + e.at,
            ..e
        })?;
        let sensor = Self {
            rate,
            hop,
            channels,
        };
        sensor.check(config)?;
        Ok(sensor)
    }
}
