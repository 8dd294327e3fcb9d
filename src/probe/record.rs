//! What a device says about a run, as bytes that stay readable: the only language between firmware and host.
//!
//! ```text
//! 0x00 │ COBS( postcard(version, model_id, boot, seq, record) │ CRC-32 le ) │ 0x00 │ …
//! ```
//!
//! # Invariants
//! - A frame holds no zero byte inside and ends with one, so a reader that joins late or loses bytes finds the next frame.
//! - Fields and variants are only ever appended; a change of meaning raises [`VERSION`], which is the first byte.
//! - A frame is at most [`MAX_FRAME`] bytes, and is decoded in place without memory of its own.
//! - Floats travel as their bits.
//!
//! # Why
//! `postcard` and COBS are what firmware already speaks, and need no description file to be decoded years later. Records
//! borrow from the frame, so that neither side needs a heap or a bound on names.

use postcard::ser_flavors::{Cobs, Flavor, Slice};
use serde::{Deserialize, Serialize};
use zerocopy::IntoBytes;

use super::{Site, SiteSummary};
use crate::num::{Crc32, crc32};

/// Version of the frame.
pub const VERSION: u8 = 1;
/// Most bytes of an encoded frame, delimiter included; a buffer of this size holds any record this library makes.
pub const MAX_FRAME: usize = 256;
/// Most logits in one [`Record::Logits`].
pub const LOGITS_PER_FRAME: usize = 48;

/// One thing a device says, and who says it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frame<'a> {
    /// [`VERSION`] of the writer.
    pub version: u8,
    /// The model that runs.
    pub model_id: [u8; 8],
    /// How often the device has started.
    pub boot: u32,
    /// Number of this frame since the start, from 0; a gap shows loss.
    pub seq: u32,
    /// What is said.
    #[serde(borrow)]
    pub record: Record<'a>,
}

/// One thing a device says. Texts are UTF-8 of at most 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Record<'a> {
    /// The first record of a run.
    Hello {
        /// Name of the board.
        board: &'a str,
        /// Name of the instructions that the kernels use.
        isa: &'a str,
        /// Arena, bytes.
        ram: u32,
        /// Model file, bytes.
        flash: u32,
        /// Positions the session can hold.
        context: u32,
        /// Ticks of [`Record::Cost`] per second; 0 where they are not time.
        ticks_per_second: u32,
    },
    /// A token of the run, prompt first.
    Token {
        /// Its place in prompt and generated tokens together, from 0.
        index: u32,
        /// The token.
        token: u32,
        /// Whether it was given and not generated.
        prompt: bool,
    },
    /// Digest of one site's activations at one position.
    SiteDigest {
        /// Position of the token.
        position: u32,
        /// Where.
        site: Site,
        /// FNV-1a-64.
        digest: u64,
    },
    /// Some of a position's logits.
    Logits {
        /// Position of the token.
        position: u32,
        /// Number of the first logit here.
        start: u32,
        /// Little-endian bits; see [`Record::logits`] and [`floats`].
        bits: &'a [u8],
    },
    /// Statistics of one site over the run.
    Stat {
        /// Where.
        site: Site,
        /// What was seen.
        summary: SiteSummary,
    },
    /// What a token cost.
    Cost {
        /// Position of the token.
        position: u32,
        /// The block, or all of the token.
        layer: Option<u8>,
        /// Ticks of the board's counter.
        ticks: u64,
    },
    /// Something failed; the run goes on or ends.
    Fault {
        /// Position of the token.
        position: u32,
        /// One phrase.
        what: &'a str,
    },
    /// The last record of a run.
    End {
        /// Digest of all logits.
        digest: u64,
        /// Positions computed.
        positions: u32,
        /// Deepest stack, bytes; 0 where it was not measured.
        stack: u32,
    },
}

