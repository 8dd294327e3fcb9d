//! Two slots of flash that always hold a state.
//!
//! ```text
//! slot 0  │ state 5 │ state 6 │ state 7 │ …      one or more pages each; states follow each other in flash words
//! slot 1  │ state 3 │ state 4 │ erased  │ …      full: the other slot is erased and goes on
//! ```
//!
//! # Invariants
//! - The newest state is never erased or written over: power may fail at any byte of a save, and the state before it or
//!   the new one is found, by its sequence number and checksum.
//! - A slot holds whole pages; a state starts at a multiple of its 160 bytes, five words of 32, and is written once.
//! - What cannot be read (a word with a broken code) counts as no state.
//!
//! # Why
//! Appending spares the flash: with pages of 4 KiB there is one erasure for 25 saves. The place of the newest state is
//! found by reading, never remembered, so there is nothing else that could be wrong after a reset.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;

use super::{MonitorState, StateError};

const LEN: u32 = MonitorState::LEN as u32;
/// Largest word that the layout serves.
const WORD: usize = 32;

/// Why a state is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StoreError<E> {
    /// The flash says so.
    Flash(E),
    /// The place is not at a page, does not hold two slots, or words are larger than 32 bytes.
    Geometry {
        /// Bytes that two slots take.
        needed: u32,
    },
    /// What was written does not read back: the flash is worn.
    Worn,
}

impl<E: fmt::Debug> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Flash(e) => write!(f, "the flash failed: {e:?}"),
            StoreError::Geometry { needed } => write!(
                f,
                "the store needs {needed} bytes from the start of a page and words of at most {WORD}"
            ),
            StoreError::Worn => f.write_str("the flash does not keep what is written"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for StoreError<E> {}

/// A place in flash for a monitor's state.
#[derive(Debug)]
pub struct Store<F> {
    flash: F,
    at: u32,
}

/// Where the newest state is.
#[derive(Clone, Copy)]
struct Newest {
    slot: u32,
    place: u32,
    state: MonitorState,
}

impl<F: NorFlash> Store<F> {
    /// Bytes of one slot: the fewest pages that hold a state.
    pub const SLOT: u32 = (F::ERASE_SIZE as u32) * LEN.div_ceil(F::ERASE_SIZE as u32);
    /// Bytes of the store.
    pub const NEEDED: u32 = 2 * Self::SLOT;
    const PLACES: u32 = Self::SLOT / LEN;

    /// The store of [`Store::NEEDED`] bytes from byte `at` of `flash`, a multiple of its page.
    ///
    /// # Errors
    /// [`StoreError::Geometry`].
    pub fn new(flash: F, at: u32) -> Result<Self, StoreError<F::Error>> {
        let end = u64::from(at) + u64::from(Self::NEEDED);
        let words = |n: usize| n <= WORD && WORD.is_multiple_of(n);
        let pages = (at as usize).is_multiple_of(F::ERASE_SIZE) && end <= flash.capacity() as u64;
        if pages && words(F::WRITE_SIZE) && words(F::READ_SIZE) {
            Ok(Self { flash, at })
        } else {
            Err(StoreError::Geometry {
                needed: Self::NEEDED,
            })
        }
    }

    /// The newest state, if there is one.
    pub fn load(&mut self) -> Option<MonitorState> {
        self.newest().map(|n| n.state)
    }

    /// Keeps `state`, with the next sequence number. Until it is kept, the one before it is.
    ///
    /// # Errors
    /// [`StoreError::Flash`], [`StoreError::Worn`]; the state before is still there.
    pub fn save(&mut self, state: &MonitorState) -> Result<(), StoreError<F::Error>> {
        let newest = self.newest();
        let sequence = newest.map_or(0, |n| n.state.sequence.wrapping_add(1));
        let bytes = MonitorState { sequence, ..*state }.to_bytes();
        if let Some(n) = newest {
            let free = (n.place + 1..Self::PLACES).find(|place| self.erased(n.slot, *place));
            if let Some(place) = free
                && self.write(n.slot, place, &bytes).is_ok()
            {
                return Ok(());
            }
        }
        let slot = newest.map_or(0, |n| 1 - n.slot);
        let from = self.address(slot, 0);
        let to = from + Self::SLOT;
        self.flash.erase(from, to).map_err(StoreError::Flash)?;
        self.write(slot, 0, &bytes)
    }

    /// The flash, given back.
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn address(&self, slot: u32, place: u32) -> u32 {
        self.at + slot * Self::SLOT + place * LEN
    }

    fn read(&mut self, slot: u32, place: u32) -> Option<[u8; MonitorState::LEN]> {
        let mut bytes = [0; MonitorState::LEN];
        let at = self.address(slot, place);
        self.flash.read(at, &mut bytes).ok().map(|()| bytes)
    }

    fn erased(&mut self, slot: u32, place: u32) -> bool {
        let bytes = self.read(slot, place);
        bytes.is_some_and(|b| b.iter().all(|b| *b == 0xff))
    }

    fn write(
        &mut self,
        slot: u32,
        place: u32,
        bytes: &[u8; MonitorState::LEN],
    ) -> Result<(), StoreError<F::Error>> {
        let at = self.address(slot, place);
        self.flash.write(at, bytes).map_err(StoreError::Flash)?;
        match self.read(slot, place) {
            Some(read) if read == *bytes => Ok(()),
            _ => Err(StoreError::Worn),
        }
    }

    fn newest(&mut self) -> Option<Newest> {
        let mut newest: Option<Newest> = None;
        for slot in 0..2 {
            for place in 0..Self::PLACES {
                let state = self
                    .read(slot, place)
                    .ok_or(StateError::Checksum)
                    .and_then(|b| MonitorState::from_bytes(&b));
                let Ok(state) = state else { continue };
                // Sequence numbers wrap; two that are alive are never far apart.
                let later = newest
                    .is_none_or(|n| state.sequence.wrapping_sub(n.state.sequence) < u32::MAX / 2);
                if later {
                    newest = Some(Newest { slot, place, state });
                }
            }
        }
        newest
    }
}
