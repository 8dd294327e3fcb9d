//! One matrix, its activations and the right answer: what every entrant of a race is given.

use lacuna::fixture::{Form, Numbers, Parts, activations, matrix};
use lacuna::num::Rng;
use lacuna::sparse::{Layout, Matrix, Stored};

use crate::aligned::Aligned;

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
/// is below `cols`, ascending in its row. `dense` has `rows · cols` elements, `x (cols, tokens)` has the tokens of one
/// channel adjacent.
#[derive(Debug)]
pub struct Case {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) percent: u32,
    pub(crate) starts: Vec<i32>,
    pub(crate) columns: Vec<i32>,
    pub(crate) values: Aligned,
    pub(crate) dense: Aligned,
    pub(crate) x: Aligned,
    pub(crate) tokens: usize,
}

impl Case {
    /// About `percent` of the elements present, each by its own chance; `tokens` activations.
    pub fn new((rows, cols): (usize, usize), percent: u32, tokens: usize) -> Case {
        let mut case = Case {
            rows,
            cols,
            percent,
            starts: vec![0],
            columns: Vec::new(),
            values: Aligned::zeros(0),
            dense: Aligned::zeros(rows * cols),
            x: Aligned::of(&activations(
                &mut Rng::new(2),
                cols * tokens,
                0,
                Numbers::Tame,
            )),
            tokens,
        };
        let parts = Form::all()
            .find(|f| f.to_string() == "csr-f32-output")
            .map(|f| case.stored(f));
        let view = parts.as_ref().and_then(Parts::view);
        if let Some(Stored::F32(Layout::Csr(w))) = view.as_ref().map(Matrix::stored) {
            case.starts = w.indptr().iter().map(|&p| p as i32).collect();
            case.columns = w.indices().iter().map(|&j| j.into()).collect();
            case.values = Aligned::of(w.values());
            w.for_each(|i, j, v| case.dense[i * cols + j] = v);
        }
        case
    }

    /// The same matrix as the engine would store it; an input-major form is another one of the same density.
    pub fn stored(&self, form: Form) -> Parts {
        let of_256 = (self.percent * 256 + 50) / 100;
        let shape = (self.rows, self.cols);
        matrix(&mut Rng::new(1), form, shape, of_256, Numbers::Tame)
    }

    /// Stored elements times tokens.
    pub fn work(&self) -> usize {
        self.values.len() * self.tokens
    }

    /// The activations token by token: `(tokens, cols)`.
    pub fn by_token(&self) -> Vec<f32> {
        transposed(&self.x, self.tokens)
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

/// `(n, width)` becomes `(width, n)`.
pub(crate) fn transposed<T: Copy>(x: &[T], width: usize) -> Vec<T> {
    let n = x.len() / width;
    (0..x.len()).map(|k| x[k % n * width + k / n]).collect()
}
