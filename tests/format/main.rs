//! The file from outside: what is written is read back, and what is not a model is refused by name and place.
//!
//! `UPDATE_SEEDS=1 cargo test --test format` writes the fuzzer's seeds anew after the format has changed.

mod blocks;
mod calibration;
mod encodings;
mod hostile;
mod included;
mod models;
mod names;
mod plan;
mod refused;
mod roundtrip;
mod touch;
mod windows;
mod writer;
