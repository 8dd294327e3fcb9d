//! Digests by which two runs are called equal.
//!
//! ```text
//! logits of every position ──► LogitDigest: one FNV-1a-64 over all of them, prompt included
//! activations of one token ──► SiteDigests: one FNV-1a-64 per site, replaced by the next token
//! ```
//!
//! # Invariants
//! - Bits are taken little-endian, and every NaN counts as 0x7fc00000.
//!
//! # Why
//! Eight bytes a site and token are enough to find the first step, layer and site where two machines part, and cheap
//! enough to send over a serial line.

use super::sparsity::TooFewSites;
use super::{Hook, Probe, Site};
use crate::num::Fnv64;

/// The digest of all logits in position order.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LogitDigest(Fnv64);

impl LogitDigest {
    /// The digest of no logits.
    pub const fn new() -> Self {
        Self(Fnv64::new())
    }

    /// The digest so far; written as 16 lower-case hex digits.
    pub const fn value(&self) -> u64 {
        self.0.finish()
    }
}

impl Probe for LogitDigest {
    fn observe(&mut self, site: Site, x: &[f32]) {
        if site.hook == Hook::Logits {
            self.0.update_f32(x);
        }
    }

    #[inline(always)]
    fn wants(&self, hook: Hook) -> bool {
        hook == Hook::Logits
    }
}

/// The digest of every site for the latest token, in borrowed memory.
#[derive(Debug)]
pub struct SiteDigests<'a> {
    n_layers: usize,
    sites: &'a mut [u64],
}

impl<'a> SiteDigests<'a> {
    /// A probe of a model with `n_layers` blocks; `sites` is cleared. Shape: `sites (Site::count(n_layers),)` or longer.
    ///
    /// # Errors
    /// [`TooFewSites`] with both numbers.
    pub fn new(n_layers: usize, sites: &'a mut [u64]) -> Result<Self, TooFewSites> {
        let (needed, given) = (Site::count(n_layers), sites.len());
        let Some(sites) = sites.get_mut(..needed) else {
            return Err(TooFewSites { needed, given });
        };
        sites.fill(0);
        Ok(Self { n_layers, sites })
    }

    /// Digests by [`Site::index`].
    pub fn values(&self) -> &[u64] {
        self.sites
    }

    /// Every site with its digest, in the order a token meets them.
    pub fn iter(&self) -> impl Iterator<Item = (Site, u64)> + '_ {
        self.sites
            .iter()
            .enumerate()
            .filter_map(|(i, d)| Some((Site::from_index(i, self.n_layers)?, *d)))
    }
}

impl Probe for SiteDigests<'_> {
    fn observe(&mut self, site: Site, x: &[f32]) {
        if let Some(place) = self.sites.get_mut(site.index(self.n_layers)) {
            let mut digest = Fnv64::new();
            digest.update_f32(x);
            *place = digest.finish();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: Site = Site {
        layer: 0,
        hook: Hook::Logits,
    };

    #[test]
    fn logits_run_on_and_other_sites_do_not_count() {
        let (mut one, mut two) = (LogitDigest::new(), LogitDigest::new());
        one.observe(LOGITS, &[1.0, f32::NAN]);
        two.observe(LOGITS, &[1.0]);
        two.observe(
            Site {
                layer: 0,
                hook: Hook::Embed,
            },
            &[5.0],
        );
        two.observe(LOGITS, &[-f32::NAN]);
        assert_eq!(one.value(), two.value());
        assert_ne!(one.value(), LogitDigest::new().value());
    }

    #[test]
    fn a_site_keeps_its_latest_token() {
        let mut sites = [1; 15];
        let mut probe = SiteDigests::new(1, &mut sites).unwrap();
        probe.observe(LOGITS, &[1.0]);
        probe.observe(LOGITS, &[2.0]);
        let mut digest = Fnv64::new();
        digest.update_f32(&[2.0]);
        assert_eq!(probe.values()[LOGITS.index(1)], digest.finish());
        assert_eq!(probe.iter().last(), Some((LOGITS, digest.finish())));
        assert!(SiteDigests::new(2, &mut [0; 25]).is_err());
    }
}
