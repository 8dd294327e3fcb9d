use super::Value;

/// What is wrong with the parts of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind {
    /// `indptr` is not `rows + 1` long, or does not start at 0 and end at nnz.
    Indptr,
    /// `indptr` decreases.
    Order,
    /// Indices of a row are not strictly increasing.
    Unsorted,
    /// A gap is 0 before a nonzero that is not its row's first, or does not count whole elements of what it walks.
    Gap,
    /// An index is not below the number of columns.
    OutOfRange,
    /// `indices` and `values`, or `values` and the shape, differ in length.
    Length,
    /// A value or scale is not finite, or an int8 value is −128.
    Value,
    /// A filler has a value or an index other than zero.
    Filler,
    /// Sorted rows are no permutation.
    Permutation,
}

/// A matrix that is not well formed: what, and at which major row (or element for [`Kind::Value`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// What is wrong.
    pub kind: Kind,
    /// Row, element or length at which it showed.
    pub at: usize,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let what = match self.kind {
            Kind::Indptr => "indptr has the wrong length or ends",
            Kind::Order => "indptr decreases",
            Kind::Unsorted => "indices are not strictly increasing",
            Kind::Gap => "gap is zero or no whole number of columns",
            Kind::OutOfRange => "index is out of range",
            Kind::Length => "parts differ in length",
            Kind::Value => "value is not finite or is -128",
            Kind::Filler => "filler is not zero",
            Kind::Permutation => "sorted rows are no permutation",
        };
        write!(f, "{what} at {}", self.at)
    }
}

impl core::error::Error for Error {}

/// Compressed sparse rows of shape `(rows, cols)`, borrowed.
///
/// `rows` is the major axis of storage; what it means is [`super::Major`]'s business.
#[derive(Clone, Copy, Debug)]
pub struct Csr<'a, V> {
    rows: usize,
    cols: usize,
    indptr: &'a [u32],
    indices: &'a [u16],
    values: &'a [V],
}

impl<'a, V: Value> Csr<'a, V> {
    /// Checks and wraps the parts. Shapes: `indptr (rows + 1,)`, `indices (nnz,)`, `values (nnz,)`.
    ///
    /// # Errors
    /// The first part that breaks an invariant of the module, in time linear in rows + nnz.
    pub fn new(
        rows: usize,
        cols: usize,
        indptr: &'a [u32],
        indices: &'a [u16],
        values: &'a [V],
    ) -> Result<Self, Error> {
        let csr = Self::trusted(rows, cols, indptr, indices, values)?;
        for (row, pair) in indptr.windows(2).enumerate() {
            if pair[0] > pair[1] {
                return Err(Error {
                    kind: Kind::Order,
                    at: row,
                });
            }
        }
        for row in 0..rows {
            let (indices, _) = csr.row(row);
            if indices.windows(2).any(|w| w[0] >= w[1]) {
                return Err(Error {
                    kind: Kind::Unsorted,
                    at: row,
                });
            }
            if indices.last().is_some_and(|&last| last as usize >= cols) {
                return Err(Error {
                    kind: Kind::OutOfRange,
                    at: row,
                });
            }
        }
        if let Some(at) = values.iter().position(|v| !v.storable()) {
            return Err(Error {
                kind: Kind::Value,
                at,
            });
        }
        Ok(csr)
    }

    /// Wraps parts that [`Csr::new`] has checked before; checks lengths and ends only, in constant time.
    ///
    /// Wrong parts give wrong numbers or a panic, never wrong memory: no kernel trusts an index.
    ///
    /// # Errors
    /// [`Kind::Indptr`] or [`Kind::Length`].
    pub fn trusted(
        rows: usize,
        cols: usize,
        indptr: &'a [u32],
        indices: &'a [u16],
        values: &'a [V],
    ) -> Result<Self, Error> {
        let ends = indptr.len().checked_sub(1) == Some(rows)
            && indptr[0] == 0
            && indptr[rows] as usize == indices.len();
        if !ends {
            return Err(Error {
                kind: Kind::Indptr,
                at: indptr.len(),
            });
        }
        if indices.len() != values.len() {
            return Err(Error {
                kind: Kind::Length,
                at: values.len(),
            });
        }
        Ok(Self {
            rows,
            cols,
            indptr,
            indices,
            values,
        })
    }

