//! Where the parts of a payload lie: the one list of what each encoding stores, in file order.
//!
//! ```text
//! dense       values (major · minor)
//! csr-u16     row starts (major + 1) u32 · columns (nnz) u16 · values (nnz)
//! csr-u8-gap  row starts in blocks (major + 1) u32 · blocks (nnz / 4): 4 gaps, 4 values
//! nibble-gap  row starts in blocks (major + 1) u32 · blocks (nnz / 8): 8 half-byte gaps, 8 values
//! bitmask     row starts (major + 1) u32 · masks (major · ⌈minor / 32⌉) u32 · values (nnz)
//! panel-16/32 indices (nnz) u8 · starts (slices + 1) u32 · bases (steps) u16 · order (rows) u8 if sorted · values (nnz)
//! any         … · scales (rows) f32 if i8
//! ```
//!
//! # Invariants
//! - Every length follows from the line of the directory, so a payload is cut in constant time and read by nobody
//!   before its length is known to be right.
//! - A part that is not empty starts at the next multiple of [`part_align`]; the bytes before it are zero.
//!
//! - The window of a panel follows from its encoding: 16 or 32 columns, four times as many for int8.
//!
//! # Why
//! Reader, writer, checks of padding, places of errors and repacking all walk this list: a new encoding is one arm here
//! and one in each of the two files that turn parts into views and back.

use super::directory::Entry;
use super::{Encoding, ValueType};
use crate::sparse::{bitmask, panel};

/// Parts of a payload: four of the pattern, values, scales. A part that an encoding lacks is empty.
pub(crate) const PARTS: usize = 6;
/// Place of the scales of int8 values among the parts.
pub(crate) const SCALES: usize = 5;

/// One part of a payload, bytes from the payload's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// All parts of a payload and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sections {
    pub(crate) parts: [Part; PARTS],
    pub(crate) len: usize,
}

/// Alignment of the parts of a payload, which itself starts at a multiple of 64. Vector loads that cross a cache line
/// cost a panel a fifth of its time.
pub(crate) const fn part_align(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Panel16 | Encoding::Panel32 => 64,
        _ => 4,
    }
}

/// Elements of a block of gaps and values side by side; 0 for encodings without such blocks.
pub(crate) const fn block(encoding: Encoding) -> usize {
    match encoding {
        Encoding::CsrU8Gap => 4,
        Encoding::NibbleGap => 8,
        _ => 0,
    }
}

/// Bytes of a block: a word of gaps, then the values.
pub(crate) const fn block_len(e: &Entry) -> usize {
    4 + block(e.encoding) * e.value.bits() / 8
}

/// Bytes of each part but the scales, or `None` where `nnz` cannot be.
const fn lens(e: &Entry) -> Option<[u64; SCALES]> {
    // Sides are at most 65 536 and nnz fits u32, so u64 holds every sum and product here.
    let (major, minor) = e.stored_shape();
    let (major, minor, nnz) = (major as u64, minor as u64, e.nnz as u64);
    let values = nnz * (e.value.bits() as u64 / 8);
    let starts = 4 * (major + 1);
    match e.encoding {
        Encoding::Dense if nnz == major * minor => Some([0, 0, 0, 0, values]),
        Encoding::CsrU16 => Some([starts, 2 * nnz, 0, 0, values]),
        Encoding::CsrU8Gap | Encoding::NibbleGap => {
            let block = block(e.encoding) as u64;
            if !nnz.is_multiple_of(block) {
                return None;
            }
            Some([starts, nnz / block * block_len(e) as u64, 0, 0, 0])
        }
        Encoding::Bitmask => {
            let masks = 4 * major * bitmask::words(e.stored_shape().1) as u64;
            Some([starts, masks, 0, 0, values])
        }
        Encoding::Panel16 | Encoding::Panel32 => {
            let step = step(e) as u64;
            if !nnz.is_multiple_of(step) {
                return None;
            }
            let slices = major.div_ceil(panel::LANES as u64);
            let order = if e.sorted { major } else { 0 };
            Some([nnz, 4 * (slices + 1), 2 * (nnz / step), order, values])
        }
        Encoding::Dense => None,
    }
}

/// Elements of one step of a panel.
const fn step(e: &Entry) -> usize {
    match e.value {
        ValueType::I8 => panel::LANES * panel::depth::<i8>(),
        _ => panel::LANES * panel::depth::<f32>(),
    }
}

/// The parts of a payload of this encoding, shape and count; `None` if no file can hold it.
pub(crate) const fn sections(e: &Entry) -> Option<Sections> {
    let Some([a, b, c, d, values]) = lens(e) else {
        return None;
    };
    let scales = match e.value {
        ValueType::I8 => 4 * e.tensor.rows as u64,
        _ => 0,
    };
    let lens = [a, b, c, d, values, scales];
    let align = part_align(e.encoding) as u64;
    let mut parts = [Part { start: 0, end: 0 }; PARTS];
    let (mut end, mut i) = (0u64, 0);
    while i < PARTS {
        let start = if lens[i] == 0 {
            end
        } else {
            end.next_multiple_of(align)
        };
        end = start + lens[i];
        if end > u32::MAX as u64 {
            return None;
        }
        parts[i] = Part {
            start: start as usize,
            end: end as usize,
        };
        i += 1;
    }
    Some(Sections {
        parts,
        len: end as usize,
    })
}
