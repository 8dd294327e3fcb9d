//! Views as payloads: what a matrix is stored as, whether it may be, and its bytes.

use zerocopy::IntoBytes;

use super::directory::Entry;
use super::payload::Plain;
use super::schema::Tensor;
use super::sections::{PARTS, sections};
use super::{Encoding, ValueType};
use crate::sparse::{
    self, Bitmask, Csr, Dense, Gaps, Layout, Major, Matrix, Nibbles, Panel, Stored, Value, panel,
};

fn encoding<V: Value>(layout: &Layout<'_, V>) -> Encoding {
    match layout {
        Layout::Dense(_) => Encoding::Dense,
        Layout::Csr(_) => Encoding::CsrU16,
        Layout::Gaps(_) => Encoding::CsrU8Gap,
        Layout::Nibbles(_) => Encoding::NibbleGap,
        Layout::Bitmask(_) => Encoding::Bitmask,
        Layout::Panel(p) if p.window() == window::<V>(Encoding::Panel16) => Encoding::Panel16,
        Layout::Panel(_) => Encoding::Panel32,
    }
}

/// Columns of a panel's window under `encoding`.
pub(crate) const fn window<V>(encoding: Encoding) -> usize {
    let columns = match encoding {
        Encoding::Panel16 => 16,
        _ => 32,
    };
    columns * panel::depth::<V>()
}

/// Whether a payload says in which order its rows lie.
pub(crate) fn sorted(matrix: &Matrix<'_>) -> bool {
    fn of<V: Value>(layout: Layout<'_, V>) -> bool {
        matches!(layout, Layout::Panel(p) if !p.parts().order.is_empty())
    }
    match matrix.stored() {
        Stored::F32(l) => of(l),
        Stored::F16(l) => of(l),
        Stored::I8(l, _) => of(l),
    }
}

/// Encoding and value type of a matrix.
pub(crate) fn form(matrix: &Matrix<'_>) -> (Encoding, ValueType) {
    match matrix.stored() {
        Stored::F32(l) => (encoding(&l), ValueType::F32),
        Stored::F16(l) => (encoding(&l), ValueType::F16),
        Stored::I8(l, _) => (encoding(&l), ValueType::I8),
    }
}

/// The parts of a matrix as bytes, in the order of [`super::sections`].
pub(crate) fn of<'a>(matrix: &Matrix<'a>) -> [&'a [u8]; PARTS] {
    fn steps<'a>(starts: &'a [u32], words: &'a [u32]) -> [&'a [u8]; 4] {
        [starts.as_bytes(), words.as_bytes(), &[], &[]]
    }
    fn parts<'a, V: Plain>(layout: Layout<'a, V>, scales: &'a [f32]) -> [&'a [u8]; PARTS] {
        let ([a, b, c, d], values): ([&'a [u8]; 4], &'a [V]) = match layout {
            Layout::Dense(d) => ([&[]; 4], d.values()),
            Layout::Csr(c) => {
                let (indptr, indices) = (c.indptr().as_bytes(), c.indices().as_bytes());
                ([indptr, indices, &[], &[]], c.values())
            }
            Layout::Gaps(g) => (steps(g.starts(), g.words()), &[]),
            Layout::Nibbles(n) => (steps(n.starts(), n.words()), &[]),
            Layout::Bitmask(b) => (steps(b.starts(), b.masks()), b.values()),
            Layout::Panel(p) => {
                let p = p.parts();
                let (starts, bases) = (p.starts.as_bytes(), p.bases.as_bytes());
                ([p.indices, starts, bases, p.order], p.values)
            }
        };
        [a, b, c, d, values.as_bytes(), scales.as_bytes()]
    }
    match matrix.stored() {
        Stored::F32(l) => parts(l, &[]),
        Stored::F16(l) => parts(l, &[]),
        Stored::I8(l, scales) => parts(l, scales),
    }
}

/// The checks of the reader on a matrix from elsewhere.
pub(crate) fn recheck(matrix: &Matrix<'_>) -> Result<(), sparse::Error> {
    fn check<V: Value>(layout: Layout<'_, V>) -> Result<(), sparse::Error> {
        match layout {
            Layout::Dense(d) => Dense::new(d.rows(), d.cols(), d.values()).map(drop),
            Layout::Csr(c) => {
                Csr::new(c.rows(), c.cols(), c.indptr(), c.indices(), c.values()).map(drop)
            }
            Layout::Gaps(g) => {
                Gaps::<V>::new(g.rows(), g.cols(), g.stride(), g.starts(), g.words()).map(drop)
            }
            Layout::Nibbles(n) => {
                Nibbles::<V>::new(n.rows(), n.cols(), n.starts(), n.words()).map(drop)
            }
            Layout::Bitmask(b) => {
                let shape = (b.rows(), b.cols());
                Bitmask::new(shape, b.starts(), b.masks(), b.values()).map(drop)
            }
            Layout::Panel(p) if p.window() != window::<V>(encoding(&layout)) => {
                let (kind, at) = (sparse::Kind::Length, p.window());
                Err(sparse::Error { kind, at })
            }
            Layout::Panel(p) => Panel::new((p.rows(), p.cols()), p.window(), p.parts()).map(drop),
        }
    }
    match matrix.stored() {
        Stored::F32(l) => check(l)?,
        Stored::F16(l) => check(l)?,
        Stored::I8(l, _) => check(l)?,
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
        sorted: sorted(matrix),
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
        sorted: false,
        nnz: values.len(),
        offset: 0,
        len: 0,
    })
}

fn sized(e: Entry) -> Option<Entry> {
    let len = sections(&e)?.len;
    Some(Entry { len, ..e })
}
