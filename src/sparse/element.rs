use super::seek::Place;
use super::{Layout, Major, Matrix, Stored, Value};

/// What a matrix stores for each of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ValueType {
    /// IEEE binary32.
    F32,
    /// IEEE binary16.
    F16,
    /// −127..=127, times the scale of its output.
    I8,
}

/// One nonzero of `W`, wherever and however it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Element {
    /// Its output.
    pub row: usize,
    /// Its input.
    pub col: usize,
    /// Its stored bits, zero-extended: 32, 16 or 8 of them by [`ValueType`].
    pub bits: u32,
    /// The number it stands for; int8 times its scale.
    pub value: f32,
}

impl<'a> Matrix<'a> {
    /// Type of the stored values.
    pub fn value_type(&self) -> ValueType {
        match self.stored() {
            Stored::F32(_) => ValueType::F32,
            Stored::F16(_) => ValueType::F16,
            Stored::I8(..) => ValueType::I8,
        }
    }

    /// Scales of int8 values, `(rows,)`.
    pub fn scales(&self) -> Option<&'a [f32]> {
        match self.stored() {
            Stored::I8(_, scales) => Some(scales),
            _ => None,
        }
    }

    /// Calls `f` for every nonzero in row-major order of `W`, the same whatever the encoding and orientation.
    ///
    /// Stored zeros, −0.0 included, are absent. Linear in the stored elements where storage is output-major, else
    /// O(rows · cols · log of a stored row).
    pub fn for_each(&self, mut f: impl FnMut(Element)) {
        let (major, scales) = (self.major(), self.scales());
        match self.stored() {
            Stored::F32(l) => elements(l, major, scales, &mut f),
            Stored::F16(l) => elements(l, major, scales, &mut f),
            Stored::I8(l, _) => elements(l, major, scales, &mut f),
        }
    }

    /// Number of nonzeros; stored zeros do not count.
    pub fn nonzeros(&self) -> usize {
        fn count<V: Value>(l: Layout<'_, V>) -> usize {
            let mut n = 0;
            l.for_each(|_, _, v| n += usize::from(v.to_f32() != 0.0));
            n
        }
        match self.stored() {
            Stored::F32(l) => count(l),
            Stored::F16(l) => count(l),
            Stored::I8(l, _) => count(l),
        }
    }

    /// Nonzeros / (rows · cols); 0 for a matrix without elements.
    pub fn density(&self) -> f64 {
        let elements = self.rows() as f64 * self.cols() as f64;
        if elements == 0.0 {
            0.0
        } else {
            self.nonzeros() as f64 / elements
        }
    }

    /// Writes all of `W`, row-major and with scales applied, into `out (rows · cols,)`; absent elements are +0.0.
    ///
    /// # Panics
    /// If `out` has another length.
    pub fn to_dense(&self, out: &mut [f32]) {
        let cols = self.cols();
        assert_eq!(out.len(), self.rows() * cols, "dense shape");
        out.fill(0.0);
        self.for_each(|e| out[e.row * cols + e.col] = e.value);
    }
}

fn emit<V: Value>(
    row: usize,
    col: usize,
    v: V,
    scales: Option<&[f32]>,
    f: &mut impl FnMut(Element),
) {
    let value = v.to_f32();
    if value != 0.0 {
        f(Element {
            row,
            col,
            bits: v.bits(),
            value: scales.map_or(value, |s| value * s[row]),
        });
    }
}

/// Stored rows of an input-major matrix in which the place of the last element found is kept, 8 bytes of stack each.
const REMEMBERED: usize = 1024;

fn elements<V: Value>(
    l: Layout<'_, V>,
    major: Major,
    scales: Option<&[f32]>,
    f: &mut impl FnMut(Element),
) {
    let (stored_rows, stored_cols) = l.shape();
    match major {
        Major::Output => {
            for row in 0..stored_rows {
                l.for_each_in(row, |col, v| emit(row, col, v, scales, f));
            }
        }
        Major::Input => {
            let mut places = [Place::default(); REMEMBERED];
            for row in 0..stored_cols {
                for col in 0..stored_rows {
                    let found = match places.get_mut(col) {
                        Some(place) => l.seek(col, row, place),
                        None => l.get(col, row),
                    };
                    if let Some(v) = found {
                        emit(row, col, v, scales, f);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use half::f16;

    use super::{Element, ValueType};
    use crate::sparse::{Csr, Dense, Layout, Major, Matrix, Stored};

    // W = [ 2 0 -1 ]
    //     [ 0 0  4 ]
    const W: [f32; 6] = [2.0, 0.0, -1.0, 0.0, -0.0, 4.0];

    fn elements(m: &Matrix<'_>) -> Vec<(usize, usize, f32)> {
        let mut all = Vec::new();
        m.for_each(
            |Element {
                 row, col, value, ..
             }| all.push((row, col, value)),
        );
        all
    }

    #[test]
    fn every_storage_tells_the_same_story() {
        let expected = [(0, 0, 2.0), (0, 2, -1.0), (1, 2, 4.0)];
        let transposed: Vec<f16> = [W[0], W[3], W[1], W[4], W[2], W[5]]
            .map(f16::from_f32)
            .to_vec();
        let output = Dense::new(2, 3, &W).map(|d| Stored::F32(Layout::Dense(d)));
        let input = Dense::new(3, 2, &transposed).map(|d| Stored::F16(Layout::Dense(d)));
        let rows = Csr::new(2, 3, &[0, 2, 4], &[0, 2, 1, 2], &[4i8, -2, 0, 8]);
        let scales = [0.5; 2];
        let columns = Csr::new(3, 2, &[0, 1, 1, 3], &[0, 0, 1], &[2.0f32, -1.0, 4.0]);
        let matrices = [
            (Major::Output, output, ValueType::F32),
            (Major::Input, input, ValueType::F16),
            (
                Major::Output,
                rows.map(|c| Stored::I8(Layout::Csr(c), &scales)),
                ValueType::I8,
            ),
            (
                Major::Input,
                columns.map(|c| Stored::F32(Layout::Csr(c))),
                ValueType::F32,
            ),
        ];
        for (major, stored, value_type) in matrices {
            let m = Matrix::new(major, stored.unwrap()).unwrap();
            assert_eq!((m.rows(), m.cols(), m.value_type()), (2, 3, value_type));
            assert_eq!(elements(&m), expected, "{m:?}");
            assert_eq!((m.nonzeros(), m.density()), (3, 0.5));
            let mut full = [7.0; 6];
            m.to_dense(&mut full);
            assert_eq!(full, W);
        }
    }

    #[test]
    fn bits_are_the_stored_ones() {
        let scales = [3.0];
        let d = Dense::new(1, 2, &[0i8, -2]).unwrap();
        let m = Matrix::new(Major::Output, Stored::I8(Layout::Dense(d), &scales)).unwrap();
        m.for_each(|e| assert_eq!((e.bits, e.value), (0xfe, -6.0)));
    }

    #[test]
    fn a_matrix_without_elements_has_density_zero() {
        let d = Dense::<f32>::new(0, 3, &[]).unwrap();
        let m = Matrix::new(Major::Output, Stored::F32(Layout::Dense(d))).unwrap();
        assert_eq!((m.density(), elements(&m).len()), (0.0, 0));
    }
}
