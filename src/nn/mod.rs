//! Layers as plain functions on slices, one a file.
//!
//! ```text
//! embed ─► rms_norm ─► (q, k, v) ─► rotate ─► attention ─► rms_norm ─► silu, gate ─► …
//! ```
//!
//! # Invariants
//! - No layer knows the model, its file or its memory: shapes come with the slices.
//! - Every sum has the one order that `num` or the layer's own page states; nothing depends on the machine.
//! - Products with weights are not here: they are the kernels'.
//!
//! # Why
//! A layer that is a function can be read beside its formula, tested alone, and called from any arrangement of blocks.

mod attention;
mod embed;
mod mlp;
mod norm;
mod pool;
mod rope;
mod select;
mod softmax;
mod transpose;

pub(crate) use attention::{Heads, Kept, Queries, Rows, Run, attention, attention_lanes};
pub use embed::embed;
pub use mlp::{add, gate, gelu, relu, relu2, silu};
pub use norm::{rms_norm, rms_norm_lanes};
pub use pool::mean_of_lanes;
pub use rope::{Rope, rotate};
pub use select::abs_top_k;
pub use softmax::exp_sum;
pub use transpose::{from_rows, to_rows};
