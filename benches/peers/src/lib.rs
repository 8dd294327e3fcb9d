//! lacuna's kernels beside everybody else's.
pub mod case;
pub mod mkl;
pub mod peers;
pub mod race;
