//! `events.out.tfevents.lacuna`: the figures of `metrics.jsonl` as TensorBoard reads them.
//!
//! ```text
//! file    record · record · …
//! record  u64 length · u32 masked CRC-32C of the length · length bytes: an Event · u32 masked CRC-32C of those
//! Event   1: wall time, f64 seconds   2: step, varint   3: "brain.Event:2" (the first only)   5: Summary
//! Summary 1: Value, one a figure      Value  1: tag   2: f32
//! ```
//!
//! # Invariants
//! - Steps only grow: after a resume the file holds the events of steps before the state that was resumed from, then
//!   the new ones; a record that a kill tore is gone.
//!
//! # Why
//! Two messages of five fields: written out here, they need no protobuf compiler. The framing is TensorFlow's
//! `record_writer.cc`, the messages its `event.proto` and `summary.proto`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Error;
use super::journal::Metrics;
use crate::checkpoint;

/// File of the events; TensorBoard knows it by `.tfevents.`.
pub const EVENTS: &str = "events.out.tfevents.lacuna";

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

// Keys of the messages: field number × 8 + wire type (0 varint, 1 eight bytes, 2 counted bytes, 5 four bytes).
const WALL_TIME: u8 = 1 << 3 | 1;
const STEP: u8 = 2 << 3;
const VERSION: u8 = 3 << 3 | 2;
const SUMMARY: u8 = 5 << 3 | 2;
const VALUE: u8 = 1 << 3 | 2;
const TAG: u8 = 1 << 3 | 2;
const SIMPLE: u8 = 2 << 3 | 5;

/// The open file.
#[derive(Debug)]
pub(super) struct Events {
    path: PathBuf,
    file: fs::File,
}

impl Events {
    /// Opens the events of `dir`, cut back to those of at most `step` steps.
    pub(super) fn open(dir: &Path, step: u64) -> Result<Events, Error> {
        let path = dir.join(EVENTS);
        let old = fs::read(&path).unwrap_or_default();
        let mut kept = Vec::new();
        let mut rest = old.as_slice();
        while let Some((whole, event, after)) = record(rest) {
            if step_of(event).is_some_and(|at| at <= step) {
                kept.extend_from_slice(whole);
            }
            rest = after;
        }
        if kept.is_empty() {
            let mut event = stamped(0);
            counted(&mut event, VERSION, b"brain.Event:2");
            kept = framed(&event);
        }
        checkpoint::write(&path, &kept)?;
        let opened = fs::OpenOptions::new().append(true).open(&path);
        let file = opened.map_err(|source| checkpoint::Error::Read {
            path: path.clone(),
            source,
        })?;
        Ok(Events { path, file })
    }

    pub(super) fn add(&mut self, metrics: &Metrics) -> Result<(), Error> {
        let figures = [
            ("loss/bits_per_byte", metrics.bits_per_byte),
            ("loss/smoothed", metrics.smoothed),
            ("density", metrics.density),
            ("lr", metrics.lr),
            ("tokens_per_second", metrics.tokens_per_second),
        ];
        let mut summary = Vec::new();
        for (tag, figure) in figures {
            let mut value = Vec::new();
            counted(&mut value, TAG, tag.as_bytes());
            value.push(SIMPLE);
            value.extend((figure as f32).to_le_bytes());
            counted(&mut summary, VALUE, &value);
        }
        let mut event = stamped(metrics.step);
        counted(&mut event, SUMMARY, &summary);
        let failed = |source| checkpoint::Error::Read {
            path: self.path.clone(),
            source,
        };
        Ok(self.file.write_all(&framed(&event)).map_err(failed)?)
    }
}

/// The beginning of an event: now, at `step`.
fn stamped(step: u64) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut event = vec![WALL_TIME];
    event.extend(now.map_or(0.0, |d| d.as_secs_f64()).to_le_bytes());
    event.push(STEP);
    varint(&mut event, step);
    event
}

/// The step of an event that [`stamped`] began.
fn step_of(event: &[u8]) -> Option<u64> {
    let [WALL_TIME, _, _, _, _, _, _, _, _, STEP, rest @ ..] = event else {
        return None;
    };
    let mut step = 0;
    for (i, byte) in rest.iter().take(9).enumerate() {
        step |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some(step);
        }
    }
    None
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn counted(to: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    to.push(key);
    varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// TensorFlow's mask: a checksum of data that holds checksums is a weak one.
fn masked(bytes: &[u8]) -> [u8; 4] {
    let crc = CRC.checksum(bytes).rotate_right(15);
    crc.wrapping_add(0xa282_ead8).to_le_bytes()
}

fn framed(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    [&length, &masked(&length)[..], event, &masked(event)].concat()
}

/// The first record of `bytes`, the event in it, and what follows; `None` where there is no whole one.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (check, rest) = rest.split_first_chunk::<4>()?;
    let n = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    if *check != masked(length) || n > rest.len() {
        return None;
    }
    let (event, rest) = rest.split_at(n);
    let (check, after) = rest.split_first_chunk::<4>()?;
    let whole = &bytes[..bytes.len() - after.len()];
    (*check == masked(event)).then_some((whole, event, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(step: u64) -> Metrics {
        Metrics {
            step,
            bits_per_byte: 2.5,
            smoothed: 3.0,
            density: 0.25,
            lr: 0.01,
            tokens_per_second: 1e4,
        }
    }

    #[test]
    fn whatever_a_kill_leaves_is_cut_back_to_whole_records() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(EVENTS);
        let mut ends = Vec::new();
        let mut events = Events::open(dir.path(), 0).unwrap();
        ends.push(fs::read(&path).unwrap().len());
        for step in [10, 200, 30_000] {
            events.add(&figures(step)).unwrap();
            ends.push(fs::read(&path).unwrap().len());
        }
        let whole = fs::read(&path).unwrap();
        for n in ends[0]..=whole.len() {
            for (step, most) in [(9, 0), (10, 1), (200, 2), (30_000, 3)] {
                fs::write(&path, &whole[..n]).unwrap();
                Events::open(dir.path(), step).unwrap();
                let end = ends[..=most].iter().rev().find(|&&end| end <= n).unwrap();
                assert!(fs::read(&path).unwrap() == whole[..*end], "{n} {step}");
            }
        }
        let mut flipped = whole.clone();
        flipped[ends[1] + 20] ^= 1;
        fs::write(&path, &flipped).unwrap();
        Events::open(dir.path(), 30_000).unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), ends[1]);
        fs::write(&path, b"something else").unwrap();
        Events::open(dir.path(), 30_000).unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), ends[0]);
    }
}
