//! Every stored form of the same weights.

use half::f16;
use lacuna::format::schema::{Kind, Tensor};
use lacuna::format::{Source, Weights};
use lacuna::sparse::{Csr, Dense, Layout, Major, Matrix, Stored as Parts, Value};

use super::Tiny;

/// Value type of the matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    F32,
    F16,
    I8,
}

/// How matrices are stored; looked-up ones are always output-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) sparse: bool,
    pub(crate) input_major: bool,
    pub(crate) values: Values,
}

impl Form {
    pub(crate) const PLAIN: Form = Form {
        sparse: false,
        input_major: false,
        values: Values::F32,
    };

    /// Every form with these values.
    pub(crate) fn all(values: Values) -> impl Iterator<Item = Form> {
        [(false, false), (false, true), (true, false), (true, true)]
            .into_iter()
            .map(move |(sparse, input_major)| Form {
                sparse,
                input_major,
                values,
            })
    }
}

/// int8 values `(rows, cols)` and one scale per output, as an exporter rounds them.
pub(crate) fn quantise(t: &Tensor, w: &[f32]) -> (Vec<i8>, Vec<f32>) {
    let mut q = Vec::new();
    let mut scales = Vec::new();
    for row in w.chunks_exact(t.cols) {
        let max = row.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let scale = if max == 0.0 { 1.0 } else { max / 127.0 };
        q.extend(row.iter().map(|v| (v / scale).round_ties_even() as i8));
        scales.push(scale);
    }
    (q, scales)
}

/// Buffers of one tensor.
enum Owned {
    Vector(Vec<f32>),
    F32(Pattern<f32>),
    F16(Pattern<f16>),
    I8(Pattern<i8>, Vec<f32>),
}

/// The parts of one matrix.
struct Pattern<V> {
    major: Major,
    rows: usize,
    cols: usize,
    sparse: bool,
    indptr: Vec<u32>,
    indices: Vec<u16>,
    values: Vec<V>,
}

impl<V: Value> Pattern<V> {
    fn new(t: &Tensor, w: &[V], form: Form) -> Self {
        let transpose = form.input_major && t.kind == Kind::Matrix;
        let (rows, cols) = if transpose {
            (t.cols, t.rows)
        } else {
            (t.rows, t.cols)
        };
        let at = |r: usize, c: usize| {
            if transpose {
                w[c * t.cols + r]
            } else {
                w[r * t.cols + c]
            }
        };
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for r in 0..rows {
            for c in 0..cols {
                if !form.sparse || at(r, c).to_f32() != 0.0 {
                    indices.push(c as u16);
                    values.push(at(r, c));
                }
            }
            indptr.push(values.len() as u32);
        }
        let major = if transpose {
            Major::Input
        } else {
            Major::Output
        };
        Pattern {
            major,
            rows,
            cols,
            sparse: form.sparse,
            indptr,
            indices,
            values,
        }
    }

    fn csr(&self) -> Csr<'_, V> {
        Csr::new(
            self.rows,
            self.cols,
            &self.indptr,
            &self.indices,
            &self.values,
        )
        .expect("well formed")
    }

    fn dense(&self) -> Dense<'_, V> {
        Dense::new(self.rows, self.cols, &self.values).expect("well formed")
    }
}

/// A model in one stored form.
pub(crate) struct Stored(Vec<(Tensor, Owned)>);

impl Stored {
    pub(crate) fn new(tiny: &Tiny, form: Form) -> Stored {
        let own = |(t, w): &(Tensor, Vec<f32>)| {
            let owned = match form.values {
                _ if t.kind == Kind::Dense => Owned::Vector(w.clone()),
                Values::F32 => Owned::F32(Pattern::new(t, w, form)),
                Values::F16 => {
                    let w: Vec<f16> = w.iter().map(|v| f16::from_f32(*v)).collect();
                    Owned::F16(Pattern::new(t, &w, form))
                }
                Values::I8 => {
                    let (q, scales) = quantise(t, w);
                    Owned::I8(Pattern::new(t, &q, form), scales)
                }
            };
            (*t, owned)
        };
        Stored(tiny.weights.iter().map(own).collect())
    }
}

impl Source for Stored {
    fn tensor(&self, tensor: &Tensor) -> Option<Weights<'_>> {
        let owned = &self.0.iter().find(|(t, _)| t == tensor)?.1;
        let (major, parts) = match owned {
            Owned::Vector(v) => return Some(Weights::Dense(v)),
            Owned::F32(p) if p.sparse => (p.major, Parts::F32(Layout::Csr(p.csr()))),
            Owned::F32(p) => (p.major, Parts::F32(Layout::Dense(p.dense()))),
            Owned::F16(p) if p.sparse => (p.major, Parts::F16(Layout::Csr(p.csr()))),
            Owned::F16(p) => (p.major, Parts::F16(Layout::Dense(p.dense()))),
            Owned::I8(p, s) if p.sparse => (p.major, Parts::I8(Layout::Csr(p.csr()), s)),
            Owned::I8(p, s) => (p.major, Parts::I8(Layout::Dense(p.dense()), s)),
        };
        Matrix::new(major, parts).ok().map(Weights::Matrix)
    }
}
