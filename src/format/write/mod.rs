//! Models into files, without IO: the exporter's half of the format.
//!
//! ```text
//! Config ─┐                                        pass 0: check every tensor, place it, hash the model id
//! Source ─┼─► write ─► header │ directories │ …    pass 1: the body into a CRC-32
//! Extra  ─┘                    ──► Sink            pass 2: header and body into the sink, front to back
//! ```
//!
//! # Invariants
//! - What [`write()`] accepts, [`super::File::parse`] accepts: both use the same checks.
//! - The sink gets the bytes of the file in order, once; nothing is sought or patched.
//!
//! # Why
//! The checksum stands before what it covers, so that a reader knows the whole from the first bytes; walking the
//! source twice costs less than holding a file in memory, and lets the writer live without a heap.

mod refusal;

pub use refusal::Error;

use super::directory::{self, BlockEntry, Entry};
use super::extra::Extra;
use super::header::Needs;
use super::layout::{MAGIC, PAYLOAD_ALIGN, VERSION, align_payload};
use super::schema::{self, Tensor};
use super::source::{Source, Weights};
use super::{blueprint, id, parts, sections};
use crate::config::Config;
use crate::num::Crc32;
use crate::sparse;
use zerocopy::IntoBytes;

/// Where bytes go, front to back.
pub trait Sink {
    /// Why bytes may not arrive.
    type Error;

    /// Takes all of `bytes`.
    ///
    /// # Errors
    /// Whatever stands in the way; the writer stops at once.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Written {
    /// Bytes of the file.
    pub len: usize,
    /// CRC-32/ISO-HDLC as it stands in the header.
    pub crc: u32,
    /// The model's name.
    pub model_id: [u8; 8],
}

/// Writes a model file. Front to back, deterministic: the same input gives the same bytes.
///
/// # Errors
/// [`Error`]; nothing was given to the sink unless it is [`Error::Sink`].
pub fn write<S: Source + ?Sized, K: Sink>(
    config: &Config,
    source: &S,
    extra: &Extra<'_>,
    sink: &mut K,
) -> Result<Written, Error<K::Error>> {
    let plan = Plan::new(config, source, extra)?;
    let mut crc = Crc32::new();
    plan.body(&mut |bytes| {
        crc.update(bytes);
        Ok::<(), Error<K::Error>>(())
    })?;
    let crc = crc.finish();
    let mut put = |bytes: &[u8]| sink.write(bytes).map_err(Error::Sink);
    put(&MAGIC)?;
    put(&VERSION.to_le_bytes())?;
    put(&plan.len.to_le_bytes())?;
    put(&crc.to_le_bytes())?;
    plan.body(&mut put)?;
    Ok(Written {
        len: plan.len as usize,
        crc,
        model_id: plan.model_id,
    })
}

/// A line of the directory for what the source gives, its offset still open; all checks of the reader.
fn line<S: Source + ?Sized, E>(
    source: &S,
    tensor: Tensor,
) -> Result<(Entry, Weights<'_>), Error<E>> {
    let weights = source.tensor(&tensor).ok_or(Error::Missing(tensor))?;
    let entry = match &weights {
        Weights::Matrix(matrix) => {
            if (matrix.rows(), matrix.cols()) != (tensor.rows, tensor.cols) {
                return Err(Error::Shape(tensor));
            }
            parts::line(tensor, matrix)
        }
        Weights::Dense(values) => {
            if tensor.rows.checked_mul(tensor.cols) != Some(values.len()) {
                return Err(Error::Shape(tensor));
            }
            parts::vector_line(tensor, values)
        }
    };
    let entry = entry.ok_or(Error::TooLarge)?;
    let is_dense = matches!(weights, Weights::Dense(_));
    if is_dense != (tensor.kind == schema::Kind::Dense) || !directory::may_store(&entry) {
        return Err(Error::Storage(tensor));
    }
    Ok((entry, weights))
}

struct Plan<'a, S: ?Sized> {
    config: &'a Config,
    source: &'a S,
    extra: &'a Extra<'a>,
    tensors: u16,
    blocks: u16,
    needs: Needs,
    model_id: [u8; 8],
    len: u32,
}

