//! Compressed matrices as borrowed views, checked once.
//!
//! ```text
//! major axis 0: │ indices[indptr[0]..indptr[1]] │ values[..] │      Output-major: major = outputs (gather x)
//! major axis 1: │ indices[indptr[1]..indptr[2]] │ values[..] │      Input-major:  major = inputs  (skip x[j] == 0)
//! ```
//!
//! # Invariants
//! - A [`Csr`] made by [`Csr::new`] has monotone `indptr` from 0 to nnz and strictly increasing in-range indices per row.
//! - A step of [`Gaps`] or [`Nibbles`] never leaves its row: kernels advance pointers by it.
//! - Every value and scale is finite; int8 values are in −127..=127.
//! - `y = W x` with `W (rows, cols)` whatever the orientation; orientation is storage, not meaning.
//!
//! # Why
//! SciPy's words and SciPy's layout, so that what an engineer sees in a notebook is what lies in flash. Columns are u16
//! because no side exceeds 65 536 and index bytes are the price of sparsity.

pub mod bitmask;
mod csr;
mod cursor;
mod dense;
mod element;
mod gaps;
mod layout;
mod matrix;
mod pack;
pub mod panel;
pub mod plain;
mod seek;

pub use bitmask::Bitmask;
pub use csr::{Csr, Error, Kind};
pub use dense::Dense;
pub use element::{Element, ValueType};
pub use gaps::{Gaps, Nibbles, Steps, Stride};
pub use layout::Layout;
pub use matrix::{Major, Matrix, Stored, Value};
pub use panel::Panel;
