//! Models in the forms that this machine runs fastest, made when they are opened.
//!
//! ```text
//! Model over a file ─ engine's repack ─► the same Model over file and buffer, and what that cost
//! ```
//!
//! # Invariants
//! - The bits of every logit stay the same; a machine that gains nothing gets its model back as it was.
//!
//! # Why
//! A file made for a microcontroller is what a person has at hand; a desktop has memory to spare and a few milliseconds.

use core::fmt;
use core::time::Duration;
use std::time::Instant;

use lacuna::kernels::Isa;
use lacuna::model::{Model, repack};
use serde::Serialize;

use crate::memory::Buffer;
use crate::report::bytes;

/// What repacking cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Matrices in another form than the file's.
    pub matrices: usize,
    /// Bytes they take beside the file.
    pub bytes: usize,
    /// Time it took.
    pub milliseconds: f64,
}

impl Cost {
    fn new(made: repack::Repacking, time: Duration) -> Self {
        Self {
            matrices: made.matrices,
            bytes: made.bytes,
            milliseconds: time.as_secs_f64() * 1e3,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, size) = (self.matrices, bytes(self.bytes as u64));
        let s = if n == 1 { "matrix" } else { "matrices" };
        write!(
            f,
            "repacked {n} {s} into {size} in {:.1} ms",
            self.milliseconds
        )
    }
}

/// `model` in the forms that `isa` runs fastest; `buffer` holds what is not in its file.
///
/// # Errors
/// None that a checked model has.
pub fn repack<'a>(
    model: Model<'a>,
    isa: Isa,
    buffer: &'a mut Buffer,
) -> Result<(Model<'a>, Cost), repack::Error> {
    let start = Instant::now();
    let mut scratch = Buffer::zeroed(repack::scratch_len(&model));
    *buffer = Buffer::zeroed(repack::len(&model, isa.name(), &mut scratch)?);
    let (model, made) = repack::repack(model, isa.name(), &mut scratch, buffer)?;
    Ok((model, Cost::new(made, start.elapsed())))
}
