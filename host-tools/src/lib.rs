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

// Floors, ground first: a module uses only the modules above it.

// What a person or a script reads, and files that appear whole or not at all: below every floor, a package of its own.
pub use lacuna_report::{self as report, output};

// Heap memory aligned as the engine likes it.
pub mod memory;

// Models in the forms that this machine runs fastest.
pub mod repack;

// Probe plans in words, and what they find.
pub mod plan;

// The plainest model.
#[cfg(test)]
pub(crate) mod fixture;

// Models on disk, as every tool reads and writes them.
pub mod checkpoint;

// Figures of detectors and models, and how sure they are.
pub mod stats;

// Small questions to a language model, and text that teaches them.
pub mod tasks;

// Text to learn from.
pub mod data;

// Weight-sparse training.
pub mod train;

// Models that were trained elsewhere.
pub mod import;

// Checkpoints as model files.
pub mod export;

// What is in a model file.
pub mod inspect;

// One run on this machine.
pub mod run;

// How well a model predicts text.
pub mod eval;

// Text as the tokens of one model.
pub mod tokens;

// One-shot pruning.
pub mod prune;

// Many runs and the curve they draw.
pub mod sweep;

// Circuits: the few nodes that do one task.
pub mod circuit;

// What is familiar to a model.
pub mod calibrate;

// What tells the strange from the familiar, and what does not.
pub mod study;

// Models on emulated boards.
pub mod device;

// What devices in the field say.
pub mod telemetry;

// What every encoding costs.
pub mod encodings;

// The main job in one go.
pub mod demo;

// The command line.
pub mod cli;
