//! A score fitted on windows that are familiar.
//!
//! Mahalanobis: the correlation of z is shrunk towards the identity by the share that Ledoit and Wolf (2004) estimate,
//! and its eigenvectors over the roots of their eigenvalues are the map, so that Σ y² = zᵀ C⁻¹ z.

use lacuna::format::Calibration;
use lacuna::format::calibration::{Arrays, MAX_NEAREST, Watch};
use lacuna::monitor;
use nalgebra::{DMatrix, SymmetricEigen};

use super::Measure;

/// Which score to fit.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Σ weight · z; one weight an input.
    Weighted(Vec<f32>),
    /// Mahalanobis over the directions of largest variance.
    Mahalanobis {
        /// How many directions, 0 for all.
        rank: usize,
    },
    /// Distance to the k-th nearest window of a bank, over whitened directions of largest variance.
    Nearest {
        /// How many directions, 0 for z itself.
        rank: usize,
        /// k, from 1 to 16.
        k: usize,
        /// Windows of the bank.
        bank: usize,
    },
}

/// A fitted score.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// Where to look.
    pub sites: Vec<Watch>,
    /// Means of the inputs.
    pub mean: Vec<f32>,
    /// Their standard deviations.
    pub sd: Vec<f32>,
    /// Row-major map, or empty.
    pub map: Vec<f32>,
    /// Row-major bank, or empty.
    pub bank: Vec<f32>,
    /// Which neighbour counts, from 1; 0 for none.
    pub nearest: u32,
    /// How much the correlation was shrunk, 0…1.
    pub shrinkage: f64,
}

impl Fitted {
    /// Fits `choice` on at least two windows.
    pub fn new(choice: &Choice, measure: &Measure, windows: &[&[f32]]) -> Self {
        let n = windows.first().map_or(0, |w| w.len());
        let (mean, sd) = moments(windows, n);
        let mut fitted = Self {
            sites: measure.sites().to_vec(),
            mean,
            sd,
            map: Vec::new(),
            bank: Vec::new(),
            nearest: 0,
            shrinkage: 0.0,
        };
        match *choice {
            Choice::Weighted(ref weights) => fitted.map.clone_from(weights),
            Choice::Mahalanobis { rank } => {
                fitted.whiten(windows, if rank == 0 { n } else { rank })
            }
            Choice::Nearest { rank, k, bank } => {
                if rank > 0 {
                    fitted.whiten(windows, rank);
                }
                fitted.remember(windows, bank);
                let rows = fitted.bank.len() / fitted.outputs().max(1);
                fitted.nearest = k.clamp(1, rows.clamp(1, MAX_NEAREST)) as u32;
            }
        }
        fitted
    }

