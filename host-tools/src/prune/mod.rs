//! One-shot magnitude pruning of a checkpoint.
//!
//! ```text
//! |w|, largest first, ties to the lower index:  ████████░░░░░░░░░░░░
//!                                               kept    set to +0.0
//! per matrix: a share `density` of every matrix      global: one threshold over all of them
//! ```
//!
//! # Invariants
//! - Pruned are the product matrices, the embedding, patches and the head; norms, biases, sinks, position and bigram tables stay.
//! - The same checkpoint and settings give the same bits: order is |w| descending, then place in the file.
//! - Each neuron (output of patches, wq, wk, wv, w1, w3; input of wo, w2) keeps at least `min_per_neuron` weights it had.
//!
//! # Why
//! The one-shot baseline that sparse training has to beat, and the only way to make an imported model sparse.
//! Selection as in Gao et al., "Weight-sparse transformers have interpretable circuits" (training code, per step).

use core::cmp::Ordering;

use lacuna::format::schema::{self, Id, Tensor};
use serde_json::json;

use crate::checkpoint::Checkpoint;

/// Over what the density is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Per {
    /// Every matrix keeps the same share.
    Matrix,
    /// One threshold over all matrices.
    Global,
}

/// How to prune.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Share of weights that stay, in (0, 1].
    pub density: f64,
    /// Over what the share is held.
    pub per: Per,
    /// Weights that every neuron keeps at least.
    pub min_per_neuron: usize,
}

/// What happened to one matrix.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Pruned {
    /// Its name.
    pub name: String,
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// Nonzero weights before.
    pub before: usize,
    /// Nonzero weights after.
    pub after: usize,
}

/// Settings that cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The density is not a share.
    #[error("density {0} is not in (0, 1]")]
    Density(f64),
    /// The weights that neurons must keep are more than the density allows.
    #[error("{protected} weights are kept by the minimum per neuron, the density allows {allowed}")]
    Minimum {
        /// Weights under protection.
        protected: usize,
        /// Weights that may stay.
        allowed: usize,
    },
}

/// Prunes `checkpoint` in place and notes it in the provenance.
///
/// # Errors
/// Settings that cannot be met; the checkpoint is unchanged then.
pub fn prune(checkpoint: &mut Checkpoint, settings: &Settings) -> Result<Vec<Pruned>, Error> {
    if !(settings.density > 0.0 && settings.density <= 1.0) {
        return Err(Error::Density(settings.density));
    }
    let lines: Vec<Tensor> = schema::tensors(&checkpoint.config)
        .filter(|t| prunable(t.id))
        .collect();
    let mut pool = Vec::new();
    let mut masks = Vec::with_capacity(lines.len());
    for (matrix, line) in lines.iter().enumerate() {
        let values = checkpoint.values(line).unwrap_or_default();
        match settings.per {
            Per::Matrix => {
                let mut members = ranked(0, line, values, settings.min_per_neuron);
                masks.push(mask(&mut members, settings.density, &[values.len()])?);
            }
            Per::Global => {
                pool.extend(ranked(matrix, line, values, settings.min_per_neuron));
            }
        }
    }
    if settings.per == Per::Global {
        let sizes: Vec<usize> = lines.iter().map(|t| t.rows * t.cols).collect();
        let all = mask(&mut pool, settings.density, &sizes)?;
        let mut rest = all.as_slice();
        for size in sizes {
            let (head, tail) = rest.split_at(size);
            masks.push(head.to_vec());
            rest = tail;
        }
    }
    let mut report = Vec::with_capacity(lines.len());
    for (line, mask) in lines.iter().zip(&masks) {
        let Some(weights) = checkpoint.tensors.get_mut(&line.to_string()) else {
            continue;
        };
        let before = nonzero(&weights.data);
        for (value, keep) in weights.data.iter_mut().zip(mask) {
            if !keep {
                *value = 0.0;
            }
        }
        report.push(Pruned {
            name: line.to_string(),
            rows: line.rows,
            cols: line.cols,
            before,
            after: nonzero(&weights.data),
        });
    }
    checkpoint.provenance = json!({
        "pruned": {
            "density": settings.density,
            "per": match settings.per { Per::Matrix => "matrix", Per::Global => "global" },
            "min_per_neuron": settings.min_per_neuron,
        },
        "from": checkpoint.provenance.take(),
    });
    Ok(report)
}

/// True for the tensors that pruning and its density speak of.
pub fn prunable(id: Id) -> bool {
    matches!(
        id,
        Id::Embedding
            | Id::Patch
            | Id::Wq
            | Id::Wk
            | Id::Wv
            | Id::Wo
            | Id::W1
            | Id::W3
            | Id::W2
            | Id::Head
    )
}

fn nonzero(values: &[f32]) -> usize {
    values.iter().filter(|v| **v != 0.0).count()
}

/// A weight that competes for a place.
#[derive(Clone, Copy)]
struct Member {
    protected: bool,
    magnitude: f32,
    matrix: u32,
    index: u32,
}

impl Member {
    /// Who comes first stays.
    fn order(&self, other: &Self) -> Ordering {
        other
            .protected
            .cmp(&self.protected)
            .then(other.magnitude.total_cmp(&self.magnitude))
            .then(self.matrix.cmp(&other.matrix))
            .then(self.index.cmp(&other.index))
    }
}

/// Every weight of a matrix, the `min` largest of each neuron marked.
fn ranked(matrix: usize, line: &Tensor, values: &[f32], min: usize) -> Vec<Member> {
    let mut members: Vec<Member> = values
        .iter()
        .enumerate()
        .map(|(index, v)| Member {
            protected: false,
            magnitude: v.abs(),
            matrix: matrix as u32,
            index: index as u32,
        })
        .collect();
    let (neurons, fan, step, stride) = match line.id {
        Id::Patch | Id::Wq | Id::Wk | Id::Wv | Id::W1 | Id::W3 => {
            (line.rows, line.cols, line.cols, 1)
        }
        Id::Wo | Id::W2 => (line.cols, line.rows, 1, line.cols),
        _ => return members,
    };
    for neuron in 0..neurons {
        let mut own: Vec<Member> = (0..fan)
            .map(|i| members[neuron * step + i * stride])
            .filter(|m| m.magnitude > 0.0)
            .collect();
        own.sort_unstable_by(Member::order);
        for m in own.iter().take(min) {
            members[m.index as usize].protected = true;
        }
    }
    members
}

/// Who stays, in file order. `sizes` are the lengths of the matrices that compete.
fn mask(members: &mut [Member], density: f64, sizes: &[usize]) -> Result<Vec<bool>, Error> {
    let allowed = (density * members.len() as f64) as usize;
    let protected = members.iter().filter(|m| m.protected).count();
    if protected > allowed {
        return Err(Error::Minimum { protected, allowed });
    }
    let mut starts = vec![0];
    for size in sizes {
        starts.push(starts[starts.len() - 1] + size);
    }
    let mut keep = vec![false; members.len()];
    if allowed < members.len() {
        members.select_nth_unstable_by(allowed, Member::order);
    }
    for m in &members[..allowed] {
        keep[starts[m.matrix as usize] + m.index as usize] = true;
    }
    Ok(keep)
}

#[cfg(test)]
mod tests;
