//! RMSNorm.

use crate::kernels::Isa;
use crate::kernels::run::Op;
use crate::num::simd::{MOST, Simd};
use crate::num::{self, each, sum8_in, sums};

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

/// [`rms_norm`] of every token of a batch, tokens in lanes. Shapes: `x` and `out (d, stride)`, `gain (d,)`.
///
/// # Panics
/// If shapes differ.
pub fn rms_norm_lanes(isa: Isa, x: &[f32], stride: usize, gain: &[f32], eps: f32, out: &mut [f32]) {
    assert!(
        x.len() == gain.len() * stride && x.len() == out.len(),
        "rms_norm shapes"
    );
    isa.run(Lanes {
        x,
        stride,
        gain,
        eps,
        out,
    });
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
        each::scaled_product(s, self.out, (self.x, self.gain), scale);
    }
}

struct Lanes<'a> {
    x: &'a [f32],
    stride: usize,
    gain: &'a [f32],
    eps: f32,
    out: &'a mut [f32],
}

impl Op for Lanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let stride = self.stride;
        for at in (0..stride).step_by(S::N) {
            let lanes = at..stride.min(at + S::N);
            let mut sums = [s.splat(0.0); 8];
            for rows in self.x.chunks(8 * stride) {
                for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(stride)) {
                    let x = s.load_some(&row[lanes.clone()]);
                    *sum = s.add(*sum, s.mul(x, x));
                }
            }
            let mut scales = [0.0; MOST];
            s.store(sums::fold_in(s, sums), &mut scales);
            for scale in &mut scales[..S::N] {
                *scale = scale_of(*scale, self.gain.len(), self.eps);
            }
            let scale = s.load(&scales);
            let rows = self.out.chunks_exact_mut(stride);
            for ((out, x), gain) in rows.zip(self.x.chunks_exact(stride)).zip(self.gain) {
                let x = s.mul(s.load_some(&x[lanes.clone()]), scale);
                s.store_some(s.mul(x, s.splat(*gain)), &mut out[lanes.clone()]);
            }
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
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use super::{rms_norm, rms_norm_lanes};
    use crate::kernels::Isa;
    use crate::num::Rng;

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
    fn lanes_are_tokens() {
        let mut rng = Rng::new(1);
        for (d, stride) in [(1, 1), (7, 3), (8, 16), (13, 20), (64, 33)] {
            let x: Vec<f32> = (0..d * stride).map(|_| rng.next_f32() - 0.5).collect();
            let gain: Vec<f32> = (0..d).map(|_| rng.next_f32()).collect();
            for isa in Isa::available() {
                let mut out = vec![0.0; x.len()];
                rms_norm_lanes(isa, &x, stride, &gain, 1e-5, &mut out);
                for t in 0..stride {
                    let of = |x: &[f32]| -> Vec<f32> {
                        x.iter().skip(t).step_by(stride).copied().collect()
                    };
                    let mut alone = vec![0.0; d];
                    rms_norm(Isa::Portable, &of(&x), &gain, 1e-5, &mut alone);
                    assert_eq!(of(&out), alone, "{isa} {d} {t}");
                }
            }
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
