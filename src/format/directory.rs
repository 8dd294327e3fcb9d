//! Both directories: which payload is where, and that they follow each other without gap or overlap.

use super::header::Header;
use super::layout::{BLOCK_LEN, DIRECTORY_AT, TENSOR_LEN, align_payload, array_at, u32_at, zeros};
use super::pack::Form;
use super::schema::{self, Kind as Storage, Tensor};
use super::sections::sections;
use super::tag::Tag;
use super::{Encoding, Error, Kind, ValueType, payload};
use crate::sparse::{self, Major, Matrix, Stride};

/// One line of the tensor directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry {
    /// Which tensor, and its logical shape.
    pub tensor: Tensor,
    /// How its elements are laid out.
    pub encoding: Encoding,
    /// What its elements are.
    pub value: ValueType,
    /// Which axis is stored as rows.
    pub major: Major,
    /// True if the payload says in which order its rows lie; for panels only.
    pub sorted: bool,
    /// Stored elements; for the dense encoding `rows · cols`.
    pub nnz: usize,
    /// First byte of the payload, from the start of the file.
    pub offset: usize,
    /// Bytes of the payload, padding not counted.
    pub len: usize,
}

impl Entry {
    /// Encoding and orientation.
    pub const fn form(&self) -> Form {
        Form {
            encoding: self.encoding,
            major: self.major,
        }
    }

    /// Stored shape `(major, minor)`.
    pub(crate) const fn stored_shape(&self) -> (usize, usize) {
        match self.major {
            Major::Output => (self.tensor.rows, self.tensor.cols),
            Major::Input => (self.tensor.cols, self.tensor.rows),
        }
    }

    /// What the gaps of its encoding count.
    pub(crate) fn stride(&self) -> Stride {
        let values = match self.value {
            ValueType::I8 => sparse::ValueType::I8,
            ValueType::F16 => sparse::ValueType::F16,
            _ => sparse::ValueType::F32,
        };
        Stride::of(self.major, values)
    }

    /// `nnz / (rows · cols)`; 1 for the dense encoding.
    pub fn density(&self) -> f64 {
        self.nnz as f64 / (self.tensor.rows as f64 * self.tensor.cols as f64)
    }

    /// The matrix whose payload lies at [`Entry::offset`] of `bytes`, every element checked.
    ///
    /// # Errors
    /// What is wrong with the payload, and at which byte.
    pub fn view<'a>(&self, bytes: &'a [u8]) -> Result<Matrix<'a>, Error> {
        payload::check(bytes, self)?;
        payload::matrix(bytes, self).ok_or(Error::new(Kind::Size, self.offset))
    }

    pub(crate) fn encode(&self) -> [u8; TENSOR_LEN] {
        let mut out = [0; TENSOR_LEN];
        out[0] = self.tensor.id as u8;
        out[1] = self.tensor.layer as u8;
        out[2] = self.encoding as u8;
        out[3] = self.value as u8;
        out[4] = self.major as u8;
        out[5] = self.sorted as u8;
        for (field, n) in out[8..]
            .chunks_exact_mut(4)
            .zip([self.offset, self.len, self.nnz])
        {
            field.copy_from_slice(&(n as u32).to_le_bytes());
        }
        out
    }
}

/// One line of the block directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BlockEntry {
    /// What the block is.
    pub tag: Tag,
    /// First byte of the payload, from the start of the file.
    pub offset: usize,
    /// Bytes of the payload, padding not counted; never 0.
    pub len: usize,
}

impl BlockEntry {
    pub(crate) fn encode(&self) -> [u8; BLOCK_LEN] {
        let mut out = [0; BLOCK_LEN];
        out[..4].copy_from_slice(&self.tag.0);
        out[4..8].copy_from_slice(&(self.offset as u32).to_le_bytes());
        out[8..].copy_from_slice(&(self.len as u32).to_le_bytes());
        out
    }
}

/// First byte of the block directory.
pub(crate) const fn blocks_at(tensors: usize) -> usize {
    DIRECTORY_AT + TENSOR_LEN * tensors
}

/// First byte after both directories.
pub(crate) const fn end(tensors: usize, blocks: usize) -> usize {
    blocks_at(tensors) + BLOCK_LEN * blocks
}

/// Line `place` of the tensor directory, which must be `tensor`; checks everything but the offset.
pub(crate) const fn entry(bytes: &[u8], place: usize, tensor: Tensor) -> Result<Entry, Error> {
    entry_at(bytes, DIRECTORY_AT + TENSOR_LEN * place, tensor)
}

