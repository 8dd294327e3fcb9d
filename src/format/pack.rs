//! Matrices brought into any form, in memory that the caller lends: what the exporter writes and what repacking at load
//! makes come from here.
//!
//! ```text
//! Matrix ─ same orientation ───────────────────► Layout ─┐
//!        └ other orientation ─► CSR in `scratch` ────────┴─ packer of the encoding ─► payload, parts as in `sections`
//! ```
//!
//! # Invariants
//! - The payload is byte for byte what a file holds for that form, padding included.
//! - Values are moved, never changed: the bits of every nonzero are those of the source, zeros are dropped.
//!
//! # Why
//! One definition of every layout for host and engine. How large a packed form becomes is known only after walking the
//! pattern, so sizing is a call of its own: [`line()`] walks, [`pack`] walks and writes.

use core::fmt;

use zerocopy::{FromBytes, IntoBytes, KnownLayout};

use super::directory::{self, Entry};
use super::payload::Plain;
use super::schema::{self, Tensor};
use super::sections::{PARTS, sections};
use super::{Encoding, ValueType, parts};
use crate::sparse::{
    self, Bitmask, Gaps, Layout, Major, Matrix, Nibbles, Panel, Stored, bitmask, panel, plain,
};

/// How the elements of a matrix lie, apart from what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Form {
    /// The layout.
    pub encoding: Encoding,
    /// Which axis is stored as rows.
    pub major: Major,
}

impl Form {
    /// Whether a tensor of this kind may have this form.
    pub const fn may_hold(self, kind: schema::Kind) -> bool {
        let panel = matches!(self.encoding, Encoding::Panel16 | Encoding::Panel32);
        match kind {
            schema::Kind::Matrix if panel => matches!(self.major, Major::Output),
            schema::Kind::Matrix => true,
            schema::Kind::Lookup if panel => false,
            schema::Kind::Lookup => matches!(self.major, Major::Output),
            schema::Kind::Dense => {
                matches!(self.encoding, Encoding::Dense) && matches!(self.major, Major::Output)
            }
        }
    }
}

/// Why a matrix was not packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The tensor may not be stored so: an input-major look-up, an encoding this engine does not have.
    Form(Form),
    /// The payload would exceed 4 GiB − 1.
    TooLarge,
    /// The matrix has not the shape of the tensor.
    Shape,
    /// The memory lent is too short.
    TooSmall {
        /// Bytes that are needed.
        needed: usize,
        /// Bytes that were lent.
        given: usize,
    },
    /// The memory lent does not start at a multiple of [`super::BASE_ALIGN`].
    Misaligned,
    /// The packer refused; a matrix that was checked never causes this.
    Matrix(sparse::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Form(form) => write!(f, "tensor may not be stored as {}", form.encoding),
            Error::TooLarge => f.write_str("payload would be larger than 4 GiB"),
            Error::Shape => f.write_str("matrix has not the shape of its tensor"),
            Error::TooSmall { needed, given } => {
                write!(f, "{needed} bytes are needed and {given} were given")
            }
            Error::Misaligned => f.write_str("memory does not start at a multiple of 4 bytes"),
            Error::Matrix(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<sparse::Error> for Error {
    fn from(e: sparse::Error) -> Self {
        Error::Matrix(e)
    }
}

/// The form of a matrix as it is.
pub fn form(matrix: &Matrix<'_>) -> Form {
    Form {
        encoding: parts::form(matrix).0,
        major: matrix.major(),
    }
}

/// The type of its values, in the format's words.
pub fn value(matrix: &Matrix<'_>) -> ValueType {
    parts::form(matrix).1
}

/// Bytes of scratch memory that [`line()`] and [`pack`] may use: none unless axes are exchanged. Constant time.
pub fn scratch_len(matrix: &Matrix<'_>, major: Major) -> usize {
    if matrix.major() == major {
        return 0;
    }
    let rows = if major == Major::Output {
        matrix.rows()
    } else {
        matrix.cols()
    };
    let nnz = matrix.nnz();
    4 * (rows + 1) + (2 * nnz).next_multiple_of(4) + nnz * (value(matrix).bits() / 8)
}

/// Line of the directory that `matrix` has in `form`, its offset 0: how many bytes [`pack`] will write.
///
/// # Errors
/// [`Error`].
pub fn line(
    tensor: Tensor,
    matrix: &Matrix<'_>,
    form: Form,
    scratch: &mut [u8],
) -> Result<Entry, Error> {
    run(tensor, matrix, form, scratch, None)
}

/// Writes the payload of `matrix` in `form` to the front of `out`; its line of the directory, with offset 0.
///
/// # Errors
/// [`Error`]; `out` is then in no particular state.
pub fn pack(
    tensor: Tensor,
    matrix: &Matrix<'_>,
    form: Form,
    scratch: &mut [u8],
    out: &mut [u8],
) -> Result<Entry, Error> {
    run(tensor, matrix, form, scratch, Some(out))
}

fn run(
    tensor: Tensor,
    matrix: &Matrix<'_>,
    form: Form,
    scratch: &mut [u8],
    out: Option<&mut [u8]>,
) -> Result<Entry, Error> {
    if (matrix.rows(), matrix.cols()) != (tensor.rows, tensor.cols) {
        return Err(Error::Shape);
    }
    let needed = scratch_len(matrix, form.major);
    let given = scratch.len();
    let scratch = scratch
        .get_mut(..needed)
        .ok_or(Error::TooSmall { needed, given })?;
    let entry = |value| Entry {
        tensor,
        encoding: form.encoding,
        value,
        major: form.major,
        sorted: false,
        nnz: 0,
        offset: 0,
        len: 0,
    };
    let turn = matrix.major() != form.major;
    match matrix.stored() {
        Stored::F32(l) => lay(entry(ValueType::F32), l, turn, &[], scratch, out),
        Stored::F16(l) => lay(entry(ValueType::F16), l, turn, &[], scratch, out),
        Stored::I8(l, scales) => lay(entry(ValueType::I8), l, turn, scales, scratch, out),
    }
}

fn lay<V: Plain>(
    mut entry: Entry,
    source: Layout<'_, V>,
    turn: bool,
    scales: &[f32],
    scratch: &mut [u8],
    out: Option<&mut [u8]>,
) -> Result<Entry, Error> {
    let form = entry.form();
    if !directory::may_store(&entry) {
        return Err(Error::Form(form));
    }
    let source = if turn {
        turned(&source, scratch)?
    } else {
        source
    };
    (entry.nnz, entry.sorted) = stored(&entry, &source).ok_or(Error::TooLarge)?;
    entry.len = sections(&entry).ok_or(Error::TooLarge)?.len;
    if let Some(out) = out {
        let given = out.len();
        let needed = entry.len;
        let out = out
            .get_mut(..needed)
            .ok_or(Error::TooSmall { needed, given })?;
        write(&entry, &source, scales, out)?;
    }
    Ok(entry)
}

/// CSR of the other orientation.
fn turned<'a, V: Plain>(
    source: &Layout<'_, V>,
    scratch: &'a mut [u8],
) -> Result<Layout<'a, V>, Error> {
    let (nnz, rows) = (plain::nonzeros(source), source.shape().1);
    let (indptr, rest) = scratch.split_at_mut(4 * (rows + 1));
    let (indices, rest) = rest.split_at_mut((2 * nnz).next_multiple_of(4));
    let (indices, values) = (&mut indices[..2 * nnz], &mut rest[..nnz * size_of::<V>()]);
    let turned = plain::turn(
        source,
        numbers(indptr)?,
        numbers(indices)?,
        numbers(values)?,
    )?;
    Ok(Layout::Csr(turned))
}

