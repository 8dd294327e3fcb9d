//! RMSNorm.

use crate::num;

/// `out[i] = (x[i] · 1/√(Σx²/d + ε)) · gain[i]` (Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019).
///
/// Shapes: `x (d,)`, `gain (d,)`, `out (d,)`. Σ is the eight-lane sum. Where the mean square is not finite the whole
/// output is NaN: an overflow must be refused downstream and not pass as a vector of zeros.
///
/// # Panics
/// If shapes differ.
pub fn rms_norm(x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
    assert!(
        x.len() == gain.len() && x.len() == out.len(),
        "rms_norm shapes"
    );
    let mean_sq = num::sum_sq8(x) / x.len() as f32;
    let scale = if mean_sq.is_finite() {
        1.0 / num::sqrt(mean_sq + eps)
    } else {
        f32::NAN
    };
    for ((out, x), gain) in out.iter_mut().zip(x).zip(gain) {
        *out = x * scale * gain;
    }
}

#[cfg(test)]
mod tests {
    use super::rms_norm;

    #[test]
    fn unit_root_mean_square_times_gain() {
        let mut out = [0.0; 4];
        rms_norm(
            &[2.0, -2.0, 2.0, -2.0],
            &[1.0, 2.0, 3.0, 0.0],
            0.0,
            &mut out,
        );
        assert_eq!(out, [1.0, -2.0, 3.0, 0.0]);
        rms_norm(&[0.0; 4], &[1.0; 4], 1e-5, &mut out);
        assert_eq!(out, [0.0; 4]);
    }

    #[test]
    fn overflow_is_not_silence() {
        let mut out = [0.0; 2];
        rms_norm(&[1e30, 1.0], &[1.0; 2], 1e-5, &mut out);
        assert!(out.iter().all(|v| v.is_nan()));
    }
}
