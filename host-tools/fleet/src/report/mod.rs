//! All answers in one HTML file that a browser shows without a network.
//!
//! ```text
//! summary ┐                 ┌ heading, numbers in brief
//! outliers├─► Report ─► page├ plots (SVG, inline)
//! drift   ┘                 └ tables
//! ```
//!
//! # Invariants
//! - One file: no script, no font, no picture from elsewhere.
//! - Everything that came out of a file of telemetry is escaped.
//! - A plot is never the only place where a figure stands.
//!
//! # Why
//! It is mailed, attached to a ticket, and read years later.

mod page;
mod plot;

use crate::ask::{Drift, Outliers, Rule, Summary, Trend};
use crate::engine::Fleet;
use crate::failure::Failure;
use crate::query;
use crate::rows::Rows;

/// Means of one statistic on the devices of one cohort.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Cohort.
    pub cohort: String,
    /// Device and its mean, smallest first.
    pub devices: Vec<(String, f64)>,
}

/// What a report shows.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where the telemetry came from.
    pub source: String,
    /// Files read and files left out.
    pub files: [usize; 2],
    /// What there is.
    pub summary: Summary,
    /// Which devices deviate.
    pub outliers: Outliers,
    /// What changes; none where no record has a time.
    pub drift: Option<Drift>,
    /// The statistic with the most deviating device, on all devices: site, statistic, cohorts.
    pub oddest: Option<(String, String, Vec<Peers>)>,
}

impl Report {
    /// Asks everything.
    ///
    /// # Errors
    /// What any of the questions reports, other than "nothing of this kind" for outliers and drift.
    pub async fn of(fleet: &Fleet, source: String, width_ms: u64) -> Result<Self, Failure> {
        let summary = Summary::of(fleet).await?;
        let outliers = match Outliers::of(fleet, Rule::default()).await {
            Err(Failure::Nothing { .. }) => Outliers {
                rule: Rule::default(),
                comparisons: 0,
                by_chance: 0.0,
                too_few: 0,
                found: Vec::new(),
            },
            other => other?,
        };
        let drift = match Drift::of(fleet, width_ms).await {
            Err(Failure::Nothing { .. }) => None,
            other => Some(other?),
        };
        let oddest = match outliers.found.first() {
            Some(o) => Some((
                o.site.clone(),
                o.stat.clone(),
                peers(fleet, &o.site, &o.stat).await?,
            )),
            None => None,
        };
        let files = fleet.files();
        Ok(Self {
            source,
            files: [files.readable.len(), files.left_out.len()],
            summary,
            outliers,
            drift,
            oddest,
        })
    }

    /// The HTML file.
    ///
    /// # Errors
    /// A plot that cannot be drawn.
    pub fn html(&self) -> Result<String, Failure> {
        page::whole(self)
    }

    /// Trends whose false-discovery rate is at most 5 %, most certain first.
    fn moving(&self) -> impl Iterator<Item = &Trend> {
        let trends = self.drift.iter().flat_map(|d| &d.trends);
        trends.filter(|t| t.devices > 0 && t.q <= 0.05)
    }
}

async fn peers(fleet: &Fleet, site: &str, stat: &str) -> Result<Vec<Peers>, Failure> {
    let mut cohorts: Vec<Peers> = Vec::new();
    fleet
        .each(&query::devices_of(site, stat), |batch| {
            let rows = Rows(batch);
            let (cohort, device) = (rows.words("cohort")?, rows.words("device")?);
            let each = cohort.into_iter().zip(device).zip(rows.floats("mean")?);
            for ((cohort, device), mean) in each {
                match cohorts.last_mut() {
                    Some(last) if last.cohort == cohort => last.devices.push((device, mean)),
                    _ => cohorts.push(Peers {
                        cohort,
                        devices: vec![(device, mean)],
                    }),
                }
            }
            Ok(())
        })
        .await?;
    Ok(cohorts)
}
