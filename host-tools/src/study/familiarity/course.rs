//! D1: whether energy rises and falls back in one run.
//!
//! # Why
//! The highest of several noisy means lies above its true mean, so the peak is chosen on one half of the pieces and judged
//! on the other. The same pieces are shown at every checkpoint, so standard errors are those of paired differences.

use serde::Serialize;

use super::table::{ENERGY, Table, mean};
use crate::study::expect::Expectation;

/// Standard errors that a rise and a fall need.
const ERRORS: f64 = 3.0;
/// Share of the seeds in which both must be, and the fewest seeds that show anything.
const ENOUGH: (f64, usize) = (2.0 / 3.0, 5);

/// One seed's rise and fall of familiar pieces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Turn {
    /// Its seed.
    pub seed: usize,
    /// Step of the peak.
    pub peak: u64,
    /// Energy at the start, the peak and the end.
    pub energy: [f64; 3],
    /// Peak less start, in standard errors.
    pub rise: f64,
    /// Peak less end, in standard errors.
    pub fall: f64,
}

impl Turn {
    /// Whether both are large enough.
    pub fn came(&self) -> bool {
        self.rise >= ERRORS && self.fall >= ERRORS
    }
}

/// Mean difference of pairs in its standard errors.
fn errors(a: &[f64], b: &[f64]) -> f64 {
    let d: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let (n, m) = (d.len() as f64, mean(&d));
    let square = d.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / (n - 1.0);
    m / (square / n).sqrt()
}

/// The turn of each seed; none where there is no checkpoint on the way.
pub(super) fn turns(tables: &[Table<'_>]) -> Vec<Turn> {
    let [first, between @ .., last] = tables else {
        return Vec::new();
    };
    let of_seed = |(seed, of): (usize, &Vec<usize>)| {
        let its = first.familiar(of);
        let half = |odd: usize| its.iter().copied().skip(odd).step_by(2).collect::<Vec<_>>();
        let (choose, judge) = (half(0), half(1));
        let height = |t: &&Table<'_>| t.mean(ENERGY, &choose);
        let peak = between
            .iter()
            .max_by(|a, b| height(a).total_cmp(&height(b)))?;
        let [a, p, z] = [first, peak, last].map(|t| t.column(ENERGY, &judge));
        Some(Turn {
            seed: seed + 1,
            peak: peak.step(),
            energy: [&a, &p, &z].map(|x| mean(x)),
            rise: errors(&p, &a),
            fall: errors(&p, &z),
        })
    };
    first.seeds.iter().enumerate().filter_map(of_seed).collect()
}

/// D1 as it was stated.
pub(super) fn expected(turns: &[Turn]) -> Expectation {
    let came = turns.iter().filter(|t| t.came()).count();
    let told = (
        "D1",
        "rises and falls by 3 standard errors: share of seeds",
        "all steps",
    );
    Expectation::counted(told, (came, turns.len()), ENOUGH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_pairs_by_hand() {
        // Differences 1, 2, 3: mean 2, variance 1, standard error 1/√3.
        let found = errors(&[2.0, 4.0, 6.0], &[1.0, 2.0, 3.0]);
        assert!((found - 2.0 * 3f64.sqrt()).abs() < 1e-12, "{found}");
    }

    #[test]
    fn both_ways_are_needed() {
        let turn = |rise, fall| Turn {
            seed: 1,
            peak: 8,
            energy: [0.4, 0.5, 0.45],
            rise,
            fall,
        };
        assert!(turn(3.0, 9.0).came() && !turn(9.0, 2.9).came() && !turn(f64::NAN, 9.0).came());
        let of = |n: usize, bad: usize| {
            let all: Vec<Turn> = (0..n)
                .map(|i| turn(9.0, if i < bad { 0.0 } else { 9.0 }))
                .collect();
            expected(&all).verdict.name()
        };
        assert_eq!([of(6, 2), of(6, 3), of(4, 0)], ["pass", "FAIL", "null"]);
    }
}
