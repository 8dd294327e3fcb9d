//! One matrix in the form a file stores: values rounded, then laid out.
//!
//! ```text
//! f32 (rows, cols) ─ round ─► f32 | f16 | i8 + scale per output ─ lay out ─► dense | csr, output- or input-major
//! ```

use half::f16;
use lacuna::format::ValueType;
use lacuna::sparse::{self, Csr, Dense, Layout, Major, Matrix, Stored, Value};

use super::Error;
use super::choose::Form;

/// Rounded values of a matrix, row-major whatever form they will take.
#[derive(Clone, Debug)]
pub(super) enum Rounded {
    F32(Vec<f32>),
    F16(Vec<f16>),
    I8(Vec<i8>, Vec<f32>),
}

/// Rounds a matrix of `cols` inputs.
///
/// f16: to nearest, ties to even. i8: s = max|w|/127 over the weights of an output, q = rne(w/s), 0 where s is 0.
///
/// # Errors
/// A value beyond f16's range, with its place.
pub(super) fn round(
    name: &str,
    values: &[f32],
    cols: usize,
    to: ValueType,
) -> Result<Rounded, Error> {
    match to {
        ValueType::F16 => {
            let rounded: Vec<f16> = values.iter().map(|&v| f16::from_f32(v)).collect();
            match rounded.iter().position(|v| !v.is_finite()) {
                Some(at) => Err(Error::Overflow {
                    tensor: name.to_owned(),
                    row: at / cols,
                    col: at % cols,
                    value: values[at],
                }),
                None => Ok(Rounded::F16(rounded)),
            }
        }
        ValueType::I8 => {
            let mut rounded = Vec::with_capacity(values.len());
            let mut scales = Vec::with_capacity(values.len() / cols);
            for row in values.chunks_exact(cols) {
                let max = row.iter().fold(0.0f32, |m, v| m.max(v.abs()));
                let scale = max / 127.0;
                rounded.extend(row.iter().map(|v| {
                    if scale == 0.0 {
                        0
                    } else {
                        (v / scale).round_ties_even().clamp(-127.0, 127.0) as i8
                    }
                }));
                scales.push(scale);
            }
            Ok(Rounded::I8(rounded, scales))
        }
        _ => Ok(Rounded::F32(values.to_vec())),
    }
}

impl Rounded {
    /// Values that are not zero after rounding: what a sparse form stores.
    pub(super) fn nonzero(&self) -> usize {
        fn of<V: Value>(values: &[V]) -> usize {
            values.iter().filter(|v| v.to_f32() != 0.0).count()
        }
        match self {
            Rounded::F32(v) => of(v),
            Rounded::F16(v) => of(v),
            Rounded::I8(v, _) => of(v),
        }
    }

    /// Lays the values out; `cols` inputs.
    pub(super) fn lay_out(&self, cols: usize, form: Form) -> Laid {
        fn of<V: Value>(values: &[V], cols: usize, form: Form) -> (Pattern, Vec<V>) {
            let rows = values.len() / cols;
            let (major, minor, row_step, col_step) = match form.major {
                Major::Output => (rows, cols, cols, 1),
                Major::Input => (cols, rows, 1, cols),
            };
            let mut stored = Vec::new();
            let (mut indptr, mut indices) = (vec![0u32], Vec::new());
            for i in 0..major {
                for j in 0..minor {
                    let v = values[i * row_step + j * col_step];
                    if !form.sparse {
                        stored.push(v);
                    } else if v.to_f32() != 0.0 {
                        indices.push(j as u16);
                        stored.push(v);
                    }
                }
                indptr.push(stored.len() as u32);
            }
            let pattern = Pattern {
                major,
                minor,
                csr: form.sparse.then_some((indptr, indices)),
            };
            (pattern, stored)
        }
        let (pattern, values) = match self {
            Rounded::F32(v) => {
                let (p, v) = of(v, cols, form);
                (p, Rounded::F32(v))
            }
            Rounded::F16(v) => {
                let (p, v) = of(v, cols, form);
                (p, Rounded::F16(v))
            }
            Rounded::I8(v, scales) => {
                let (p, v) = of(v, cols, form);
                (p, Rounded::I8(v, scales.clone()))
            }
        };
        Laid {
            orientation: form.major,
            pattern,
            values,
        }
    }
}

