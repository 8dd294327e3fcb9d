//! Circuits: the few nodes of a model that do one task.
//!
//! ```text
//! checkpoint + pairs of prompts ─► search (learned masks │ attribution) ─► nodes in order ─► least k that meets the target
//!      ─► validate (sufficient? necessary? random nodes, shuffled weights, nonsense) ─► carve ─► file.lacuna ─► the engine
//! ```
//!
//! A node is one channel at one site ([`crate::train::graph::Nodes`]); an edge is a nonzero weight whose two end nodes are
//! both in the circuit. A node outside is set to a constant: its mean over the pretraining data, or zero. Embedding, norms,
//! head and bigram table belong to no node and stay whole.
//!
//! # Invariants
//! - The model is frozen; the same checkpoint, settings and seed give the same circuit.
//! - What is called a circuit can be run without the rest of the model: the graph ablates a node exactly as a file does that
//!   lacks it ([`constants`], [`carve`]).
//! - Figures are of held-out pairs unless they are named otherwise; intervals are over pairs.
//!
//! # Expected
//! Sufficient: the loss of the circuit alone is at most the target. Necessary: without it the loss is at least 0.5 (chance is
//! ln 2 = 0.693), while as many random nodes outside it move the loss by less than 0.05. Shuffled weights must not yield a
//! circuit as small, and neither must nonsense; where they do, the circuit is no evidence of what the model does.
//!
//! # Why
//! Source: Gao et al., "Weight-sparse transformers have interpretable circuits", appendix A.5 and table 2, whose pruning
//! code is not public; controls after Drori, "Weight-sparse circuits may be interpretable yet unfaithful" (2026). Other
//! than there, a node that is off also leaves the competition of AbsTopK, because a file that lacks its weights cannot let
//! it compete; and where AbsTopK stands between a site and what reads it, so that a constant cannot be carried, zero stands
//! in for the mean.

pub mod carve;
pub mod cases;
pub mod check;
pub mod constants;
pub mod curve;
pub mod fires;
pub mod learn;
pub mod page;
pub mod rank;
pub mod record;
pub mod size;
pub mod study;
pub mod subject;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod validate;

use crate::{checkpoint, export, train};

/// What can go wrong with a circuit.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum Error {
    #[error("the model does not read bytes; circuits are found by tasks of bytes")]
    NotBytes,
    #[error("the model turns positions by other angles than the training graph")]
    Angles,
    #[error("there are no pairs of prompts")]
    NoCases,
    #[error("a prompt of {tokens} tokens is longer than the context of {context}")]
    TooLong { tokens: usize, context: usize },
    #[error("byte {byte} is outside the vocabulary of {vocabulary}")]
    Vocabulary { byte: u8, vocabulary: usize },
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Device(#[from] train::graph::Unavailable),
    #[error("the model cannot be handed to the engine")]
    Export(#[from] export::Error),
    #[error("the engine cannot read the model")]
    Model(#[source] lacuna::format::Error),
    #[error("the engine refused")]
    Session(#[source] lacuna::session::Error),
}
