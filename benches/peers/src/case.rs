//! One matrix, its activations and the right answer: what every entrant of a race is given.

use lacuna::num::Rng;

/// The ten shapes `(rows, cols)` of the kernel tables, small ones first.
pub const SHAPES: [(usize, usize); 10] = [
    (128, 128),
    (512, 128),
    (128, 512),
    (256, 256),
    (1024, 256),
    (256, 1024),
    (768, 768),
    (3072, 768),
    (768, 3072),
    (4096, 4096),
];

/// How many of [`SHAPES`], from the first, count in a geometric mean.
pub const SMALL: usize = 7;

/// Densities of the tables, per cent.
pub const DENSITIES: [u32; 6] = [1, 5, 10, 20, 50, 100];

/// A uniformly random sparse matrix in the words of its opponents: CSR with 32-bit columns, and dense, row-major.
///
/// `starts` has `rows + 1` ascending entries, the last of which is the length of `columns` and `values`; every column
/// is below `cols`, ascending in its row.
#[derive(Debug)]
pub struct Case {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) starts: Vec<i32>,
    pub(crate) columns: Vec<i32>,
    pub(crate) values: Vec<f32>,
    /// Row-major, zeros written out.
    pub(crate) dense: Vec<f32>,
    /// One token, or `tokens` of them, channel by channel: `(cols, tokens)`.
    pub(crate) x: Vec<f32>,
    pub(crate) tokens: usize,
}

/// A number in ±[1/256, 1), so that sums of different order stay comparable.
fn number(rng: &mut Rng) -> f32 {
    let size = (rng.below(255) + 1) as f32 / 256.0;
    if rng.below(2) == 0 { size } else { -size }
}

impl Case {
    /// `percent` of the elements present, each by its own chance; `tokens` activations.
    pub fn new((rows, cols): (usize, usize), percent: u32, tokens: usize) -> Case {
        let mut rng = Rng::new((rows * 31 + cols * 7) as u64 + u64::from(percent));
        let (mut starts, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
        let mut dense = vec![0.0; rows * cols];
        for row in dense.chunks_exact_mut(cols) {
            for (j, w) in row.iter_mut().enumerate() {
                if rng.below(100) < percent {
                    *w = number(&mut rng);
                    columns.push(j as i32);
                    values.push(*w);
                }
            }
            starts.push(values.len() as i32);
        }
        let x = (0..cols * tokens).map(|_| number(&mut rng)).collect();
        Case {
            rows,
            cols,
            starts,
            columns,
            values,
            dense,
            x,
            tokens,
        }
    }

    /// Stored elements times tokens.
    pub fn work(&self) -> usize {
        self.values.len() * self.tokens
    }

    /// `Y (rows, tokens)` in double precision.
    pub fn answer(&self) -> Vec<f64> {
        let mut y = vec![0.0; self.rows * self.tokens];
        for (r, y) in y.chunks_exact_mut(self.tokens).enumerate() {
            for k in self.starts[r] as usize..self.starts[r + 1] as usize {
                let x = &self.x[self.columns[k] as usize * self.tokens..][..self.tokens];
                for (y, x) in y.iter_mut().zip(x) {
                    *y += f64::from(self.values[k]) * f64::from(*x);
                }
            }
        }
        y
    }
}
