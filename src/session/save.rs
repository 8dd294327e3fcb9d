//! A session as bytes.
//!
//! ```text
//! 0 "LCNS" │ 4 version u8 │ 5 cache u8 │ 6 policy u8 │ 7 zero │ 8 model id │ 16 position u64 │ 24 context u32
//! 28 used slots of the cache, layer by layer, K before V │ logits f32 │ CRC-32 of everything before it
//! ```
//!
//! # Invariants
//! - Little-endian; the length follows from position and limits.
//! - A restored session gives the same bits as the saved one from here on; what cannot be restored leaves it empty or as
//!   it was, never in between.

use super::{Error, SaveError, Session, WhenFull};
use crate::num::crc32;
use crate::probe::Probe;

const MAGIC: [u8; 4] = *b"LCNS";
const VERSION: u8 = 1;
const HEAD: usize = 28;
const CRC: usize = 4;

impl<P: Probe> Session<'_, P> {
    /// Bytes that [`Session::save`] writes now.
    pub fn save_len(&self) -> usize {
        HEAD + self.state.used().map(<[u8]>::len).sum::<usize>() + CRC
    }

    /// Writes the session to the front of `out` and returns how many bytes. A sampler's generator and a probe's
    /// statistics are the application's to save.
    ///
    /// # Errors
    /// [`SaveError::BufferTooSmall`].
    pub fn save(&self, out: &mut [u8]) -> Result<usize, Error> {
        let (needed, given) = (self.save_len(), out.len());
        let Some(out) = out.get_mut(..needed) else {
            return Err(SaveError::BufferTooSmall { needed, given }.into());
        };
        let (content, sum) = out.split_at_mut(needed - CRC);
        let (head, mut rest) = content.split_at_mut(HEAD);
        head.copy_from_slice(&self.head(self.position()));
        for bytes in self.state.used() {
            let (front, back) = rest.split_at_mut(bytes.len());
            front.copy_from_slice(bytes);
            rest = back;
        }
        sum.copy_from_slice(&crc32(content).to_le_bytes());
        Ok(needed)
    }

    /// Continues where `saved` was saved, from the same model under the same limits; any kernels will do.
    ///
    /// # Errors
    /// [`SaveError`] but `BufferTooSmall`. After `NonFinite` the session is empty, after any other as it was.
    pub fn restore(&mut self, saved: &[u8]) -> Result<(), Error> {
        let short = SaveError::Length {
            needed: HEAD + CRC,
            given: saved.len(),
        };
        let (content, sum) = saved.split_last_chunk::<CRC>().ok_or(short)?;
        let (head, mut rest) = content.split_first_chunk::<HEAD>().ok_or(short)?;
        if !head.starts_with(&MAGIC) || head[4] != VERSION {
            return Err(SaveError::Magic.into());
        }
        if crc32(content) != u32::from_le_bytes(*sum) {
            return Err(SaveError::Checksum.into());
        }
        let mut position = [0; 8];
        position.copy_from_slice(&head[16..24]);
        let position = u64::from_le_bytes(position);
        let ours = self.head(position);
        if head[8..16] != ours[8..16] {
            return Err(SaveError::OtherModel.into());
        }
        let used = self.state.used_len(position);
        let Some(used) = used.filter(|_| *head == ours) else {
            return Err(SaveError::OtherLimits.into());
        };
        if rest.len() != used {
            return Err(SaveError::Length {
                needed: HEAD + used + CRC,
                given: saved.len(),
            }
            .into());
        }
        let finite = self.state.resume(position, |bytes| {
            let (front, back) = rest.split_at(bytes.len());
            bytes.copy_from_slice(front);
            rest = back;
        });
        if finite {
            Ok(())
        } else {
            Err(SaveError::NonFinite.into())
        }
    }

    /// The head of a save of this session at `position`.
    fn head(&self, position: u64) -> [u8; HEAD] {
        let limits = self.state.limits();
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&MAGIC);
        head[4] = VERSION;
        head[5] = limits.cache as u8;
        head[6] = u8::from(self.state.policy() == WhenFull::Slide);
        head[8..16].copy_from_slice(&self.model.id());
        head[16..24].copy_from_slice(&position.to_le_bytes());
        head[24..].copy_from_slice(&(limits.context as u32).to_le_bytes());
        head
    }
}
