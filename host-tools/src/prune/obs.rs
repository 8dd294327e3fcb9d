//! SparseGPT: weights leave column by column, and those to the right make up for them.
//!
//! ```text
//! H = Σ x xᵀ + λI      U: H⁻¹ = UᵀU, upper      column j of W, left to right
//! block of columns: the k largest w² / U_jj² stay
//! a weight w that leaves: row of W, from j on  −=  w / U_jj · U_j,j…       (what later blocks owe, at the end of a block)
//! ```
//!
//! # Invariants
//! - Exactly ⌊density · rows · cols⌋ weights stay where so many are not zero; blocks keep even shares of it.
//! - Everything is in f64 and in one order: the same input gives the same bits on every machine.
//!
//! # Why
//! Frantar and Alistarh, "SparseGPT: Massive language models can be accurately pruned in one-shot", 2023, algorithm 1, with
//! their λ of 1 % of the mean diagonal and their blocks of 128 columns. Inputs that were never seen lose their weights.

use core::ops::Range;

use nalgebra::{Cholesky, DMatrix};

use super::inputs::Gram;

/// Columns whose weights compete with each other.
const BLOCK: usize = 128;
/// λ as a share of the mean of H's diagonal.
const DAMPING: f64 = 0.01;

/// Prunes `w` (rows, gram.dim) in place; `None` where H has no inverse, and `w` is unchanged then.
pub(super) fn prune(w: &mut [f32], gram: &Gram, density: f64) -> Option<()> {
    let cols = gram.dim;
    let squares = gram.squares();
    let upper = upper(gram, &squares)?;
    let mut rows: Vec<Vec<f64>> = w
        .chunks_exact(cols)
        .map(|row| {
            let seen = row.iter().zip(&squares);
            seen.map(|(w, s)| if *s == 0.0 { 0.0 } else { f64::from(*w) })
                .collect()
        })
        .collect();
    let until = |column: usize| (density * (rows.len() * column) as f64) as usize;
    let ends = (0..cols).step_by(BLOCK).map(|from| {
        let to = (from + BLOCK).min(cols);
        (from..to, until(to) - until(from))
    });
    for (block, stay) in ends.collect::<Vec<_>>() {
        leave(&mut rows, &upper, block, stay);
    }
    for (w, pruned) in w.iter_mut().zip(rows.iter().flatten()) {
        *w = *pruned as f32;
    }
    Some(())
}

/// U, upper triangular with H⁻¹ = UᵀU.
fn upper(gram: &Gram, squares: &[f64]) -> Option<DMatrix<f64>> {
    let dim = gram.dim;
    let live = squares.iter().filter(|s| **s > 0.0).count();
    let mean = squares.iter().sum::<f64>() / live.max(1) as f64;
    if live == 0 {
        return Some(DMatrix::identity(dim, dim));
    }
    let h = DMatrix::from_fn(dim, dim, |i, j| {
        let sum = gram.sums[i.min(j) * dim + i.max(j)];
        match i == j {
            true if sum == 0.0 => mean,
            true => sum + DAMPING * mean,
            false => sum,
        }
    });
    let inverse = Cholesky::new(h)?.inverse();
    Some(Cholesky::new(inverse)?.l().transpose())
}

/// All but `stay` weights of the columns `block` leave.
fn leave(rows: &mut [Vec<f64>], upper: &DMatrix<f64>, block: Range<usize>, stay: usize) {
    let width = block.len();
    let score = |(row, i): (usize, usize)| {
        let column = block.start + i;
        let ratio: f64 = rows[row][column] / upper[(column, column)];
        ratio * ratio
    };
    let mut order: Vec<(f64, usize)> = (0..rows.len() * width)
        .map(|at| (score((at / width, at % width)), at))
        .collect();
    let first = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if stay < order.len() {
        order.select_nth_unstable_by(stay, first);
    }
    let mut stays = vec![false; order.len()];
    for (_, at) in &order[..stay.min(order.len())] {
        stays[*at] = true;
    }
    for (row, stays) in rows.iter_mut().zip(stays.chunks_exact(width)) {
        // What each weight that left owes the columns behind the block.
        let mut owed = vec![0.0; width];
        for i in (0..width).filter(|i| !stays[*i]) {
            let column = block.start + i;
            owed[i] = row[column] / upper[(column, column)];
            for later in column + 1..block.end {
                row[later] -= owed[i] * upper[(column, later)];
            }
            row[column] = 0.0;
        }
        for later in block.end..row.len() {
            let sum: f64 = owed
                .iter()
                .enumerate()
                .map(|(i, owed)| owed * upper[(block.start + i, later)])
                .sum();
            row[later] -= sum;
        }
    }
}
