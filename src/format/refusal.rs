//! Why a file is refused, and at which byte.

use core::fmt;

use super::{calibration, golden, names, plan, tokenizer};
use crate::{config, sparse};

/// What is wrong with a model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind {
    /// The slice ends before the file does.
    Truncated,
    /// The slice does not start at a multiple of [`super::BASE_ALIGN`].
    Misaligned,
    /// The first eight bytes are not [`super::MAGIC`].
    Magic,
    /// A version this reader does not know.
    Version,
    /// The length in the header is not the length of the slice.
    Length,
    /// The CRC-32 does not match.
    Checksum,
    /// The model id is not the digest of configuration and tensors.
    ModelId,
    /// A byte or bit that version 1 keeps zero is not.
    Reserved,
    /// A number that version 1 gives no meaning.
    Unknown,
    /// A model family that version 1 names and this engine does not run.
    Unsupported(Feature),
    /// A configuration that cannot be.
    Config(config::Error),
    /// A value type that version 1 names and this engine does not read.
    ReservedValue,
    /// A directory line or count that is not the one the schema has here.
    Directory,
    /// A tensor in a form its kind may not have: a quantised norm, an input-major look-up.
    Storage,
    /// A payload that does not start where the one before it ends.
    Offset,
    /// A payload whose length is not what its encoding, shape and stored elements need.
    Size,
    /// Padding that is not zero.
    Padding,
    /// The parts of a matrix do not fit together.
    Matrix(sparse::Kind),
    /// A dense number that is infinite or not a number.
    NonFinite,
    /// The needs block does not say what the tensors use.
    Needs,
    /// A tag that is not four ASCII letters, or blocks that are not in ascending order of their tags.
    Tag,
    /// A block that is marked critical and unknown to this reader.
    Critical,
    /// The tokenizer block is not well formed.
    Tokenizer(tokenizer::Kind),
    /// The golden block is not well formed.
    Golden(golden::Kind),
    /// The calibration block is not well formed.
    Calibration(calibration::Kind),
    /// The probe plan is not well formed.
    Plan(plan::Kind),
    /// The names of classes or channels are not well formed.
    Names(names::Kind),
    /// Provenance that is not UTF-8.
    Text,
}

/// A part of a transformer that has an id in the file and no code in this engine yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Feature {
    /// LayerNorm instead of RMSNorm.
    LayerNorm,
}

/// A model file that is refused: why, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// What is wrong.
    pub kind: Kind,
    /// Offset of the first byte that shows it.
    pub at: usize,
}

impl Error {
    pub(crate) const fn new(kind: Kind, at: usize) -> Self {
        Self { kind, at }
    }

    /// What is wrong, without details, as a const evaluator can print it.
    pub const fn message(&self) -> &'static str {
        match self.kind {
            Kind::Truncated => "file ends too early; copy or download it again",
            Kind::Misaligned => "bytes are not 4-aligned; use include_model! or an aligned buffer",
            Kind::Magic => "not a lacuna model; export or import one first",
            Kind::Version => {
                "version of the file is unknown; update lacuna or export the model again"
            }
            Kind::Length => "length in the header is not the length of the bytes",
            Kind::Checksum => "checksum does not match; the file is damaged, copy it again",
            Kind::ModelId => "model id does not match configuration and tensors",
            Kind::Reserved => "reserved byte is not zero",
            Kind::Unknown => "number has no meaning in this version",
            Kind::Unsupported(Feature::LayerNorm) => "layer norm is not supported yet",
            Kind::Config(_) => "configuration is inconsistent",
            Kind::ReservedValue => {
                "value type is not supported yet; export the model again for this engine"
            }
            Kind::Directory => "directory does not list the tensors of this configuration",
            Kind::Storage => "tensor may not be stored in this form",
            Kind::Offset => "payload does not follow the one before it",
            Kind::Size => "payload has the wrong length",
            Kind::Padding => "padding is not zero",
            Kind::Matrix(sparse::Kind::Indptr) => "row starts of a matrix have the wrong ends",
            Kind::Matrix(sparse::Kind::Order) => "row starts of a matrix decrease",
            Kind::Matrix(sparse::Kind::Unsorted) => {
                "columns of a matrix row are not strictly increasing"
            }
            Kind::Matrix(sparse::Kind::Gap) => {
                "gap of a matrix is zero or no whole number of columns"
            }
            Kind::Matrix(sparse::Kind::OutOfRange) => "column of a matrix is out of range",
            Kind::Matrix(sparse::Kind::Length) => "parts of a matrix differ in length",
            Kind::Matrix(sparse::Kind::Value) => "weight or scale is not finite or is -128",
            Kind::Matrix(sparse::Kind::Filler) => "filler of a matrix is not zero",
            Kind::Matrix(sparse::Kind::Permutation) => "sorted rows of a matrix are no permutation",
            Kind::NonFinite => "number is not finite",
            Kind::Needs => "needs block does not match the tensors",
            Kind::Tag => "block tags are not four letters each in ascending order",
            Kind::Critical => "critical block is unknown; update lacuna",
            Kind::Tokenizer(kind) => kind.message(),
            Kind::Golden(kind) => kind.message(),
            Kind::Calibration(kind) => kind.message(),
            Kind::Plan(kind) => kind.message(),
            Kind::Names(kind) => kind.message(),
            Kind::Text => "provenance is not utf-8",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Config(e) => write!(f, "configuration field {e}")?,
            _ => f.write_str(self.message())?,
        }
        write!(f, " (byte {})", self.at)
    }
}

impl core::error::Error for Error {}
