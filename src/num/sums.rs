//! Sums with one order, fit for any vector width up to eight.

use super::simd::{Scalar, Simd};

const LANES: usize = 8;

fn fold(s: [f32; LANES]) -> f32 {
    fold_in(Scalar, s)
}

/// The fold of eight partial sums, in every lane.
#[inline(always)]
pub(crate) fn fold_in<S: Simd>(s: S, p: [S::F; LANES]) -> S::F {
    let even = s.add(s.add(p[0], p[4]), s.add(p[2], p[6]));
    let odd = s.add(s.add(p[1], p[5]), s.add(p[3], p[7]));
    s.add(even, odd)
}

/// Σ f(x\[i\]) as eight partial sums from +0.0, element i in lane i mod 8, folded ((0+4)+(2+6))+((1+5)+(3+7)).
#[inline]
pub fn sum8_by(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut s = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (s, &x) in s.iter_mut().zip(chunk) {
            *s += f(x);
        }
    }
    for (s, &x) in s.iter_mut().zip(rest) {
        *s += f(x);
    }
    fold(s)
}

/// Σ x\[i\] in the order of [`sum8_by`].
pub fn sum8(x: &[f32]) -> f32 {
    sum8_by(x, |x| x)
}

/// Σ x\[i\]² in the order of [`sum8_by`]; squares are rounded before they are added.
pub fn sum_sq8(x: &[f32]) -> f32 {
    sum8_by(x, |x| x * x)
}

/// [`sum8`], or [`sum_sq8`] with `SQUARE`, in vectors.
#[inline(always)]
pub(crate) fn sum8_in<S: Simd, const SQUARE: bool>(s: S, x: &[f32]) -> f32 {
    let s = s.eight();
    let n = <S::Eight as Simd>::N;
    let mut sums = [s.splat(0.0); LANES];
    let (whole, rest) = x.as_chunks::<LANES>();
    for chunk in whole {
        for (sum, part) in sums.iter_mut().zip(chunk.chunks_exact(n)) {
            let v = s.load(part);
            *sum = s.add(*sum, if SQUARE { s.mul(v, v) } else { v });
        }
    }
    if !rest.is_empty() {
        // Lanes without an element add +0.0, which no sum that started at +0.0 can show.
        for (sum, part) in sums.iter_mut().zip(rest.chunks(n)) {
            let v = s.load_some(part);
            *sum = s.add(*sum, if SQUARE { s.mul(v, v) } else { v });
        }
    }
    let mut lanes = [0.0; LANES];
    for (sum, lanes) in sums.iter().zip(lanes.chunks_exact_mut(n)) {
        s.store(*sum, lanes);
    }
    fold(lanes)
}

#[cfg(test)]
mod tests {
    use super::{fold, sum_sq8, sum8};

    #[test]
    fn order_is_the_written_one() {
        // Each term is lost beside a larger one unless it meets its own partner first.
        let big = 16_777_216.0;
        let mut x = [0.0f32; 19];
        (x[0], x[8], x[16], x[4], x[12]) = (big, 1.0, 1.0, 1.0, 1.0);
        let lanes = [big, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0];
        assert_eq!(sum8(&x).to_bits(), fold(lanes).to_bits());
        assert_eq!(sum8(&x), big + 2.0);
        assert_eq!(x.iter().sum::<f32>(), big);
    }

    #[test]
    fn short_and_empty() {
        assert_eq!(sum8(&[]).to_bits(), 0);
        assert_eq!(sum8(&[-0.0]).to_bits(), 0);
        assert_eq!(sum8(&[1.0, 2.0, 3.0]), 6.0);
        assert_eq!(sum_sq8(&[3.0, 4.0]), 25.0);
    }
}
