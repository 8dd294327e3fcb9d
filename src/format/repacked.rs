//! Payloads beside a file: the same tensors in other forms, in memory that the caller lends.
//!
//! ```text
//! lines, 20 bytes each as in the tensor directory:   one vector: T   │   many vectors: T       zeros: as in the file
//! payloads, each from the next multiple of 64
//! ```
//!
//! # Invariants
//! - Lines and payloads come from [`super::pack`], so views of them need no check of elements.
//! - A tensor without a line here is read from the file.
//!
//! # Why
//! The directory and the payloads of a file already say everything about a form, and their reader takes constant time:
//! a repacked model is a second body to the same header.

use super::Entry;
use super::directory;
use super::layout::{PAYLOAD_ALIGN, TENSOR_LEN};
use super::pack::{self, Form};
use super::payload;
use super::schema::{self, Tensor};
use crate::config::Config;
use crate::sparse::Matrix;

/// What a form of a matrix is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Product {
    /// With one vector: a token.
    One = 0,
    /// With many vectors at once: a prompt.
    Many = 1,
}

/// Finished payloads beside a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repacked<'a> {
    bytes: &'a [u8],
    tensors: usize,
}

impl<'a> Repacked<'a> {
    /// The matrix in place `place` of the schema, if it was repacked for `product`. Constant time.
    pub(crate) fn matrix(
        &self,
        product: Product,
        place: usize,
        tensor: Tensor,
    ) -> Option<Matrix<'a>> {
        let at = line_at(self.tensors, product, place);
        let entry = directory::entry_at(self.bytes, at, tensor.multiplied()).ok()?;
        payload::matrix(self.bytes, &entry)
    }
}

fn line_at(tensors: usize, product: Product, place: usize) -> usize {
    TENSOR_LEN * (product as usize * tensors + place)
}

/// Bytes that are added behind `end` for a payload of `len` bytes.
pub(crate) fn behind(end: usize, len: usize) -> usize {
    end.next_multiple_of(PAYLOAD_ALIGN) + len
}

/// Bytes before the first payload.
pub(crate) fn lines_len(config: &Config) -> usize {
    line_at(schema::count(config), Product::Many, schema::count(config))
}

/// Payloads on their way into memory.
#[derive(Debug)]
pub(crate) struct Repacker<'a> {
    bytes: &'a mut [u8],
    tensors: usize,
    end: usize,
}

impl<'a> Repacker<'a> {
    /// Starts in the front of `bytes`; `None` where not even the lines fit.
    pub(crate) fn new(config: &Config, bytes: &'a mut [u8]) -> Option<Self> {
        let end = lines_len(config);
        bytes.get_mut(..end)?.fill(0);
        Some(Self {
            bytes,
            tensors: schema::count(config),
            end,
        })
    }

    /// Packs the matrix in place `place` of the schema for `product`.
    ///
    /// # Errors
    /// Whatever [`pack::pack`] refuses.
    pub(crate) fn add(
        &mut self,
        product: Product,
        place: usize,
        (tensor, matrix): (Tensor, &Matrix<'_>),
        form: Form,
        scratch: &mut [u8],
    ) -> Result<Entry, pack::Error> {
        let offset = behind(self.end, 0).min(self.bytes.len());
        let out = &mut self.bytes[offset..];
        let entry = Entry {
            offset,
            ..pack::pack(tensor, matrix, form, scratch, out)?
        };
        self.end = offset + entry.len;
        self.set(product, place, &entry);
        Ok(entry)
    }

    /// Gives place `place` for `product` a payload that is already there.
    pub(crate) fn set(&mut self, product: Product, place: usize, entry: &Entry) {
        let at = line_at(self.tensors, product, place);
        self.bytes[at..at + TENSOR_LEN].copy_from_slice(&entry.encode());
    }

    /// What was packed, and in how many bytes.
    pub(crate) fn finish(self) -> (Repacked<'a>, usize) {
        let repacked = Repacked {
            bytes: self.bytes,
            tensors: self.tensors,
        };
        (repacked, self.end)
    }
}
