#![no_std]
#![deny(unsafe_code)]
#![doc = include_str!("../README.md")]

// Floors, ground first: a module may use only the modules above it in this list (`tests/tidy.rs` reads these lines).
pub mod config;
#[cfg(feature = "_fixture")]
#[doc(hidden)]
pub mod fixture;
pub mod format;
pub mod kernels;
pub mod model;
pub mod nn;
pub mod num;
pub mod probe;
pub mod session;
pub mod sparse;

const _: () = assert!(
    cfg!(target_endian = "little"),
    "lacuna reads its files in place and needs a little-endian machine"
);
