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
use zerocopy::IntoBytes;

use super::schema::{self, Tensor};
use super::source::{Source, Weights};
use super::{blueprint, parts};
use crate::config::Config;
use crate::sparse::{Matrix, ValueType};

/// The id of the model that `source` holds.
///
/// Output-major and dense tensors take time linear in their stored elements. Input-major ones are asked for every element,
/// because row order is kept without a buffer: O(rows · cols), times log nnz a row for CSR, times the words of a mask;
/// gaps remember their place in the first 1024 inputs and walk a row from its start for each element of the others.
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

fn hash_matrix(hash: &mut Blake2s256, matrix: &Matrix<'_>) {
    if let Some(scales) = matrix.scales() {
        hash.update(scales.as_bytes());
    }
    hash.update((matrix.nonzeros() as u64).to_le_bytes());
    let width = match matrix.value_type() {
        ValueType::F32 => 4,
        ValueType::F16 => 2,
        ValueType::I8 => 1,
    };
    let cols = matrix.cols();
    matrix.for_each(|e| {
        hash.update(((e.row * cols + e.col) as u32).to_le_bytes());
        hash.update(&e.bits.to_le_bytes()[..width]);
    });
}
