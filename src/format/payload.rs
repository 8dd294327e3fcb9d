//! Payloads as views: their parts cut, cast and checked.

use half::f16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::directory::Entry;
use super::layout::zeros;
use super::parts::window;
use super::schema;
use super::sections::{PARTS, SCALES, Sections, block, block_len, sections};
use super::{Encoding, Error, Kind, ValueType};
use crate::sparse::{
    self, Bitmask, Csr, Dense, Gaps, Layout, Matrix, Nibbles, Panel, Stored, Value, bitmask, panel,
};

/// Numbers that may be cast from the bytes of a file.
pub(crate) trait Plain:
    Value + Default + FromBytes + IntoBytes + Immutable + KnownLayout
{
}
impl Plain for f32 {}
impl Plain for f16 {}
impl Plain for i8 {}

fn cast<T: FromBytes + Immutable + KnownLayout>(bytes: &[u8]) -> Result<&[T], sparse::Error> {
    <[T]>::ref_from_bytes(bytes).map_err(|_| CUT)
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

fn cut<'a>(payload: &'a [u8], s: &Sections) -> Result<[&'a [u8]; PARTS], sparse::Error> {
    let mut parts = [&[][..]; PARTS];
    for (part, place) in parts.iter_mut().zip(&s.parts) {
        *part = payload.get(place.start..place.end).ok_or(CUT)?;
    }
    Ok(parts)
}

fn layout<'a, V: Plain>(
    e: &Entry,
    [a, b, c, d, values, _]: [&'a [u8]; PARTS],
    trust: Trust,
) -> Result<Layout<'a, V>, sparse::Error> {
    let (major, minor) = e.stored_shape();
    let values = cast(values)?;
    let checked = trust == Trust::Checked;
    match e.encoding {
        Encoding::Dense => {
            let wrap = if checked { Dense::trusted } else { Dense::new };
            wrap(major, minor, values).map(Layout::Dense)
        }
        Encoding::CsrU16 => {
            let wrap = if checked { Csr::trusted } else { Csr::new };
            wrap(major, minor, cast(a)?, cast(b)?, values).map(Layout::Csr)
        }
        Encoding::CsrU8Gap => {
            let wrap = if checked { Gaps::trusted } else { Gaps::new };
            wrap(major, minor, e.stride(), cast(a)?, cast(b)?).map(Layout::Gaps)
        }
        Encoding::NibbleGap => {
            let wrap = if checked {
                Nibbles::trusted
            } else {
                Nibbles::new
            };
            wrap(major, minor, cast(a)?, cast(b)?).map(Layout::Nibbles)
        }
        Encoding::Bitmask => {
            let wrap = if checked {
                Bitmask::trusted
            } else {
                Bitmask::new
            };
            wrap((major, minor), cast(a)?, cast(b)?, values).map(Layout::Bitmask)
        }
        Encoding::Panel16 | Encoding::Panel32 => {
            let parts = panel::Parts {
                starts: cast(b)?,
                bases: cast(c)?,
                indices: a,
                values,
                order: d,
            };
            let wrap = if checked { Panel::trusted } else { Panel::new };
            wrap((major, minor), window::<V>(e.encoding), parts).map(Layout::Panel)
        }
    }
}

fn stored<'a>(
    e: &Entry,
    s: &Sections,
    payload: &'a [u8],
    trust: Trust,
) -> Result<Stored<'a>, sparse::Error> {
    let parts = cut(payload, s)?;
    Ok(match e.value {
        ValueType::F32 => Stored::F32(layout(e, parts, trust)?),
        ValueType::F16 => Stored::F16(layout(e, parts, trust)?),
        ValueType::I8 => Stored::I8(layout(e, parts, trust)?, cast(parts[SCALES])?),
        ValueType::I4 => return Err(CUT),
    })
}

/// The payload of a line of the directory.
pub(crate) fn of<'a>(bytes: &'a [u8], e: &Entry) -> Option<&'a [u8]> {
    bytes.get(e.offset..)?.get(..e.len)
}

/// A matrix of bytes that were checked before, in constant time.
pub(crate) fn matrix<'a>(bytes: &'a [u8], e: &Entry) -> Option<Matrix<'a>> {
    let stored = stored(e, &sections(e)?, of(bytes, e)?, Trust::Checked).ok()?;
    Matrix::trusted(e.major, stored).ok()
}

/// A dense f32 tensor of a file that was parsed before, in constant time.
pub(crate) fn vector<'a>(bytes: &'a [u8], e: &Entry) -> Option<&'a [f32]> {
    cast(of(bytes, e)?).ok()
}

/// Checks every element of one payload and the zeros between its parts; time linear in its length.
pub(crate) fn check(bytes: &[u8], e: &Entry) -> Result<(), Error> {
    let size = Error::new(Kind::Size, e.offset);
    let s = sections(e).ok_or(size)?;
    let payload = of(bytes, e).ok_or(size)?;
    for pair in s.parts.windows(2) {
        let (from, to) = (e.offset + pair[0].end, e.offset + pair[1].start);
        zeros(bytes, from, to, Kind::Padding)?;
    }
    let stored = stored(e, &s, payload, Trust::Nothing).map_err(|error| {
        let kind = element_kind(&e.tensor, error.kind);
        Error::new(kind, e.offset + place(e, &s, error))
    })?;
    Matrix::new(e.major, stored).map_err(|error| {
        let at = e.offset + s.parts[SCALES].start + 4 * error.at;
        Error::new(Kind::Matrix(error.kind), at)
    })?;
    Ok(())
}

/// The byte of a payload that shows an error of its matrix.
fn place(e: &Entry, s: &Sections, error: sparse::Error) -> usize {
    use sparse::Kind::{Filler, Indptr, Length, Order, OutOfRange, Permutation, Value};
    let ((major, minor), at) = (e.stored_shape(), error.at);
    let width = e.value.bits() / 8;
    let [first, second, _, order, values, _] = s.parts.map(|part| part.start);
    match (e.encoding, error.kind) {
        (_, Length) => 0,
        (Encoding::CsrU8Gap | Encoding::NibbleGap, Value) => {
            let block = block(e.encoding);
            second + at / block * block_len(e) + 4 + at % block * width
        }
        (_, Value | Filler) => values + width * at,
        (_, Permutation) => order + at,
        (Encoding::Panel16 | Encoding::Panel32, Indptr | Order) => {
            second + 4 * at.min(major.div_ceil(panel::LANES))
        }
        (Encoding::Panel16 | Encoding::Panel32, _) => {
            let (lane, before) = (at % panel::LANES, at - at % panel::LANES);
            match e.value {
                ValueType::I8 => at,
                _ => before + panel::index_at::<f32>(lane, 0),
            }
        }
        (Encoding::Bitmask, OutOfRange) => second + 4 * bitmask::words(minor) * at,
        _ => first + 4 * at.min(major),
    }
}

fn element_kind(tensor: &schema::Tensor, kind: sparse::Kind) -> Kind {
    match (tensor.kind, kind) {
        (schema::Kind::Dense, sparse::Kind::Value) => Kind::NonFinite,
        _ => Kind::Matrix(kind),
    }
}
