//! Items of two sides in the order of their scores, counted under weights: one sort serves every round of a bootstrap.

/// What a detector is worth.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Figures {
    /// Share of pairs in which the unfamiliar one scores higher, ties half.
    pub auroc: f64,
    /// Average precision; what chance gives is the share of the unfamiliar.
    pub aupr: f64,
    /// Least share of the familiar that is alarmed where 95 % of the unfamiliar are.
    pub fpr95: f64,
}

impl Figures {
    /// NaN everywhere: a side has no weight.
    pub const NONE: Figures = Figures {
        auroc: f64::NAN,
        aupr: f64::NAN,
        fpr95: f64::NAN,
    };

    /// The three by number, as [`Figures::from_array`] takes them.
    pub const fn array(self) -> [f64; 3] {
        [self.auroc, self.aupr, self.fpr95]
    }

    /// Inverse of [`Figures::array`].
    pub const fn from_array([auroc, aupr, fpr95]: [f64; 3]) -> Figures {
        Figures { auroc, aupr, fpr95 }
    }
}

/// Scores of two sides, sorted.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Number of the item, whether it is unfamiliar, whether the next has a lower score; highest score first.
    order: Vec<(u32, bool, bool)>,
}

impl Curve {
    /// Sorts `(item, score)` of both sides; NaN counts as the highest score.
    pub fn new(
        familiar: impl IntoIterator<Item = (u32, f64)>,
        unfamiliar: impl IntoIterator<Item = (u32, f64)>,
    ) -> Self {
        let familiar = familiar.into_iter().map(|(i, s)| (i, s, false));
        let unfamiliar = unfamiliar.into_iter().map(|(i, s)| (i, s, true));
        let mut all: Vec<(u32, f64, bool)> = familiar.chain(unfamiliar).collect();
        let key = |s: f64| if s.is_nan() { f64::INFINITY } else { s };
        all.sort_by(|a, b| key(b.1).total_cmp(&key(a.1)).then(a.0.cmp(&b.0)));
        let ends = |i: usize| {
            all.get(i + 1)
                .is_none_or(|next| key(next.1) != key(all[i].1))
        };
        let order = (0..all.len()).map(|i| (all[i].0, all[i].2, ends(i)));
        Self {
            order: order.collect(),
        }
    }

    /// The figures with item `i` counted `weights[i]` times; an item without a weight is not there.
    pub fn figures(&self, weights: &[f32]) -> Figures {
        let weight = |i: u32| f64::from(weights.get(i as usize).copied().unwrap_or(0.0));
        let mut all = [0.0; 2];
        for (i, side, _) in &self.order {
            all[usize::from(*side)] += weight(*i);
        }
        if all[0] <= 0.0 || all[1] <= 0.0 {
            return Figures::NONE;
        }
        let (mut seen, mut before) = ([0.0f64; 2], [0.0f64; 2]);
        let (mut pairs, mut area, mut fpr) = (0.0, 0.0, None);
        for (i, side, ends) in &self.order {
            seen[usize::from(*side)] += weight(*i);
            if !ends {
                continue;
            }
            let [alarms, found] = seen;
            let (new_alarms, new_found) = (alarms - before[0], found - before[1]);
            // Familiar ones below, and half of those beside.
            pairs += new_found * (all[0] - alarms + 0.5 * new_alarms);
            if new_found > 0.0 {
                area += found / (found + alarms) * new_found / all[1];
            }
            if fpr.is_none() && found >= 0.95 * all[1] - 1e-9 {
                fpr = Some(alarms / all[0]);
            }
            before = seen;
        }
        Figures {
            auroc: pairs / (all[0] * all[1]),
            aupr: area,
            fpr95: fpr.unwrap_or(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{aupr, auroc, fpr_at_tpr};
    use lacuna::num::Rng;

    #[test]
    fn weights_of_one_give_the_plain_figures_and_whole_weights_are_copies() {
        let mut rng = Rng::new(3);
        // Ten values only, so that there are ties.
        let mut draw = |n: u32, by: f64| -> Vec<f64> {
            (0..n).map(|_| f64::from(rng.below(10)) + by).collect()
        };
        let (a, b) = (draw(40, 0.0), draw(30, 2.0));
        let curve = Curve::new((0..).zip(a.iter().copied()), (40..).zip(b.iter().copied()));
        let near = |x: f64, y: f64| assert!((x - y).abs() < 1e-12, "{x} {y}");
        let plain = curve.figures(&[1.0; 70]);
        near(plain.auroc, auroc(&a, &b));
        near(plain.aupr, aupr(&a, &b));
        near(plain.fpr95, fpr_at_tpr(&a, &b, 0.95));
        let weights: Vec<f32> = (0..70).map(|i| (i % 3) as f32).collect();
        let copies = |x: &[f64], from: usize| -> Vec<f64> {
            let each = x.iter().enumerate();
            each.flat_map(|(i, v)| core::iter::repeat_n(*v, weights[from + i] as usize))
                .collect()
        };
        let (a, b) = (copies(&a, 0), copies(&b, 40));
        let weighted = curve.figures(&weights);
        near(weighted.auroc, auroc(&a, &b));
        near(weighted.aupr, aupr(&a, &b));
        near(weighted.fpr95, fpr_at_tpr(&a, &b, 0.95));
    }

    #[test]
    fn a_side_without_weight_has_no_figures() {
        let curve = Curve::new([(0, 1.0)], [(1, 2.0)]);
        assert!(curve.figures(&[1.0, 0.0]).auroc.is_nan());
        assert_eq!(curve.figures(&[1.0, 1.0]).auroc, 1.0);
    }
}
