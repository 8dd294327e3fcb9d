use half::f16;

use super::{Error, Kind, Layout, Stride};

/// A number a matrix may store.
pub trait Value: Copy + 'static {
    /// Bits of one value.
    const BITS: u32;

    /// Finite, and for int8 not −128.
    fn storable(self) -> bool;

    /// The value as f32 (int8: before its row's scale).
    fn to_f32(self) -> f32;

    /// The stored bits, zero-extended.
    fn bits(self) -> u32;

    /// The value of the lowest [`Value::BITS`] of `bits`.
    fn from_bits(bits: u32) -> Self;
}

impl Value for f32 {
    const BITS: u32 = 32;

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

    #[inline(always)]
    fn from_bits(bits: u32) -> Self {
        f32::from_bits(bits)
    }
}

impl Value for f16 {
    const BITS: u32 = 16;

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

    #[inline(always)]
    fn from_bits(bits: u32) -> Self {
        f16::from_bits(bits as u16)
    }
}

impl Value for i8 {
    const BITS: u32 = 8;

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

    #[inline(always)]
    fn from_bits(bits: u32) -> Self {
        bits as i8
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

/// The stored form of a matrix: values × layout. int8 carries one f32 scale per *output*, whatever the orientation.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Stored<'a> {
    /// IEEE binary32.
    F32(Layout<'a, f32>),
    /// IEEE binary16.
    F16(Layout<'a, f16>),
    /// −127..=127 and scales `(outputs,)`.
    I8(Layout<'a, i8>, &'a [f32]),
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
    /// [`Kind::Length`] or [`Kind::Value`] of the scales; [`Kind::Gap`] if gaps do not have the stride of
    /// [`Stride::of`].
    pub fn new(major: Major, stored: Stored<'a>) -> Result<Self, Error> {
        let matrix = Self { major, stored }.strided()?;
        if let Stored::I8(_, scales) = stored {
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
    /// [`Kind::Length`] of the scales; [`Kind::Gap`] as in [`Matrix::new`].
    pub fn trusted(major: Major, stored: Stored<'a>) -> Result<Self, Error> {
        let matrix = Self { major, stored }.strided()?;
        match stored {
            Stored::I8(_, scales) if scales.len() != matrix.rows() => Err(Error {
                kind: Kind::Length,
                at: scales.len(),
            }),
            _ => Ok(matrix),
        }
    }

    /// That gaps count what a product with this matrix walks.
    fn strided(self) -> Result<Self, Error> {
        let stride = match self.stored {
            Stored::F32(Layout::Gaps(g)) => g.stride(),
            Stored::F16(Layout::Gaps(g)) => g.stride(),
            Stored::I8(Layout::Gaps(g), _) => g.stride(),
            _ => return Ok(self),
        };
        if stride == Stride::of(self.major, self.value_type()) {
            Ok(self)
        } else {
            Err(Error {
                kind: Kind::Gap,
                at: 0,
            })
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
            Stored::F32(l) => l.shape(),
            Stored::F16(l) => l.shape(),
            Stored::I8(l, _) => l.shape(),
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

    /// Stored elements, fillers included; for a dense form `rows · cols`.
    pub fn nnz(&self) -> usize {
        match self.stored {
            Stored::F32(l) => l.nnz(),
            Stored::F16(l) => l.nnz(),
            Stored::I8(l, _) => l.nnz(),
        }
    }

    /// True if products need the int8 form of their input.
    pub fn is_i8(&self) -> bool {
        matches!(self.stored, Stored::I8(..))
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
        fn add<V: Value>(l: Layout<'_, V>, row: usize, scale: f32, out: &mut [f32]) {
            l.for_each_in(row, |j, v| out[j] += v.to_f32() * scale);
        }
        match self.stored {
            Stored::F32(l) => add(l, row, 1.0, out),
            Stored::F16(l) => add(l, row, 1.0, out),
            Stored::I8(l, s) => add(l, row, s[row], out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Kind, Layout, Major, Matrix, Stored};
    use crate::sparse::{Csr, Dense};

    #[test]
    fn scales_are_checked() {
        let values = [1i8, 2, 3, 4, 5, 6];
        let d = Dense::new(2, 3, &values).unwrap();
        let one = Matrix::new(Major::Output, Stored::I8(Layout::Dense(d), &[1.0]));
        let length = |at| Error {
            kind: Kind::Length,
            at,
        };
        assert_eq!(one.err(), Some(length(1)));
        // Input-major: three outputs, so three scales.
        assert!(Matrix::new(Major::Input, Stored::I8(Layout::Dense(d), &[1.0; 3])).is_ok());
        let two = Matrix::trusted(Major::Input, Stored::I8(Layout::Dense(d), &[1.0; 2]));
        assert_eq!(two.err(), Some(length(2)));
        let c = Csr::new(1, 1, &[0, 1], &[0], &[1i8]).unwrap();
        let infinite = Matrix::new(Major::Output, Stored::I8(Layout::Csr(c), &[f32::INFINITY]));
        let kind = Kind::Value;
        assert_eq!(infinite.err(), Some(Error { kind, at: 0 }));
        assert!(
            Matrix::trusted(Major::Output, Stored::I8(Layout::Csr(c), &[f32::INFINITY])).is_ok()
        );
    }

    #[test]
    fn rows_are_looked_up_and_added() {
        let c = Csr::new(2, 3, &[0, 1, 3], &[2, 0, 1], &[5i8, 1, -2]).unwrap();
        let m = Matrix::new(Major::Output, Stored::I8(Layout::Csr(c), &[1.0, 0.5])).unwrap();
        let mut out = [10.0; 3];
        m.add_row(1, &mut out);
        assert_eq!(out, [10.5, 9.0, 10.0]);
        assert_eq!((m.nnz(), m.is_i8(), m.major()), (3, true, Major::Output));
    }
}
