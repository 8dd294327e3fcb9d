//! What is kept of one statistic at one site: moments and a histogram that can be joined.
//!
//! ```text
//! value ──► n, mean, m2 (Welford) · min, max · histogram  │<lo│ 14 bins of equal size within an octave │≥hi│
//! sketch + sketch ──► the sketch of both (Chan, Golub and LeVeque)
//! ```
//!
//! # Invariants
//! - 52 bytes; counters stop at their largest value instead of wrapping.
//! - An empty sketch is all zeros, and joins as nothing.
//! - Values that are not finite are not counted.
//!
//! # Why
//! Bins are cut by the bits of a float: no logarithm, and no machine can disagree about an edge. A mean of many values in
//! f32 stops moving where a step is under half a unit in its last place, so a sketch is meant to be sent and cleared
//! within some 10⁵ values; whoever adds up many of them (a host) does so in f64. Histogram, extremes and n of joined
//! sketches do not depend on the order of joining; mean and m2 do, in their last bits.

use serde::{Deserialize, Serialize};

use super::Stat;

/// Bins of a histogram.
pub const BINS: usize = 16;

/// Where the bins of a statistic lie: `[0]` below `lo`, `[15]` from the last edge up, 14 between.
///
/// Every octave is cut into `per_octave` bins of equal size: the edges for `lo = 2⁻⁷`, two per octave are
/// `2⁻⁷, 1.5·2⁻⁷, 2⁻⁶, 1.5·2⁻⁶ … 1`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bins {
    /// The first edge, above zero.
    pub lo: f32,
    /// Bins to an octave: 1, 2, 4 or 8.
    pub per_octave: u32,
    /// Bins are of −value.
    pub negated: bool,
}

impl Bins {
    const fn new(lo: f32, per_octave: u32) -> Self {
        Self {
            lo,
            per_octave,
            negated: false,
        }
    }

    const fn shift(self) -> u32 {
        23 - self.per_octave.trailing_zeros()
    }

    /// The bin of a value.
    pub fn of(self, value: f32) -> usize {
        let value = if self.negated { -value } else { value };
        if value >= self.lo {
            let above = (value.to_bits() - self.lo.to_bits()) >> self.shift();
            (above as usize + 1).min(BINS - 1)
        } else {
            0
        }
    }

    /// The edges: bin i holds `edges[i − 1] ≤ v < edges[i]`, v the value or, where `negated`, its negative.
    pub fn edges(self) -> [f32; BINS - 1] {
        let step = 1u32 << self.shift();
        core::array::from_fn(|i| f32::from_bits(self.lo.to_bits() + i as u32 * step))
    }
}

impl Stat {
    /// The bins of this statistic's histograms; as fixed as its number.
    pub const fn bins(self) -> Bins {
        match self {
            // 0.0078 … 1
            Stat::ZeroShare | Stat::LeEpsShare | Stat::AboveShare => Bins::new(1.0 / 128.0, 2),
            Stat::Top1 | Stat::Participation | Stat::MaxSoftmax => Bins::new(1.0 / 128.0, 2),
            // 0.094 … 1
            Stat::L1 | Stat::Hoyer | Stat::Gini | Stat::Top5 | Stat::Top10 => Bins::new(0.09375, 4),
            Stat::EffRankEnergy | Stat::EffRankMagnitude => Bins::new(0.09375, 4),
            // 0.0078 … 128
            Stat::Rms => Bins::new(1.0 / 128.0, 1),
            // 1 … 128
            Stat::Kurtosis => Bins::new(1.0, 2),
            // 0.125 … 16
            Stat::Entropy => Bins::new(0.125, 2),
            // −0.5 … −64
            Stat::EnergyScore => Bins {
                lo: 0.5,
                per_octave: 2,
                negated: true,
            },
        }
    }
}

/// Streaming moments, extremes and histogram of one statistic at one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sketch {
    /// Values counted.
    pub n: u32,
    /// Mean of them.
    pub mean: f32,
    /// Sum of squared distances from the mean.
    pub m2: f32,
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
    /// Values by [`Stat::bins`].
    pub histogram: [u16; BINS],
}

impl Sketch {
    /// A sketch of nothing.
    pub const EMPTY: Sketch = Sketch {
        n: 0,
        mean: 0.0,
        m2: 0.0,
        min: 0.0,
        max: 0.0,
        histogram: [0; BINS],
    };

    /// Counts a value of `stat`, the same in every call; one that is not finite is passed over.
    pub fn push(&mut self, stat: Stat, value: f32) {
        if !value.is_finite() || self.n == u32::MAX {
            return;
        }
        if self.n == 0 {
            (self.min, self.max) = (value, value);
        }
        self.n += 1;
        let step = value - self.mean;
        self.mean += step / self.n as f32;
        self.m2 += step * (value - self.mean);
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
        let bin = &mut self.histogram[stat.bins().of(value)];
        *bin = bin.saturating_add(1);
    }

    /// Joins the sketch of other values of the same statistic at the same site.
    pub fn merge(&mut self, other: &Sketch) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.n as f32, other.n as f32);
        let n = a + b;
        let step = other.mean - self.mean;
        self.n = self.n.saturating_add(other.n);
        self.mean += step * (b / n);
        self.m2 += other.m2 + step * step * (a * (b / n));
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        for (mine, theirs) in self.histogram.iter_mut().zip(other.histogram) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// Variance of the values about their mean, m2/n; 0 where there are none.
    pub fn variance(&self) -> f32 {
        if self.n == 0 {
            0.0
        } else {
            self.m2 / self.n as f32
        }
    }

    /// Standard deviation, the root of [`Sketch::variance`].
    pub fn sd(&self) -> f32 {
        crate::num::sqrt(self.variance())
    }
}
