//! Probe plans as words, the plan a file gets unless somebody chooses, and what a plan has found.
//!
//! ```text
//! "blocks.*.mlp.hook_post:hoyer,top10@every=8" ─► ProbePlan ─► engine ─► sketches ─► table beside the nulls, JSON
//! ```
//!
//! # Invariants
//! - What a plan prints as is read as the same plan.
//! - Only the engine measures; here its sketches are shown.
//!
//! # Why
//! A device takes a plan as a few bytes. People write it, so the words and what is wrong with them live on the host.

mod choose;
mod measured;
mod words;

pub use choose::{Chosen, Load, choose};
pub use measured::{Line, Measured, cells};
pub use words::{Error, parse};
