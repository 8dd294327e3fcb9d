//! One matrix as a file stores it: values rounded, then laid out by the engine's own packers.
//!
//! ```text
//! f32 (rows, cols) ─ round ─► f32 | f16 | i8 + scale per output ─ format::pack ─► line of the directory, payload
//! ```

use half::f16;
use lacuna::format::pack::{self, Form};
use lacuna::format::schema::Tensor;
use lacuna::format::{self, Entry, ValueType};
use lacuna::sparse::{self, Dense, Layout, Major, Matrix, Stored};

use super::Error;
use crate::checkpoint::int8;
use crate::memory::Buffer;

/// Rounded values of a matrix, row-major whatever form they will take.
#[derive(Clone, Debug)]
pub(crate) enum Rounded {
    F32(Vec<f32>),
    F16(Vec<f16>),
    I8(Vec<i8>, Vec<f32>),
}

/// Rounds a matrix of `cols` inputs.
///
/// f16: to nearest, ties to even. i8: [`int8`].
///
/// # Errors
/// A value beyond f16's range, with its place.
pub(crate) fn round(
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
                let scale = int8::scale(row);
                rounded.extend(row.iter().map(|w| int8::round(*w, scale)));
                scales.push(scale);
            }
            Ok(Rounded::I8(rounded, scales))
        }
        _ => Ok(Rounded::F32(values.to_vec())),
    }
}

impl Rounded {
    /// The values as a dense matrix, every element stored.
    ///
    /// # Errors
    /// A value that is not finite, or too few of them.
    pub(crate) fn view(&self, tensor: &Tensor) -> Result<Matrix<'_>, sparse::Error> {
        let (rows, cols) = (tensor.rows, tensor.cols);
        let stored = match self {
            Rounded::F32(v) => Stored::F32(Layout::Dense(Dense::new(rows, cols, v)?)),
            Rounded::F16(v) => Stored::F16(Layout::Dense(Dense::new(rows, cols, v)?)),
            Rounded::I8(v, s) => Stored::I8(Layout::Dense(Dense::new(rows, cols, v)?), s),
        };
        Matrix::new(Major::Output, stored)
    }
}

/// A matrix in its final form.
#[derive(Debug)]
pub(crate) struct Laid {
    line: Entry,
    payload: Buffer,
}

/// Memory that packing may use for any form of a matrix.
pub(crate) fn scratch(matrix: &Matrix<'_>) -> Buffer {
    let len = |major| pack::scratch_len(matrix, major);
    Buffer::zeroed(len(Major::Output).max(len(Major::Input)))
}

/// Lays a matrix out.
///
/// # Errors
/// A form that the tensor may not have, or that is too large.
pub(crate) fn lay_out(
    tensor: Tensor,
    matrix: &Matrix<'_>,
    form: Form,
    scratch: &mut Buffer,
) -> Result<Laid, pack::Error> {
    let line = pack::line(tensor, matrix, form, scratch)?;
    let mut payload = Buffer::zeroed(line.len);
    pack::pack(tensor, matrix, form, scratch, &mut payload)?;
    Ok(Laid { line, payload })
}

impl Laid {
    /// The view that the writer takes.
    ///
    /// # Errors
    /// None that a packed matrix has.
    pub(crate) fn view(&self) -> Result<Matrix<'_>, format::Error> {
        self.line.view(&self.payload)
    }
}

#[cfg(test)]
mod tests {
    use lacuna::format::Encoding;
    use lacuna::format::schema::{Id, Kind};

    use super::*;

    const VALUES: [f32; 6] = [0.0, 2.0, -4.0, 0.0, 0.0, 1e-9];

    #[test]
    fn every_form_holds_the_same_numbers() {
        let tensor = Tensor {
            id: Id::Wq,
            layer: 0,
            kind: Kind::Matrix,
            rows: 2,
            cols: 3,
        };
        for to in [ValueType::F32, ValueType::F16, ValueType::I8] {
            let rounded = round("w", &VALUES, 3, to).unwrap();
            let plain = rounded.view(&tensor).unwrap();
            let mut expected = [0.0; 6];
            plain.to_dense(&mut expected);
            let mut scratch = scratch(&plain);
            for encoding in Encoding::ALL {
                for major in [Major::Output, Major::Input] {
                    let form = Form { encoding, major };
                    let laid = lay_out(tensor, &plain, form, &mut scratch);
                    if !form.may_hold(Kind::Matrix) {
                        assert_eq!(laid.err(), Some(pack::Error::Form(form)));
                        continue;
                    }
                    let laid = laid.unwrap();
                    let view = laid.view().unwrap();
                    assert_eq!((view.rows(), view.cols()), (2, 3));
                    let mut found = [1.0; 6];
                    view.to_dense(&mut found);
                    assert_eq!(found, expected, "{encoding} {major:?}");
                }
            }
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