    /// The arrays of a block, without scores.
    pub fn arrays(&self) -> Arrays<'_> {
        Arrays {
            sites: &self.sites,
            mean: &self.mean,
            sd: &self.sd,
            map: &self.map,
            bank: &self.bank,
            ..Arrays::default()
        }
    }

    /// The distance that the score measures, on the host: of a Mahalanobis score Σ y², of the others to the k-th nearest
    /// of the bank.
    pub fn distance(&self, window: &[f32]) -> f64 {
        let y = self.y(window);
        if self.bank.is_empty() {
            return y.iter().map(|y| f64::from(y * y)).sum();
        }
        let apart = |row: &[f32]| -> f64 {
            let pairs = row.iter().zip(&y);
            pairs.map(|(a, b)| f64::from((a - b) * (a - b))).sum()
        };
        let mut all: Vec<f64> = self.bank.chunks_exact(y.len()).map(apart).collect();
        all.sort_by(f64::total_cmp);
        let place = self.nearest.saturating_sub(1) as usize;
        all.get(place).copied().unwrap_or(f64::NAN)
    }

    /// Scores of a unit that was fitted on, of which a bank holds every second.
    pub(super) fn outside_bank(&self, scores: &[f32]) -> Vec<f32> {
        match self.bank.is_empty() {
            true => scores.to_vec(),
            false => scores.iter().filter(|s| **s > 0.0).copied().collect(),
        }
    }

    fn outputs(&self) -> usize {
        match self.map.len() / self.mean.len().max(1) {
            0 => self.mean.len(),
            rows => rows,
        }
    }

    fn z(&self, window: &[f32]) -> Vec<f32> {
        let scaled = window.iter().zip(&self.mean).zip(&self.sd);
        scaled.map(|((x, mean), sd)| (x - mean) / sd).collect()
    }

    fn y(&self, window: &[f32]) -> Vec<f32> {
        let z = self.z(window);
        if self.map.is_empty() {
            return z;
        }
        let rows = self.map.chunks_exact(z.len());
        rows.map(|row| row.iter().zip(&z).map(|(w, z)| w * z).sum())
            .collect()
    }

    /// The map that makes the first `rank` principal directions of z uncorrelated and of variance one.
    fn whiten(&mut self, windows: &[&[f32]], rank: usize) {
        let (n, count) = (self.mean.len(), windows.len() as f64);
        let rows: Vec<f64> = windows
            .iter()
            .flat_map(|w| self.z(w))
            .map(f64::from)
            .collect();
        let z = DMatrix::from_row_slice(windows.len(), n, &rows);
        let mut c = z.transpose() * &z / count;
        // Ledoit and Wolf: how far C is from the identity, and how much of that is the noise of few windows.
        let size = c.trace() / n as f64;
        let apart = (&c - DMatrix::identity(n, n) * size).norm_squared();
        let noise: f64 = z
            .row_iter()
            .map(|row| (row.transpose() * row - &c).norm_squared())
            .sum();
        self.shrinkage = (noise / count / count / apart.max(f64::MIN_POSITIVE)).min(1.0);
        c = c * (1.0 - self.shrinkage) + DMatrix::identity(n, n) * (self.shrinkage * size);
        let eigen = SymmetricEigen::new(c);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        for i in order.into_iter().take(rank) {
            // Directions that hardly vary are left as they are rather than blown up.
            let root = eigen.eigenvalues[i].max(1e-4).sqrt();
            self.map.extend(
                eigen
                    .eigenvectors
                    .column(i)
                    .iter()
                    .map(|v| (v / root) as f32),
            );
        }
    }

    /// `most` windows, evenly from all.
    fn remember(&mut self, windows: &[&[f32]], most: usize) {
        let most = most.clamp(1, windows.len().div_ceil(2).max(1));
        let bank = (0..most).flat_map(|i| self.y(windows[i * windows.len() / most]));
        self.bank = bank.collect();
    }
}

/// Means and standard deviations, in f64; an input that does not vary has the deviation of a rounding error.
fn moments(windows: &[&[f32]], n: usize) -> (Vec<f32>, Vec<f32>) {
    let count = windows.len() as f64;
    let column = |i: usize| windows.iter().map(move |w| f64::from(w[i]));
    let mean: Vec<f64> = (0..n).map(|i| column(i).sum::<f64>() / count).collect();
    let sd = (0..n).map(|i| {
        let square: f64 = column(i).map(|x| (x - mean[i]).powi(2)).sum();
        (square / (count - 1.0).max(1.0))
            .sqrt()
            .max(1e-6 * mean[i].abs().max(1e-3)) as f32
    });
    let sd = sd.collect();
    (mean.into_iter().map(|m| m as f32).collect(), sd)
}

/// The engine's score of a window.
pub(super) fn score(calibration: &Calibration<'_>, window: &[f32]) -> f32 {
    let mut inputs = window.to_vec();
    let mut y = vec![0.0; calibration.outputs()];
    monitor::score(calibration, &mut inputs, &mut y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna::num::Rng;
    use lacuna::probe::{Hook, Site};

    fn normal(rng: &mut Rng) -> f32 {
        (0..12).map(|_| rng.next_f32()).sum::<f32>() - 6.0
    }

    #[test]
    fn mahalanobis_of_correlated_inputs_is_chi_squared() {
        let mut rng = Rng::new(2);
        let windows: Vec<Vec<f32>> = (0..4000)
            .map(|_| {
                let (a, b) = (normal(&mut rng), normal(&mut rng));
                vec![3.0 + a, 2.0 * a + 0.5 * b, 7.0 * b - a]
            })
            .collect();
        let views: Vec<&[f32]> = windows.iter().map(Vec::as_slice).collect();
        let site = Watch::new(
            Site {
                layer: 0,
                hook: Hook::LnFinal,
            },
            0b111 << 4,
        );
        let measure = Measure::Statistics(vec![site]);
        let fitted = Fitted::new(&Choice::Mahalanobis { rank: 2 }, &measure, &views);
        assert!(fitted.shrinkage < 0.05, "{}", fitted.shrinkage);
        let score = |w: &&[f32]| fitted.y(w).iter().map(|y| y * y).sum::<f32>();
        // Two directions hold everything: the mean of a chi-squared of two degrees is two.
        let mean = views.iter().map(score).sum::<f32>() / 4000.0;
        assert!((mean - 2.0).abs() < 0.1, "{mean}");
    }
}