/// Elements that the encoding stores, fillers included, and whether it sorts rows; `None` where u32 cannot count them.
fn stored<V: Plain>(e: &Entry, source: &Layout<'_, V>) -> Option<(usize, bool)> {
    let (major, minor) = source.shape();
    let elements = match e.encoding {
        Encoding::Dense => major.checked_mul(minor)?,
        Encoding::CsrU16 | Encoding::Bitmask => plain::nonzeros(source),
        Encoding::CsrU8Gap => {
            let words = Gaps::size(source, e.stride()).ok()?;
            words / Gaps::<V>::WORDS * Gaps::<V>::BLOCK
        }
        Encoding::NibbleGap => {
            let words = Nibbles::size(source).ok()?;
            words / Nibbles::<V>::WORDS * Nibbles::<V>::BLOCK
        }
        Encoding::Panel16 | Encoding::Panel32 => {
            let need = Panel::need(source, parts::window::<V>(e.encoding))?;
            return Some((need.entries, need.order != 0));
        }
    };
    Some((elements, false))
}

fn write<V: Plain>(
    e: &Entry,
    source: &Layout<'_, V>,
    scales: &[f32],
    out: &mut [u8],
) -> Result<(), Error> {
    let [a, b, c, d, values, tail] = cut(e, out)?;
    let values = numbers(values)?;
    match e.encoding {
        Encoding::Dense => plain::dense(source, V::default(), values)?,
        Encoding::CsrU16 => drop(plain::csr(source, numbers(a)?, numbers(b)?, values)?),
        Encoding::CsrU8Gap => drop(Gaps::pack(source, e.stride(), numbers(a)?, numbers(b)?)?),
        Encoding::NibbleGap => drop(Nibbles::pack(source, numbers(a)?, numbers(b)?)?),
        Encoding::Bitmask => {
            let room = bitmask::Room {
                starts: numbers(a)?,
                masks: numbers(b)?,
                values,
            };
            Bitmask::pack(source, room)?;
        }
        Encoding::Panel16 | Encoding::Panel32 => {
            let room = panel::Room {
                starts: numbers(b)?,
                bases: numbers(c)?,
                indices: a,
                values,
                order: d,
            };
            let need = Panel::need(source, parts::window::<V>(e.encoding));
            Panel::pack(source, need.ok_or(Error::TooLarge)?, room)?;
        }
    }
    tail.copy_from_slice(scales.as_bytes());
    Ok(())
}

/// The parts of a payload, to be written; what lies between them is made zero.
fn cut<'a>(e: &Entry, out: &'a mut [u8]) -> Result<[&'a mut [u8]; PARTS], Error> {
    out.fill(0);
    let places = sections(e).ok_or(Error::TooLarge)?.parts;
    let (mut rest, mut at) = (out, 0);
    Ok(places.map(|place| {
        let (_, from) = core::mem::take(&mut rest).split_at_mut(place.start - at);
        let (part, behind) = from.split_at_mut(place.end - place.start);
        rest = behind;
        at = place.end;
        part
    }))
}

fn numbers<T: FromBytes + IntoBytes + KnownLayout>(bytes: &mut [u8]) -> Result<&mut [T], Error> {
    <[T]>::mut_from_bytes(bytes).map_err(|_| Error::Misaligned)
}
