use core::fmt;

use crate::probe::Site;

/// Why a state cannot be made or a token cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The arena has too few bytes.
    ArenaTooSmall {
        /// What [`super::State::len`] says.
        needed: usize,
        /// Length of the arena.
        given: usize,
    },
    /// The arena does not start at a multiple of four.
    ArenaMisaligned,
    /// A context of no positions, or of more than the model's position tables have rows.
    Context {
        /// The limit asked for.
        context: usize,
        /// The model's `seq_len`.
        seq_len: usize,
    },
    /// No token at a time is asked for.
    Prefill {
        /// The limit asked for.
        prefill: usize,
    },
    /// The model takes whole windows, and a context or a prefill is shorter than one.
    Window {
        /// Positions of a window, the model's `seq_len`.
        positions: usize,
        /// The context asked for.
        context: usize,
        /// The prefill asked for.
        prefill: usize,
    },
    /// The model takes tokens, not windows.
    TakesTokens,
    /// The model takes windows, not tokens.
    TakesWindows,
    /// A window of another length than [`crate::config::Config::window_len`].
    WindowLength {
        /// Numbers in a window.
        needed: usize,
        /// Numbers given.
        given: usize,
    },
    /// A sample is infinite or NaN.
    Sample {
        /// Which number of the window.
        index: usize,
    },
    /// A window cannot slide over learned positions: row p belongs to position p for good.
    SlideLearned,
    /// The state was made for a model of another shape.
    OtherModel,
    /// The token is not in the vocabulary.
    TokenOutOfRange {
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocab: usize,
    },
    /// Every position of the context is used.
    ContextFull {
        /// The limit.
        context: usize,
    },
    /// An activation is infinite or NaN.
    NonFinite {
        /// The first checked site at which it showed.
        site: Site,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::ArenaTooSmall { needed, given } => {
                write!(f, "the arena needs {needed} bytes and has {given}")
            }
            Error::ArenaMisaligned => f.write_str("the arena is not aligned to four bytes"),
            Error::Context { context, seq_len } => {
                write!(f, "a context of {context} is not in 1..={seq_len}")
            }
            Error::Prefill { prefill } => {
                write!(f, "a prefill of {prefill} tokens runs none")
            }
            Error::Window {
                positions,
                context,
                prefill,
            } => write!(
                f,
                "windows of {positions} positions do not fit a context of {context} and a prefill of {prefill}"
            ),
            Error::TakesTokens => f.write_str("the model takes tokens, not windows of samples"),
            Error::TakesWindows => f.write_str("the model takes windows of samples, not tokens"),
            Error::WindowLength { needed, given } => {
                write!(f, "a window has {needed} numbers and {given} were given")
            }
            Error::Sample { index } => write!(f, "number {index} of the window is not finite"),
            Error::SlideLearned => f.write_str("a window cannot slide over learned positions"),
            Error::OtherModel => f.write_str("the state belongs to a model of another shape"),
            Error::TokenOutOfRange { token, vocab } => {
                write!(f, "token {token} is not below the vocabulary of {vocab}")
            }
            Error::ContextFull { context } => write!(f, "all {context} positions are used"),
            Error::NonFinite { site } => write!(f, "an activation at {site} is not finite"),
        }
    }
}

impl core::error::Error for Error {}
