//! Quantiles of merged histograms.
//!
//! ```text
//! counts │ bin 0 < e0 ≤ bin 1 < e1 ≤ … < e14 ≤ bin 15 │  ─► cumulated ─► straight line within a bin
//! ```
//!
//! # Invariants
//! - A quantile lies within the smallest and the largest value seen, and grows with q.
//! - Its error is at most the width of the bin it falls into, clipped to these two values.
//!
//! # Why
//! The bins are those of [`lacuna::probe::Stat`]: a device cuts them, this reads them, and both use the same edges.

use lacuna::probe::Stat;

use crate::query::BINS;

/// The value below which a share `q` of the counted values lies, of the statistic named `stat`; `range` is the smallest and the
/// largest value seen. None where nothing was counted or the statistic is not known.
pub fn quantile(stat: &str, histogram: &[u64; BINS], range: [f64; 2], q: f64) -> Option<f64> {
    let bins = Stat::from_name(stat)?.bins();
    let edges = bins.edges();
    let total: u64 = histogram.iter().sum();
    if total == 0 || range[0].is_nan() || range[1].is_nan() {
        return None;
    }
    let (low, high, share) = if bins.negated {
        (-range[1], -range[0], 1.0 - q)
    } else {
        (range[0], range[1], q)
    };
    let wanted = share.clamp(0.0, 1.0) * total as f64;
    let mut below = 0.0;
    let mut value = high;
    for (bin, &count) in histogram.iter().enumerate() {
        let count = count as f64;
        if count > 0.0 && below + count >= wanted {
            let from = match bin {
                0 => low,
                _ => f64::from(edges[bin - 1]).clamp(low, high),
            };
            let to = edges
                .get(bin)
                .map_or(high, |e| f64::from(*e).clamp(low, high));
            value = from + (to - from) * (wanted - below) / count;
            break;
        }
        below += count;
    }
    Some(if bins.negated { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna::probe::Sketch;

    fn check(stat: Stat, values: impl Iterator<Item = f32> + Clone) {
        let mut sketch = Sketch::default();
        values.clone().for_each(|v| sketch.push(stat, v));
        let mut sorted: Vec<f32> = values.collect();
        sorted.sort_by(f32::total_cmp);
        let histogram = sketch.histogram.map(u64::from);
        let range = [f64::from(sketch.min), f64::from(sketch.max)];
        let mut last = f64::MIN;
        for percent in 0..=100 {
            let q = f64::from(percent) / 100.0;
            let found = quantile(stat.name(), &histogram, range, q).expect("values were counted");
            let at = ((sorted.len() - 1) as f64 * q) as usize;
            let exact = f64::from(sorted[at]);
            // Two bins to an octave are at most half the value wide; the outermost bins are clipped to the range.
            assert!(
                (found - exact).abs() <= 0.5 * exact.abs() + 0.02,
                "{stat:?} {q}: {found} {exact}"
            );
            assert!(found >= last && (range[0]..=range[1]).contains(&found));
            last = found;
        }
    }

    #[test]
    fn quantiles_lie_in_the_bin_of_the_exact_ones() {
        check(Stat::Hoyer, (0..1000).map(|i| 0.1 + 0.0008 * i as f32));
        check(
            Stat::MaxSoftmax,
            (0..1000).map(|i| 0.01 + 0.00099 * i as f32),
        );
        check(Stat::EnergyScore, (0..1000).map(|i| -1.0 - 0.03 * i as f32));
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(quantile("hoyer", &[0; BINS], [0.0, 1.0], 0.5), None);
        assert_eq!(quantile("mood", &[1; BINS], [0.0, 1.0], 0.5), None);
    }
}
