//! Payloads as views: where the parts of a tensor lie, cut and checked.

use half::f16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::directory::Entry;
use super::layout::zeros;
use super::schema;
use super::{Encoding, Error, Kind, ValueType};
use crate::sparse::{self, Csr, Dense, Layout, Matrix, Stored, Value};

/// Where the parts of a payload start, from its own start; each part starts at a multiple of 4.
///
/// ```text
/// dense    values (major · minor)                                                    · scales (rows) f32 if i8
/// csr-u16  row starts (major + 1) u32 · columns (nnz) u16 · 0? · values (nnz) · 0?   · scales (rows) f32 if i8
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sections {
    pub(crate) columns: usize,
    pub(crate) columns_end: usize,
    pub(crate) values: usize,
    pub(crate) values_end: usize,
    pub(crate) scales: usize,
    pub(crate) len: usize,
}

/// Parts of a payload start at multiples of this many bytes.
pub(crate) const PART_ALIGN: usize = 4;

const fn align_part(at: u64) -> u64 {
    at.next_multiple_of(PART_ALIGN as u64)
}

/// The parts of a payload of this encoding, shape and count; `None` if no file can hold it.
pub(crate) const fn sections(e: &Entry) -> Option<Sections> {
    // Sides are at most 65 536 and nnz fits u32, so u64 holds every sum and product here.
    let (major, minor) = e.stored_shape();
    let nnz = e.nnz as u64;
    let (columns, columns_end) = match e.encoding {
        Encoding::Dense if nnz == major as u64 * minor as u64 => (0, 0),
        Encoding::CsrU16 => {
            let starts = 4 * (major as u64 + 1);
            (starts, starts + 2 * nnz)
        }
        _ => return None,
    };
    let values = align_part(columns_end);
    let values_end = values + nnz * (e.value.bits() as u64 / 8);
    let (scales, len) = match e.value {
        ValueType::I8 => {
            let scales = align_part(values_end);
            (scales, scales + 4 * e.tensor.rows as u64)
        }
        _ => (values_end, values_end),
    };
    if len > u32::MAX as u64 {
        return None;
    }
    Some(Sections {
        columns: columns as usize,
        columns_end: columns_end as usize,
        values: values as usize,
        values_end: values_end as usize,
        scales: scales as usize,
        len: len as usize,
    })
}

/// Numbers that may be cast from the bytes of a file.
pub(crate) trait Plain: Value + FromBytes + IntoBytes + Immutable + KnownLayout {}
impl Plain for f32 {}
impl Plain for f16 {}
impl Plain for i8 {}

fn cast<T: FromBytes + Immutable + KnownLayout>(
    payload: &[u8],
    from: usize,
    to: usize,
) -> Option<&[T]> {
    <[T]>::ref_from_bytes(payload.get(from..to)?).ok()
}

/// How much of a matrix to check while wrapping it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Every element: the bytes are new.
    Nothing,
    /// Lengths only: [`super::File::parse`] has seen these bytes.
    Checked,
}

/// The parts of a payload could not be cut; [`Entry`] and bytes do not belong together.
const CUT: sparse::Error = sparse::Error {
    kind: sparse::Kind::Length,
    at: 0,
};

fn dense<'a, V: Plain>(
    e: &Entry,
    s: &Sections,
    payload: &'a [u8],
    trust: Trust,
) -> Result<Dense<'a, V>, sparse::Error> {
    let (major, minor) = e.stored_shape();
    let values = cast(payload, s.values, s.values_end).ok_or(CUT)?;
    match trust {
        Trust::Nothing => Dense::new(major, minor, values),
        Trust::Checked => Dense::trusted(major, minor, values),
    }
}

