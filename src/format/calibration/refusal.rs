//! Why a calibration block is refused.

use core::fmt;

/// What is wrong with a calibration block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind {
    /// The counts do not add up to the length of the block.
    Length,
    /// A version of the block that this engine does not know.
    Version,
    /// A number that version 1 gives no meaning.
    Unknown,
    /// A byte that version 1 keeps zero is not.
    Reserved,
    /// Sites that the model does not have, too many, or not in order.
    Sites,
    /// Statistics that do not exist, not there, or not as many as the score has inputs.
    Statistics,
    /// A map, bank or neighbour that the rule cannot use.
    Rule,
    /// A window, step or count of units out of range.
    Counts,
    /// A number that is not finite, or a standard deviation that is not positive.
    Number,
    /// A rate outside 0…1, or a false-alarm rate that so few units do not support.
    Rate,
    /// Scores, tails or edges that are not in order.
    Order,
}

impl Kind {
    /// One lower-case phrase.
    pub const fn message(self) -> &'static str {
        match self {
            Kind::Length => "calibration block has the wrong length",
            Kind::Version => "calibration block is of a later version; update lacuna",
            Kind::Unknown => "calibration block holds a number without meaning",
            Kind::Reserved => "reserved byte of the calibration block is not zero",
            Kind::Sites => "calibration block names sites that the model lacks, or not in order",
            Kind::Statistics => "calibration block names statistics that its sites do not have",
            Kind::Rule => "map or bank of the calibration block do not fit its rule",
            Kind::Counts => "window or count of the calibration block is out of range",
            Kind::Number => "number of the calibration block is not finite or not positive",
            Kind::Rate => "rate of the calibration block is impossible for its units",
            Kind::Order => "scores of the calibration block are not in order",
        }
    }
}

/// A calibration block that is refused: why, and at which of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// What is wrong.
    pub kind: Kind,
    /// Offset from the start of the block.
    pub at: usize,
}

impl Error {
    pub(super) const fn new(kind: Kind, at: usize) -> Self {
        Self { kind, at }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.kind.message(), self.at)
    }
}

impl core::error::Error for Error {}
