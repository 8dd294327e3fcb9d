//! Studies of what models notice: each a question stated beforehand, several training seeds, controls, and a report.
//!
//! ```text
//! shift        known and shifted windows ─► engine ─► statistics, losses ─► detectors ─► AUROC … with intervals
//! familiarity  doses of text ─► checkpoints of runs ─► engine ─► statistics against exposure, step, size, difficulty
//! ```
//!
//! # Invariants
//! - Statistics, losses and scores come from the engine, never from the training graph.
//! - Expectations stand in the documentation of each study and are printed beside what came: pass, FAIL or null.
//! - The same settings and data give the same figures; `config.json` holds both.
//!
//! # Why
//! An effect that was looked for until it was found is none. Settings, limits and signs are fixed first; nulls are printed
//! like effects.

pub mod clamp;
pub mod controls;
pub mod detect;
pub mod expect;
pub mod familiarity;
pub mod judge;
pub mod measure;
pub mod models;
pub mod motions;
pub mod report;
pub mod shift;
pub mod sparsity;
pub mod texts;
pub mod trial;
