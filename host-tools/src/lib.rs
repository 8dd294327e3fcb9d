//! Everything around the engine that needs an operating system: data, training, pruning, import, export, devices.
//!
//! ```text
//! data ─► train ─┐
//!        import ─┼─► checkpoint ─► prune ─► export ─► file.lacuna ─► run · eval · device
//! ```
//!
//! # Invariants
//! - Nothing here computes a logit that is reported as the engine's: every run, evaluation and probe is the engine itself.
//! - A file appears under its final name complete, or not at all ([`output`]).
//! - No `unsafe`.
//!
//! # Why
//! A library with a thin binary on top: each subcommand is one file in [`cli`] that parses, calls one room, and prints,
//! so that a test or another program can call the room without the command line.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod cli;
pub mod eval;
pub mod export;
pub mod import;
pub mod inspect;
pub mod memory;
pub mod output;
pub mod prune;
pub mod report;
pub mod run;
