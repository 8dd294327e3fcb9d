//! A window's score: z = (mean − baseline) / sd, y = map · z, and one number of y.

use super::{Evidence, Monitor};
use crate::format::calibration::{Calibration, MAX_NEAREST, Rule};
use crate::num::sum_sq8;
use crate::probe::StatSet;

/// The score of a window of these inputs under `calibration`; NaN where one of them is. The inputs become z, and `y` is
/// overwritten. Shapes: `inputs (n,)` and `y (outputs,)`.
pub fn score(calibration: &Calibration<'_>, inputs: &mut [f32], y: &mut [f32]) -> f32 {
    let arrays = calibration.arrays();
    for ((x, mean), sd) in inputs.iter_mut().zip(arrays.mean).zip(arrays.sd) {
        *x = (*x - mean) / sd;
    }
    // No distance is less than NaN: it may not reach a comparison.
    if inputs.iter().any(|z| z.is_nan()) {
        return f32::NAN;
    }
    if arrays.map.is_empty() {
        for (y, z) in y.iter_mut().zip(&*inputs) {
            *y = *z;
        }
    } else {
        for (y, row) in y.iter_mut().zip(arrays.map.chunks_exact(arrays.mean.len())) {
            *y = row
                .iter()
                .zip(&*inputs)
                .fold(0.0, |sum, (w, z)| sum + w * z);
        }
    }
    match calibration.settings().rule {
        Rule::Weighted => y.first().copied().unwrap_or(f32::NAN),
        Rule::Mahalanobis => sum_sq8(y),
        Rule::Nearest => nearest(y, arrays.bank, calibration.nearest()),
    }
}

impl Monitor<'_> {
    /// The inputs of the score of the tokens so far, `(n,)`: means over this window. `None` where a site has no token.
    pub fn means(&self) -> Option<impl Iterator<Item = f32>> {
        let sites = self.calibration.arrays().sites;
        if self.counted.iter().take(sites.len()).any(|n| *n == 0) {
            return None;
        }
        let n = self.calibration.inputs();
        let each = sites
            .iter()
            .zip(self.counted)
            .flat_map(move |(watch, n_seen)| {
                // A site of activations has no statistics and all the sums.
                let len = match StatSet(watch.stats()).len() {
                    0 => n,
                    len => len,
                };
                core::iter::repeat_n(n_seen, len)
            });
        Some(
            self.memory
                .iter()
                .zip(each)
                .map(|(sum, n)| sum / f32::from(n)),
        )
    }

    /// Score and evidence of this window, whose sums become z.
    pub(super) fn scored(&mut self) -> (f32, Option<Evidence>) {
        let n = self.calibration.inputs();
        let mut at = 0;
        for (watch, counted) in self.calibration.arrays().sites.iter().zip(self.counted) {
            let len = match StatSet(watch.stats()).len() {
                0 => n,
                len => len,
            };
            let own = self.memory.get_mut(at..at + len).unwrap_or_default();
            own.iter_mut().for_each(|s| *s /= f32::from(counted));
            at += len;
        }
        let Some((z, y)) = self.memory.split_at_mut_checked(n) else {
            return (f32::NAN, None);
        };
        let score = score(&self.calibration, z, y);
        let (mut most, mut at) = (-1.0, 0);
        for (i, z) in z.iter().enumerate() {
            if z.abs() > most {
                (most, at) = (z.abs(), i);
            }
        }
        let place = self.input(at).zip(self.memory.get(at));
        let evidence = place.map(|((site, what), z)| Evidence { site, what, z: *z });
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
