//! lacuna's kernels beside everybody else's, in one process and one thread.
//!
//! ```text
//! case (one matrix) ─┬─ peers: oneMKL, sprs, nalgebra-sparse, faer, matrixmultiply, gemm ─┐
//!                    └─ ours: every form of the fixtures on every back-end ───────────────┴─ race ─ rows ─ report
//! ```
//!
//! # Invariants
//! - Every product is compared with a sum in double precision before it is timed.
//! - Entrants take turns in an order that changes; a figure is a median (or the least, where calls are long); only ratios within one race are used.
//!
//! # Why
//! A crate of its own, outside the workspace: whoever builds or tests lacuna need not build its opponents.

pub mod aligned;
pub mod case;
pub mod foreign;
pub mod model;
pub mod ours;
pub mod peers;
pub mod race;
pub mod report;
pub mod rows;
pub mod tokens;
