//! Back to the sparse set: the k largest |w| of each matrix stay, and a few per neuron whatever their size.
//!
//! ```text
//! k = ⌊density · rows · cols⌋
//! patches wq wk wv w1 w3: the j largest of every row (inputs of an output)   wo w2: of every column (outputs of an input)
//! ```
//!
//! # Invariants
//! - Exactly k entries stay (fewer where fewer are nonzero); ties go to the lower index, protected entries come first.
//! - j is lowered where j per neuron would not leave most of k free.
//!
//! # Why
//! Without the minimum some neurons lose all their weights during annealing and never return. Source: Gao et al., A.2.

use lacuna::format::schema::Id;

use super::parameters::{Entry, Layout};
use super::select::mark;
use super::simd::fast;

/// What is cleared after a step.
#[derive(Clone, Debug)]
pub enum Keep {
    /// All but the largest of each matrix, as the schedule's density says.
    Density,
    /// The weights that were zero, for good: as many numbers as the flat vector, and 0 where it is to stay zero.
    Mask(Vec<f32>),
    /// All but the largest of each sparse matrix, so many of each in the order of the layout.
    Counts(Vec<usize>),
}

impl Keep {
    /// The zeros of `flat`, or with `choose_again` only their number in each matrix.
    pub fn of(layout: &Layout, flat: &[f32], choose_again: bool) -> Keep {
        let sparse = layout.entries.iter().filter(|e| e.sparse);
        if choose_again {
            let stay = |e: &Entry| flat[e.range.clone()].iter().filter(|w| **w != 0.0).count();
            return Keep::Counts(sparse.map(stay).collect());
        }
        let mut mask = vec![1.0; flat.len()];
        for entry in sparse {
            let weights = mask[entry.range.clone()].iter_mut();
            for (m, w) in weights.zip(&flat[entry.range.clone()]) {
                *m = f32::from(u8::from(*w != 0.0));
            }
        }
        Keep::Mask(mask)
    }

    /// Clears what does not stay in `flat`.
    pub fn hold(&self, layout: &Layout, flat: &mut [f32], density: f64, per_neuron: usize) {
        match self {
            Keep::Density => project(layout, flat, density, per_neuron),
            Keep::Mask(mask) => {
                for (w, m) in flat.iter_mut().zip(mask) {
                    *w = if *m == 0.0 { 0.0 } else { *w };
                }
            }
            Keep::Counts(counts) => {
                let sparse = layout.entries.iter().filter(|e| e.sparse);
                for (entry, &k) in sparse.zip(counts) {
                    if k < entry.range.len() {
                        matrix(entry, &mut flat[entry.range.clone()], k, per_neuron);
                    }
                }
            }
        }
    }
}

/// Clears the smallest weights of every sparse matrix of `flat`, at most `per_neuron` protected per neuron.
pub fn project(layout: &Layout, flat: &mut [f32], density: f64, per_neuron: usize) {
    for entry in layout.entries.iter().filter(|e| e.sparse) {
        let k = (density * entry.range.len() as f64) as usize;
        if k < entry.range.len() {
            matrix(entry, &mut flat[entry.range.clone()], k, per_neuron);
        }
    }
}

/// Which entries belong to one neuron.
fn neurons(entry: &Entry) -> Option<bool> {
    match entry.id {
        Id::Patch | Id::Wq | Id::Wk | Id::Wv | Id::W1 | Id::W3 => Some(true),
        Id::Wo | Id::W2 => Some(false),
        _ => None,
    }
}

fn matrix(entry: &Entry, w: &mut [f32], k: usize, per_neuron: usize) {
    let mut size = w.to_vec();
    if let Some(by_row) = neurons(entry) {
        let count = if by_row { entry.rows } else { entry.cols };
        let j = per_neuron.min(k / (2 * count));
        protect(&mut size, entry.cols, by_row, j);
    }
    let mut mask = vec![0.0; w.len()];
    fast(
        #[inline(always)]
        || {
            mark(&size, &mut mask, k);
            for (w, m) in w.iter_mut().zip(&mask) {
                *w = if *m == 0.0 { 0.0 } else { *w };
            }
        },
    );
}

/// Makes the `j` largest of every row (or column) the largest of all.
fn protect(size: &mut [f32], cols: usize, by_row: bool, j: usize) {
    if j == 0 {
        return;
    }
    let rows = size.len() / cols;
    let (count, len) = if by_row { (rows, cols) } else { (cols, rows) };
    let at = |neuron: usize, i: usize| match by_row {
        true => neuron * cols + i,
        false => i * cols + neuron,
    };
    let (mut one, mut mask) = (vec![0.0; len], vec![0.0; len]);
    for neuron in 0..count {
        for (i, one) in one.iter_mut().enumerate() {
            *one = size[at(neuron, i)];
        }
        fast(
            #[inline(always)]
            || mark(&one, &mut mask, j),
        );
        for (i, mask) in mask.iter().enumerate() {
            if *mask != 0.0 {
                size[at(neuron, i)] = f32::INFINITY;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: Id, rows: usize, cols: usize) -> Entry {
        Entry {
            id,
            layer: 0,
            name: String::new(),
            rows,
            cols,
            range: 0..rows * cols,
            sparse: true,
        }
    }

    #[test]
    fn largest_stay_and_ties_go_to_the_lower_index() {
        let mut w = [1.0, -3.0, 2.0, 2.0, -2.0, 0.5];
        matrix(&entry(Id::Embedding, 2, 3), &mut w, 3, 4);
        assert_eq!(w, [0.0, -3.0, 2.0, 2.0, 0.0, 0.0]);
        let mut none = [1.0, 2.0];
        matrix(&entry(Id::Head, 1, 2), &mut none, 0, 4);
        assert_eq!(none, [0.0, 0.0]);
    }

    #[test]
    fn every_neuron_keeps_its_minimum() {
        let weak = |i: usize| {
            if i < 8 {
                0.01 + i as f32 * 1e-4
            } else {
                1.0 + i as f32
            }
        };
        let mut by_row: Vec<f32> = (0..32).map(weak).collect();
        matrix(&entry(Id::W1, 4, 8), &mut by_row, 16, 2);
        assert_eq!(by_row[..8].iter().filter(|w| **w != 0.0).count(), 2);
        assert_eq!(by_row[6..8], [weak(6), weak(7)]);
        assert_eq!(by_row.iter().filter(|w| **w != 0.0).count(), 16);
        let mut by_column: Vec<f32> = (0..32).map(|i| weak(i / 8 + 4 * (i % 8))).collect();
        matrix(&entry(Id::W2, 4, 8), &mut by_column, 16, 1);
        for column in 0..8 {
            assert!(
                (0..4).any(|row| by_column[row * 8 + column] != 0.0),
                "{column}"
            );
        }
        assert_eq!(by_column.iter().filter(|w| **w != 0.0).count(), 16);
    }

    #[test]
    fn minimum_yields_where_it_would_eat_the_budget() {
        let mut w: Vec<f32> = (0..32).map(|i| i as f32).collect();
        matrix(&entry(Id::W1, 4, 8), &mut w, 4, 4);
        assert_eq!(w[28..], [28.0, 29.0, 30.0, 31.0]);
        assert!(w[..28].iter().all(|w| *w == 0.0));
    }
}
