//! The books of a link: every device that was heard on it, and what was lost.
//!
//! # Invariants
//! - At most [`DEVICES`] devices are told apart; the one that was silent longest makes room, and its figures are kept in the sum.
//!
//! # Why
//! One device may speak over several connections, and several over one: a decoder belongs to a connection, the books to
//! all.

use std::collections::HashMap;

use lacuna::probe::record::{Decoder, Error, Frame};
use serde::Serialize;

use super::row::hex;
use super::track::{Losses, Taken, Track};
use crate::report::{count, percent, table};

/// Most devices that are told apart at a time.
pub const DEVICES: usize = 4096;

/// What was heard of all devices.
#[derive(Debug, Default)]
pub struct Ledger {
    devices: HashMap<u64, (u64, Track)>,
    /// Devices that made room.
    gone: Losses,
    turn: u64,
    /// Stretches between zeros that were no frame.
    pub broken: u64,
    /// Frames of versions that are not known here.
    pub newer: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// Losses of a device, or of all.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The device, 16 hex digits; `all` in the sum.
    pub device: String,
    /// The figures.
    #[serde(flatten)]
    pub losses: Losses,
}

/// Bytes on their way into the books.
#[derive(Debug, Default)]
pub struct Reading {
    decoder: Decoder,
}

impl Reading {
    /// Reads `bytes` of one connection; `each` gets the accepted frames, what they are in the books and the number of
    /// starts that the boot counter does not tell apart.
    pub fn push(
        &mut self,
        bytes: &[u8],
        ledger: &mut Ledger,
        mut each: impl FnMut(&Frame<'_>, Taken, u32),
    ) {
        ledger.bytes += bytes.len() as u64;
        self.decoder.push(bytes, |frame| match frame {
            Ok(frame) => {
                let (taken, starts) = ledger.take(&frame);
                if taken.accepted() {
                    each(&frame, taken, starts);
                }
            }
            Err(Error::Version(_)) => ledger.newer += 1,
            Err(_) => ledger.broken += 1,
        });
    }

    /// The connection ended: a frame that was cut is broken.
    pub fn end(&mut self, ledger: &mut Ledger) {
        if self.decoder.reset() {
            ledger.broken += 1;
        }
    }
}

impl Ledger {
    /// Decides about a frame.
    fn take(&mut self, frame: &Frame<'_>) -> (Taken, u32) {
        self.turn += 1;
        if self.devices.len() >= DEVICES && !self.devices.contains_key(&frame.device) {
            let oldest = self.devices.iter().min_by_key(|(_, (turn, _))| *turn);
            if let Some(device) = oldest.map(|(device, _)| *device)
                && let Some((_, track)) = self.devices.remove(&device)
            {
                self.gone += track.losses;
            }
        }
        let fresh = || (0, Track::new());
        let (turn, track) = self.devices.entry(frame.device).or_insert_with(fresh);
        *turn = self.turn;
        let taken = track.take(frame.boot, frame.seq, frame.uptime_ms);
        (taken, track.starts)
    }

    /// Losses of one device.
    pub fn of(&self, device: u64) -> Losses {
        self.devices
            .get(&device)
            .map_or(Losses::default(), |d| d.1.losses)
    }

    /// Losses of all devices together.
    pub fn total(&self) -> Losses {
        let mut sum = self.gone;
        for (_, track) in self.devices.values() {
            sum += track.losses;
        }
        sum
    }

    /// Each device by its number, then the sum.
    pub fn lines(&self) -> Vec<Line> {
        let mut devices: Vec<_> = self.devices.iter().collect();
        devices.sort_unstable_by_key(|(device, _)| **device);
        let mut lines: Vec<Line> = devices
            .into_iter()
            .map(|(device, (_, track))| Line {
                device: hex(*device),
                losses: track.losses,
            })
            .collect();
        lines.push(Line {
            device: "all".to_owned(),
            losses: self.total(),
        });
        lines
    }

    /// The lines as a table, and what was no frame.
    pub fn table(&self) -> String {
        let head = [
            "device",
            "records",
            "lost",
            "share",
            "copies",
            "boots",
            "silent boots",
            "unknown at restart",
        ];
        let rows = self.lines().into_iter().map(|line| {
            let l = line.losses;
            [
                line.device,
                count(l.accepted),
                count(l.lost),
                percent(l.share()),
                count(l.duplicates),
                count(l.boots),
                count(l.silent_boots),
                count(l.unknown),
            ]
        });
        let mut text = table(head, rows);
        text.push_str(&format!(
            "\n{} bytes, {} broken frames",
            count(self.bytes),
            count(self.broken)
        ));
        if self.newer > 0 {
            text.push_str(&format!(
                ", {} frames of a version that this program does not know",
                count(self.newer)
            ));
        }
        text
    }
}

/// The books as JSON.
impl Serialize for Ledger {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut all = to.serialize_struct("Ledger", 4)?;
        all.serialize_field("devices", &self.lines())?;
        all.serialize_field("bytes", &self.bytes)?;
        all.serialize_field("broken", &self.broken)?;
        all.serialize_field("newer", &self.newer)?;
        all.end()
    }
}

#[cfg(test)]
mod tests;