impl<'a> Record<'a> {
    /// At most [`LOGITS_PER_FRAME`] logits of `position`, of which the first is number `start`.
    pub fn logits(position: u32, start: u32, logits: &'a [f32]) -> Self {
        Record::Logits {
            position,
            start,
            bits: logits.as_bytes(),
        }
    }
}

/// The floats of [`Record::Logits`]; bytes beyond the last whole float are dropped.
pub fn floats(bits: &[u8]) -> impl ExactSizeIterator<Item = f32> + '_ {
    let (quads, _) = bits.as_chunks::<4>();
    quads.iter().map(|b| f32::from_le_bytes(*b))
}

/// A frame that could not be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The buffer is too short for the frame.
    BufferTooSmall {
        /// Length of the buffer.
        given: usize,
    },
    /// The bytes between two zeros are no COBS block of a frame.
    Framing,
    /// The checksum differs.
    Checksum,
    /// The frame is of another version.
    Version(u8),
    /// The checksum holds but the content is no record of this version.
    Content,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Error::BufferTooSmall { given } => {
                write!(f, "a buffer of {given} bytes is too short for the frame")
            }
            Error::Framing => f.write_str("bytes are not a frame"),
            Error::Checksum => f.write_str("checksum of the frame differs"),
            Error::Version(v) => write!(f, "frame version {v} is not {VERSION}"),
            Error::Content => f.write_str("content of the frame is no record"),
        }
    }
}

impl core::error::Error for Error {}

/// Appends the CRC-32 of what passes through it.
struct Checked<F> {
    inner: F,
    crc: Crc32,
}

impl<F: Flavor> Flavor for Checked<F> {
    type Output = F::Output;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.crc.update(&[byte]);
        self.inner.try_push(byte)
    }

    fn finalize(mut self) -> postcard::Result<F::Output> {
        self.inner.try_extend(&self.crc.finish().to_le_bytes())?;
        self.inner.finalize()
    }
}

/// Writes `frame` to the front of `buffer` and returns its bytes, the closing zero included.
///
/// # Errors
/// [`Error::BufferTooSmall`]; never with [`MAX_FRAME`] bytes and records within their stated bounds.
pub fn encode<'b>(frame: &Frame<'_>, buffer: &'b mut [u8]) -> Result<&'b [u8], Error> {
    let given = buffer.len();
    let full = |_| Error::BufferTooSmall { given };
    let inner = Cobs::try_new(Slice::new(buffer)).map_err(full)?;
    let crc = Crc32::new();
    postcard::serialize_with_flavor(frame, Checked { inner, crc })
        .map(|bytes| &*bytes)
        .map_err(full)
}

/// Reads one frame from the bytes between two zeros, in place; a closing zero may be included.
///
/// # Errors
/// Whatever is wrong first: framing, checksum, version, content.
pub fn decode(bytes: &mut [u8]) -> Result<Frame<'_>, Error> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    if end + 1 < bytes.len() {
        return Err(Error::Framing);
    }
    let length = cobs::decode_in_place(&mut bytes[..end]).map_err(|_| Error::Framing)?;
    let (content, sum) = bytes[..length]
        .split_last_chunk::<4>()
        .ok_or(Error::Framing)?;
    if crc32(content) != u32::from_le_bytes(*sum) {
        return Err(Error::Checksum);
    }
    match content.first() {
        Some(&VERSION) => {}
        Some(&other) => return Err(Error::Version(other)),
        None => return Err(Error::Content),
    }
    match postcard::take_from_bytes(content) {
        Ok((frame, [])) => Ok(frame),
        _ => Err(Error::Content),
    }
}

/// Every frame of a recording, in place; empty stretches between zeros are skipped, broken ones are errors.
pub fn frames(recording: &mut [u8]) -> impl Iterator<Item = Result<Frame<'_>, Error>> {
    recording
        .split_mut(|byte| *byte == 0)
        .filter(|bytes| !bytes.is_empty())
        .map(decode)
}
