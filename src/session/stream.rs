//! Windows of a stream of samples, in memory that is lent.
//!
//! ```text
//! push ─►  │ … s₇ │ s₈ │ s₂ │ s₃ │ …    a ring of one window, overwritten from the oldest sample on
//!                       ▲ next
//! when a window is due:  turned so that the oldest sample comes first, and lent as one slice
//! ```
//!
//! # Invariants
//! - A window has the samples of the same stretch in a recording, bit for bit, so it is classified alike.
//! - The first window is due when it is full, the next ones every `hop` samples after it; nothing is allocated or grown.
//! - A sample that is refused leaves the ring as it was.
//!
//! # Why
//! Turning a ring in place costs one pass over a window for each hop, some hundred moves beside the window's tens of
//! thousands of multiplications, and saves a second window of RAM.

use core::fmt;

use crate::config::Config;

/// Why a stream cannot be, or does not take a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StreamError {
    /// The model takes tokens, not windows.
    TakesTokens,
    /// A hop of no samples.
    Hop,
    /// The buffer has too few numbers for a window.
    BufferTooSmall {
        /// Numbers of a window, [`Config::window_len`].
        needed: usize,
        /// Length of the buffer.
        given: usize,
    },
    /// A sample of more or fewer numbers than the model has channels.
    Channels {
        /// Channels of the model.
        needed: usize,
        /// Numbers given.
        given: usize,
    },
    /// A number of the sample is infinite or NaN.
    NonFinite {
        /// Its channel.
        channel: usize,
    },
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            StreamError::TakesTokens => f.write_str("the model takes tokens, not windows"),
            StreamError::Hop => f.write_str("a hop of no samples never moves on"),
            StreamError::BufferTooSmall { needed, given } => {
                write!(
                    f,
                    "a window needs {needed} numbers and the buffer has {given}"
                )
            }
            StreamError::Channels { needed, given } => {
                write!(f, "a sample has {needed} channels and {given} were given")
            }
            StreamError::NonFinite { channel } => {
                write!(f, "channel {channel} of the sample is not finite")
            }
        }
    }
}

impl core::error::Error for StreamError {}

/// Samples on their way to windows.
#[derive(Debug)]
pub struct Stream<'a> {
    ring: &'a mut [f32],
    channels: usize,
    hop: usize,
    /// Place of the next sample in the ring, in numbers.
    next: usize,
    /// Samples until a window is due.
    due: usize,
    windows: u64,
}

impl<'a> Stream<'a> {
    /// An empty stream of windows for a model of this shape in the front of `buffer`, `hop` samples apart. A hop longer
    /// than a window leaves samples out.
    ///
    /// # Errors
    /// [`StreamError::TakesTokens`], [`StreamError::Hop`], [`StreamError::BufferTooSmall`].
    pub fn new(config: &Config, hop: usize, buffer: &'a mut [f32]) -> Result<Self, StreamError> {
        let (needed, given) = (config.window_len(), buffer.len());
        if needed == 0 {
            return Err(StreamError::TakesTokens);
        }
        if hop == 0 {
            return Err(StreamError::Hop);
        }
        let Some(ring) = buffer.get_mut(..needed) else {
            return Err(StreamError::BufferTooSmall { needed, given });
        };
        let channels = config.channels();
        Ok(Self {
            due: needed / channels,
            ring,
            channels,
            hop,
            next: 0,
            windows: 0,
        })
    }

    /// Takes one sample, `(channels,)`, and gives the window that it ends, `(window_len,)`, if one is due.
    ///
    /// # Errors
    /// [`StreamError::Channels`], [`StreamError::NonFinite`]; the sample is then not taken. Samples that are missing or
    /// wrong for long are a gap: [`Stream::clear`].
    pub fn push(&mut self, sample: &[f32]) -> Result<Option<&[f32]>, StreamError> {
        let (needed, given) = (self.channels, sample.len());
        if needed != given {
            return Err(StreamError::Channels { needed, given });
        }
        if let Some(channel) = sample.iter().position(|v| !v.is_finite()) {
            return Err(StreamError::NonFinite { channel });
        }
        self.ring[self.next..][..needed].copy_from_slice(sample);
        self.next += needed;
        if self.next == self.ring.len() {
            self.next = 0;
        }
        self.due -= 1;
        if self.due > 0 {
            return Ok(None);
        }
        self.due = self.hop;
        self.windows += 1;
        self.ring.rotate_left(self.next);
        self.next = 0;
        Ok(Some(self.ring))
    }

    /// Windows given so far, those before a [`Stream::clear`] included.
    pub fn windows(&self) -> u64 {
        self.windows
    }

    /// Forgets all samples: after a gap the next window is due when it is full again.
    pub fn clear(&mut self) {
        self.next = 0;
        self.due = self.ring.len() / self.channels;
    }
}
