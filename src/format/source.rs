//! Where the writer takes tensors from.

use super::schema::Tensor;
use crate::sparse::Matrix;

/// One tensor, as the writer takes it and the reader gives it.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// For [`super::schema::Kind::Matrix`] and, output-major, [`super::schema::Kind::Lookup`].
    Matrix(Matrix<'a>),
    /// For [`super::schema::Kind::Dense`]; `rows · cols` numbers, row-major.
    Dense(&'a [f32]),
}

/// Where the tensors of a model come from: a checkpoint, an import, another [`super::File`].
///
/// It is asked for each tensor several times and must give the same answer each time.
pub trait Source {
    /// The weights of one line of the schema, or `None` if the source does not have it.
    fn tensor(&self, tensor: &Tensor) -> Option<Weights<'_>>;
}
