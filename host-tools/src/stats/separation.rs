//! How well scores tell two samples apart; the second is to score higher.

/// The share of pairs in which the unfamiliar one scores higher, ties half (Mann and Whitney); NaN if a side is empty.
pub fn auroc(familiar: &[f64], unfamiliar: &[f64]) -> f64 {
    let all: Vec<f64> = familiar.iter().chain(unfamiliar).copied().collect();
    let ranks = ranks(&all);
    let sum: f64 = ranks[familiar.len()..].iter().sum();
    let (m, n) = (familiar.len() as f64, unfamiliar.len() as f64);
    (sum - n * (n + 1.0) / 2.0) / (m * n)
}

/// Area under the curve of precision over recall, as average precision: Σ precision · step of recall.
pub fn aupr(familiar: &[f64], unfamiliar: &[f64]) -> f64 {
    let mut area = 0.0;
    let mut before = 0.0;
    curve(familiar, unfamiliar, |false_alarms, found| {
        let recall = found / unfamiliar.len() as f64;
        area += found / (found + false_alarms) * (recall - before);
        before = recall;
    });
    area
}

/// The least share of the familiar that is alarmed where at least `tpr` of the unfamiliar are.
pub fn fpr_at_tpr(familiar: &[f64], unfamiliar: &[f64], tpr: f64) -> f64 {
    let mut fpr = None;
    curve(familiar, unfamiliar, |false_alarms, found| {
        if fpr.is_none() && found >= tpr * unfamiliar.len() as f64 - 1e-9 {
            fpr = Some(false_alarms / familiar.len() as f64);
        }
    });
    fpr.unwrap_or(1.0)
}

/// Calls `each` with the numbers of familiar and unfamiliar at or above every score, highest first.
fn curve(familiar: &[f64], unfamiliar: &[f64], mut each: impl FnMut(f64, f64)) {
    let sides = [(familiar, false), (unfamiliar, true)];
    let mut all: Vec<(f64, bool)> = sides
        .into_iter()
        .flat_map(|(scores, side)| scores.iter().map(move |s| (*s, side)))
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut false_alarms, mut found) = (0.0, 0.0);
    for (i, (score, side)) in all.iter().enumerate() {
        *(if *side { &mut found } else { &mut false_alarms }) += 1.0;
        if all.get(i + 1).is_none_or(|next| next.0 != *score) {
            each(false_alarms, found);
        }
    }
}

/// Ranks from 1, ties at their mean.
pub(super) fn ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
    let mut ranks = vec![0.0; x.len()];
    let mut first = 0;
    while first < order.len() {
        let same = order[first..]
            .iter()
            .take_while(|i| x[**i] == x[order[first]]);
        let n = same.count().max(1);
        for place in &order[first..first + n] {
            ranks[*place] = first as f64 + (n as f64 + 1.0) / 2.0;
        }
        first += n;
    }
    ranks
}

/// Spearman's rank correlation; NaN where a side does not vary.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    let (x, y) = (ranks(x), ranks(y));
    let mean = (x.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let (familiar, unfamiliar) = ([0.1, 0.4, 0.35, 0.8], [0.35, 0.9, 0.7]);
        // Pairs won: 0.35 wins one and ties one, 0.9 wins four, 0.7 wins three.
        assert!((auroc(&familiar, &unfamiliar) - 8.5 / 12.0).abs() < 1e-12);
        // 0.9 (1/1), 0.7 after 0.8 (2/3), 0.35 with the tie (3/6).
        let ap = (1.0 + 2.0 / 3.0 + 0.5) / 3.0;
        assert!((aupr(&familiar, &unfamiliar) - ap).abs() < 1e-12);
        assert_eq!(fpr_at_tpr(&familiar, &unfamiliar, 0.95), 0.75);
        assert_eq!(fpr_at_tpr(&familiar, &unfamiliar, 0.6), 0.25);
    }

    #[test]
    fn ends() {
        assert_eq!(auroc(&[0.0, 1.0], &[2.0, 3.0]), 1.0);
        assert_eq!(auroc(&[1.0; 5], &[1.0; 3]), 0.5);
        assert_eq!(aupr(&[0.0], &[1.0]), 1.0);
        assert_eq!(fpr_at_tpr(&[0.0], &[1.0], 0.95), 0.0);
    }

    #[test]
    fn rank_correlation() {
        assert!((spearman(&[1.0, 2.0, 3.0], &[10.0, 100.0, 1000.0]) - 1.0).abs() < 1e-12);
        assert!((spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        // scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 4]) = 0.9486832980505138
        assert!(
            (spearman(&[1.0, 2.0, 2.0, 4.0], &[1.0, 3.0, 2.0, 4.0]) - 0.948_683_298).abs() < 1e-8
        );
    }
}
