//! Measures the break-even table of the exporter (`src/export/target.rs`) on this machine.
//!
//! ```text
//! cargo bench -p lacuna-tools --bench break_even
//! avx512  f32  dense 0.046 0.041  csr 0.210 + 3.4/row  0.431 + 0.8/row          (output-major, input-major; ns)
//! ```
//!
//! Every form is timed on several shapes and densities; the line is the least-squares fit of
//! `time = per element · elements + per row · stored rows`, weighted so that small and large matrices count alike.

use core::hint::black_box;
use std::time::Instant;

use half::f16;
use lacuna::kernels::{INPUT_PAD, Isa};
use lacuna::num::Rng;
use lacuna::sparse::{Csr, Dense, Layout, Major, Matrix, Stored, Value};

const SHAPES: [(usize, usize); 5] = [(96, 96), (96, 384), (384, 96), (256, 256), (512, 512)];
const DENSITIES: [f32; 3] = [0.03, 0.1, 0.3];
const BATCHES: usize = 9;

/// Best time of a product, nanoseconds.
fn time(isa: Isa, matrix: &Matrix<'_>, rng: &mut Rng) -> f64 {
    let x: Vec<f32> = (0..matrix.cols()).map(|_| rng.next_f32() - 0.5).collect();
    let mut scratch = vec![0i8; x.len() + INPUT_PAD];
    let input = isa.input(&x, &mut scratch, matrix.is_i8()).expect("finite");
    let mut y = vec![0.0; matrix.rows()];
    let each = 200_000 / (matrix.nnz() + 1) + 3;
    let mut best = f64::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..each {
            isa.matvec(matrix, &input, None, &mut y);
            black_box(&y);
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / each as f64);
    }
    best
}

/// Least squares for `t = a · elements + b · rows`, every sample weighted by 1 / t.
fn fit(samples: &[(f64, f64, f64)]) -> (f64, f64) {
    let (mut nn, mut nr, mut rr, mut nt, mut rt) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &(elements, rows, t) in samples {
        let (n, r) = (elements / t, rows / t);
        nn += n * n;
        nr += n * r;
        rr += r * r;
        nt += n;
        rt += r;
    }
    let det = nn * rr - nr * nr;
    ((nt * rr - rt * nr) / det, (nn * rt - nr * nt) / det)
}

/// A value type with its two stored forms.
trait Form: Value {
    fn make(v: f32) -> Self;
    fn dense<'a>(d: Dense<'a, Self>, scales: &'a [f32]) -> Stored<'a>;
    fn csr<'a>(c: Csr<'a, Self>, scales: &'a [f32]) -> Stored<'a>;
}

impl Form for f32 {
    fn make(v: f32) -> f32 {
        v
    }
    fn dense<'a>(d: Dense<'a, f32>, _: &'a [f32]) -> Stored<'a> {
        Stored::F32(Layout::Dense(d))
    }
    fn csr<'a>(c: Csr<'a, f32>, _: &'a [f32]) -> Stored<'a> {
        Stored::F32(Layout::Csr(c))
    }
}

impl Form for f16 {
    fn make(v: f32) -> f16 {
        f16::from_f32(v)
    }
    fn dense<'a>(d: Dense<'a, f16>, _: &'a [f32]) -> Stored<'a> {
        Stored::F16(Layout::Dense(d))
    }
    fn csr<'a>(c: Csr<'a, f16>, _: &'a [f32]) -> Stored<'a> {
        Stored::F16(Layout::Csr(c))
    }
}

impl Form for i8 {
    fn make(v: f32) -> i8 {
        (v * 254.0) as i8
    }
    fn dense<'a>(d: Dense<'a, i8>, scales: &'a [f32]) -> Stored<'a> {
        Stored::I8(Layout::Dense(d), scales)
    }
    fn csr<'a>(c: Csr<'a, i8>, scales: &'a [f32]) -> Stored<'a> {
        Stored::I8(Layout::Csr(c), scales)
    }
}

fn line<V: Form>(isa: Isa, name: &str) {
    let mut rng = Rng::new(1);
    let (mut dense, mut csr) = ([vec![], vec![]], [vec![], vec![]]);
    for (rows, cols) in SHAPES {
        let scales = vec![0.01; rows];
        for (of, major) in [Major::Output, Major::Input].into_iter().enumerate() {
            let (m, n) = if of == 0 { (rows, cols) } else { (cols, rows) };
            let values: Vec<V> = (0..m * n).map(|_| V::make(rng.next_f32() - 0.5)).collect();
            let stored = V::dense(Dense::new(m, n, &values).expect("finite"), &scales);
            let matrix = Matrix::new(major, stored).expect("a matrix");
            dense[of].push((m * n, time(isa, &matrix, &mut rng)));
            for density in DENSITIES {
                let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
                for _ in 0..m {
                    let kept = (0..n).filter(|_| rng.next_f32() < density);
                    indices.extend(kept.map(|j| j as u16));
                    values.resize_with(indices.len(), || V::make(0.25));
                    indptr.push(indices.len() as u32);
                }
                let view = Csr::new(m, n, &indptr, &indices, &values).expect("sorted");
                let matrix = Matrix::new(major, V::csr(view, &scales)).expect("a matrix");
                let t = time(isa, &matrix, &mut rng);
                csr[of].push((indices.len() as f64, m as f64, t));
            }
        }
    }
    let mean = |samples: &[(usize, f64)]| {
        let each = samples.iter().map(|(n, t)| t / *n as f64);
        each.sum::<f64>() / samples.len() as f64
    };
    let [(a, b), (c, d)] = csr.each_ref().map(|samples| fit(samples));
    println!(
        "{isa:9}{name}  dense {:.3} {:.3}  csr {a:.3} + {b:.1}/row  {c:.3} + {d:.1}/row",
        mean(&dense[0]),
        mean(&dense[1]),
    );
}

fn main() {
    for isa in Isa::available() {
        line::<f32>(isa, "f32");
        line::<f16>(isa, "f16");
        line::<i8>(isa, "i8 ");
    }
}
