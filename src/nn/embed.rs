//! A token becomes a vector.

use crate::sparse::Matrix;

/// `x = E[token] (+ P[position])`. Shapes: `table (vocab, dim)`, `positions (seq_len, dim)`, `x (dim,)`.
///
/// # Panics
/// If a row is not in its table, or shapes differ.
pub fn embed(
    table: &Matrix<'_>,
    token: usize,
    position: Option<(&Matrix<'_>, usize)>,
    x: &mut [f32],
) {
    x.fill(0.0);
    table.add_row(token, x);
    if let Some((positions, at)) = position {
        positions.add_row(at, x);
    }
}

#[cfg(test)]
mod tests {
    use super::embed;
    use crate::sparse::{Dense, Layout, Major, Matrix, Stored};

    #[test]
    fn row_plus_position() {
        let of = |v| {
            Matrix::new(
                Major::Output,
                Stored::F32(Layout::Dense(Dense::new(2, 2, v).unwrap())),
            )
            .unwrap()
        };
        let (table, positions) = (of(&[1.0, 2.0, 3.0, 4.0]), of(&[0.5, 0.0, 0.0, 0.25]));
        let mut x = [9.0; 2];
        embed(&table, 1, None, &mut x);
        assert_eq!(x, [3.0, 4.0]);
        embed(&table, 0, Some((&positions, 1)), &mut x);
        assert_eq!(x, [1.0, 2.25]);
    }
}
