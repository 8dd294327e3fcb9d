//! Why a model is not written, and which tensor or block is to blame.

use core::fmt;

use crate::config;
use crate::format::schema::Tensor;
use crate::format::{self, Kind, Tag};
use crate::sparse;

/// Why a model was not written. `E` is the sink's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    /// A configuration that cannot be.
    Config(config::Error),
    /// The source lacks a tensor of the schema.
    Missing(Tensor),
    /// The source gave another shape than the schema has.
    Shape(Tensor),
    /// The source gave a form that this kind of tensor may not have: a matrix for a vector, an input-major look-up.
    Storage(Tensor),
    /// A matrix that is not well formed, or a number that is not finite.
    Matrix(Tensor, sparse::Error),
    /// A block that the reader would refuse.
    Block(Tag, Kind),
    /// The file would exceed 4 GiB − 1, or a count 65 535.
    TooLarge,
    /// The sink refused bytes.
    Sink(E),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config(e) => write!(f, "configuration field {e}"),
            Error::Missing(t) => write!(f, "tensor {t} is missing"),
            Error::Shape(t) => write!(f, "tensor {t} is not {} by {}", t.rows, t.cols),
            Error::Storage(t) => write!(f, "tensor {t} may not be stored in this form"),
            Error::Matrix(t, e) => write!(f, "tensor {t}: {e}"),
            Error::Block(tag, kind) => {
                write!(f, "block {tag}: {}", format::Error::new(*kind, 0).message())
            }
            Error::TooLarge => f.write_str("file would be larger than 4 GiB"),
            Error::Sink(e) => e.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}
