//! `metrics.jsonl`: one line of figures every few steps, whole across kills; the same as TensorBoard's [`super::events`].
//!
//! # Invariants
//! - After a resume the file holds the lines of steps before the state that was resumed from, then the new ones.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;
use super::events::Events;
use crate::checkpoint;

/// File of the metrics.
pub const METRICS: &str = "metrics.jsonl";

/// Figures of one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Steps done.
    pub step: u64,
    /// Training loss of this step, in bits per byte; of a classifier, per window.
    pub bits_per_byte: f64,
    /// The same, smoothed over about 50 steps.
    pub smoothed: f64,
    /// Density that the projection held.
    pub density: f64,
    /// Learning rate.
    pub lr: f64,
    /// Bytes, or windows, learned from per second, since this process began.
    pub tokens_per_second: f64,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: fs::File,
    events: Events,
}

impl Journal {
    /// Opens the journal of `dir`, cut back to lines of at most `step` steps.
    pub(super) fn open(dir: &Path, step: u64) -> Result<Journal, Error> {
        let path = dir.join(METRICS);
        let old = fs::read_to_string(&path).unwrap_or_default();
        let lines = old
            .split_inclusive('\n')
            .filter(|line| serde_json::from_str::<Metrics>(line).is_ok_and(|m| m.step <= step));
        let kept: String = lines.collect();
        checkpoint::write(&path, kept.as_bytes())?;
        let opened = fs::OpenOptions::new().append(true).open(&path);
        let file = opened.map_err(|source| checkpoint::Error::Read {
            path: path.clone(),
            source,
        })?;
        let events = Events::open(dir, step)?;
        Ok(Journal { path, file, events })
    }

    pub(super) fn add(&mut self, metrics: &Metrics) -> Result<(), Error> {
        let failed = |source| checkpoint::Error::Read {
            path: self.path.clone(),
            source,
        };
        let mut line = serde_json::to_vec(metrics).map_err(|source| checkpoint::Error::Json {
            path: self.path.clone(),
            source,
        })?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)?;
        self.events.add(metrics)
    }
}