fn csr<'a, V: Plain>(
    e: &Entry,
    s: &Sections,
    payload: &'a [u8],
    trust: Trust,
) -> Result<Csr<'a, V>, sparse::Error> {
    let (major, minor) = e.stored_shape();
    let starts = cast(payload, 0, s.columns).ok_or(CUT)?;
    let columns = cast(payload, s.columns, s.columns_end).ok_or(CUT)?;
    let values = cast(payload, s.values, s.values_end).ok_or(CUT)?;
    match trust {
        Trust::Nothing => Csr::new(major, minor, starts, columns, values),
        Trust::Checked => Csr::trusted(major, minor, starts, columns, values),
    }
}

fn stored<'a>(
    e: &Entry,
    s: &Sections,
    payload: &'a [u8],
    trust: Trust,
) -> Result<Stored<'a>, sparse::Error> {
    let scales = || cast(payload, s.scales, s.len).ok_or(CUT);
    Ok(match (e.encoding, e.value) {
        (Encoding::Dense, ValueType::F32) => {
            Stored::F32(Layout::Dense(dense(e, s, payload, trust)?))
        }
        (Encoding::Dense, ValueType::F16) => {
            Stored::F16(Layout::Dense(dense(e, s, payload, trust)?))
        }
        (Encoding::Dense, ValueType::I8) => {
            Stored::I8(Layout::Dense(dense(e, s, payload, trust)?), scales()?)
        }
        (Encoding::CsrU16, ValueType::F32) => Stored::F32(Layout::Csr(csr(e, s, payload, trust)?)),
        (Encoding::CsrU16, ValueType::F16) => Stored::F16(Layout::Csr(csr(e, s, payload, trust)?)),
        (Encoding::CsrU16, ValueType::I8) => {
            Stored::I8(Layout::Csr(csr(e, s, payload, trust)?), scales()?)
        }
        _ => return Err(CUT),
    })
}

/// The payload of a line of the directory.
pub(crate) fn of<'a>(bytes: &'a [u8], e: &Entry) -> Option<&'a [u8]> {
    bytes.get(e.offset..)?.get(..e.len)
}

/// A matrix of a file that was parsed before, in constant time.
pub(crate) fn matrix<'a>(bytes: &'a [u8], e: &Entry) -> Option<Matrix<'a>> {
    let stored = stored(e, &sections(e)?, of(bytes, e)?, Trust::Checked).ok()?;
    Matrix::trusted(e.major, stored).ok()
}

/// A dense f32 tensor of a file that was parsed before, in constant time.
pub(crate) fn vector<'a>(bytes: &'a [u8], e: &Entry) -> Option<&'a [f32]> {
    cast(of(bytes, e)?, 0, e.len)
}

/// Checks every element of one payload; time linear in its length.
pub(crate) fn check(bytes: &[u8], e: &Entry) -> Result<(), Error> {
    let size = Error::new(Kind::Size, e.offset);
    let s = sections(e).ok_or(size)?;
    let payload = of(bytes, e).ok_or(size)?;
    zeros(
        bytes,
        e.offset + s.columns_end,
        e.offset + s.values,
        Kind::Padding,
    )?;
    zeros(
        bytes,
        e.offset + s.values_end,
        e.offset + s.scales,
        Kind::Padding,
    )?;
    let width = e.value.bits() / 8;
    let stored = stored(e, &s, payload, Trust::Nothing).map_err(|error| {
        let within = match error.kind {
            sparse::Kind::Value => s.values + width * error.at,
            sparse::Kind::Indptr => 4 * e.stored_shape().0,
            sparse::Kind::Length => 0,
            _ => 4 * error.at,
        };
        Error::new(element_kind(&e.tensor, error.kind), e.offset + within)
    })?;
    Matrix::new(e.major, stored).map_err(|error| {
        Error::new(Kind::Matrix(error.kind), e.offset + s.scales + 4 * error.at)
    })?;
    Ok(())
}

fn element_kind(tensor: &schema::Tensor, kind: sparse::Kind) -> Kind {
    match (tensor.kind, kind) {
        (schema::Kind::Dense, sparse::Kind::Value) => Kind::NonFinite,
        _ => Kind::Matrix(kind),
    }
}
