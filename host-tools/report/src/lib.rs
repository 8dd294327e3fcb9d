//! What a person or a script reads: tables, JSON, progress, pages, plots, files, and errors that say what to do next.
//!
//! ```text
//! figures ─► table │ one JSON object ─► stdout        notes, bars, errors ─► stderr
//!         └► html( plot … ) ─► output: a file, whole or not at all
//! ```
//!
//! # Invariants
//! - Results go to stdout; progress, notes and errors go to stderr.
//! - With `--json`, stdout is exactly one JSON object and a newline.
//! - A table shows the same figures as the JSON, rounded.
//! - No `unsafe`.
//!
//! # Why
//! One place decides what is printed where, so that `lacuna … --json | jq` and a person at a terminal are both served. It is
//! a package of its own because `lacuna` and `lacuna-fleet` show things alike and must not wait for each other's engines.
#![forbid(unsafe_code)]

mod failure;
pub mod html;
mod out;
pub mod output;
pub mod plot;
mod table;

pub use failure::{NextStep, render, said};
pub use out::{Out, exit};
pub use table::{bytes, count, percent, table};
