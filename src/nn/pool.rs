//! Many positions become one vector.

use crate::num;

/// `out[i] = (Σₜ x[i, t]) / n` over the first `n` tokens, summed in the order of [`num::sum8`].
/// Shapes: `x (dim, stride)`, tokens in lanes; `out (dim,)`; 1 ≤ n ≤ stride.
///
/// # Panics
/// If `n` is over `stride`.
pub fn mean_of_lanes(x: &[f32], stride: usize, n: usize, out: &mut [f32]) {
    for (row, out) in x.chunks_exact(stride).zip(out) {
        *out = num::sum8(&row[..n]) / n as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::mean_of_lanes;

    #[test]
    fn only_tokens_count() {
        let x = [1.0, 2.0, 6.0, f32::NAN, -1.0, 0.0, 1.0, f32::NAN];
        let mut out = [9.0; 2];
        mean_of_lanes(&x, 4, 3, &mut out);
        assert_eq!(out, [3.0, 0.0]);
    }

    #[test]
    fn the_order_is_that_of_eight_partial_sums() {
        let big = 16_777_216.0;
        let mut x = [0.0f32; 16];
        (x[0], x[8], x[4], x[12]) = (big, 1.0, 1.0, 1.0);
        let mut out = [0.0];
        mean_of_lanes(&x, 16, 13, &mut out);
        assert_eq!(out[0].to_bits(), ((big + 2.0) / 13.0).to_bits());
    }
}
