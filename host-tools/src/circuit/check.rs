//! The carved circuit as the engine runs it.
//!
//! ```text
//! file ─► Session on every instruction set here ─► margins ─► loss, beside the graph's        digest of all logits: equal
//! ```
//!
//! # Invariants
//! - No figure here is the training graph's.
//!
//! # Why
//! A circuit that only lives in a graph of masks is a claim; one that runs as a file is a thing that can be shipped.

use lacuna::format::schema::{self, Kind};
use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model, State};
use lacuna::num::Fnv64;
use lacuna::session::{Options, Session};
use serde::Serialize;

use super::Error;
use super::cases::Cases;
use crate::checkpoint::Checkpoint;
use crate::memory::Buffer;

/// Difference of losses, in nats, that rounding may make; entries at the edge of AbsTopK count as such.
pub const ROUNDING: f64 = 1e-3;

/// Digest of the logits that one back-end gave behind every prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// The back-end.
    pub isa: String,
    /// 16 hex digits.
    pub digest: String,
}

/// What a model costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Bytes of its file.
    pub flash: usize,
    /// Bytes of its state, the whole context.
    pub ram: usize,
    /// Nonzero weights that a token is multiplied with, the head included.
    pub nonzeros: usize,
    /// Those of them in blocks.
    pub block_nonzeros: usize,
}

/// Margins of all cases by the engine on every instruction set here, and the digests of their logits.
///
/// # Errors
/// A file that the engine refuses.
pub fn margins(file: &[u8], cases: &Cases) -> Result<(Vec<f32>, Vec<Digest>), Error> {
    let model = Model::new(file).map_err(Error::Model)?;
    let options = Options::new(model.config());
    let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
    let mut session = Session::new(model, &mut arena, options).map_err(Error::Session)?;
    let (mut margins, mut digests) = (Vec::new(), Vec::new());
    for isa in Isa::available() {
        session.use_isa(isa);
        margins.clear();
        let mut hash = Fnv64::new();
        for case in cases.all() {
            session.clear();
            let logits = session.prompt(&case.tokens).map_err(Error::Session)?;
            hash.update_f32(logits);
            let of = |token: u32| logits.get(token as usize).copied().unwrap_or(f32::NAN);
            margins.push(of(case.right) - of(case.wrong));
        }
        digests.push(Digest {
            isa: isa.name().to_string(),
            digest: format!("{:016x}", hash.finish()),
        });
    }
    Ok((margins, digests))
}

/// What `model` costs as the file `bytes`.
pub fn cost(model: &Checkpoint, bytes: usize) -> Cost {
    let config = &model.config;
    let multiplied = |line: &schema::Tensor| {
        line.kind == Kind::Matrix || config.tied && line.id == schema::Id::Embedding
    };
    let (mut nonzeros, mut block_nonzeros) = (0, 0);
    for line in schema::tensors(config).filter(multiplied) {
        let values = model.values(&line).unwrap_or_default();
        let n = values.iter().filter(|w| **w != 0.0).count();
        nonzeros += n;
        if super::size::ends(line.id).is_some() {
            block_nonzeros += n;
        }
    }
    Cost {
        flash: bytes,
        ram: State::len(config, &Limits::new(config)),
        nonzeros,
        block_nonzeros,
    }
}