/// The line at byte `at`, which must be `tensor`; checks everything but the offset.
pub(crate) const fn entry_at(bytes: &[u8], at: usize, tensor: Tensor) -> Result<Entry, Error> {
    let [id, layer, encoding, value, major, sorted, rest @ ..]: [u8; 8] = tri!(array_at(bytes, at));
    if id != tensor.id as u8 || layer as usize != tensor.layer {
        return Err(Error::new(Kind::Directory, at));
    }
    let encoding = match Encoding::from_id(encoding) {
        Some(encoding) => encoding,
        None => return Err(Error::new(Kind::Unknown, at + 2)),
    };
    let value = match ValueType::from_id(value) {
        Some(value) if value.supported() => value,
        Some(_) => return Err(Error::new(Kind::ReservedValue, at + 3)),
        None => return Err(Error::new(Kind::Unknown, at + 3)),
    };
    let major = match major {
        0 => Major::Output,
        1 => Major::Input,
        _ => return Err(Error::new(Kind::Unknown, at + 4)),
    };
    let panel = matches!(encoding, Encoding::Panel16 | Encoding::Panel32);
    if !matches!(rest, [0, 0]) || sorted > panel as u8 {
        return Err(Error::new(Kind::Reserved, at + 5));
    }
    let entry = Entry {
        tensor,
        encoding,
        value,
        major,
        sorted: sorted == 1,
        offset: tri!(u32_at(bytes, at + 8)) as usize,
        len: tri!(u32_at(bytes, at + 12)) as usize,
        nnz: tri!(u32_at(bytes, at + 16)) as usize,
    };
    if !may_store(&entry) {
        return Err(Error::new(Kind::Storage, at + 2));
    }
    match sections(&entry) {
        Some(sections) if sections.len == entry.len => Ok(entry),
        _ => Err(Error::new(Kind::Size, at + 12)),
    }
}

/// Whether a tensor of this kind may have this form.
pub(crate) const fn may_store(e: &Entry) -> bool {
    let exact = matches!(e.value, ValueType::F32) || !matches!(e.tensor.kind, Storage::Dense);
    exact && e.form().may_hold(e.tensor.kind)
}

/// Line `i` of the block directory; checks nothing but that it is there.
pub(crate) const fn block(bytes: &[u8], tensors: usize, i: usize) -> Result<BlockEntry, Error> {
    let at = blocks_at(tensors) + BLOCK_LEN * i;
    Ok(BlockEntry {
        tag: Tag(tri!(array_at(bytes, at))),
        offset: tri!(u32_at(bytes, at + 4)) as usize,
        len: tri!(u32_at(bytes, at + 8)) as usize,
    })
}

/// Checks both directories: the lines the schema wants, payloads one after the other, the last one ending the file,
/// and the needs block. Reads no payload.
pub(crate) const fn check(bytes: &[u8], header: &Header) -> Result<(), Error> {
    let (tensors, blocks) = (header.tensors, header.blocks);
    if tensors != schema::count(&header.config) {
        return Err(Error::new(Kind::Directory, super::layout::TENSORS_AT));
    }
    // Both counts are u16, so nothing here overflows 32 bits.
    let mut end = end(tensors, blocks) as u64;
    if (bytes.len() as u64) < end {
        return Err(Error::new(Kind::Truncated, bytes.len()));
    }
    let (mut encodings, mut values) = (0u32, 0u32);
    let (mut slot, mut place) = (0, 0);
    while slot < schema::slots(&header.config) {
        if let Some(tensor) = schema::slot(&header.config, slot) {
            let e = tri!(entry(bytes, place, tensor));
            let at = DIRECTORY_AT + TENSOR_LEN * place + 8;
            end = tri!(follows(bytes, end, e.offset, e.len, at));
            encodings |= 1 << e.encoding as u8;
            values |= 1 << e.value as u8;
            place += 1;
        }
        slot += 1;
    }
    if encodings != header.needs.encodings || values != header.needs.values {
        return Err(Error::new(Kind::Needs, super::layout::NEEDS_AT + 8));
    }
    let mut before = 0;
    let mut i = 0;
    while i < blocks {
        let b = tri!(block(bytes, tensors, i));
        let at = blocks_at(tensors) + BLOCK_LEN * i;
        let order = u32::from_be_bytes(b.tag.0);
        if !b.tag.is_wellformed() || order <= before {
            return Err(Error::new(Kind::Tag, at));
        }
        if !b.tag.is_optional() {
            return Err(Error::new(Kind::Critical, at));
        }
        if b.len == 0 {
            return Err(Error::new(Kind::Size, at + 8));
        }
        end = tri!(follows(bytes, end, b.offset, b.len, at + 4));
        before = order;
        i += 1;
    }
    if end != bytes.len() as u64 {
        return Err(Error::new(Kind::Length, super::layout::LENGTH_AT));
    }
    Ok(())
}

/// Checks that a payload starts at the first multiple of 64 from `end` on and lies in the file; gives its end.
const fn follows(
    bytes: &[u8],
    end: u64,
    offset: usize,
    len: usize,
    at: usize,
) -> Result<u64, Error> {
    if offset as u64 != align_payload(end) {
        return Err(Error::new(Kind::Offset, at));
    }
    let end = offset as u64 + len as u64;
    if end > bytes.len() as u64 {
        return Err(Error::new(Kind::Size, at + 4));
    }
    Ok(end)
}

/// Checks that every byte between payloads is zero.
pub(crate) fn check_padding(bytes: &[u8], header: &Header) -> Result<(), Error> {
    let mut at = end(header.tensors, header.blocks);
    for place in 0..header.tensors {
        let line = DIRECTORY_AT + TENSOR_LEN * place;
        let offset = u32_at(bytes, line + 8)? as usize;
        zeros(bytes, at, offset, Kind::Padding)?;
        at = offset + u32_at(bytes, line + 12)? as usize;
    }
    for i in 0..header.blocks {
        let b = block(bytes, header.tensors, i)?;
        zeros(bytes, at, b.offset, Kind::Padding)?;
        at = b.offset + b.len;
    }
    Ok(())
}
