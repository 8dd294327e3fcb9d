use half::f16;

use super::{Csr, Dense, Error, Kind};

/// A number a matrix may store.
pub trait Value: Copy + 'static {
    /// Finite, and for int8 not −128.
    fn storable(self) -> bool;

    /// The value as f32 (int8: before its row's scale).
    fn to_f32(self) -> f32;

    /// The stored bits, zero-extended.
    fn bits(self) -> u32;
}

impl Value for f32 {
    #[inline(always)]
    fn storable(self) -> bool {
        self.is_finite()
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        self.to_bits()
    }
}

impl Value for f16 {
    #[inline(always)]
    fn storable(self) -> bool {
        self.is_finite()
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f16::to_f32(self)
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        self.to_bits().into()
    }
}

impl Value for i8 {
    #[inline(always)]
    fn storable(self) -> bool {
        self != i8::MIN
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from(self)
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        (self as u8).into()
    }
}

/// Which axis of `W` is stored as rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Major {
    /// Stored rows are outputs: gather `x`. For dense inputs, and for row look-up.
    Output,
    /// Stored rows are inputs: a zero `x[j]` skips its whole row. For sparse inputs.
    Input,
}

/// The stored form of a matrix: pattern × values. int8 carries one f32 scale per *output*, whatever the orientation.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Stored<'a> {
    /// Dense f32.
    DenseF32(Dense<'a, f32>),
    /// Dense f16.
    DenseF16(Dense<'a, f16>),
    /// Dense int8 and scales `(outputs,)`.
    DenseI8(Dense<'a, i8>, &'a [f32]),
    /// Sparse f32.
    CsrF32(Csr<'a, f32>),
    /// Sparse f16.
    CsrF16(Csr<'a, f16>),
    /// Sparse int8 and scales `(outputs,)`.
    CsrI8(Csr<'a, i8>, &'a [f32]),
}

/// A weight matrix `W (rows, cols)` of `y = W x`: `rows` outputs, `cols` inputs.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    major: Major,
    stored: Stored<'a>,
}

impl<'a> Matrix<'a> {
    /// Wraps a stored form; for int8 checks that there is one finite scale per output.
    ///
    /// # Errors
    /// [`Kind::Length`] or [`Kind::Value`] of the scales.
    pub fn new(major: Major, stored: Stored<'a>) -> Result<Self, Error> {
        let matrix = Self { major, stored };
        if let Stored::DenseI8(_, scales) | Stored::CsrI8(_, scales) = stored {
            if scales.len() != matrix.rows() {
                return Err(Error {
                    kind: Kind::Length,
                    at: scales.len(),
                });
            }
            if let Some(at) = scales.iter().position(|s| !s.is_finite()) {
                return Err(Error {
                    kind: Kind::Value,
                    at,
                });
            }
        }
        Ok(matrix)
    }

    /// Like [`Matrix::new`] for parts that were checked before: checks lengths only.
    ///
    /// # Errors
    /// [`Kind::Length`] of the scales.
    pub fn trusted(major: Major, stored: Stored<'a>) -> Result<Self, Error> {
        let matrix = Self { major, stored };
        match stored {
            Stored::DenseI8(_, scales) | Stored::CsrI8(_, scales)
                if scales.len() != matrix.rows() =>
            {
                Err(Error {
                    kind: Kind::Length,
                    at: scales.len(),
                })
            }
            _ => Ok(matrix),
        }
    }

    /// Orientation of storage.
    pub fn major(&self) -> Major {
        self.major
    }

    /// The stored form.
    pub fn stored(&self) -> Stored<'a> {
        self.stored
    }

    fn stored_shape(&self) -> (usize, usize) {
        match self.stored {
            Stored::DenseF32(d) => (d.rows(), d.cols()),
            Stored::DenseF16(d) => (d.rows(), d.cols()),
            Stored::DenseI8(d, _) => (d.rows(), d.cols()),
            Stored::CsrF32(c) => (c.rows(), c.cols()),
            Stored::CsrF16(c) => (c.rows(), c.cols()),
            Stored::CsrI8(c, _) => (c.rows(), c.cols()),
        }
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        let (major, minor) = self.stored_shape();
        if self.major == Major::Output {
            major
        } else {
            minor
        }
    }

    /// Inputs.
    pub fn cols(&self) -> usize {
        let (major, minor) = self.stored_shape();
        if self.major == Major::Output {
            minor
        } else {
            major
        }
    }

    /// Stored elements; for a dense form `rows · cols`.
    pub fn nnz(&self) -> usize {
        match self.stored {
            Stored::DenseF32(d) => d.values().len(),
            Stored::DenseF16(d) => d.values().len(),
            Stored::DenseI8(d, _) => d.values().len(),
            Stored::CsrF32(c) => c.nnz(),
            Stored::CsrF16(c) => c.nnz(),
            Stored::CsrI8(c, _) => c.nnz(),
        }
    }

    /// True if products need the int8 form of their input.
    pub fn is_i8(&self) -> bool {
        matches!(self.stored, Stored::DenseI8(..) | Stored::CsrI8(..))
    }

    /// Adds row `row` to `out`: `out[j] += W[row, j]`. Shapes: `out (cols,)`. Exact zeros add nothing.
    ///
    /// # Panics
    /// If the matrix is input-major, `row >= rows`, or `out` has another length.
    pub fn add_row(&self, row: usize, out: &mut [f32]) {
        assert!(
            self.major == Major::Output,
            "row look-up needs an output-major matrix"
        );
        assert_eq!(out.len(), self.cols());
        fn dense<V: Value>(d: Dense<'_, V>, row: usize, scale: f32, out: &mut [f32]) {
            for (o, v) in out.iter_mut().zip(d.row(row)) {
                *o += v.to_f32() * scale;
            }
        }
        fn csr<V: Value>(c: Csr<'_, V>, row: usize, scale: f32, out: &mut [f32]) {
            let (indices, values) = c.row(row);
            for (&j, v) in indices.iter().zip(values) {
                out[j as usize] += v.to_f32() * scale;
            }
        }
        match self.stored {
            Stored::DenseF32(d) => dense(d, row, 1.0, out),
            Stored::DenseF16(d) => dense(d, row, 1.0, out),
            Stored::DenseI8(d, s) => dense(d, row, s[row], out),
            Stored::CsrF32(c) => csr(c, row, 1.0, out),
            Stored::CsrF16(c) => csr(c, row, 1.0, out),
            Stored::CsrI8(c, s) => csr(c, row, s[row], out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Csr, Dense, Error, Kind, Major, Matrix, Stored};

    #[test]
    fn scales_are_checked() {
        let values = [1i8, 2, 3, 4, 5, 6];
        let d = Dense::new(2, 3, &values).unwrap();
        let one = Matrix::new(Major::Output, Stored::DenseI8(d, &[1.0]));
        let length = |at| Error {
            kind: Kind::Length,
            at,
        };
        assert_eq!(one.err(), Some(length(1)));
        // Input-major: three outputs, so three scales.
        assert!(Matrix::new(Major::Input, Stored::DenseI8(d, &[1.0; 3])).is_ok());
        let two = Matrix::trusted(Major::Input, Stored::DenseI8(d, &[1.0; 2]));
        assert_eq!(two.err(), Some(length(2)));
        let c = Csr::new(1, 1, &[0, 1], &[0], &[1i8]).unwrap();
        let infinite = Matrix::new(Major::Output, Stored::CsrI8(c, &[f32::INFINITY]));
        let kind = Kind::Value;
        assert_eq!(infinite.err(), Some(Error { kind, at: 0 }));
        assert!(Matrix::trusted(Major::Output, Stored::CsrI8(c, &[f32::INFINITY])).is_ok());
    }

    #[test]
    fn rows_are_looked_up_and_added() {
        let c = Csr::new(2, 3, &[0, 1, 3], &[2, 0, 1], &[5i8, 1, -2]).unwrap();
        let m = Matrix::new(Major::Output, Stored::CsrI8(c, &[1.0, 0.5])).unwrap();
        let mut out = [10.0; 3];
        m.add_row(1, &mut out);
        assert_eq!(out, [10.5, 9.0, 10.0]);
        assert_eq!((m.nnz(), m.is_i8(), m.major()), (3, true, Major::Output));
    }
}