    /// Length of the major axis.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Length of the minor axis.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Stored elements.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    /// Row starts, `(rows + 1,)`.
    pub fn indptr(&self) -> &'a [u32] {
        self.indptr
    }

    /// Minor indices, `(nnz,)`.
    pub fn indices(&self) -> &'a [u16] {
        self.indices
    }

    /// Stored values, `(nnz,)`.
    pub fn values(&self) -> &'a [V] {
        self.values
    }

    /// Calls `f(row, column, value)` for every stored element in order.
    #[inline]
    pub fn for_each(&self, mut f: impl FnMut(usize, usize, V)) {
        for row in 0..self.rows {
            let (indices, values) = self.row(row);
            for (&j, &v) in indices.iter().zip(values) {
                f(row, j.into(), v);
            }
        }
    }

    /// Indices and values of one row.
    ///
    /// # Panics
    /// If `row >= rows`.
    #[inline(always)]
    pub fn row(&self, row: usize) -> (&'a [u16], &'a [V]) {
        let range = self.indptr[row] as usize..self.indptr[row + 1] as usize;
        (&self.indices[range.clone()], &self.values[range])
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use half::f16;
    use std::string::ToString;

    use super::{Csr, Error, Kind};

    fn error(
        rows: usize,
        cols: usize,
        indptr: &[u32],
        indices: &[u16],
        values: &[f32],
    ) -> Option<(Kind, usize)> {
        let made = Csr::new(rows, cols, indptr, indices, values);
        made.err().map(|Error { kind, at }| (kind, at))
    }

    #[test]
    fn each_broken_part_is_named_and_placed() {
        let ok = [1.0, 2.0, 3.0];
        assert_eq!(error(2, 3, &[0, 2, 3], &[0, 2, 1], &ok), None);
        assert_eq!(error(0, 3, &[0], &[], &[]), None);
        assert_eq!(
            error(2, 3, &[0, 3], &[0, 1, 2], &ok),
            Some((Kind::Indptr, 2))
        );
        assert_eq!(error(0, 3, &[], &[], &[]), Some((Kind::Indptr, 0)));
        assert_eq!(
            error(1, 3, &[1, 3], &[0, 1, 2], &ok),
            Some((Kind::Indptr, 2))
        );
        assert_eq!(
            error(1, 3, &[0, 2], &[0, 1, 2], &ok),
            Some((Kind::Indptr, 2))
        );
        assert_eq!(
            error(1, 3, &[0, 3], &[0, 1, 2], &ok[1..]),
            Some((Kind::Length, 2))
        );
        assert_eq!(
            error(3, 3, &[0, 3, 2, 3], &[0, 1, 2], &ok),
            Some((Kind::Order, 1))
        );
        assert_eq!(
            error(2, 9, &[0, 9, 3], &[0, 1, 2], &ok),
            Some((Kind::Order, 1))
        );
        assert_eq!(
            error(2, 3, &[0, 1, 3], &[0, 2, 1], &ok),
            Some((Kind::Unsorted, 1))
        );
        assert_eq!(
            error(2, 3, &[0, 2, 3], &[1, 1, 0], &ok),
            Some((Kind::Unsorted, 0))
        );
        assert_eq!(
            error(2, 3, &[0, 2, 3], &[0, 1, 3], &ok),
            Some((Kind::OutOfRange, 1))
        );
        assert_eq!(
            error(1, 3, &[0, 2], &[0, 1], &[0.0, f32::NAN]),
            Some((Kind::Value, 1))
        );
        assert_eq!(
            error(usize::MAX, 3, &[0], &[], &[]),
            Some((Kind::Indptr, 1))
        );
    }

    #[test]
    fn each_value_type_has_its_own_forbidden_value() {
        let at_1 = Some(Error {
            kind: Kind::Value,
            at: 1,
        });
        assert_eq!(
            Csr::new(1, 2, &[0, 2], &[0, 1], &[-127i8, i8::MIN]).err(),
            at_1
        );
        let half = [f16::MAX, f16::NEG_INFINITY];
        assert_eq!(Csr::new(1, 2, &[0, 2], &[0, 1], &half).err(), at_1);
    }

    #[test]
    fn trusted_parts_are_still_measured() {
        let lying = Csr::trusted(2, 3, &[0, 9, 1], &[7], &[1.0f32]).unwrap();
        assert_eq!((lying.rows(), lying.cols(), lying.nnz()), (2, 3, 1));
        assert!(Csr::trusted(1, 3, &[0, 1], &[7], &[1.0f32, 2.0]).is_err());
        assert!(Csr::trusted(1, 3, &[0, 2], &[7], &[1.0f32]).is_err());
    }

    #[test]
    fn display_is_one_phrase_with_its_place() {
        for kind in [
            Kind::Indptr,
            Kind::Order,
            Kind::Unsorted,
            Kind::Gap,
            Kind::OutOfRange,
            Kind::Length,
            Kind::Value,
            Kind::Filler,
            Kind::Permutation,
        ] {
            let text = Error { kind, at: 17 }.to_string();
            assert!(
                text.ends_with(" at 17") && !text.starts_with(char::is_uppercase),
                "{text}"
            );
        }
    }
}
