//! The transformer: weights to read, a state to write, and one function between them.
//!
//! ```text
//! file bytes ──► Model (Copy views) ──┐
//!                                     ├──► forward(isa, model, state, token, probe) ──► state.logits()
//! arena bytes ──► State (one arena) ──┘        prefill: some tokens · classify: a window of samples
//! ```
//!
//! # Invariants
//! - [`State::len`] says the memory to the byte before anything runs; there is no other memory but the stack.
//! - Whatever `forward` refuses leaves the state where it was before that token.
//! - Same model, same tokens, same limits: same bits, on every machine and with every probe.
//!
//! # Why
//! What never changes and what always changes are two values, so that a model can lie in flash, be shared by sessions,
//! and be swapped, and a session can be saved by copying its half.

pub mod break_even;
mod cache;
mod forward;
mod refusal;
pub mod repack;
mod state;
mod weights;

pub use cache::CacheType;
pub use forward::{classify, forward, prefill};
pub use refusal::Error;
pub use state::{Arena, Limits, State, WhenFull};
pub use weights::{Layer, Model, Patches};
