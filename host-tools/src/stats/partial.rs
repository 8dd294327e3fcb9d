//! Rank correlation with other things held still.

use nalgebra::{DMatrix, DVector};

use super::separation::ranks;

/// Spearman's correlation of x and y with `controls` held still: ranks, less their means within each of `groups`, less
/// what the controls' ranks explain of them linearly. NaN where nothing is left to vary.
///
/// Shapes: all `(n,)`; `groups` may be empty, which is one group.
pub fn partial_spearman(x: &[f64], y: &[f64], controls: &[&[f64]], groups: &[u32]) -> f64 {
    let prepared = |v: &[f64]| centred(ranks(v), groups);
    let (mut x, mut y) = (prepared(x), prepared(y));
    let controls: Vec<Vec<f64>> = controls.iter().map(|c| prepared(c)).collect();
    if !controls.is_empty() {
        let columns: Vec<DVector<f64>> = controls.into_iter().map(DVector::from_vec).collect();
        let c = DMatrix::from_columns(&columns);
        x = rest(x, &c);
        y = rest(y, &c);
    }
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (own, other) = (product(&x, &x), product(&y, &y));
    // What rounding leaves of a vector that is explained entirely is no variation.
    if own.min(other) <= 1e-9 * x.len() as f64 {
        return f64::NAN;
    }
    product(&x, &y) / (own * other).sqrt()
}

fn centred(mut x: Vec<f64>, groups: &[u32]) -> Vec<f64> {
    use std::collections::BTreeMap;
    let group = |i: usize| groups.get(i).copied().unwrap_or(0);
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for (i, v) in x.iter().enumerate() {
        let sum = sums.entry(group(i)).or_default();
        *sum = (sum.0 + v, sum.1 + 1.0);
    }
    for (i, v) in x.iter_mut().enumerate() {
        if let Some((sum, n)) = sums.get(&group(i)) {
            *v -= sum / n;
        }
    }
    x
}

/// `x` less its projection on the columns of `c`.
fn rest(x: Vec<f64>, c: &DMatrix<f64>) -> Vec<f64> {
    let x = DVector::from_vec(x);
    let fitted = c.clone().svd(true, true).solve(&x, 1e-9);
    match fitted {
        Ok(b) => (&x - c * b).as_slice().to_vec(),
        Err(_) => x.as_slice().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::spearman;
    use lacuna::num::Rng;

    #[test]
    fn what_only_a_common_cause_explains_goes_away() {
        let mut rng = Rng::new(1);
        let mut noise = || f64::from(rng.next_f32());
        let cause: Vec<f64> = (0..2000).map(|_| noise()).collect();
        let x: Vec<f64> = cause.iter().map(|c| c + 0.3 * noise()).collect();
        let y: Vec<f64> = cause.iter().map(|c| c + 0.3 * noise()).collect();
        assert!(partial_spearman(&x, &y, &[], &[]) > 0.8);
        assert!((partial_spearman(&x, &y, &[], &[]) - spearman(&x, &y)).abs() < 1e-9);
        assert!(partial_spearman(&x, &y, &[&cause], &[]).abs() < 0.1);
        assert!(partial_spearman(&x, &x, &[&x], &[]).is_nan());
    }

    #[test]
    fn what_only_a_group_explains_goes_away() {
        let mut rng = Rng::new(2);
        let groups: Vec<u32> = (0..900).map(|_| rng.below(3)).collect();
        let by = |rng: &mut Rng| -> Vec<f64> {
            let each = groups.iter();
            each.map(|g| f64::from(*g) + f64::from(rng.next_f32()))
                .collect()
        };
        let (x, y) = (by(&mut rng), by(&mut rng));
        assert!(partial_spearman(&x, &y, &[], &[]) > 0.7);
        assert!(partial_spearman(&x, &y, &[], &groups).abs() < 0.12);
    }
}
