//! The name of a model: eight bytes that follow from what it computes, not from how it is stored.
//!
//! ```text
//! BLAKE2s-256 over
//!   "lacuna model id" 0 · 128 bytes of configuration
//!   per tensor in schema order:
//!     u8 id · u8 layer · u8 value type · 0 · u32 rows · u32 cols
//!     dense f32 tensors: every element, u32 bits, row-major
//!     matrices: f32 × rows scales if i8 · u64 nonzero elements ·
//!               (u32 row · cols + col, value bits) of each nonzero element, row-major
//! the id: its first 8 bytes
//! ```
//!
//! # Invariants
//! - Encoding, orientation, stored zeros, offsets and optional blocks do not change it; any weight bit that can change
//!   a logit does.
//! - The stream can be cut back into its parts without knowing them, so two models share it only if they are equal.
//!
//! # Why
//! Records and patches name the model they belong to. Repacking for another machine or adding a calibration block must
//! not orphan them. The linear index fits u32 because no side exceeds 65 536.

use blake2::Blake2s256;
use blake2::digest::Digest;
use half::f16;
use zerocopy::IntoBytes;

use super::schema::{self, Tensor};
use super::source::{Source, Weights};
use super::{blueprint, parts};
use crate::config::Config;
use crate::sparse::{Csr, Dense, Major, Matrix, Stored, Value};

/// The id of the model that `source` holds.
///
/// Output-major and dense tensors take time linear in their stored elements, input-major sparse ones
/// O(rows · cols · log nnz): a binary search for every element, because row order is kept without a buffer.
///
/// # Errors
/// The first tensor that the source lacks.
pub fn model_id<S: Source + ?Sized>(config: &Config, source: &S) -> Result<[u8; 8], Tensor> {
    let mut hash = Blake2s256::new();
    hash.update(b"lacuna model id\0");
    hash.update(blueprint::encode(config));
    for tensor in schema::tensors(config) {
        let weights = source.tensor(&tensor).ok_or(tensor)?;
        let value = match &weights {
            Weights::Matrix(matrix) => parts::form(matrix).1,
            Weights::Dense(_) => super::ValueType::F32,
        };
        hash.update([tensor.id as u8, tensor.layer as u8, value as u8, 0]);
        hash.update((tensor.rows as u32).to_le_bytes());
        hash.update((tensor.cols as u32).to_le_bytes());
        match weights {
            Weights::Matrix(matrix) => hash_matrix(&mut hash, &matrix),
            Weights::Dense(values) => hash.update(values.as_bytes()),
        }
    }
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = hash.finalize().into();
    Ok([a, b, c, d, e, f, g, h])
}

/// The bits of a value as the file stores them.
trait Bits: Value {
    fn update(self, hash: &mut Blake2s256);
}

impl Bits for f32 {
    fn update(self, hash: &mut Blake2s256) {
        hash.update(self.to_le_bytes());
    }
}

impl Bits for f16 {
    fn update(self, hash: &mut Blake2s256) {
        hash.update(self.to_le_bytes());
    }
}

impl Bits for i8 {
    fn update(self, hash: &mut Blake2s256) {
        hash.update(self.to_le_bytes());
    }
}

fn is_nonzero<V: Value>(value: &V) -> bool {
    value.to_f32() != 0.0
}

fn hash_matrix(hash: &mut Blake2s256, matrix: &Matrix<'_>) {
    if let Stored::DenseI8(_, scales) | Stored::CsrI8(_, scales) = matrix.stored() {
        hash.update(scales.as_bytes());
    }
    match matrix.stored() {
        Stored::DenseF32(d) => hash_dense(hash, matrix, d),
        Stored::DenseF16(d) => hash_dense(hash, matrix, d),
        Stored::DenseI8(d, _) => hash_dense(hash, matrix, d),
        Stored::CsrF32(c) => hash_csr(hash, matrix, c),
        Stored::CsrF16(c) => hash_csr(hash, matrix, c),
        Stored::CsrI8(c, _) => hash_csr(hash, matrix, c),
    }
}

fn hash_count<V: Value>(hash: &mut Blake2s256, values: &[V]) {
    let nonzero = values.iter().filter(|v| is_nonzero(*v)).count();
    hash.update((nonzero as u64).to_le_bytes());
}

fn hash_element<V: Bits>(hash: &mut Blake2s256, index: usize, value: V) {
    if is_nonzero(&value) {
        hash.update((index as u32).to_le_bytes());
        value.update(hash);
    }
}

fn hash_dense<V: Bits>(hash: &mut Blake2s256, matrix: &Matrix<'_>, dense: Dense<'_, V>) {
    hash_count(hash, dense.values());
    let (rows, cols) = (matrix.rows(), matrix.cols());
    for row in 0..rows {
        for col in 0..cols {
            let value = match matrix.major() {
                Major::Output => dense.row(row)[col],
                Major::Input => dense.row(col)[row],
            };
            hash_element(hash, row * cols + col, value);
        }
    }
}

fn hash_csr<V: Bits>(hash: &mut Blake2s256, matrix: &Matrix<'_>, csr: Csr<'_, V>) {
    hash_count(hash, csr.values());
    let (rows, cols) = (matrix.rows(), matrix.cols());
    for row in 0..rows {
        if matrix.major() == Major::Output {
            let (indices, values) = csr.row(row);
            for (&col, &value) in indices.iter().zip(values) {
                hash_element(hash, row * cols + usize::from(col), value);
            }
            continue;
        }
        for col in 0..cols {
            let (indices, values) = csr.row(col);
            if let Ok(i) = indices.binary_search_by_key(&row, |&i| usize::from(i)) {
                hash_element(hash, row * cols + col, values[i]);
            }
        }
    }
}
