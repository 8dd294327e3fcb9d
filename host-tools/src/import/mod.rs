//! Models that were trained elsewhere, as checkpoints.
//!
//! ```text
//! model.bin ─► llama2c::model     ─┐
//! tok.bin   ─► llama2c::tokenizer ─┼─► checkpoint (tensors, config, tokenizer.bin)
//! DIR       ─► hf::model          ─┘
//! ```
//!
//! # Invariants
//! - A file is read only as far as its length was checked; what is wrong is an [`Error`] with a byte offset, or a
//!   [`hf::Error`] with the name of a setting or a tensor.
//! - Nothing is rounded: the tensors hold the bits of the file.
//!
//! # Why
//! An imported model is an ordinary checkpoint, so pruning, export and every measurement apply to it unchanged.

pub mod hf;
pub mod llama2c;
mod reader;

pub use reader::{Error, Kind};
