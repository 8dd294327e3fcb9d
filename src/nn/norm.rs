//! RMSNorm.

use crate::kernels::Isa;
use crate::kernels::run::Op;
use crate::num::simd::Simd;
use crate::num::{self, sum8_in};

/// `out[i] = (x[i] · 1/√(Σx²/d + ε)) · gain[i]` (Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019).
///
/// Shapes: `x (d,)`, `gain (d,)`, `out (d,)`. Σ is the eight-lane sum. Where the mean square is not finite the whole
/// output is NaN: an overflow must be refused downstream and not pass as a vector of zeros.
///
/// # Panics
/// If shapes differ.
pub fn rms_norm(isa: Isa, x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
    assert!(
        x.len() == gain.len() && x.len() == out.len(),
        "rms_norm shapes"
    );
    isa.run(RmsNorm { x, gain, eps, out });
}

struct RmsNorm<'a> {
    x: &'a [f32],
    gain: &'a [f32],
    eps: f32,
    out: &'a mut [f32],
}

impl Op for RmsNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let sum = sum8_in::<S, true>(s, self.x);
        let scale = s.splat(scale_of(sum, self.x.len(), self.eps));
        let parts = self.out.chunks_mut(S::N).zip(self.x.chunks(S::N));
        for ((out, x), gain) in parts.zip(self.gain.chunks(S::N)) {
            let x = s.mul(s.load_some(x), scale);
            s.store_some(s.mul(x, s.load_some(gain)), out);
        }
    }
}

/// `1/√(sum/d + ε)`, NaN where that mean is not finite.
pub(super) fn scale_of(sum: f32, d: usize, eps: f32) -> f32 {
    let mean_sq = sum / d as f32;
    if mean_sq.is_finite() {
        1.0 / num::sqrt(mean_sq + eps)
    } else {
        f32::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::rms_norm;
    use crate::kernels::Isa;

    #[test]
    fn unit_root_mean_square_times_gain() {
        for isa in Isa::available() {
            let mut out = [0.0; 4];
            let gain = [1.0, 2.0, 3.0, 0.0];
            rms_norm(isa, &[2.0, -2.0, 2.0, -2.0], &gain, 0.0, &mut out);
            assert_eq!(out, [1.0, -2.0, 3.0, 0.0]);
            rms_norm(isa, &[0.0; 4], &[1.0; 4], 1e-5, &mut out);
            assert_eq!(out, [0.0; 4]);
        }
    }

    #[test]
    fn overflow_is_not_silence() {
        for isa in Isa::available() {
            let mut out = [0.0; 2];
            rms_norm(isa, &[1e30, 1.0], &[1.0; 2], 1e-5, &mut out);
            assert!(out.iter().all(|v| v.is_nan()));
        }
    }
}
