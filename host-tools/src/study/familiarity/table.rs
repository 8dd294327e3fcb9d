//! One checkpoint's windows as columns, and figures of every seed.

use super::{DOSES, Group, Shown, Stage};
use crate::stats::{Interval, mean_interval, partial_spearman, spearman};
use crate::study::measure::Item;

pub(super) use crate::study::controls::ENERGY;
/// The same without the gain: a norm without means scales, and shares of energy do not change by that.
pub(super) const BARE: &str = "hook_resid_final:top10";
const ENTROPY: &str = "unembed.hook_logits:entropy";

/// A value with its 95 % interval over seeds; NaN for ends that cannot be known.
pub(super) type Known = (f64, Interval);

/// One checkpoint.
pub(super) struct Table<'a> {
    stage: &'a Stage,
    shown: &'a [Shown],
    /// Numbers of the items of each seed.
    pub(super) seeds: Vec<Vec<usize>>,
}

impl<'a> Table<'a> {
    pub(super) fn of(group: &'a Group) -> Vec<Table<'a>> {
        let table = |stage: &'a Stage| {
            let items = &stage.seen.items;
            let last = items.iter().map(|i| i.place.seed).max();
            let of = |seed| {
                let its = (0..items.len()).filter(move |i| items[*i].place.seed == seed);
                its.collect()
            };
            Table {
                stage,
                shown: &group.shown,
                seeds: (0..last.map_or(0, |l| l + 1)).map(of).collect(),
            }
        };
        group.stages.iter().map(table).collect()
    }

    pub(super) fn step(&self) -> u64 {
        self.stage.step
    }

    pub(super) fn columns(&self) -> &'a [String] {
        &self.stage.seen.columns
    }

    pub(super) fn windows(&self) -> usize {
        self.stage.seen.items.len()
    }

    fn item(&self, i: usize) -> &'a Item {
        &self.stage.seen.items[i]
    }

    /// The values of a column; NaN where there is none of that name.
    pub(super) fn column(&self, name: &str, of: &[usize]) -> Vec<f64> {
        let place = self.columns().iter().position(|c| c == name);
        let value = |i: &usize| place.and_then(|p| self.item(*i).values.get(p)).copied();
        of.iter()
            .map(|i| value(i).map_or(f64::NAN, f64::from))
            .collect()
    }

    /// log₂(1 + exposure).
    pub(super) fn exposed(&self, of: &[usize]) -> Vec<f64> {
        of.iter()
            .map(|i| (1.0 + self.shown[*i].exposure).log2())
            .collect()
    }

    pub(super) fn loss(&self, of: &[usize]) -> Vec<f64> {
        of.iter().map(|i| self.item(*i).loss).collect()
    }

    /// Those of a dose.
    pub(super) fn dose(&self, dose: usize, of: &[usize]) -> Vec<usize> {
        let its = of.iter().copied();
        its.filter(|i| self.item(*i).level == dose).collect()
    }

    /// Those of the highest dose.
    pub(super) fn familiar(&self, of: &[usize]) -> Vec<usize> {
        self.dose(DOSES.len() - 1, of)
    }

    /// Those of dose 0, or a third of them by difficulty.
    pub(super) fn unseen(&self, third: Option<u8>, of: &[usize]) -> Vec<usize> {
        let mut all = self.dose(0, of);
        all.retain(|i| third.is_none() || self.shown[*i].third == third);
        all
    }

    pub(super) fn mean(&self, name: &str, of: &[usize]) -> f64 {
        mean(&self.column(name, of))
    }

    /// Spearman's correlation of exposure and a column.
    pub(super) fn response(&self, name: &str) -> Known {
        self.over(|of| spearman(&self.exposed(of), &self.column(name, of)))
    }

    /// Spearman's correlation of `x` and a column, with the last token and perhaps entropy and loss held still.
    pub(super) fn beyond(&self, x: &[f64], name: &str, of: &[usize], more: bool) -> f64 {
        let last: Vec<u32> = of.iter().map(|i| self.item(*i).last).collect();
        let (entropy, loss) = (self.column(ENTROPY, of), self.loss(of));
        let controls: &[&[f64]] = if more { &[&entropy, &loss] } else { &[] };
        partial_spearman(x, &self.column(name, of), controls, &last)
    }

    /// A figure of every seed.
    pub(super) fn each(&self, figure: impl Fn(&[usize]) -> f64) -> Vec<f64> {
        self.seeds.iter().map(|of| figure(of)).collect()
    }

    /// Mean over seeds of a figure, and its interval.
    pub(super) fn over(&self, figure: impl Fn(&[usize]) -> f64) -> Known {
        known(&self.each(figure))
    }
}

/// Mean and interval of a figure of each seed.
pub(super) fn known(values: &[f64]) -> Known {
    let (mean, interval) = mean_interval(values, 0.95);
    let none = Interval {
        low: f64::NAN,
        high: f64::NAN,
    };
    (mean, interval.unwrap_or(none))
}

/// With the other sign.
pub(super) fn minus((value, i): Known) -> Known {
    let interval = Interval {
        low: -i.high,
        high: -i.low,
    };
    (-value, interval)
}

pub(super) fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}
