//! Scores of units into p-values, a threshold and the levels of the drift test.

use lacuna::format::calibration::LEVELS;

/// Most entries of a table that is written.
const MOST: usize = 256;

/// p-values by score, one vote a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Scores, ascending.
    pub scores: Vec<f32>,
    /// (1 + weight of windows above) / (units + 1).
    pub tails: Vec<f32>,
    /// The lowest score that no more than the stated rate are above; infinite if too few units.
    pub threshold: f32,
}

impl Table {
    /// The table of units by their windows' scores; a window weighs 1 / windows of its unit.
    ///
    /// At most 256 entries are kept, the highest scores all: between those left out, p is that of the score below, which
    /// is larger and so still valid.
    pub fn new(units: &[Vec<f32>], alpha: f64) -> Self {
        let full = full(units);
        let threshold = threshold(&full, alpha);
        let spare = full.len().saturating_sub(MOST / 2).max(1);
        let keep = |i: usize| {
            let nth = |i: usize| i * (MOST / 2) / spare;
            full.len() <= MOST || i >= spare || i == 0 || nth(i) != nth(i - 1)
        };
        let stated = |s: f32| s == threshold;
        let kept = full
            .iter()
            .enumerate()
            .filter(|(i, e)| keep(*i) || stated(e.0));
        let (scores, tails) = kept.map(|(_, (s, t))| (*s, *t as f32)).unzip();
        Self {
            scores,
            tails,
            threshold,
        }
    }
}

/// Every score once with the p-value above it.
fn full(units: &[Vec<f32>]) -> Vec<(f32, f64)> {
    let mut all: Vec<(f32, f64)> = units
        .iter()
        .flat_map(|u| u.iter().map(|s| (*s, 1.0 / u.len() as f64)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = units.len() as f64;
    let mut above = n;
    let mut table: Vec<(f32, f64)> = Vec::new();
    for (score, weight) in all {
        above -= weight;
        // What is left of the last unit's weights is rounding.
        let tail = (1.0 + if above < 1e-9 { 0.0 } else { above }) / (n + 1.0);
        match table.last_mut() {
            Some(last) if last.0 == score => last.1 = tail,
            _ => table.push((score, tail)),
        }
    }
    table
}

fn threshold(full: &[(f32, f64)], alpha: f64) -> f32 {
    let first = full.iter().find(|(_, tail)| *tail <= alpha + 1e-9);
    first.map_or(f32::INFINITY, |(score, _)| *score)
}

/// For each unit, the share of its windows above a threshold that all other units give; where they are one too few for
/// the rate, above all of them.
pub(super) fn leave_one_out(units: &[Vec<f32>], alpha: f64) -> Vec<f64> {
    let alpha = alpha.max(1.0 / units.len() as f64);
    (0..units.len())
        .map(|out| {
            let others: Vec<Vec<f32>> = [&units[..out], &units[out + 1..]].concat();
            let limit = threshold(&full(&others), alpha);
            let above = units[out].iter().filter(|s| **s > limit).count();
            above as f64 / units[out].len().max(1) as f64
        })
        .collect()
}

/// Fifteen edges that cut means of blocks into levels of equal shares.
pub(super) fn edges(units: &[Vec<f32>], block: usize) -> [f32; LEVELS - 1] {
    let mean = |w: &[f32]| w.iter().sum::<f32>() / w.len().max(1) as f32;
    let mut means: Vec<f32> = units
        .iter()
        .flat_map(|u| u.chunks(block.max(1)).map(mean))
        .collect();
    means.sort_by(f32::total_cmp);
    let last = means.len().saturating_sub(1);
    core::array::from_fn(|i| {
        let at = (i + 1) as f32 / LEVELS as f32 * last as f32;
        let below = at as usize;
        let value = |i: usize| means.get(i.min(last)).copied().unwrap_or_default();
        let (a, b) = (value(below), value(below + 1));
        (a + (b - a) * (at - below as f32)).clamp(a, b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_has_one_vote() {
        let units = [vec![1.0, 3.0], vec![2.0], vec![2.0, 4.0]];
        let table = Table::new(&units, 0.5);
        assert_eq!(table.scores, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(table.tails, [0.875, 0.5, 0.375, 0.25]);
        assert_eq!(table.threshold, 2.0);
        assert_eq!(Table::new(&units, 0.25).threshold, 4.0);
        assert_eq!(Table::new(&units, 0.2).threshold, f32::INFINITY);
    }

    #[test]
    fn a_long_table_is_thinned_and_stays_valid() {
        let units: Vec<Vec<f32>> = (0..5000).map(|i| vec![i as f32]).collect();
        let table = Table::new(&units, 0.01);
        assert!(table.scores.len() <= MOST + 1 && table.scores.len() > MOST / 2);
        assert_eq!(table.scores.first(), Some(&0.0));
        let p = |s: f32| table.tails[table.scores.partition_point(|c| *c < s) - 1];
        for s in [1.0, 77.0, 2500.5, 4800.0, 4999.5] {
            let exact = (5001.0 - (s as f64).ceil()) / 5001.0;
            assert!(f64::from(p(s)) >= exact - 1e-6, "{s}");
        }
    }

    #[test]
    fn edges_cut_into_equal_shares() {
        let units: Vec<Vec<f32>> = (0..=16).map(|i| vec![i as f32; 2]).collect();
        assert_eq!(edges(&units, 2), core::array::from_fn(|i| (i + 1) as f32));
        assert!(edges(&[vec![1.0]], 4).is_sorted());
    }
}
