//! What the published effect owes: direction, place, confounders, and what clamping does (methods of `2603.03415`).
//!
//! ```text
//! S1  rank correlation of grade (known = 0) and top-10 % energy after the last norm       expected > 0
//! S2  |effect| there against the median of all other sites                                expected > 2 x
//! S3  S1 with entropy and last token held still                                           expected > 0
//! S4  rank correlation of that energy and the loss, entropy held still                    expected > 0
//! S5  loss added by clamping activations to the largest tenth: known less shifted         expected > 0
//! ```
//!
//! Windows have one length, so that length is controlled by design. In a model with AbsTopK the residual stream and the
//! last norm are never sparsified, which is why the statistic is taken there.

use super::expect::Expectation;
use super::measure::{Item, Seen};
use super::trial::{KNOWN, SAME, Side};
use crate::stats::{Clusters, Interval, partial_spearman, spearman};

/// The statistic of the published effect.
pub const ENERGY: &str = "ln_final.hook_normalized:top10";
const ENTROPY: &str = "unembed.hook_logits:entropy";

/// Sizes of the effect in one family.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Effect {
    /// Name of the family.
    pub family: String,
    /// Spearman's correlation of grades and mean energies, the published kind of figure; over as many points as grades.
    pub of_means: f64,
    /// The same over windows.
    pub of_windows: f64,
    /// Energy of the most shifted less that of the known, in deviations of the known.
    pub deviations: f64,
    /// The same at every site where the share of the largest tenth was measured.
    pub by_site: Vec<(String, f64)>,
    /// Bits a token that clamping adds to known windows.
    pub clamp_known: f64,
    /// Bits that it adds to shifted ones.
    pub clamp_shifted: f64,
}

/// The windows of the test side that a family's controls use: known ones, then its own.
struct Case<'a> {
    items: Vec<&'a Item>,
    clusters: Clusters,
    most: usize,
}

impl<'a> Case<'a> {
    fn new(seen: &'a Seen, family: usize) -> Self {
        let here = |i: &&Item| i.side == Side::Test && (i.family == KNOWN || i.family == family);
        let items: Vec<&Item> = seen.items.iter().filter(here).collect();
        let places: Vec<_> = items.iter().map(|i| i.place).collect();
        Self {
            clusters: Clusters::new(&places),
            most: seen.families[family].levels.len() - 1,
            items,
        }
    }

    fn column(&self, column: usize, of: &[usize]) -> Vec<f64> {
        of.iter()
            .map(|i| f64::from(self.items[*i].values[column]))
            .collect()
    }

    fn grades(&self, of: &[usize]) -> Vec<f64> {
        let grade = |i: &Item| if i.family == KNOWN { 0 } else { i.level + 1 };
        of.iter().map(|i| grade(self.items[*i]) as f64).collect()
    }

    /// Difference of means, most shifted less known, in deviations of the known.
    fn effect(&self, column: usize, of: &[usize]) -> f64 {
        let pick = |known: bool| {
            let here = move |i: &&usize| {
                let item = self.items[**i];
                (item.family == KNOWN) == known && (known || item.level == self.most)
            };
            let values = of.iter().filter(here);
            values
                .map(|i| f64::from(self.items[*i].values[column]))
                .collect::<Vec<_>>()
        };
        let (known, shifted) = (pick(true), pick(false));
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (a, b) = (mean(&known), mean(&shifted));
        let square = known.iter().map(|x| (x - a) * (x - a)).sum::<f64>();
        (b - a) / (square / known.len() as f64).sqrt()
    }

    fn all(&self) -> Vec<usize> {
        (0..self.items.len()).collect()
    }

    fn interval(&self, rounds: (usize, u64), figure: impl Fn(&[usize]) -> f64) -> (f64, Interval) {
        self.clusters.interval(figure, 0.95, rounds)
    }
}

