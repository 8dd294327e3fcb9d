//! Which weights stay: a competition of scores.
//!
//! ```text
//! score, largest first, ties to the larger |w|, then to the lower index:  ████████░░░░░░░░░░░░
//!                                                                         kept    set to +0.0
//! row: a share of every output's weights      matrix: of every matrix's      global: of all
//! ```
//!
//! # Invariants
//! - Exactly ⌊density · n⌋ of the n weights that compete stay; with `row`, of every matrix, its outputs equal to within one.
//! - Each neuron (output of patches, wq, wk, wv, w1, w3; input of wo, w2) keeps at least `min` weights that it had.

use core::cmp::Ordering;

use lacuna::format::schema::{Id, Tensor};

use super::Error;

/// A weight that competes for a place.
#[derive(Clone, Copy)]
pub(super) struct Member {
    protected: bool,
    score: f64,
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
            .then(other.score.total_cmp(&self.score))
            .then(other.magnitude.total_cmp(&self.magnitude))
            .then(self.matrix.cmp(&other.matrix))
            .then(self.index.cmp(&other.index))
    }
}

/// Inputs of a matrix as columns of its storage, or, of an embedding that is looked up, as rows.
pub(super) fn input_of(line: &Tensor, tied: bool, index: usize) -> usize {
    match line.id {
        Id::Embedding if !tied => index / line.cols,
        _ => index % line.cols,
    }
}

/// The output that a weight belongs to, and how many there are.
fn output_of(line: &Tensor, tied: bool, index: usize) -> usize {
    match line.id {
        Id::Embedding if !tied => index % line.cols,
        _ => index / line.cols,
    }
}

/// Every weight of a matrix with its score, the `min` best of each neuron marked. `weigh` gives an index's factor of |w|.
pub(super) fn ranked(
    matrix: usize,
    line: &Tensor,
    values: &[f32],
    weigh: impl Fn(usize) -> f64,
    min: usize,
) -> Vec<Member> {
    let mut members: Vec<Member> = values
        .iter()
        .enumerate()
        .map(|(index, v)| Member {
            protected: false,
            score: f64::from(v.abs()) * weigh(index),
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

/// Who stays of a matrix in which every output keeps the same share, in file order.
pub(super) fn rows(members: &mut [Member], line: &Tensor, tied: bool, density: f64) -> Vec<bool> {
    let mut keep = vec![false; members.len()];
    let allowed = (density * members.len() as f64) as usize;
    let output = |m: &Member| output_of(line, tied, m.index as usize);
    let outputs = members.iter().map(|m| output(m) + 1).max().unwrap_or(1);
    let each = allowed / outputs;
    members.sort_unstable_by(|a, b| output(a).cmp(&output(b)).then(a.order(b)));
    // The places that are left go to the best of those who just missed one.
    let mut next = Vec::new();
    for group in members.chunk_by(|a, b| output(a) == output(b)) {
        for m in &group[..each] {
            keep[m.index as usize] = true;
        }
        next.extend(group.get(each));
    }
    next.sort_unstable_by(Member::order);
    for m in &next[..(allowed - each * outputs).min(next.len())] {
        keep[m.index as usize] = true;
    }
    keep
}

/// Who stays of all that compete, in file order. `sizes` are the lengths of the matrices.
pub(super) fn best(
    members: &mut [Member],
    density: f64,
    sizes: &[usize],
) -> Result<Vec<bool>, Error> {
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
