//! Which device is odd: its mean of a statistic against the means of the other devices.
//!
//! ```text
//! z = (mean of the device - median over devices) / (1.4826 · median distance)
//! ```
//!
//! # Invariants
//! - Devices are compared with devices of the same model and cohort only.
//! - Fewer than [`Rule::fewest`] devices are not compared, and how many groups that left out is said.
//!
//! # Why
//! With a hundred devices and a hundred statistics, ten thousand comparisons are made and every threshold on z alone finds
//! somebody. So p-values (see [`two_sided`](crate::robust::two_sided)) are turned into false-discovery rates over all
//! comparisons made. They hold where devices spread normally; real ones have heavier tails, so the rate is a guide to what
//! to look at first, no verdict, and the answer says so.

use serde::Serialize;

use crate::engine::Fleet;
use crate::failure::Failure;
use crate::query;
use crate::robust::{centre_and_spread, q_values, two_sided};
use crate::rows::Rows;

/// When a device is called odd.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rule {
    /// Least |z|.
    pub z: f64,
    /// Largest false-discovery rate over all comparisons.
    pub rate: f64,
    /// Fewest devices of a group to compare.
    pub fewest: usize,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            z: 3.5,
            rate: 0.05,
            fewest: 8,
        }
    }
}

/// One statistic of one device that deviates.
#[derive(Clone, Debug, Serialize)]
pub struct Outlier {
    /// Device, 16 hexadecimal digits.
    pub device: String,
    /// Its model.
    pub model: String,
    /// Its cohort.
    pub cohort: String,
    /// Site.
    pub site: String,
    /// Statistic.
    pub stat: String,
    /// Values in the mean.
    pub n: i64,
    /// Mean on this device.
    pub mean: f64,
    /// Median over the devices.
    pub median: f64,
    /// Devices compared.
    pub devices: usize,
    /// Robust z; null where all other devices agree exactly.
    pub z: f64,
    /// Two-sided p-value, did devices spread normally.
    pub p: f64,
    /// False-discovery rate over all comparisons.
    pub q: f64,
}

/// Devices that deviate.
#[derive(Clone, Debug, Serialize)]
pub struct Outliers {
    /// The rule that was used.
    pub rule: Rule,
    /// Comparisons made: devices times statistics.
    pub comparisons: usize,
    /// Comparisons that chance alone would let pass the rule's z, did devices spread normally.
    pub by_chance: f64,
    /// Statistics that too few devices sent.
    pub too_few: usize,
    /// What deviates, largest |z| first.
    pub found: Vec<Outlier>,
}

/// One statistic on all devices of a model and cohort, in the order of the answer.
#[derive(Default)]
struct Peers {
    key: [String; 4],
    devices: Vec<(String, i64, f64)>,
}

/// p-values of everything that was compared, and in full only what may be reported.
struct Tally {
    rule: Rule,
    p: Vec<f64>,
    by_chance: f64,
    kept: Vec<(usize, Outlier)>,
    too_few: usize,
}

impl Tally {
    fn close(&mut self, peers: &mut Peers) {
        let devices = core::mem::take(&mut peers.devices);
        if devices.len() < self.rule.fewest {
            self.too_few += usize::from(!devices.is_empty());
            return;
        }
        let means: Vec<f64> = devices.iter().map(|d| d.2).collect();
        let (median, spread) = centre_and_spread(&means);
        let count = devices.len();
        self.by_chance += count as f64 * two_sided(self.rule.z, count);
        for (device, n, mean) in devices {
            let away = mean - median;
            // Where all devices agree, none is odd.
            let z = if away == 0.0 { 0.0 } else { away / spread };
            let p = two_sided(z, count);
            self.p.push(p);
            if z.abs() >= self.rule.z {
                let [model, cohort, site, stat] = peers.key.clone();
                let outlier = Outlier {
                    device,
                    model,
                    cohort,
                    site,
                    stat,
                    n,
                    mean,
                    median,
                    devices: count,
                    z,
                    p,
                    q: 1.0,
                };
                self.kept.push((self.p.len() - 1, outlier));
            }
        }
    }
}

impl Outliers {
    /// Asks.
    ///
    /// # Errors
    /// No statistics at all, or what the engine reports.
    pub async fn of(fleet: &Fleet, rule: Rule) -> Result<Self, Failure> {
        let mut peers = Peers::default();
        let mut tally = Tally {
            rule,
            p: Vec::new(),
            by_chance: 0.0,
            kept: Vec::new(),
            too_few: 0,
        };
        let mut rows_seen = 0;
        fleet
            .each(&query::devices(), |batch| {
                let rows = Rows(batch);
                let keys = [
                    rows.words("model")?,
                    rows.words("cohort")?,
                    rows.words("site")?,
                    rows.words("stat")?,
                ];
                let device = rows.words("device")?;
                let (n, mean) = (rows.integers("n")?, rows.floats("mean")?);
                rows_seen += batch.num_rows();
                for (i, device) in device.into_iter().enumerate() {
                    let key: [&str; 4] = core::array::from_fn(|k| keys[k][i].as_str());
                    if peers.key != key {
                        tally.close(&mut peers);
                        peers.key = key.map(str::to_owned);
                    }
                    peers.devices.push((device, n[i], mean[i]));
                }
                Ok(())
            })
            .await?;
        tally.close(&mut peers);
        if rows_seen == 0 {
            return Err(Failure::Nothing {
                what: "with statistics of a site",
            });
        }
        let q = q_values(&tally.p);
        let mut found: Vec<Outlier> = tally
            .kept
            .into_iter()
            .map(|(at, outlier)| Outlier {
                q: q[at],
                ..outlier
            })
            .filter(|o| o.q <= rule.rate)
            .collect();
        found.sort_by(|a, b| {
            b.z.abs()
                .total_cmp(&a.z.abs())
                .then_with(|| a.device.cmp(&b.device))
        });
        Ok(Self {
            rule,
            comparisons: tally.p.len(),
            by_chance: tally.by_chance,
            too_few: tally.too_few,
            found,
        })
    }

    /// Devices by how many of their statistics deviate, most first.
    pub fn devices(&self) -> Vec<(&str, &str, usize, f64)> {
        let mut devices: Vec<(&str, &str, usize, f64)> = Vec::new();
        for o in &self.found {
            match devices.iter_mut().find(|d| d.0 == o.device) {
                Some(d) => d.2 += 1,
                None => devices.push((&o.device, &o.cohort, 1, o.z)),
            }
        }
        devices.sort_by_key(|d| core::cmp::Reverse(d.2));
        devices
    }
}
