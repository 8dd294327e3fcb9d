//! A line between two samples: logistic regression with a ridge.

use nalgebra::{DMatrix, DVector};

/// Newton steps at most.
const STEPS: usize = 25;

/// A score that is linear in its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Added to every score.
    pub offset: f64,
    /// One an input.
    pub weights: Vec<f64>,
}

impl Linear {
    /// offset + Σ weight · input.
    pub fn score(&self, inputs: &[f64]) -> f64 {
        let terms = self.weights.iter().zip(inputs);
        self.offset + terms.map(|(w, x)| w * x).sum::<f64>()
    }
}

/// Logistic regression of whether a row is unfamiliar, by Newton's method; both sides weigh the same however many rows
/// they have. The penalty is `ridge`/2 · Σ weight² of inputs scaled to a deviation of one, against a mean loss.
///
/// All zero where a side is empty.
pub fn logistic(familiar: &[Vec<f64>], unfamiliar: &[Vec<f64>], ridge: f64) -> Linear {
    let rows: Vec<&Vec<f64>> = familiar.iter().chain(unfamiliar).collect();
    let (n, width) = (rows.len(), rows.first().map_or(0, |r| r.len()));
    let none = Linear {
        offset: 0.0,
        weights: vec![0.0; width],
    };
    if familiar.is_empty() || unfamiliar.is_empty() || width == 0 {
        return none;
    }
    let column = |j: usize| rows.iter().map(move |r| r[j]);
    let mean: Vec<f64> = (0..width)
        .map(|j| column(j).sum::<f64>() / n as f64)
        .collect();
    let scale: Vec<f64> = (0..width)
        .map(|j| {
            let square: f64 = column(j).map(|x| (x - mean[j]).powi(2)).sum();
            let deviation = (square / n as f64).sqrt();
            // An input that never moves is left out.
            if deviation > 1e-9 * mean[j].abs().max(1e-9) {
                1.0 / deviation
            } else {
                0.0
            }
        })
        .collect();
    // The last column is the offset's.
    let x = DMatrix::from_fn(n, width + 1, |i, j| match j < width {
        true => (rows[i][j] - mean[j]) * scale[j],
        false => 1.0,
    });
    let share = |i: usize| match i < familiar.len() {
        true => 0.5 / familiar.len() as f64,
        false => 0.5 / unfamiliar.len() as f64,
    };
    let mut beta = DVector::zeros(width + 1);
    for _ in 0..STEPS {
        let p = (&x * &beta).map(|s: f64| 1.0 / (1.0 + (-s).exp()));
        let mut gradient = DVector::from_fn(n, |i, _| {
            share(i) * (p[i] - f64::from(u8::from(i >= familiar.len())))
        });
        gradient = x.transpose() * gradient;
        let mut weighted = x.clone();
        for (i, mut row) in weighted.row_iter_mut().enumerate() {
            row *= share(i) * (p[i] * (1.0 - p[i])).max(1e-9);
        }
        let mut curvature = x.transpose() * weighted;
        for j in 0..width {
            gradient[j] += ridge * beta[j];
            curvature[(j, j)] += ridge;
        }
        curvature[(width, width)] += 1e-9;
        let Some(factors) = curvature.cholesky() else {
            return none;
        };
        let step = factors.solve(&gradient);
        beta -= &step;
        if step.amax() < 1e-7 {
            break;
        }
    }
    let weights: Vec<f64> = (0..width).map(|j| beta[j] * scale[j]).collect();
    let shift: f64 = weights.iter().zip(&mean).map(|(w, m)| w * m).sum();
    Linear {
        offset: beta[width] - shift,
        weights,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna::num::Rng;

    #[test]
    fn two_clouds_are_parted_and_noise_is_not_trusted() {
        let mut rng = Rng::new(8);
        let mut cloud = |n: usize, by: f64| -> Vec<Vec<f64>> {
            let mut one = || f64::from(rng.next_f32());
            (0..n)
                .map(|_| vec![100.0 * (one() + by), one(), 7.0])
                .collect()
        };
        let (a, b) = (cloud(300, 0.0), cloud(60, 0.8));
        let fitted = logistic(&a, &b, 1e-3);
        let right = a.iter().filter(|r| fitted.score(r) < 0.0).count()
            + b.iter().filter(|r| fitted.score(r) > 0.0).count();
        assert!(right > 310, "{right}");
        // In units of a deviation, the input that tells counts more; the one that never moves, nothing.
        assert!(fitted.weights[0] * 30.0 > 4.0 * fitted.weights[1].abs() * 0.3);
        assert_eq!(fitted.weights[2], 0.0);
        assert_eq!(logistic(&[], &b, 1.0).weights, [0.0; 3]);
    }
}
