//! Every stored form of the same weights.

use half::f16;
use lacuna::format::schema::{Kind, Tensor};
use lacuna::format::{Encoding, Entry, Source, Weights, pack};
use lacuna::sparse::{Dense, Layout, Major, Matrix, Stored as Parts, Value};

use super::Tiny;

/// Value type of the matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    F32,
    F16,
    I8,
}

/// How matrices are stored; those that may not be stored so are CSR, or output-major if that is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) encoding: Encoding,
    pub(crate) input_major: bool,
    pub(crate) values: Values,
}

impl Form {
    pub(crate) const PLAIN: Form = Form {
        encoding: Encoding::Dense,
        input_major: false,
        values: Values::F32,
    };

    /// Every form with these values.
    pub(crate) fn all(values: Values) -> impl Iterator<Item = Form> {
        let encodings = Encoding::ALL.into_iter();
        encodings
            .flat_map(move |encoding| {
                [false, true].map(|input_major| Form {
                    encoding,
                    input_major,
                    values,
                })
            })
            .filter(|form| form.packed().may_hold(Kind::Matrix))
    }

    fn packed(self) -> pack::Form {
        pack::Form {
            encoding: self.encoding,
            major: if self.input_major {
                Major::Input
            } else {
                Major::Output
            },
        }
    }

    /// The form of a tensor of this kind.
    fn of(self, kind: Kind) -> pack::Form {
        let as_asked = self.packed();
        let output = pack::Form {
            major: Major::Output,
            ..as_asked
        };
        let reference = pack::Form {
            encoding: Encoding::CsrU16,
            ..output
        };
        let mut choices = [as_asked, output, reference].into_iter();
        choices.find(|f| f.may_hold(kind)).unwrap_or(reference)
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

/// One tensor.
enum Owned {
    Vector(Vec<f32>),
    Matrix(Entry, Vec<u64>),
}

fn dense<'a, V: Value>(t: &Tensor, values: &'a [V]) -> Layout<'a, V> {
    Layout::Dense(Dense::new(t.rows, t.cols, values).expect("well formed"))
}

fn packed(t: &Tensor, parts: Parts<'_>, form: Form) -> Owned {
    use zerocopy::IntoBytes;
    let matrix = Matrix::new(Major::Output, parts).expect("well formed");
    let form = form.of(t.kind);
    let mut scratch = vec![0u64; pack::scratch_len(&matrix, form.major).div_ceil(8)];
    let line = pack::line(*t, &matrix, form, scratch.as_mut_bytes()).expect("a form it may have");
    let mut bytes = vec![u64::MAX; line.len.div_ceil(8)];
    let (scratch, out) = (scratch.as_mut_bytes(), bytes.as_mut_bytes());
    pack::pack(*t, &matrix, form, scratch, out).expect("as measured");
    Owned::Matrix(line, bytes)
}

/// A model in one stored form.
pub(crate) struct Stored(Vec<(Tensor, Owned)>);

impl Stored {
    pub(crate) fn new(tiny: &Tiny, form: Form) -> Stored {
        let own = |(t, w): &(Tensor, Vec<f32>)| {
            let owned = match form.values {
                _ if t.kind == Kind::Dense => Owned::Vector(w.clone()),
                Values::F32 => packed(t, Parts::F32(dense(t, w)), form),
                Values::F16 => {
                    let w: Vec<f16> = w.iter().map(|v| f16::from_f32(*v)).collect();
                    packed(t, Parts::F16(dense(t, &w)), form)
                }
                Values::I8 => {
                    let (q, scales) = quantise(t, w);
                    packed(t, Parts::I8(dense(t, &q), &scales), form)
                }
            };
            (*t, owned)
        };
        Stored(tiny.weights.iter().map(own).collect())
    }
}

impl Source for Stored {
    fn tensor(&self, tensor: &Tensor) -> Option<Weights<'_>> {
        use zerocopy::IntoBytes;
        match &self.0.iter().find(|(t, _)| t == tensor)?.1 {
            Owned::Vector(v) => Some(Weights::Dense(v)),
            Owned::Matrix(line, bytes) => Some(Weights::Matrix(line.view(bytes.as_bytes()).ok()?)),
        }
    }
}
