//! A record with its head, to bytes and back.
//!
//! # Invariants
//! - What is decoded was checked first: framing, checksum, version, content, in this order.
//! - Only the latest version is written.

use postcard::ser_flavors::{Cobs, Flavor, Slice};
use serde::{Deserialize, Serialize};

use super::kinds::Record;
use crate::num::{Crc32, crc32};

/// Version of the frames that are written.
pub const VERSION: u8 = 2;
/// Most bytes of an encoded frame, delimiter included; a buffer of this size holds any record this library makes.
pub const MAX_FRAME: usize = 256;

/// One thing a device says, and who says it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frame<'a> {
    /// Version of the writer: [`VERSION`], or an older one in a frame that was read.
    pub version: u8,
    /// The model that runs.
    pub model_id: [u8; 8],
    /// The device, such as the chip's serial number; 0 where it is unknown.
    #[serde(with = "postcard::fixint::le")]
    pub device: u64,
    /// How often the device has started.
    pub boot: u32,
    /// Number of this frame since the start, from 0; a gap shows loss.
    pub seq: u32,
    /// Milliseconds since the start; 0 where the device has no clock.
    pub uptime_ms: u64,
    /// What is said.
    #[serde(borrow)]
    pub record: Record<'a>,
}

/// A frame as version 1 wrote it.
#[derive(Deserialize)]
struct FrameV1<'a> {
    version: u8,
    model_id: [u8; 8],
    boot: u32,
    seq: u32,
    #[serde(borrow)]
    record: Record<'a>,
}

impl<'a> From<FrameV1<'a>> for Frame<'a> {
    fn from(old: FrameV1<'a>) -> Self {
        Frame {
            version: old.version,
            model_id: old.model_id,
            device: 0,
            boot: old.boot,
            seq: old.seq,
            uptime_ms: 0,
            record: old.record,
        }
    }
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
    /// The frame is of a version that is newer than this library, or is not written any more.
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
            Error::Version(v) => write!(
                f,
                "frame version {v}: this library reads 1 to {VERSION} and writes {VERSION}"
            ),
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
/// [`Error::BufferTooSmall`], never with [`MAX_FRAME`] bytes and records within their stated bounds;
/// [`Error::Version`] for a version other than [`VERSION`].
pub fn encode<'b>(frame: &Frame<'_>, buffer: &'b mut [u8]) -> Result<&'b [u8], Error> {
    if frame.version != VERSION {
        return Err(Error::Version(frame.version));
    }
    let given = buffer.len();
    let full = |_| Error::BufferTooSmall { given };
    let inner = Cobs::try_new(Slice::new(buffer)).map_err(full)?;
    let crc = Crc32::new();
    postcard::serialize_with_flavor(frame, Checked { inner, crc })
        .map(|bytes| &*bytes)
        .map_err(full)
}

/// Reads one frame of any version from the bytes between two zeros, in place; a closing zero may be included.
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
        Some(1) => whole::<FrameV1<'_>>(content).map(Frame::from),
        Some(2) => whole::<Frame<'_>>(content),
        Some(&other) => Err(Error::Version(other)),
        None => Err(Error::Content),
    }
}

/// A value that takes all of `content`.
fn whole<'a, T: Deserialize<'a>>(content: &'a [u8]) -> Result<T, Error> {
    match postcard::take_from_bytes(content) {
        Ok((value, [])) => Ok(value),
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

/// Numbers records and makes frames of them in a buffer of its own.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Encoder {
    /// The model that runs.
    pub model_id: [u8; 8],
    device: u64,
    boot: u32,
    seq: u32,
    buffer: [u8; MAX_FRAME],
}

impl Encoder {
    /// An encoder of a `device` that has started for the `boot`th time; both are told apart by whoever reads.
    pub const fn new(device: u64, boot: u32) -> Self {
        Self {
            model_id: [0; 8],
            device,
            boot,
            seq: 0,
            buffer: [0; MAX_FRAME],
        }
    }

    /// Number of the next frame.
    pub const fn seq(&self) -> u32 {
        self.seq
    }

    /// Passes over `n` numbers, for records that were made and dropped: a reader sees them as lost.
    pub const fn skip(&mut self, n: u32) {
        self.seq = self.seq.wrapping_add(n);
    }

    /// The bytes to send for `record`, said `uptime_ms` after the start, the closing zero included.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] for a record beyond its stated bounds. Its number is used up, so that a reader sees a
    /// gap.
    pub fn frame(&mut self, uptime_ms: u64, record: Record<'_>) -> Result<&[u8], Error> {
        let frame = Frame {
            version: VERSION,
            model_id: self.model_id,
            device: self.device,
            boot: self.boot,
            seq: self.seq,
            uptime_ms,
            record,
        };
        self.seq = self.seq.wrapping_add(1);
        encode(&frame, &mut self.buffer)
    }
}
