//! Between tokens in lanes and a token a row.
//!
//! ```text
//! x (width, stride)   │ · t t+1 t+2 · │ of every element     ◄──►     rows (n, width)   │ all elements │ of tokens t, t+1 …
//! ```

use crate::kernels::Isa;
use crate::kernels::run::Op;
use crate::num::simd::{MOST, Simd};

/// `rows[r][i] = x[i][first + r]`. Shapes: `x (width, stride)`, `rows (n, width)`, `first + n <= stride`.
///
/// # Panics
/// If shapes differ.
pub fn to_rows(isa: Isa, x: &[f32], stride: usize, first: usize, rows: &mut [f32], width: usize) {
    let n = rows.len() / width;
    assert!(
        x.len() == width * stride && first + n <= stride,
        "rows of lanes"
    );
    isa.run(Transpose {
        from: (&x[first..], stride),
        shape: (width, n),
        to: (rows, width),
    });
}

/// `x[i][first + r] = rows[r][i]`, the reverse of [`to_rows`].
///
/// # Panics
/// If shapes differ.
pub fn from_rows(isa: Isa, rows: &[f32], width: usize, x: &mut [f32], stride: usize, first: usize) {
    let n = rows.len() / width;
    assert!(
        x.len() == width * stride && first + n <= stride,
        "rows of lanes"
    );
    isa.run(Transpose {
        from: (rows, width),
        shape: (n, width),
        to: (&mut x[first..], stride),
    });
}

/// `to[c][r] = from[r][c]` for a shape `(rows, columns)` of `from`; both have a stride.
struct Transpose<'a> {
    from: (&'a [f32], usize),
    shape: (usize, usize),
    to: (&'a mut [f32], usize),
}

impl Op for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let ((from, from_stride), (to, to_stride)) = (self.from, self.to);
        let (rows, columns) = self.shape;
        for r in (0..rows).step_by(S::N) {
            let high = S::N.min(rows - r);
            for c in (0..columns).step_by(S::N) {
                let wide = S::N.min(columns - c);
                let mut tile = [s.splat(0.0); MOST];
                for (i, lane) in tile[..high].iter_mut().enumerate() {
                    *lane = s.load_some(&from[(r + i) * from_stride + c..][..wide]);
                }
                s.transpose(&mut tile);
                for (i, lane) in tile[..wide].iter().enumerate() {
                    s.store_some(*lane, &mut to[(c + i) * to_stride + r..][..high]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use super::{from_rows, to_rows};
    use crate::kernels::Isa;

    #[test]
    fn there_and_back_and_nothing_else_is_touched() {
        for (width, stride, first, n) in [
            (1, 1, 0, 1),
            (5, 3, 1, 2),
            (16, 16, 0, 16),
            (33, 48, 16, 16),
            (33, 48, 32, 7),
            (8, 2, 0, 2),
        ] {
            let x: Vec<f32> = (0..width * stride).map(|i| i as f32).collect();
            for isa in Isa::available() {
                let mut rows = vec![-1.0; n * width];
                to_rows(isa, &x, stride, first, &mut rows, width);
                for (r, row) in rows.chunks_exact(width).enumerate() {
                    for (i, v) in row.iter().enumerate() {
                        assert_eq!(*v, x[i * stride + first + r], "{isa}");
                    }
                }
                let mut back = vec![-1.0; x.len()];
                from_rows(isa, &rows, width, &mut back, stride, first);
                for (i, (found, x)) in back.iter().zip(&x).enumerate() {
                    let inside = (first..first + n).contains(&(i % stride));
                    assert_eq!(*found, if inside { *x } else { -1.0 }, "{isa} {i}");
                }
            }
        }
    }
}
