//! Small products inside one attention head, where packing for a general product would cost more than it saves.
//!
//! ```text
//! c[i, j] (+)= Σ_p a(i, p) · b[p, j]      a by strides, b and c row-major, p in a range that depends on the rows
//! 4 rows × 16 columns of c stay in registers while p runs
//! ```
//!
//! # Invariants
//! - p ascends for every element of c, one accumulator each.
//!
//! # Why
//! Causal attention needs only a triangle of each product; the range of p, and the columns, are cut per row block.

const ROWS: usize = 4;
const COLS: usize = 16;
const HALF: usize = 8;

/// `a(i, p) = values[i · row + p · col]`
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) values: &'a [f32],
    pub(super) row: usize,
    pub(super) col: usize,
}

/// Which part of a product is not known to be zero.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// Only c[i, j] with j ≤ i is wanted (more may be written).
    LowerOutput,
    /// a(i, p) is zero for p > i.
    LowerLeft,
    /// a(i, p) is zero for p < i.
    UpperLeft,
    /// Everything may be anything.
    Whole,
}

/// `c (+)= a · b` with `a` (m, k), `b` (k, n), `c` (m, n).
#[inline(always)]
pub(super) fn product(
    part: Part,
    [m, k, n]: [usize; 3],
    a: Left<'_>,
    b: &[f32],
    c: &mut [f32],
    accumulate: bool,
) {
    let mut i = 0;
    while i < m {
        let rows = if m - i >= ROWS { ROWS } else { 1 };
        let end = i + rows;
        let (from, to) = match part {
            Part::LowerOutput | Part::Whole => (0, k),
            Part::LowerLeft => (0, if end < k { end } else { k }),
            Part::UpperLeft => (i, k),
        };
        let columns = match part {
            Part::LowerOutput => {
                if end < n {
                    end
                } else {
                    n
                }
            }
            _ => n,
        };
        let mut j = 0;
        while j < columns {
            let size = [i, j, from, to];
            j += match (rows, n - j) {
                (ROWS, COLS..) => tile::<ROWS, COLS>(size, a, b, n, c, accumulate),
                (ROWS, HALF..) => tile::<ROWS, HALF>(size, a, b, n, c, accumulate),
                (ROWS, _) => tile::<ROWS, 1>(size, a, b, n, c, accumulate),
                (_, COLS..) => tile::<1, COLS>(size, a, b, n, c, accumulate),
                (_, HALF..) => tile::<1, HALF>(size, a, b, n, c, accumulate),
                _ => tile::<1, 1>(size, a, b, n, c, accumulate),
            };
        }
        i = end;
    }
}

/// One tile of c; returns its width.
#[inline(always)]
fn tile<const R: usize, const W: usize>(
    [i, j, from, to]: [usize; 4],
    a: Left<'_>,
    b: &[f32],
    n: usize,
    c: &mut [f32],
    accumulate: bool,
) -> usize {
    let mut sums = [[0.0f32; W]; R];
    for p in from..to {
        let Some(row) = b[p * n + j..].first_chunk::<W>() else {
            break;
        };
        for (r, sums) in sums.iter_mut().enumerate() {
            let x = a.values[(i + r) * a.row + p * a.col];
            for w in 0..W {
                sums[w] += x * row[w];
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let Some(out) = c[(i + r) * n + j..].first_chunk_mut::<W>() else {
            break;
        };
        for w in 0..W {
            out[w] = if accumulate {
                out[w] + sums[w]
            } else {
                sums[w]
            };
        }
    }
    W
}

/// `out[j, i] = x[i, j]` for `x` of `rows` × `cols`.
#[inline(always)]
pub(super) fn transpose(x: &[f32], rows: usize, cols: usize, out: &mut [f32]) {
    for j in 0..cols {
        for i in 0..rows {
            out[j * rows + i] = x[i * cols + j];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_the_plain_product() {
        for (m, k, n) in [
            (1, 1, 1),
            (5, 7, 3),
            (13, 13, 33),
            (8, 16, 16),
            (19, 19, 19),
        ] {
            for part in [
                Part::LowerOutput,
                Part::LowerLeft,
                Part::UpperLeft,
                Part::Whole,
            ] {
                let mut a: Vec<f32> = (0..m * k).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
                let b: Vec<f32> = (0..k * n).map(|i| (i * 5 % 13) as f32 - 6.0).collect();
                for i in 0..m {
                    for p in 0..k {
                        let zero = match part {
                            Part::LowerOutput | Part::Whole => false,
                            Part::LowerLeft => p > i,
                            Part::UpperLeft => p < i,
                        };
                        if zero {
                            a[i * k + p] = 0.0;
                        }
                    }
                }
                let mut c = vec![1.0; m * n];
                let left = Left {
                    values: &a,
                    row: k,
                    col: 1,
                };
                product(part, [m, k, n], left, &b, &mut c, true);
                for i in 0..m {
                    for j in 0..n {
                        if part == Part::LowerOutput && j > i {
                            continue;
                        }
                        let want: f32 = (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum();
                        assert_eq!(c[i * n + j], 1.0 + want, "{m} {k} {n}");
                    }
                }
            }
        }
    }
}
