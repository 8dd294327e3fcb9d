#![no_std]
#![deny(unsafe_code)]
#![doc = include_str!("../README.md")]

// Floors, ground first: a module may use only the modules above it in this list. `tests/tidy.rs` reads these lines;
// the captions keep rustfmt from sorting them.

// Scalar and slice math with the same bits on every machine.
pub mod num;

// Compressed matrices as borrowed, checked views.
pub mod sparse;

// Windows on activations.
pub mod probe;

// The hot loops and the choice of instructions.
pub mod kernels;

// Layers as plain functions on slices.
pub mod nn;

// The blueprint of a model.
pub mod config;

// The model file.
pub mod format;

// The transformer: weights, state, forward.
pub mod model;

// What an application touches.
pub mod session;

// Familiar, drifting, faulty: an alarm with a stated rate.
pub mod monitor;

// Seeded matrices and tiny models for tests, benches and firmware.
#[cfg(feature = "_fixture")]
#[doc(hidden)]
pub mod fixture;

const _: () = assert!(
    cfg!(target_endian = "little"),
    "lacuna reads its files in place and needs a little-endian machine"
);
