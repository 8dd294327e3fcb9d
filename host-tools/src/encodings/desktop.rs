//! Nanoseconds on this machine.

use core::hint::black_box;
use std::time::Instant;

use lacuna::format::pack::{self, Form};
use lacuna::format::schema::{Id, Kind, Tensor};
use lacuna::format::{Encoding, ValueType};
use lacuna::kernels::{INPUT_PAD, Isa, Lanes, Quantised};
use lacuna::num::Rng;
use lacuna::sparse::{Major, Matrix};

use super::{Line, MANY, Table, note};
use crate::export::encode::{self, Laid};
use crate::memory::Buffer;

/// Shapes `(rows, cols)` that stay in a core's caches.
const SMALL: [(usize, usize); 4] = [(128, 128), (512, 128), (256, 256), (768, 768)];
/// Shapes that do not.
const LARGE: [(usize, usize); 1] = [(1536, 1536)];
/// Densities, percent.
const DENSITIES: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 35.0, 50.0, 70.0, 100.0];
/// Rounds of which the best counts.
const ROUNDS: usize = 5;
/// Products of nonzero and vector in one measurement, about.
const WORK: usize = 100_000;
/// A form that takes so many times as long as the fastest in the first round is not timed again.
const HOPELESS: f64 = 4.0;

/// Measures every form with the kernels of `isa`; `each` is called once for every matrix.
///
/// # Errors
/// None that these matrices have.
pub fn measure(isa: Isa, each: &mut dyn FnMut()) -> Result<Table, pack::Error> {
    let mut lines = Vec::new();
    for value in [ValueType::F32, ValueType::F16, ValueType::I8] {
        for (large, shapes) in [(false, &SMALL[..]), (true, &LARGE)] {
            for vectors in [1, MANY] {
                let mut group: Vec<Line> = forms(vectors)
                    .map(|form| Line {
                        value,
                        form,
                        vectors,
                        large,
                        costs: Vec::new(),
                    })
                    .collect();
                for percent in DENSITIES {
                    let mut logs = vec![0.0; group.len()];
                    for &shape in shapes {
                        let times = round(isa, value, shape, percent, vectors, &group)?;
                        for (log, time) in logs.iter_mut().zip(times) {
                            *log += time.ln() / shapes.len() as f64;
                        }
                        each();
                    }
                    for (line, log) in group.iter_mut().zip(logs) {
                        line.costs.push(log.exp());
                    }
                }
                lines.extend(group);
            }
        }
    }
    Ok(Table {
        note: note(isa.name().as_str(), "nanoseconds"),
        densities: DENSITIES.to_vec(),
        lines,
    })
}

/// Matrices that [`measure`] makes.
pub fn matrices() -> u64 {
    (3 * 2 * (SMALL.len() + LARGE.len()) * DENSITIES.len()) as u64
}

/// Forms worth measuring: products with many vectors skip no inputs, and their kernels read plain rows.
fn forms(vectors: usize) -> impl Iterator<Item = Form> {
    let majors = [Major::Output, Major::Input].into_iter();
    let all = majors.flat_map(|major| Encoding::ALL.map(|encoding| Form { encoding, major }));
    let plain = |form: &Form| {
        let plain = matches!(form.encoding, Encoding::Dense | Encoding::CsrU16);
        plain && form.major == Major::Output
    };
    all.filter(move |form| form.may_hold(Kind::Matrix) && (vectors == 1 || plain(form)))
}

