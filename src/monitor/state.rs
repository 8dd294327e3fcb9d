//! What a monitor remembers through a reset, as 160 bytes.
//!
//! ```text
//! 0 "LCNM" │ 4 version u8 · flags u8 · fault u8 · 0 │ 8 model id │ 16 CRC-32 of the calibration │ 20 sequence
//! 24 boots · windows · unfamiliar · drifts · faults │ 44 steps · windows of a step · their sum f32
//! 56 f32 × 6 bets │ 80 u32 × 16 counts │ 144 3 × 0 │ 156 CRC-32 of everything before it
//! ```
//!
//! # Invariants
//! - Five flash words of 32 bytes; every byte is determined by the state.
//! - Read bytes are a state whose numbers are finite and whose counts fit, or refused.

use core::fmt;

use super::drift::{BETS, Drift};
use super::{Counters, Fault};
use crate::format::Calibration;
use crate::num::crc32;

const MAGIC: [u8; 4] = *b"LCNM";
const VERSION: u8 = 1;
const DRIFTING: u8 = 1;

/// What a monitor remembers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MonitorState {
    pub(super) model: [u8; 8],
    pub(super) calibration: u32,
    pub(super) sequence: u32,
    pub(super) counters: Counters,
    pub(super) fault: Option<Fault>,
    pub(super) drift: Drift,
}

/// Why bytes are no state, or not this monitor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StateError {
    /// The bytes do not start as a state of this version does.
    Magic,
    /// The checksum differs.
    Checksum,
    /// A number that no monitor reaches.
    Number,
    /// A state of another model.
    OtherModel,
    /// A state under another calibration of this model: start anew.
    OtherCalibration,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StateError::Magic => "bytes are not a monitor's state of this version",
            StateError::Checksum => "checksum of the monitor's state differs",
            StateError::Number => "a number of the monitor's state is out of range",
            StateError::OtherModel => "the monitor's state is of another model",
            StateError::OtherCalibration => "the monitor's state is of another calibration",
        })
    }
}

impl core::error::Error for StateError {}

/// A cursor over fields, the same for writing and reading.
struct Fields<'a>(&'a mut [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        let (front, back) = core::mem::take(&mut self.0).split_first_chunk_mut()?;
        self.0 = back;
        Some(front)
    }

    fn put<const N: usize>(&mut self, value: [u8; N]) {
        if let Some(place) = self.bytes() {
            *place = value;
        }
    }

    fn word(&mut self) -> u32 {
        self.bytes().map_or(0, |b| u32::from_le_bytes(*b))
    }

    fn float(&mut self) -> f32 {
        f32::from_bits(self.word())
    }
}

impl MonitorState {
    /// Bytes of a state.
    pub const LEN: usize = 160;

    pub(super) fn new(model: [u8; 8], calibration: &Calibration<'_>) -> Self {
        Self {
            model,
            calibration: calibration.digest(),
            sequence: 0,
            counters: Counters::default(),
            fault: None,
            drift: Drift::new(calibration),
        }
    }

    /// Saves before this one.
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// What has been counted.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The model's id.
    pub const fn model(&self) -> [u8; 8] {
        self.model
    }

    /// The state as bytes.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let (content, sum) = out.split_at_mut(Self::LEN - 4);
        let mut f = Fields(content);
        f.put(MAGIC);
        let flags = if self.drift.alarm { DRIFTING } else { 0 };
        f.put([VERSION, flags, self.fault.map_or(0, |f| f as u8), 0]);
        f.put(self.model);
        let c = &self.counters;
        let words = [
            self.calibration,
            self.sequence,
            c.boots,
            c.windows,
            c.unfamiliar,
            c.drifts,
            c.faults,
            self.drift.steps,
            self.drift.windows,
        ];
        words.into_iter().for_each(|w| f.put(w.to_le_bytes()));
        f.put(self.drift.sum.to_le_bytes());
        self.drift.bets.iter().for_each(|b| f.put(b.to_le_bytes()));
        self.drift
            .counts
            .iter()
            .for_each(|n| f.put(n.to_le_bytes()));
        sum.copy_from_slice(&crc32(content).to_le_bytes());
        out
    }

    /// A state of bytes.
    ///
    /// # Errors
    /// [`StateError::Magic`], `Checksum`, `Number`.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Result<Self, StateError> {
        let mut bytes = *bytes;
        if !bytes.starts_with(&MAGIC) || bytes[4] != VERSION {
            return Err(StateError::Magic);
        }
        let (content, sum) = bytes.split_at_mut(Self::LEN - 4);
        if crc32(content).to_le_bytes() != *sum {
            return Err(StateError::Checksum);
        }
        let mut f = Fields(content);
        f.word();
        let [_, flags, fault, zero] = f.word().to_le_bytes();
        let model = f.bytes().map_or([0; 8], |b| *b);
        let (calibration, sequence) = (f.word(), f.word());
        let counters = Counters {
            boots: f.word(),
            windows: f.word(),
            unfamiliar: f.word(),
            drifts: f.word(),
            faults: f.word(),
        };
        let drift = Drift {
            steps: f.word(),
            windows: f.word(),
            sum: f.float(),
            bets: [(); BETS].map(|()| f.float()),
            counts: [(); _].map(|()| f.word()),
            alarm: flags & DRIFTING != 0,
        };
        let fault = match fault {
            0 => Some(None),
            id => Fault::from_id(id).map(Some),
        };
        let padding = f.0.iter().all(|b| *b == 0) && zero == 0 && flags <= DRIFTING;
        let bets = drift.bets.iter().all(|b| *b >= 0.0);
        match fault {
            Some(fault) if padding && bets && drift.sum.is_finite() => Ok(Self {
                model,
                calibration,
                sequence,
                counters,
                fault,
                drift,
            }),
            _ => Err(StateError::Number),
        }
    }
}