#[derive(Clone, Debug)]
struct Pattern {
    major: usize,
    minor: usize,
    csr: Option<(Vec<u32>, Vec<u16>)>,
}

impl Pattern {
    fn dense<'a, V: Value>(&self, values: &'a [V]) -> Result<Dense<'a, V>, sparse::Error> {
        Dense::new(self.major, self.minor, values)
    }

    fn csr<'a, V: Value>(
        &'a self,
        indptr: &'a [u32],
        indices: &'a [u16],
        values: &'a [V],
    ) -> Result<Csr<'a, V>, sparse::Error> {
        Csr::new(self.major, self.minor, indptr, indices, values)
    }
}

/// A matrix in its final form.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    orientation: Major,
    pattern: Pattern,
    values: Rounded,
}

impl Laid {
    /// The view that the writer takes.
    pub(super) fn view(&self) -> Result<Matrix<'_>, sparse::Error> {
        let p = &self.pattern;
        let stored = match (&p.csr, &self.values) {
            (None, Rounded::F32(v)) => Stored::F32(Layout::Dense(p.dense(v)?)),
            (None, Rounded::F16(v)) => Stored::F16(Layout::Dense(p.dense(v)?)),
            (None, Rounded::I8(v, s)) => Stored::I8(Layout::Dense(p.dense(v)?), s),
            (Some((i, j)), Rounded::F32(v)) => Stored::F32(Layout::Csr(p.csr(i, j, v)?)),
            (Some((i, j)), Rounded::F16(v)) => Stored::F16(Layout::Csr(p.csr(i, j, v)?)),
            (Some((i, j)), Rounded::I8(v, s)) => Stored::I8(Layout::Csr(p.csr(i, j, v)?), s),
        };
        Matrix::new(self.orientation, stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [f32; 6] = [0.0, 2.0, -4.0, 0.0, 0.0, 1e-9];

    fn row(m: &Matrix<'_>, row: usize) -> Vec<f32> {
        let mut out = vec![0.0; m.cols()];
        m.add_row(row, &mut out);
        out
    }

    #[test]
    fn every_form_holds_the_same_numbers() {
        for to in [ValueType::F32, ValueType::F16, ValueType::I8] {
            let rounded = round("w", &VALUES, 3, to).unwrap();
            let mut seen: Vec<Vec<f32>> = Vec::new();
            for sparse in [false, true] {
                for major in [Major::Output, Major::Input] {
                    let laid = rounded.lay_out(3, Form { sparse, major });
                    let view = laid.view().unwrap();
                    assert_eq!((view.rows(), view.cols()), (2, 3));
                    if major == Major::Output {
                        seen.push(row(&view, 0));
                        seen.push(row(&view, 1));
                    } else if sparse {
                        assert_eq!(view.nnz(), rounded.nonzero());
                    }
                }
            }
            assert_eq!(seen[..2], seen[2..]);
        }
    }

    #[test]
    fn int8_spans_its_range_and_zero_rows_have_no_scale() {
        let Rounded::I8(q, s) = round("w", &[0.0, 0.0, 63.5, -127.0], 2, ValueType::I8).unwrap()
        else {
            panic!()
        };
        assert_eq!(q, [0, 0, 64, -127]);
        assert_eq!(s, [0.0, 1.0]);
    }

    #[test]
    fn f16_overflow_names_the_weight() {
        let error = round("w", &[0.0, 1.0, 7e4, 0.0], 2, ValueType::F16).unwrap_err();
        assert!(
            matches!(error, Error::Overflow { row: 1, col: 0, .. }),
            "{error}"
        );
    }
}
