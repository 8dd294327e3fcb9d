//! The invariants of a calibration block.

use super::head::Head;
use super::{Calibration, Error, Input, Kind, MAX_NEAREST, MAX_SITES, Rule, Watch};
use crate::config::Config;
use crate::probe::{Hook, Site, StatSet};

/// Offsets of the head's fields.
mod at {
    pub(super) const ROWS: usize = 8;
    pub(super) const BANK: usize = 12;
    pub(super) const NEAREST: usize = 16;
    pub(super) const WINDOW: usize = 28;
    pub(super) const EVERY: usize = 32;
    pub(super) const BLOCK: usize = 36;
    pub(super) const UNITS: usize = 40;
    pub(super) const RATES: usize = 56;
    pub(super) const EDGES: usize = 80;
    pub(super) const COUNTS: usize = 140;
}

impl Calibration<'_> {
    /// The invariants of the module under `config`.
    pub(crate) fn check(&self, config: &Config) -> Result<(), Error> {
        self.check_counts()?;
        self.check_sites(config)?;
        self.check_rule()?;
        self.check_rates()?;
        self.check_numbers()
    }

    fn check_counts(&self) -> Result<(), Error> {
        let s = &self.settings;
        let small = |n: u32, at| match n {
            1..=65_535 => Ok(()),
            _ => Err(Error::new(Kind::Counts, at)),
        };
        small(s.window, at::WINDOW)?;
        small(s.every, at::EVERY)?;
        small(s.block, at::BLOCK)?;
        if s.units == 0 || s.windows < s.units {
            return Err(Error::new(Kind::Counts, at::UNITS));
        }
        let counted = s.counts.iter().map(|&n| u64::from(n)).sum::<u64>();
        if counted != 0 && counted != u64::from(s.units) {
            return Err(Error::new(Kind::Counts, at::COUNTS));
        }
        Ok(())
    }

    fn check_sites(&self, config: &Config) -> Result<(), Error> {
        let sites = self.arrays.sites;
        if sites.is_empty() || sites.len() > MAX_SITES {
            return Err(Error::new(Kind::Sites, 20));
        }
        let (mut inputs, mut next) = (0, 0);
        for (i, watch) in sites.iter().enumerate() {
            let at = size_of::<Head>() + i * size_of::<Watch>();
            let site = watch.site().filter(|site| there(config, *site));
            let site = site.ok_or(Error::new(Kind::Sites, at))?;
            let place = site.index(config.n_layers);
            if place < next {
                return Err(Error::new(Kind::Sites, at));
            }
            next = place + 1;
            let stats = watch.stats();
            let known = match site.hook {
                Hook::Logits => StatSet::ALL,
                _ => StatSet::ANYWHERE,
            };
            let fits = match self.settings.input {
                Input::Statistics => stats != 0 && stats & !known.0 == 0,
                Input::Activations => stats == 0 && sites.len() == 1,
            };
            if !fits {
                return Err(Error::new(Kind::Statistics, at + 4));
            }
            inputs += match self.settings.input {
                Input::Statistics => stats.count_ones() as usize,
                Input::Activations => config.width_of(site.hook),
            };
        }
        if inputs != self.inputs() || inputs != self.arrays.sd.len() {
            return Err(Error::new(Kind::Statistics, 4));
        }
        Ok(())
    }

    fn check_rule(&self) -> Result<(), Error> {
        let (n, y, a) = (self.inputs(), self.outputs(), &self.arrays);
        if !a.map.len().is_multiple_of(n) || y > n {
            return Err(Error::new(Kind::Rule, at::ROWS));
        }
        if !a.bank.len().is_multiple_of(y) {
            return Err(Error::new(Kind::Rule, at::BANK));
        }
        let bank = a.bank.len() / y;
        match self.settings.rule {
            Rule::Weighted if a.map.len() != n => Err(Error::new(Kind::Rule, at::ROWS)),
            Rule::Nearest if self.nearest() == 0 || self.nearest() > bank.min(MAX_NEAREST) => {
                Err(Error::new(Kind::Rule, at::NEAREST))
            }
            Rule::Weighted | Rule::Mahalanobis if bank != 0 || self.nearest != 0 => {
                Err(Error::new(Kind::Rule, at::BANK))
            }
            _ => Ok(()),
        }
    }

    fn check_rates(&self) -> Result<(), Error> {
        let s = &self.settings;
        let rates = [s.eps, s.alpha, s.rate_low, s.rate_high];
        let wrong = rates.iter().position(|r| !(0.0..=1.0).contains(r));
        if let Some(i) = wrong {
            return Err(Error::new(Kind::Rate, at::RATES + 4 * i));
        }
        // In f64 the quotient is below the nearest f32 of an exporter's by less than this factor.
        let least = (1.0 - 1e-6) / (f64::from(s.units) + 1.0);
        if f64::from(s.alpha) < least || s.alpha >= 1.0 {
            return Err(Error::new(Kind::Rate, at::RATES + 4));
        }
        if s.rate_low > s.rate_high {
            return Err(Error::new(Kind::Rate, at::RATES + 8));
        }
        if !s.threshold.is_finite() {
            return Err(Error::new(Kind::Number, at::RATES + 16));
        }
        if !(s.run_length.is_finite() && s.run_length >= 1.0) {
            return Err(Error::new(Kind::Number, at::RATES + 20));
        }
        if !s.edges.iter().all(|e| e.is_finite()) {
            return Err(Error::new(Kind::Number, at::EDGES));
        }
        if !s.edges.is_sorted() {
            return Err(Error::new(Kind::Order, at::EDGES));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), Error> {
        let a = &self.arrays;
        let mut at = size_of::<Head>() + size_of_val(a.sites);
        for (i, part) in [a.mean, a.sd, a.map, a.bank, a.scores, a.tails]
            .into_iter()
            .enumerate()
        {
            // A deviation divides: one that is subnormal would make finite activations infinite.
            let bad = |v: &f32| !v.is_finite() || (i == 1 && *v < f32::MIN_POSITIVE);
            if let Some(wrong) = part.iter().position(bad) {
                return Err(Error::new(Kind::Number, at + 4 * wrong));
            }
            at += size_of_val(part);
        }
        let table = at - size_of_val(a.scores) - size_of_val(a.tails);
        let ascending = a.scores.windows(2).all(|w| w[0] < w[1]);
        let descending = a.tails.windows(2).all(|w| w[0] >= w[1]);
        let within = a.tails.iter().all(|t| *t > 0.0 && *t <= 1.0);
        if a.scores.is_empty() || a.scores.len() != a.tails.len() || !ascending {
            return Err(Error::new(Kind::Order, table));
        }
        if !(descending && within) {
            return Err(Error::new(Kind::Order, table + size_of_val(a.scores)));
        }
        Ok(())
    }
}

/// Whether a model of `config` has `site`.
fn there(config: &Config, site: Site) -> bool {
    let layers = if site.hook.in_block() {
        config.n_layers
    } else {
        1
    };
    usize::from(site.layer) < layers
}
