//! A cursor over little-endian bytes that knows where it is.

use core::fmt;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The file ends before this many more bytes.
    Truncated {
        /// Bytes that the file should still hold here.
        needed: u64,
    },
    /// Bytes follow the last one the header accounts for.
    TooLong {
        /// Number of surplus bytes.
        surplus: u64,
    },
    /// A newer llama2.c format: only version 0 (no magic) is read.
    Version(u32),
    /// A header field cannot be.
    Field(lacuna::config::Error),
    /// `dim` is not a multiple of `n_heads`.
    HeadDim,
    /// A weight or score is infinite or NaN.
    NonFinite,
    /// A token's length is negative or longer than the file's stated maximum.
    TokenLength(i32),
}

/// A file that cannot be imported: what is wrong, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: Kind,
    /// Byte offset at which it showed.
    pub at: usize,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Truncated { needed } => {
                write!(f, "file ends where {needed} more bytes should follow")
            }
            Kind::TooLong { surplus } => write!(f, "{surplus} bytes follow the last one expected"),
            Kind::Version(v) => write!(
                f,
                "version {v} of llama2.c's format, only version 0 is read"
            ),
            Kind::Field(e) => e.fmt(f),
            Kind::HeadDim => f.write_str("dim is not a multiple of n_heads"),
            Kind::NonFinite => f.write_str("number is not finite"),
            Kind::TokenLength(n) => write!(f, "token length {n} cannot be"),
        }?;
        write!(f, " (at byte {})", self.at)
    }
}

impl core::error::Error for Error {}

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Checks that `n` more bytes are there, before anyone allocates for them.
    pub(super) fn expect(&self, n: u64) -> Result<(), Error> {
        if (self.bytes.len() - self.at) as u64 >= n {
            return Ok(());
        }
        Err(Error {
            kind: Kind::Truncated { needed: n },
            at: self.at,
        })
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        self.expect(n as u64)?;
        let taken = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(taken)
    }

    fn word(&mut self) -> Result<[u8; 4], Error> {
        let mut word = [0; 4];
        word.copy_from_slice(self.take(4)?);
        Ok(word)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Error> {
        self.word().map(i32::from_le_bytes)
    }

    /// The next `n` floats, all finite.
    pub(super) fn f32s(&mut self, n: usize) -> Result<Vec<f32>, Error> {
        let start = self.at;
        let bytes = n.checked_mul(4).ok_or(Error {
            kind: Kind::Truncated { needed: u64::MAX },
            at: start,
        })?;
        let (words, _) = self.take(bytes)?.as_chunks::<4>();
        let values: Vec<f32> = words.iter().map(|&w| f32::from_le_bytes(w)).collect();
        match values.iter().position(|v| !v.is_finite()) {
            Some(i) => Err(Error {
                kind: Kind::NonFinite,
                at: start + 4 * i,
            }),
            None => Ok(values),
        }
    }

    pub(super) fn end(&self) -> Result<(), Error> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            surplus => Err(Error {
                kind: Kind::TooLong {
                    surplus: surplus as u64,
                },
                at: self.at,
            }),
        }
    }
}
