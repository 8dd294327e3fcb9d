//! Rows of tables: token embedding with learned positions, and the bigram table.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;

use super::{Kernel, plain, sides, tensor, values};
use crate::train::simd::add;

/// Row `tokens[t]` of the table and, with 2 inputs, row `t mod seq` of the positions.
#[derive(Debug)]
pub(in super::super) struct Embed {
    pub(in super::super) tokens: Arc<[u32]>,
    /// Length of one sequence.
    pub(in super::super) seq: usize,
}

/// Adds row `tokens[t]` of the second input to row t of the first.
#[derive(Debug)]
pub(in super::super) struct AddRows {
    pub(in super::super) tokens: Arc<[u32]>,
}

/// `to[rows[t]] += from[t]`
fn scatter(from: &[f32], rows: impl Iterator<Item = usize>, to: &mut [f32], cols: usize) {
    for (from, row) in from.chunks_exact(cols).zip(rows) {
        add(&mut to[row * cols..][..cols], from);
    }
}

impl Embed {
    fn rows(&self, table: &FlexTensor) -> Vec<f32> {
        let cols = sides(table)[1];
        let table = values(table);
        let rows = self.tokens.iter().map(|&t| t as usize * cols);
        rows.flat_map(|from| &table[from..from + cols])
            .copied()
            .collect()
    }

    fn table_gradient(&self, table: &FlexTensor, grad: &FlexTensor) -> FlexTensor {
        let shape = sides(table);
        let mut d = vec![0.0; shape[0] * shape[1]];
        let rows = self.tokens.iter().map(|&t| t as usize);
        scatter(values(grad), rows, &mut d, shape[1]);
        tensor(d, shape)
    }
}

impl Kernel<1> for Embed {
    fn forward(&self, [table]: [FlexTensor; 1]) -> (FlexTensor, Vec<FlexTensor>) {
        let table = plain(table);
        let shape = [self.tokens.len(), sides(&table)[1]];
        (tensor(self.rows(&table), shape), vec![table])
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 1] {
        [self.table_gradient(&saved[0], &plain(grad))]
    }
}

impl Kernel<2> for Embed {
    fn forward(&self, [table, positions]: [FlexTensor; 2]) -> (FlexTensor, Vec<FlexTensor>) {
        let (table, positions) = (plain(table), plain(positions));
        let cols = sides(&table)[1];
        let mut y = self.rows(&table);
        let at = values(&positions);
        for (t, y) in y.chunks_exact_mut(cols).enumerate() {
            add(y, &at[t % self.seq * cols..][..cols]);
        }
        let shape = [self.tokens.len(), cols];
        (tensor(y, shape), vec![table, positions])
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 2] {
        let grad = plain(grad);
        let shape = sides(&saved[1]);
        let mut d = vec![0.0; shape[0] * shape[1]];
        let rows = (0..self.tokens.len()).map(|t| t % self.seq);
        scatter(values(&grad), rows, &mut d, shape[1]);
        [self.table_gradient(&saved[0], &grad), tensor(d, shape)]
    }
}

impl Kernel<2> for AddRows {
    fn forward(&self, [x, table]: [FlexTensor; 2]) -> (FlexTensor, Vec<FlexTensor>) {
        let (mut x, table) = (plain(x), plain(table));
        let cols = sides(&table)[1];
        let rows = values(&table);
        for (x, &t) in x
            .storage_mut::<f32>()
            .chunks_exact_mut(cols)
            .zip(self.tokens.iter())
        {
            add(x, &rows[t as usize * cols..][..cols]);
        }
        (x, vec![table])
    }

    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; 2] {
        let grad = plain(grad);
        let shape = sides(&saved[0]);
        let mut d = vec![0.0; shape[0] * shape[1]];
        let rows = self.tokens.iter().map(|&t| t as usize);
        scatter(values(&grad), rows, &mut d, shape[1]);
        [grad, tensor(d, shape)]
    }
}
