use super::{Error, Kind, Value};

/// A dense row-major matrix of shape `(rows, cols)`, borrowed; the honest opponent of [`super::Csr`].
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a, V> {
    rows: usize,
    cols: usize,
    values: &'a [V],
}

impl<'a, V: Value> Dense<'a, V> {
    /// Checks and wraps. Shapes: `values (rows · cols,)`.
    ///
    /// # Errors
    /// [`Kind::Length`], or [`Kind::Value`] at the first value that may not be stored.
    pub fn new(rows: usize, cols: usize, values: &'a [V]) -> Result<Self, Error> {
        let dense = Self::trusted(rows, cols, values)?;
        match values.iter().position(|v| !v.storable()) {
            Some(at) => Err(Error {
                kind: Kind::Value,
                at,
            }),
            None => Ok(dense),
        }
    }

    /// Wraps values that [`Dense::new`] has checked before; checks the length only.
    ///
    /// # Errors
    /// [`Kind::Length`].
    pub fn trusted(rows: usize, cols: usize, values: &'a [V]) -> Result<Self, Error> {
        if rows.checked_mul(cols) != Some(values.len()) {
            return Err(Error {
                kind: Kind::Length,
                at: values.len(),
            });
        }
        Ok(Self { rows, cols, values })
    }

    /// Length of the major axis.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Length of the minor axis.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All values, row-major, `(rows · cols,)`.
    pub fn values(&self) -> &'a [V] {
        self.values
    }

    /// Calls `f(row, column, value)` for every stored element in order.
    #[inline]
    pub fn for_each(&self, mut f: impl FnMut(usize, usize, V)) {
        for row in 0..self.rows {
            for (j, &v) in self.row(row).iter().enumerate() {
                f(row, j, v);
            }
        }
    }

    /// One row.
    ///
    /// # Panics
    /// If `row >= rows`.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [V] {
        &self.values[row * self.cols..(row + 1) * self.cols]
    }
}

#[cfg(test)]
mod tests {
    use super::{Dense, Error, Kind};

    #[test]
    fn shape_and_values_are_checked() {
        let error = |kind, at| Some(Error { kind, at });
        assert_eq!(Dense::new(2, 2, &[1i8; 3]).err(), error(Kind::Length, 3));
        assert_eq!(
            Dense::new(usize::MAX, 2, &[1i8; 2]).err(),
            error(Kind::Length, 2)
        );
        assert_eq!(
            Dense::new(1, 2, &[0.0, f32::NAN]).err(),
            error(Kind::Value, 1)
        );
        let d = Dense::new(2, 2, &[1i8, 2, 3, 4]).unwrap();
        assert_eq!((d.row(1), d.values().len()), (&[3, 4][..], 4));
    }
}
