//! How sparse activations are, per site, in fixed memory.
//!
//! ```text
//! x (d,) ──► zero_share = #{x = 0}/d · le_eps_share = #{|x| ≤ ε}/d · hoyer = (√d − ‖x‖₁/‖x‖₂)/(√d − 1)
//!                 └──────────────── each into n, Σ, min, max of its site ────────────────┘
//! ```
//!
//! # Invariants
//! - The same bits on every machine: both norms are eight-lane sums, the running mean is a compensated sum divided by n.
//! - 60 bytes a site; nothing grows with time. After 2³² − 1 tokens a site stops counting.
//! - A vector whose norms are not finite is not counted, so one faulty token cannot poison a mean.
//!
//! # Why
//! Exact zeros say what AbsTopK and ReLU do and what an input-major matrix can skip; |x| ≤ ε says what a threshold could
//! skip; Hoyer is scale-free and needs no threshold (Hurley and Rickard, 2009).

use serde::{Deserialize, Serialize};

use super::{Probe, Site};
use crate::num;

/// ε of `le_eps_share` unless chosen otherwise: 2⁻¹⁰, exact in binary.
pub const DEFAULT_EPS: f32 = 1.0 / 1024.0;

/// n, mean, min and max of one statistic; all zero where n is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Summary {
    /// Vectors counted.
    pub n: u32,
    /// Mean over them.
    pub mean: f32,
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
}

/// The statistics of one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SiteSummary {
    /// Share of elements that are exactly zero.
    pub zero_share: Summary,
    /// Share of elements with |x| ≤ ε, exact zeros included.
    pub le_eps_share: Summary,
    /// Hoyer sparsity, 0 for equal magnitudes and 1 for a single nonzero element.
    pub hoyer: Summary,
}

impl SiteSummary {
    /// Each statistic with its name, in the order of the struct.
    pub fn named(&self) -> [(&'static str, Summary); 3] {
        [
            ("zero_share", self.zero_share),
            ("le_eps_share", self.le_eps_share),
            ("hoyer", self.hoyer),
        ]
    }
}

/// Running n, compensated sum, min and max.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Running {
    n: u32,
    sum: f32,
    lost: f32,
    min: f32,
    max: f32,
}

impl Running {
    fn push(&mut self, v: f32) {
        if self.n == u32::MAX {
            return;
        }
        if self.n == 0 {
            (self.min, self.max) = (v, v);
        }
        self.n += 1;
        // Kahan: what rounding drops from the sum is carried to the next term.
        let term = v - self.lost;
        let sum = self.sum + term;
        self.lost = (sum - self.sum) - term;
        self.sum = sum;
        if v < self.min {
            self.min = v;
        }
        if v > self.max {
            self.max = v;
        }
    }

    fn summary(&self) -> Summary {
        Summary {
            n: self.n,
            mean: if self.n == 0 {
                0.0
            } else {
                self.sum / self.n as f32
            },
            min: self.min,
            max: self.max,
        }
    }
}

/// The memory of one site.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SiteStats {
    zero_share: Running,
    le_eps_share: Running,
    hoyer: Running,
}

impl SiteStats {
    /// A site that has seen nothing; `[SiteStats::NEW; Site::count(n_layers)]` is a probe's memory.
    pub const NEW: SiteStats = {
        const EMPTY: Running = Running {
            n: 0,
            sum: 0.0,
            lost: 0.0,
            min: 0.0,
            max: 0.0,
        };
        SiteStats {
            zero_share: EMPTY,
            le_eps_share: EMPTY,
            hoyer: EMPTY,
        }
    };

    /// What the site has seen so far.
    pub fn summary(&self) -> SiteSummary {
        SiteSummary {
            zero_share: self.zero_share.summary(),
            le_eps_share: self.le_eps_share.summary(),
            hoyer: self.hoyer.summary(),
        }
    }

    // One copy for all sites: `forward` calls a probe fifteen times.
    #[inline(never)]
    fn push(&mut self, x: &[f32], eps: f32) {
        let Some(hoyer) = hoyer(x) else { return };
        let (mut zeros, mut small) = (0u32, 0u32);
        for v in x {
            zeros += u32::from(*v == 0.0);
            small += u32::from(v.abs() <= eps);
        }
        let d = x.len() as f32;
        self.zero_share.push(zeros as f32 / d);
        self.le_eps_share.push(small as f32 / d);
        self.hoyer.push(hoyer);
    }
}

/// Hoyer sparsity (√d − ‖x‖₁/‖x‖₂)/(√d − 1), limited to 0..=1 where rounding would leave it.
///
/// A zero vector and a vector of one element are 1, as sparse as can be. `None` where a norm is not finite.
/// Shape: `x (d,)`. Source: Hoyer, "Non-negative matrix factorization with sparseness constraints", 2004.
pub fn hoyer(x: &[f32]) -> Option<f32> {
    let l1 = num::sum8_by(x, f32::abs);
    let l2 = num::sqrt(num::sum_sq8(x));
    if !(l1.is_finite() && l2.is_finite()) {
        return None;
    }
    if l2 == 0.0 || x.len() < 2 {
        return Some(1.0);
    }
    let root = num::sqrt(x.len() as f32);
    Some(((root - l1 / l2) / (root - 1.0)).clamp(0.0, 1.0))
}

