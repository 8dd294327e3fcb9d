//! Views as payloads: what a matrix is stored as, whether it may be, and its bytes.

use zerocopy::IntoBytes;

use super::directory::Entry;
use super::payload::{self, Plain};
use super::schema::Tensor;
use super::{Encoding, ValueType};
use crate::sparse::{self, Csr, Dense, Layout, Major, Matrix, Stored, Value};

/// Encoding and value type of a matrix.
pub(crate) fn form(matrix: &Matrix<'_>) -> (Encoding, ValueType) {
    match matrix.stored() {
        Stored::F32(Layout::Dense(_)) => (Encoding::Dense, ValueType::F32),
        Stored::F16(Layout::Dense(_)) => (Encoding::Dense, ValueType::F16),
        Stored::I8(Layout::Dense(_), _) => (Encoding::Dense, ValueType::I8),
        Stored::F32(Layout::Csr(_)) => (Encoding::CsrU16, ValueType::F32),
        Stored::F16(Layout::Csr(_)) => (Encoding::CsrU16, ValueType::F16),
        Stored::I8(Layout::Csr(_), _) => (Encoding::CsrU16, ValueType::I8),
    }
}

/// The parts of a matrix as bytes, in file order: row starts, columns, values, scales.
pub(crate) fn of<'a>(matrix: &Matrix<'a>) -> [&'a [u8]; 4] {
    fn csr<'a, V: Plain>(c: Csr<'a, V>, scales: &'a [f32]) -> [&'a [u8]; 4] {
        [
            c.indptr().as_bytes(),
            c.indices().as_bytes(),
            c.values().as_bytes(),
            scales.as_bytes(),
        ]
    }
    fn dense<'a, V: Plain>(d: Dense<'a, V>, scales: &'a [f32]) -> [&'a [u8]; 4] {
        [&[], &[], d.values().as_bytes(), scales.as_bytes()]
    }
    match matrix.stored() {
        Stored::F32(Layout::Dense(d)) => dense(d, &[]),
        Stored::F16(Layout::Dense(d)) => dense(d, &[]),
        Stored::I8(Layout::Dense(d), scales) => dense(d, scales),
        Stored::F32(Layout::Csr(c)) => csr(c, &[]),
        Stored::F16(Layout::Csr(c)) => csr(c, &[]),
        Stored::I8(Layout::Csr(c), scales) => csr(c, scales),
    }
}

/// The checks of the reader on a matrix from elsewhere.
pub(crate) fn recheck(matrix: &Matrix<'_>) -> Result<(), sparse::Error> {
    fn csr<V: Value>(c: Csr<'_, V>) -> Result<(), sparse::Error> {
        Csr::new(c.rows(), c.cols(), c.indptr(), c.indices(), c.values()).map(drop)
    }
    fn dense<V: Value>(d: Dense<'_, V>) -> Result<(), sparse::Error> {
        Dense::new(d.rows(), d.cols(), d.values()).map(drop)
    }
    match matrix.stored() {
        Stored::F32(Layout::Dense(d)) => dense(d)?,
        Stored::F16(Layout::Dense(d)) => dense(d)?,
        Stored::I8(Layout::Dense(d), _) => dense(d)?,
        Stored::F32(Layout::Csr(c)) => csr(c)?,
        Stored::F16(Layout::Csr(c)) => csr(c)?,
        Stored::I8(Layout::Csr(c), _) => csr(c)?,
    }
    Matrix::new(matrix.major(), matrix.stored()).map(drop)
}

/// Line of the directory for a matrix, its offset still open.
pub(crate) fn line(tensor: Tensor, matrix: &Matrix<'_>) -> Option<Entry> {
    let (encoding, value) = form(matrix);
    sized(Entry {
        tensor,
        encoding,
        value,
        major: matrix.major(),
        nnz: matrix.nnz(),
        offset: 0,
        len: 0,
    })
}

/// Line of the directory for a dense f32 tensor, its offset still open.
pub(crate) fn vector_line(tensor: Tensor, values: &[f32]) -> Option<Entry> {
    sized(Entry {
        tensor,
        encoding: Encoding::Dense,
        value: ValueType::F32,
        major: Major::Output,
        nnz: values.len(),
        offset: 0,
        len: 0,
    })
}

fn sized(e: Entry) -> Option<Entry> {
    let len = payload::sections(&e)?.len;
    Some(Entry { len, ..e })
}
