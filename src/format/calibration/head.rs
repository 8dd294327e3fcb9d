//! The head of a calibration block, as it lies in the file and as a program speaks of it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Arrays, Error, Kind};
use crate::probe::{Hook, Site};

/// Levels of the drift test: fifteen edges cut the scores into sixteen.
pub const LEVELS: usize = 16;

/// What a score is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Input {
    /// Window means of statistics.
    Statistics = 0,
    /// Window means of one site's activations, channel by channel.
    Activations = 1,
}

/// How a score comes of y.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Rule {
    /// y₀: the map has one row of weights.
    Weighted = 0,
    /// Σ y².
    Mahalanobis = 1,
    /// Squared distance to the k-th nearest of the bank.
    Nearest = 2,
}

impl Rule {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Weighted => "weighted",
            Rule::Mahalanobis => "mahalanobis",
            Rule::Nearest => "nearest",
        }
    }
}

/// What is exchangeable: one unit has one vote, however many windows it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Unit {
    /// A file.
    File = 0,
    /// A person.
    Person = 1,
    /// A stretch of consecutive windows.
    Stretch = 2,
}

impl Unit {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::File => "file",
            Unit::Person => "person",
            Unit::Stretch => "stretch",
        }
    }
}

/// A site to look at, and the statistics to take there as a bit set of their numbers; none for activations.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Default,
)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Watch {
    layer: u8,
    hook: u8,
    zero: u16,
    stats: u32,
}

impl Watch {
    /// Statistics `stats`, bit by number, at `site`.
    pub const fn new(site: Site, stats: u32) -> Self {
        Self {
            layer: site.layer,
            hook: site.hook as u8,
            zero: 0,
            stats,
        }
    }

    /// The site; `None` only before the block was checked.
    pub fn site(&self) -> Option<Site> {
        let hook = Hook::ALL.get(usize::from(self.hook)).copied()?;
        let layer = self.layer;
        (self.zero == 0).then_some(Site { layer, hook })
    }

    /// Statistics, bit by number.
    pub const fn stats(&self) -> u32 {
        self.stats
    }

    /// Whether this is `site`.
    #[inline]
    pub const fn is(&self, site: Site) -> bool {
        self.layer == site.layer && self.hook == site.hook as u8
    }
}

/// How a score is made and what is promised of it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settings {
    /// What the score is made of.
    pub input: Input,
    /// How it is made.
    pub rule: Rule,
    /// What was exchangeable in calibration.
    pub unit: Unit,
    /// Most tokens of a window, 1 ..= 65 535; those beyond are not counted.
    pub window: u32,
    /// Every how many tokens are measured; 1 for all.
    pub every: u32,
    /// Windows that make one step of the drift test.
    pub block: u32,
    /// Units of calibration.
    pub units: u32,
    /// Units that mean, sd, map, bank and edges were fitted on; none of them is a unit of calibration.
    pub fitted: u32,
    /// Windows of calibration.
    pub windows: u32,
    /// ε of the share of |x| ≤ ε.
    pub eps: f32,
    /// Stated false-alarm rate of a window.
    pub alpha: f32,
    /// Lower end of the 95 % interval of this calibration's own rate.
    pub rate_low: f32,
    /// Upper end of it.
    pub rate_high: f32,
    /// A window that scores above is unfamiliar.
    pub threshold: f32,
    /// Least mean number of steps between false drift alarms.
    pub run_length: f32,
    /// Edges between the levels of the drift test, ascending; a level holds its upper edge.
    pub edges: [f32; LEVELS - 1],
    /// Units of calibration in each level; all zero if a device is to be its own reference.
    pub counts: [u32; LEVELS],
}

/// The first bytes of a block.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Head {
    version: u8,
    input: u8,
    rule: u8,
    unit: u8,
    pub(super) inputs: u32,
    pub(super) rows: u32,
    pub(super) bank: u32,
    pub(super) nearest: u32,
    pub(super) sites: u32,
    pub(super) tails: u32,
    window: u32,
    every: u32,
    block: u32,
    units: u32,
    fitted: u32,
    windows: u32,
    zero: u32,
    rates: [f32; 6],
    edges: [f32; LEVELS - 1],
    counts: [u32; LEVELS],
}

const VERSION: u8 = 1;

impl Head {
    pub(super) fn of(s: &Settings, arrays: &Arrays<'_>, nearest: u32) -> Self {
        let n = arrays.mean.len();
        let rows = arrays.map.len() / n.max(1);
        let y = if rows == 0 { n } else { rows };
        Self {
            version: VERSION,
            input: s.input as u8,
            rule: s.rule as u8,
            unit: s.unit as u8,
            inputs: n as u32,
            rows: rows as u32,
            bank: (arrays.bank.len() / y.max(1)) as u32,
            nearest,
            sites: arrays.sites.len() as u32,
            tails: arrays.tails.len() as u32,
            window: s.window,
            every: s.every,
            block: s.block,
            units: s.units,
            fitted: s.fitted,
            windows: s.windows,
            zero: 0,
            rates: [
                s.eps,
                s.alpha,
                s.rate_low,
                s.rate_high,
                s.threshold,
                s.run_length,
            ],
            edges: s.edges,
            counts: s.counts,
        }
    }

    pub(super) fn settings(&self) -> Result<Settings, Error> {
        if self.version != VERSION {
            return Err(Error::new(Kind::Version, 0));
        }
        let input = match self.input {
            0 => Input::Statistics,
            1 => Input::Activations,
            _ => return Err(Error::new(Kind::Unknown, 1)),
        };
        let rule = match self.rule {
            0 => Rule::Weighted,
            1 => Rule::Mahalanobis,
            2 => Rule::Nearest,
            _ => return Err(Error::new(Kind::Unknown, 2)),
        };
        let unit = match self.unit {
            0 => Unit::File,
            1 => Unit::Person,
            2 => Unit::Stretch,
            _ => return Err(Error::new(Kind::Unknown, 3)),
        };
        if self.zero != 0 {
            return Err(Error::new(Kind::Reserved, 52));
        }
        let [eps, alpha, rate_low, rate_high, threshold, run_length] = self.rates;
        Ok(Settings {
            input,
            rule,
            unit,
            window: self.window,
            every: self.every,
            block: self.block,
            units: self.units,
            fitted: self.fitted,
            windows: self.windows,
            eps,
            alpha,
            rate_low,
            rate_high,
            threshold,
            run_length,
            edges: self.edges,
            counts: self.counts,
        })
    }
}
