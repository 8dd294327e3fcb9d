//! A file of the host as NOR flash, over semihosting: what an emulated board keeps through a reset.
//!
//! ```text
//! flash.bin  │ page 0, 4 KiB │ page 1 │ …     erase: all ones     write: ones become zeros, a word of 4 bytes at a time
//! ```
//!
//! # Invariants
//! - A write can only clear bits, as in the real thing: what a driver may not rely on does not work here either.
//! - The file must be there; nobody's flash is made by accident.
//!
//! # Why
//! QEMU has no flash that these boards could write to, and RAM forgets.
#![no_std]

use core::ffi::CStr;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};
use semihosting::fs::File;
use semihosting::io::{Read, Seek, SeekFrom, Write};

/// The file.
#[derive(Debug)]
pub struct FileFlash {
    file: File,
    capacity: usize,
}

/// What went wrong, as every driver knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(NorFlashErrorKind);

impl NorFlashError for Error {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl From<NorFlashErrorKind> for Error {
    fn from(kind: NorFlashErrorKind) -> Self {
        Error(kind)
    }
}

impl From<semihosting::io::Error> for Error {
    fn from(_: semihosting::io::Error) -> Self {
        Error(NorFlashErrorKind::Other)
    }
}

impl FileFlash {
    /// The flash in the file `path`; `None` if there is no such file of at least one page.
    pub fn open(path: &CStr) -> Option<Self> {
        let file = File::options().read(true).write(true).open(path).ok()?;
        let bytes = usize::try_from(file.metadata().ok()?.len()).ok()?;
        let capacity = bytes - bytes % Self::ERASE_SIZE;
        (capacity > 0).then_some(Self { file, capacity })
    }

    fn seek(&mut self, offset: u32) -> Result<(), Error> {
        self.file.seek(SeekFrom::Start(offset.into()))?;
        Ok(())
    }
}

impl ErrorType for FileFlash {
    type Error = Error;
}

impl ReadNorFlash for FileFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Error> {
        check_read(self, offset, bytes.len())?;
        self.seek(offset)?;
        Ok(self.file.read_exact(bytes)?)
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

impl NorFlash for FileFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Error> {
        check_erase(self, from, to)?;
        self.seek(from)?;
        for _ in (from..to).step_by(64) {
            self.file.write_all(&[0xff; 64])?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Error> {
        check_write(self, offset, bytes.len())?;
        let (words, _) = bytes.as_chunks::<4>();
        for (at, word) in (offset..).step_by(4).zip(words) {
            let mut old = [0; 4];
            self.read(at, &mut old)?;
            let new: [u8; 4] = core::array::from_fn(|i| old[i] & word[i]);
            self.seek(at)?;
            self.file.write_all(&new)?;
        }
        Ok(())
    }
}
