//! Numbers of the layout: offsets, alignments, ids, and reading little-endian numbers in a `const`.

use core::fmt;

use super::{Error, Kind};

/// First eight bytes of every file. The high bit and the line feed betray transfers that are not 8-bit clean.
pub const MAGIC: [u8; 8] = *b"\x89LACUNA\n";
/// Version this module reads and writes.
pub const VERSION: u32 = 1;
/// Payloads start at multiples of this many bytes from the start of the file.
pub const PAYLOAD_ALIGN: usize = 64;
/// The file itself must start at a multiple of this address; 64 is best for speed, see [`super::Aligned`].
pub const BASE_ALIGN: usize = 4;

pub(crate) const LENGTH_AT: usize = 12;
pub(crate) const CRC_AT: usize = 16;
pub(crate) const CHECKED_FROM: usize = 20;
pub(crate) const TENSORS_AT: usize = 20;
pub(crate) const BLOCKS_AT: usize = 22;
pub(crate) const ID_AT: usize = 24;
pub(crate) const CONFIG_AT: usize = 32;
pub(crate) const CONFIG_LEN: usize = 128;
pub(crate) const NEEDS_AT: usize = CONFIG_AT + CONFIG_LEN;
pub(crate) const NEEDS_LEN: usize = 32;
pub(crate) const DIRECTORY_AT: usize = NEEDS_AT + NEEDS_LEN;
pub(crate) const TENSOR_LEN: usize = 20;
pub(crate) const BLOCK_LEN: usize = 12;

/// How the elements of a tensor are laid out. The number is what the file stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum Encoding {
    /// Every element, row-major.
    Dense = 0,
    /// Row starts, u16 columns, values.
    CsrU16 = 1,
    /// Gaps of one byte between columns, beside the values.
    CsrU8Gap = 2,
    /// Gaps of four bits between columns, beside the values.
    NibbleGap = 3,
    /// One bit per element and the values of the set bits.
    Bitmask = 4,
    /// 64 rows walk together in windows of 16 columns (int8: 64).
    Panel16 = 5,
    /// 64 rows walk together in windows of 32 columns (int8: 128).
    Panel32 = 6,
}

impl Encoding {
    pub(crate) const fn from_id(id: u8) -> Option<Self> {
        Some(match id {
            0 => Self::Dense,
            1 => Self::CsrU16,
            2 => Self::CsrU8Gap,
            3 => Self::NibbleGap,
            4 => Self::Bitmask,
            5 => Self::Panel16,
            6 => Self::Panel32,
            _ => return None,
        })
    }

    /// Every encoding, by number.
    pub const ALL: [Encoding; 7] = [
        Self::Dense,
        Self::CsrU16,
        Self::CsrU8Gap,
        Self::NibbleGap,
        Self::Bitmask,
        Self::Panel16,
        Self::Panel32,
    ];

    /// The encoding of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == name)
    }

    /// The word `inspect` prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::CsrU16 => "csr-u16",
            Self::CsrU8Gap => "csr-u8-gap",
            Self::NibbleGap => "nibble-gap",
            Self::Bitmask => "bitmask",
            Self::Panel16 => "panel-16",
            Self::Panel32 => "panel-32",
        }
    }
}

/// What a stored number is. The number is what the file stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum ValueType {
    /// IEEE binary32.
    F32 = 0,
    /// IEEE binary16.
    F16 = 1,
    /// −127..=127 times the f32 scale of the output.
    I8 = 2,
    /// Two values a byte. Reserved.
    I4 = 3,
}

impl ValueType {
    pub(crate) const fn from_id(id: u8) -> Option<Self> {
        Some(match id {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::I8,
            3 => Self::I4,
            _ => return None,
        })
    }

    /// True if this engine reads and writes it.
    pub const fn supported(self) -> bool {
        !matches!(self, Self::I4)
    }

    /// Bits of one value.
    pub const fn bits(self) -> usize {
        match self {
            Self::F32 => 32,
            Self::F16 => 16,
            Self::I8 => 8,
            Self::I4 => 4,
        }
    }

    /// The word `inspect` prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I8 => "i8",
            Self::I4 => "i4",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The next multiple of [`PAYLOAD_ALIGN`]. In u64, so that no file offset overflows it.
pub(crate) const fn align_payload(at: u64) -> u64 {
    at.next_multiple_of(PAYLOAD_ALIGN as u64)
}

/// `N` bytes at `at`.
pub(crate) const fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Error> {
    if let Some((_, rest)) = bytes.split_at_checked(at)
        && let Some(array) = rest.first_chunk::<N>()
    {
        return Ok(*array);
    }
    Err(Error::new(Kind::Truncated, bytes.len()))
}

pub(crate) const fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Error> {
    Ok(u16::from_le_bytes(tri!(array_at(bytes, at))))
}

pub(crate) const fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    Ok(u32::from_le_bytes(tri!(array_at(bytes, at))))
}

pub(crate) const fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Error> {
    Ok(u64::from_le_bytes(tri!(array_at(bytes, at))))
}

/// Refuses the first nonzero byte of `bytes[from..to]` as `kind`.
pub(crate) const fn zeros(bytes: &[u8], from: usize, to: usize, kind: Kind) -> Result<(), Error> {
    let Some((bytes, _)) = bytes.split_at_checked(to) else {
        return Err(Error::new(Kind::Truncated, bytes.len()));
    };
    let mut at = from;
    while at < bytes.len() {
        if bytes[at] != 0 {
            return Err(Error::new(kind, at));
        }
        at += 1;
    }
    Ok(())
}