fn median(mut x: Vec<f64>) -> f64 {
    x.retain(|x| x.is_finite());
    x.sort_by(f64::total_cmp);
    x.get(x.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Effects and expectations of every family of shifts, with `rounds` of a bootstrap.
pub fn controls(seen: &Seen, rounds: (usize, u64)) -> (Vec<Effect>, Vec<Expectation>) {
    let place = |name: &str| seen.columns.iter().position(|c| c == name);
    let (Some(energy), Some(entropy)) = (place(ENERGY), place(ENTROPY)) else {
        return (Vec::new(), Vec::new());
    };
    let sites: Vec<usize> = (0..seen.columns.len())
        .filter(|c| seen.columns[*c].ends_with(":top10") && *c != energy)
        .collect();
    let (mut effects, mut found) = (Vec::new(), Vec::new());
    for family in SAME + 1..seen.families.len() {
        let name = seen.families[family].name.as_str();
        let case = Case::new(seen, family);
        if case.items.iter().all(|i| i.family == KNOWN) {
            continue;
        }
        effects.push(effect(seen, &case, name, energy, &sites));
        let last = |of: &[usize]| -> Vec<u32> { of.iter().map(|i| case.items[*i].last).collect() };
        let s1 = case.interval(rounds, |of| {
            spearman(&case.grades(of), &case.column(energy, of))
        });
        let s2 = case.interval(rounds, |of| {
            let own = case.effect(energy, of).abs();
            own - 2.0 * median(sites.iter().map(|c| case.effect(*c, of).abs()).collect())
        });
        let s3 = case.interval(rounds, |of| {
            let (grades, x) = (case.grades(of), case.column(energy, of));
            partial_spearman(&grades, &x, &[&case.column(entropy, of)], &last(of))
        });
        let says = [
            ("S1", "sparser the further the shift", s1),
            ("S2", "mostly in the last layer", s2),
            ("S3", "S1 beyond entropy and last token", s3),
        ];
        for (id, expected, value) in says {
            found.push(Expectation::above((id, expected, name), value, 0.0));
        }
        if case.items.iter().all(|i| !i.loss.is_nan()) {
            let s4 = case.interval(rounds, |of| {
                let loss: Vec<f64> = of.iter().map(|i| case.items[*i].loss).collect();
                let x = case.column(energy, of);
                partial_spearman(&x, &loss, &[&case.column(entropy, of)], &[])
            });
            let told = ("S4", "tells the loss beyond entropy", name);
            found.push(Expectation::above(told, s4, 0.0));
        }
        let all = case.all();
        if (case.added(true, &all) - case.added(false, &all)).is_finite() {
            let s5 = case.interval(rounds, |of| case.added(true, of) - case.added(false, of));
            let told = ("S5", "clamping costs the shifted less", name);
            found.push(Expectation::above(told, s5, 0.0));
        }
    }
    (effects, found)
}

impl Case<'_> {
    /// Mean bits that clamping adds to known windows, or to shifted ones.
    fn added(&self, known: bool, of: &[usize]) -> f64 {
        let its = of.iter().map(|i| self.items[*i]);
        let its = its.filter(|i| (i.family == KNOWN) == known);
        let added: Vec<f64> = its
            .map(|i| i.clamped - i.loss)
            .filter(|a| !a.is_nan())
            .collect();
        added.iter().sum::<f64>() / added.len() as f64
    }
}

fn effect(seen: &Seen, case: &Case<'_>, name: &str, energy: usize, sites: &[usize]) -> Effect {
    let all = case.all();
    let (grades, values) = (case.grades(&all), case.column(energy, &all));
    let mean = |grade: usize| {
        let here = grades
            .iter()
            .zip(&values)
            .filter(|(g, _)| **g == grade as f64);
        let its: Vec<f64> = here.map(|(_, v)| *v).collect();
        its.iter().sum::<f64>() / its.len() as f64
    };
    let levels: Vec<usize> = (0..case.most + 2)
        .filter(|g| mean(*g).is_finite())
        .collect();
    let means: Vec<f64> = levels.iter().map(|g| mean(*g)).collect();
    let numbers: Vec<f64> = levels.iter().map(|g| *g as f64).collect();
    let site = |c: &usize| {
        let site = seen.columns[*c].trim_end_matches(":top10").to_owned();
        (site, case.effect(*c, &all))
    };
    Effect {
        family: name.to_owned(),
        of_means: spearman(&numbers, &means),
        of_windows: spearman(&grades, &values),
        deviations: case.effect(energy, &all),
        by_site: sites.iter().chain([&energy]).map(site).collect(),
        clamp_known: case.added(true, &all),
        clamp_shifted: case.added(false, &all),
    }
}