impl<'a, S: Source + ?Sized> Plan<'a, S> {
    fn new<E>(config: &'a Config, source: &'a S, extra: &'a Extra<'a>) -> Result<Self, Error<E>> {
        config.check().map_err(Error::Config)?;
        let tensors = schema::count(config);
        let blocks = extra.all().count();
        let (mut encodings, mut values) = (0, 0);
        let mut end = directory::end(tensors, blocks) as u64;
        for tensor in schema::tensors(config) {
            let (entry, weights) = line(source, tensor)?;
            let checked = match &weights {
                Weights::Matrix(matrix) => parts::recheck(matrix),
                Weights::Dense(values) => {
                    sparse::Dense::new(tensor.rows, tensor.cols, values).map(drop)
                }
            };
            checked.map_err(|e| Error::Matrix(tensor, e))?;
            encodings |= 1 << entry.encoding as u8;
            values |= 1 << entry.value as u8;
            end = align_payload(end) + entry.len as u64;
        }
        for block in extra.in_order() {
            block
                .check(config, extra)
                .map_err(|kind| Error::Block(block.tag(), kind))?;
            end = align_payload(end) + block.len() as u64;
        }
        Ok(Self {
            config,
            source,
            extra,
            tensors: u16::try_from(tensors).map_err(|_| Error::TooLarge)?,
            blocks: u16::try_from(blocks).map_err(|_| Error::TooLarge)?,
            needs: Needs {
                state_bytes: extra.state_bytes,
                encodings,
                values,
                isa: extra.isa as u8,
            },
            model_id: id::model_id(config, source).map_err(Error::Missing)?,
            len: u32::try_from(end).map_err(|_| Error::TooLarge)?,
        })
    }

    /// Everything the checksum covers, in file order.
    fn body<E>(&self, put: &mut impl FnMut(&[u8]) -> Result<(), Error<E>>) -> Result<(), Error<E>> {
        put(&self.tensors.to_le_bytes())?;
        put(&self.blocks.to_le_bytes())?;
        put(&self.model_id)?;
        put(&blueprint::encode(self.config))?;
        put(&self.needs.encode())?;

        let (tensors, blocks) = (usize::from(self.tensors), usize::from(self.blocks));
        let mut end = directory::end(tensors, blocks) as u64;
        for tensor in schema::tensors(self.config) {
            let (mut entry, _) = line(self.source, tensor)?;
            entry.offset = align_payload(end) as usize;
            end = entry.offset as u64 + entry.len as u64;
            put(&entry.encode())?;
        }
        for block in self.extra.in_order() {
            let entry = BlockEntry {
                tag: block.tag(),
                offset: align_payload(end) as usize,
                len: block.len(),
            };
            end = entry.offset as u64 + entry.len as u64;
            put(&entry.encode())?;
        }

        let mut out = Padded {
            at: directory::end(tensors, blocks),
            put,
        };
        for tensor in schema::tensors(self.config) {
            out.pad(PAYLOAD_ALIGN)?;
            let (entry, weights) = line(self.source, tensor)?;
            match weights {
                Weights::Dense(values) => out.write(values.as_bytes())?,
                Weights::Matrix(matrix) => {
                    for part in parts::of(&matrix) {
                        if !part.is_empty() {
                            out.pad(sections::part_align(entry.encoding))?;
                            out.write(part)?;
                        }
                    }
                }
            }
        }
        for block in self.extra.in_order() {
            out.pad(PAYLOAD_ALIGN)?;
            block.parts(|part| out.write(part))?;
        }
        Ok(())
    }
}

/// A sink that knows its offset in the file.
struct Padded<'a, P> {
    at: usize,
    put: &'a mut P,
}

impl<P> Padded<'_, P> {
    fn write<E>(&mut self, bytes: &[u8]) -> Result<(), Error<E>>
    where
        P: FnMut(&[u8]) -> Result<(), Error<E>>,
    {
        self.at += bytes.len();
        (self.put)(bytes)
    }

    /// Zeros up to the next multiple of `align`, at most 64.
    fn pad<E>(&mut self, align: usize) -> Result<(), Error<E>>
    where
        P: FnMut(&[u8]) -> Result<(), Error<E>>,
    {
        let zeros = self.at.next_multiple_of(align) - self.at;
        self.write(&[0; PAYLOAD_ALIGN][..zeros])
    }
}