/// Fewer places than the model has sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooFewSites {
    /// [`Site::count`] of the model.
    pub needed: usize,
    /// Length of the slice.
    pub given: usize,
}

impl core::fmt::Display for TooFewSites {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "a probe of {} sites was given {}",
            self.needed, self.given
        )
    }
}

impl core::error::Error for TooFewSites {}

/// A probe that keeps [`SiteStats`] of every site in borrowed memory.
#[derive(Debug)]
pub struct SparsityProbe<'a> {
    n_layers: usize,
    eps: f32,
    sites: &'a mut [SiteStats],
}

impl<'a> SparsityProbe<'a> {
    /// A probe of a model with `n_layers` blocks; `sites` is cleared. Shape: `sites (Site::count(n_layers),)` or longer.
    ///
    /// # Errors
    /// [`TooFewSites`] with both numbers.
    pub fn new(n_layers: usize, eps: f32, sites: &'a mut [SiteStats]) -> Result<Self, TooFewSites> {
        let (needed, given) = (Site::count(n_layers), sites.len());
        let Some(sites) = sites.get_mut(..needed) else {
            return Err(TooFewSites { needed, given });
        };
        sites.fill(SiteStats::NEW);
        Ok(Self {
            n_layers,
            eps,
            sites,
        })
    }

    /// ε of `le_eps_share`.
    pub fn eps(&self) -> f32 {
        self.eps
    }

    /// Every site with what it has seen, in the order a token meets them.
    pub fn summaries(&self) -> impl Iterator<Item = (Site, SiteSummary)> + '_ {
        self.sites
            .iter()
            .enumerate()
            .filter_map(|(i, s)| Some((Site::from_index(i, self.n_layers)?, s.summary())))
    }

    /// What `site` has seen; all zero for a site that the model does not have.
    pub fn summary(&self, site: Site) -> SiteSummary {
        self.sites
            .get(site.index(self.n_layers))
            .map_or(SiteSummary::default(), SiteStats::summary)
    }

    /// Forgets everything seen.
    pub fn clear(&mut self) {
        self.sites.fill(SiteStats::NEW);
    }
}

impl Probe for SparsityProbe<'_> {
    fn observe(&mut self, site: Site, x: &[f32]) {
        if let Some(stats) = self.sites.get_mut(site.index(self.n_layers)) {
            stats.push(x, self.eps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Hook;

    #[test]
    fn hoyer_ends() {
        assert_eq!(hoyer(&[0.0; 5]), Some(1.0));
        assert_eq!(hoyer(&[-3.0]), Some(1.0));
        assert_eq!(hoyer(&[0.0, -2.0, 0.0, 0.0]), Some(1.0));
        assert_eq!(hoyer(&[1.0, -1.0, 1.0, -1.0]), Some(0.0));
        assert_eq!(hoyer(&[f32::INFINITY, 1.0]), None);
        assert_eq!(hoyer(&[f32::NAN, 1.0]), None);
        let half = hoyer(&[1.0, 1.0, 0.0, 0.0]).unwrap();
        assert!((half - (2.0 - 2f32.sqrt())).abs() < 1e-6, "{half}");
    }

    #[test]
    fn mean_is_exact_where_a_plain_sum_is_not() {
        let mut r = Running::default();
        for _ in 0..100_000 {
            r.push(0.1);
        }
        assert_eq!(r.summary().mean, 0.1);
        assert_eq!((r.summary().min, r.summary().max), (0.1, 0.1));
    }

    #[test]
    fn counts_shares_and_skips_faulty_vectors() {
        let mut sites = [SiteStats::NEW; Site::count(1)];
        let mut probe = SparsityProbe::new(1, 0.5, &mut sites).unwrap();
        let site = Site {
            layer: 0,
            hook: Hook::Q,
        };
        probe.observe(site, &[0.0, -0.0, 0.5, 2.0]);
        probe.observe(site, &[f32::NAN, 1.0, 1.0, 1.0]);
        probe.observe(site, &[1.0, 1.0, 1.0, 1.0]);
        let s = probe.summary(site);
        assert_eq!((s.zero_share.n, s.zero_share.mean), (2, 0.25));
        assert_eq!((s.le_eps_share.min, s.le_eps_share.max), (0.0, 0.75));
        let far = Site {
            layer: 9,
            hook: Hook::Q,
        };
        probe.observe(far, &[1.0]);
        assert_eq!(probe.summary(far), SiteSummary::default());
    }

    #[test]
    fn too_few_sites_is_an_error_with_both_numbers() {
        let mut sites = [SiteStats::NEW; 14];
        assert_eq!(
            SparsityProbe::new(1, 0.0, &mut sites).unwrap_err(),
            TooFewSites {
                needed: 15,
                given: 14
            }
        );
    }
}
