//! A study as files: what decides it, what was seen, every figure, and a page to read.
//!
//! ```text
//! DIR/config.json     settings, seeds, ids of data and models: enough to make every number again
//! DIR/scores.parquet  one row a window: where it is from, its loss, every statistic
//! DIR/table.csv       one row a detector, family and grade: figures with intervals
//! DIR/summary.json    detectors best first, effects, expectations
//! DIR/report.html     the same for people, with plots
//! ```
//! A study of familiarity has all but `scores.parquet`.
//!
//! # Invariants
//! - Each file appears whole or not at all.
//!
//! # Why
//! The page is for reading, the table for plotting anew, the windows for asking what nobody asked here.

pub(super) mod familiarity;
pub mod page;
pub mod plot;
mod rows;
mod scores;

use std::path::Path;

use super::shift::Outcome;
use crate::output;

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(transparent)]
    Output(#[from] output::Error),
    #[error("a plot cannot be drawn: {0}")]
    Plot(String),
    #[error("the windows cannot be written")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("the windows cannot be written")]
    Arrow(#[from] arrow_schema::ArrowError),
    #[error("a figure cannot be written")]
    Json(#[from] serde_json::Error),
}

/// Writes a value as indented JSON.
///
/// # Errors
/// [`Error`].
pub fn json(path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)?;
    output::write(path, |w| {
        w.write_all(text.as_bytes())?;
        w.write_all(b"\n")
    })?;
    Ok(())
}

/// Writes all files of `outcome` into `dir`, which exists.
///
/// # Errors
/// [`Error`].
pub fn write(outcome: &Outcome, dir: &Path) -> Result<(), Error> {
    json(&dir.join("config.json"), &outcome.config)?;
    scores::write(&outcome.seen, &dir.join("scores.parquet"))?;
    rows::write(outcome, &dir.join("table.csv"))?;
    let summary = outcome.summary();
    json(&dir.join("summary.json"), &summary)?;
    let html = page::shift(outcome, &summary)?;
    output::write(&dir.join("report.html"), |w| w.write_all(html.as_bytes()))?;
    Ok(())
}
