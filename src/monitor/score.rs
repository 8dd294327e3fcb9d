//! A window's score: z = (mean − baseline) / sd, y = map · z, and one number of y.

use super::{Evidence, Monitor};
use crate::format::calibration::{MAX_NEAREST, Rule};
use crate::num::sum_sq8;
use crate::probe::StatSet;

impl Monitor<'_> {
    /// Score and evidence of the sums of this window, which become z. NaN where an input or the score is not a number.
    pub(super) fn score(&mut self) -> (f32, Option<Evidence>) {
        let calibration = self.calibration;
        let (arrays, n) = (calibration.arrays(), calibration.inputs());
        let Some((sums, y)) = self.memory.split_at_mut_checked(n) else {
            return (f32::NAN, None);
        };
        let mut rest = &mut *sums;
        for (watch, counted) in arrays.sites.iter().zip(self.counted) {
            // A site of activations has no statistics and all the sums.
            let len = match StatSet(watch.stats()).len() {
                0 => rest.len(),
                len => len,
            };
            let (own, others) = rest.split_at_mut(len.min(rest.len()));
            own.iter_mut().for_each(|s| *s /= f32::from(counted));
            rest = others;
        }
        for ((x, mean), sd) in sums.iter_mut().zip(arrays.mean).zip(arrays.sd) {
            *x = (*x - mean) / sd;
        }
        let (mut most, mut at) = (-1.0, 0);
        for (i, z) in sums.iter().enumerate() {
            if z.abs() > most {
                (most, at) = (z.abs(), i);
            }
        }
        let z = sums.get(at).copied();
        if arrays.map.is_empty() {
            y.copy_from_slice(sums);
        } else {
            for (y, row) in y.iter_mut().zip(arrays.map.chunks_exact(n)) {
                *y = row.iter().zip(&*sums).fold(0.0, |sum, (w, z)| sum + w * z);
            }
        }
        let score = match calibration.settings().rule {
            Rule::Weighted => y.first().copied().unwrap_or(f32::NAN),
            Rule::Mahalanobis => sum_sq8(y),
            Rule::Nearest => nearest(y, arrays.bank, calibration.nearest()),
        };
        // A NaN among the inputs may not reach the score: no distance is less than NaN.
        let score = match sums.iter().any(|z| z.is_nan()) {
            true => f32::NAN,
            false => score,
        };
        let place = self.input(at).zip(z);
        let evidence = place.map(|((site, what), z)| Evidence { site, what, z });
        (score, evidence)
    }
}

/// The squared distance of `y` to the `k`-th nearest row of `bank`.
fn nearest(y: &[f32], bank: &[f32], k: usize) -> f32 {
    let mut best = [f32::INFINITY; MAX_NEAREST];
    let Some(best) = best.get_mut(..k) else {
        return f32::NAN;
    };
    for row in bank.chunks_exact(y.len()) {
        let mut far = row.iter().zip(y).fold(0.0, |sum, (b, y)| {
            let d = y - b;
            sum + d * d
        });
        for place in &mut *best {
            if far < *place {
                core::mem::swap(&mut far, place);
            }
        }
    }
    best.last().copied().unwrap_or(f32::NAN)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_kth_of_the_sorted_distances() {
        let bank = [3.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 4.0, 1.0, 0.0];
        let far = [1.0, 1.0, 4.0, 9.0, 16.0];
        for (k, far) in far.into_iter().enumerate() {
            assert_eq!(nearest(&[0.0, 0.0], &bank, k + 1), far);
        }
    }
}