/// Best nanoseconds per nonzero and vector of each line's form, on one matrix.
fn round(
    isa: Isa,
    value: ValueType,
    (rows, cols): (usize, usize),
    percent: f64,
    vectors: usize,
    lines: &[Line],
) -> Result<Vec<f64>, pack::Error> {
    let tensor = Tensor {
        id: Id::Wq,
        layer: 0,
        kind: Kind::Matrix,
        rows,
        cols,
    };
    let mut rng = Rng::new(1);
    let mut weight = || match f64::from(rng.next_f32()) * 100.0 < percent {
        true => rng.next_f32() * 0.5 + 0.25,
        false => 0.0,
    };
    let weights: Vec<f32> = (0..rows * cols).map(|_| weight()).collect();
    let rounded = encode::round("", &weights, cols, value).map_err(|_| pack::Error::TooLarge)?;
    let dense = rounded.view(&tensor)?;
    let mut scratch = encode::scratch(&dense);
    // Rows of the reference form are found fastest, which packing of large matrices needs.
    let reference = Form {
        encoding: Encoding::CsrU16,
        major: Major::Output,
    };
    let reference = encode::lay_out(tensor, &dense, reference, &mut scratch)?;
    let reference = view(&reference)?;
    let laid: Result<Vec<Laid>, _> = lines
        .iter()
        .map(|line| encode::lay_out(tensor, &reference, line.form, &mut scratch))
        .collect();
    let laid = laid?;
    let nonzeros = reference.nonzeros().max(1);
    let mut product = Product::new(isa, &dense, vectors);
    let mut best = vec![f64::MAX; lines.len()];
    for round in 0..=ROUNDS {
        let least = best.iter().copied().fold(f64::MAX, f64::min);
        for (best, laid) in best.iter_mut().zip(&laid) {
            if round > 0 && *best > least * HOPELESS {
                continue;
            }
            let each = match round {
                0 => 1,
                _ => (WORK / (nonzeros * vectors)).clamp(1, 1000),
            };
            let matrix = view(laid)?;
            product.run(&matrix);
            let start = Instant::now();
            for _ in 0..each {
                product.run(&matrix);
            }
            let time = start.elapsed().as_secs_f64() * 1e9;
            *best = best.min(time / (each * nonzeros * vectors) as f64);
        }
    }
    Ok(best)
}

fn view(laid: &Laid) -> Result<Matrix<'_>, pack::Error> {
    laid.view().map_err(|_| pack::Error::Shape)
}

/// Vectors and what a product with them needs.
struct Product {
    isa: Isa,
    lanes: Lanes,
    int8: bool,
    x: Buffer,
    y: Buffer,
    q: Buffer,
    scales: Vec<f32>,
}

impl Product {
    fn new(isa: Isa, matrix: &Matrix<'_>, vectors: usize) -> Self {
        let lanes = Lanes::of(vectors);
        let (inputs, outputs) = (
            matrix.cols() * lanes.stride(),
            matrix.rows() * lanes.stride(),
        );
        let mut rng = Rng::new(2);
        let mut x = Buffer::zeroed(4 * inputs);
        for number in x.chunks_exact_mut(4) {
            number.copy_from_slice(&(rng.next_f32() + 0.1).to_le_bytes());
        }
        Self {
            isa,
            lanes,
            int8: matrix.is_i8(),
            x,
            y: Buffer::zeroed(4 * outputs),
            q: Buffer::zeroed(inputs + INPUT_PAD),
            scales: vec![0.0; lanes.stride()],
        }
    }

    /// One product, the check of its vectors and their int8 form included: they are the same for every form.
    fn run(&mut self, matrix: &Matrix<'_>) {
        use zerocopy::FromBytes;
        // Buffers are aligned and made of whole numbers, so both casts succeed.
        let (Ok(x), Ok(y)) = (
            <[f32]>::ref_from_bytes(&self.x),
            <[f32]>::mut_from_bytes(&mut self.y),
        ) else {
            return;
        };
        let Ok(q) = <[i8]>::mut_from_bytes(&mut self.q) else {
            return;
        };
        if self.lanes.tokens() == 1 {
            if let Ok(input) = self.isa.input(x, q, self.int8) {
                self.isa.matvec(matrix, &input, None, y);
            }
        } else {
            let scales = &mut self.scales[..];
            let int8 = self.int8.then_some(Quantised { q, scales });
            if let Ok(batch) = self.isa.batch(x, self.lanes, int8) {
                self.isa.matmul(matrix, &batch, None, y);
            }
        }
        black_box(y);
    }
}
