//! Numbers that are the same on every machine: elementary functions, ordered sums, selection, digests, randomness.
//!
//! ```text
//! element i ──► lane i mod 8 ──► ((0+4)+(2+6)) + ((1+5)+(3+7))          the only order of a sum
//! exp, tanh, sqrt ──► IEEE add, multiply, divide ──► one value           never fused, never a platform's libm
//! ```
//!
//! # Invariants
//! - Every function gives the same bits on x86, Arm, RISC-V and wasm, with or without a floating-point unit, provided
//!   that the environment rounds to nearest even and keeps subnormals.
//! - No multiplication is fused with an addition, and no sum is reordered by a compiler or a back-end.
//! - Nothing allocates; scratch is at most 256 bytes of stack.
//!
//! # Why
//! A run on a microcontroller is compared with a run on a desktop bit by bit, so "close enough" has no meaning here.
//! `exp` and `tanh` are polynomials of our own, written once for any number of lanes, so that a vector form has nothing to
//! agree with. `libm` is pinned to one version: its `sqrt`, in software or by an instruction, is correctly rounded, so even
//! a build that turns its architecture features on (as a dependency of a host program may) keeps the bits. A test freezes
//! a digest of each function.

mod crc;
mod digest;
pub(crate) mod each;
pub(crate) mod elementary;
mod rng;
mod scalar;
pub(crate) mod simd;
pub(crate) mod sums;
mod top_k;

pub use crc::{Crc32, crc32};
pub use digest::{CANONICAL_NAN, Fnv64, fnv1a64};
pub use rng::Rng;
pub use scalar::{exp, gelu, ln, sigmoid, silu, sqrt, tanh};
pub(crate) use sums::sum8_in;
pub use sums::{sum_sq8, sum8, sum8_by};
pub use top_k::abs_top_k;
pub(crate) use top_k::{abs_top_k_in, kth_largest, magnitude};
