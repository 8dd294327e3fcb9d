//! What is there: devices, losses and merged statistics of every model, cohort and site.

use serde::Serialize;

use crate::bins;
use crate::engine::Fleet;
use crate::failure::Failure;
use crate::query::{self, BINS};
use crate::rows::Rows;

/// One model in one cohort.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Group {
    /// Model, 16 hexadecimal digits.
    pub model: String,
    /// Cohort.
    pub cohort: String,
    /// Devices heard.
    pub devices: i64,
    /// Starts of these devices that were heard of.
    pub boots: i64,
    /// Frames that arrived whole.
    pub frames: i64,
    /// Frames missing between the first and the last one heard of a boot.
    pub lost: i64,
    /// Frames that are in the folder more than once.
    pub repeated: i64,
    /// Time of the first frame, milliseconds since 1970.
    pub first_ms: Option<i64>,
    /// Time of the last frame, milliseconds since 1970.
    pub last_ms: Option<i64>,
    /// Windows that a monitor judged.
    pub windows: i64,
    /// Of these, unfamiliar ones.
    pub unfamiliar: i64,
    /// Of these, drifting ones.
    pub drifting: i64,
    /// Of these, faulty ones.
    pub faulty: i64,
    /// Faults that devices reported.
    pub faults: i64,
}

/// One statistic at one site of one model in one cohort, merged over devices and time.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct SiteRow {
    /// Model, 16 hexadecimal digits.
    pub model: String,
    /// Cohort.
    pub cohort: String,
    /// Site, TransformerLens name.
    pub site: String,
    /// Statistic.
    pub stat: String,
    /// Devices that sent it.
    pub devices: i64,
    /// Sketches merged.
    pub sketches: i64,
    /// Values in these sketches.
    pub n: i64,
    /// Mean of all values.
    pub mean: f64,
    /// Standard deviation of all values, divided by n.
    pub sd: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// 5 % quantile by the merged histogram; null where no histogram came along.
    pub q05: Option<f64>,
    /// Median by the merged histogram.
    pub q50: Option<f64>,
    /// 95 % quantile by the merged histogram.
    pub q95: Option<f64>,
    /// The merged histogram.
    pub histogram: [u64; BINS],
}

/// What is in a folder.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// By model and cohort.
    pub groups: Vec<Group>,
    /// By model, cohort, site and statistic.
    pub sites: Vec<SiteRow>,
}

impl Summary {
    /// Asks.
    ///
    /// # Errors
    /// No record at all, or what the engine reports.
    pub async fn of(fleet: &Fleet) -> Result<Self, Failure> {
        let groups = groups(fleet).await?;
        if groups.is_empty() {
            return Err(Failure::Nothing { what: "at all" });
        }
        Ok(Self {
            groups,
            sites: sites(fleet).await?,
        })
    }
}

async fn groups(fleet: &Fleet) -> Result<Vec<Group>, Failure> {
    let mut groups = Vec::new();
    fleet
        .each(&query::groups(), |batch| {
            let rows = Rows(batch);
            let (model, cohort) = (rows.words("model")?, rows.words("cohort")?);
            let first = rows.maybe("first_ms")?;
            let last = rows.maybe("last_ms")?;
            let devices = rows.integers("devices")?;
            let boots = rows.integers("boots")?;
            let frames = rows.integers("frames")?;
            let lost = rows.integers("lost")?;
            let repeated = rows.integers("repeated")?;
            let windows = rows.integers("windows")?;
            let unfamiliar = rows.integers("unfamiliar")?;
            let drifting = rows.integers("drifting")?;
            let faulty = rows.integers("faulty")?;
            let faults = rows.integers("faults")?;
            for (i, (model, cohort)) in model.into_iter().zip(cohort).enumerate() {
                groups.push(Group {
                    model,
                    cohort,
                    devices: devices[i],
                    boots: boots[i],
                    frames: frames[i],
                    lost: lost[i],
                    repeated: repeated[i],
                    first_ms: first[i],
                    last_ms: last[i],
                    windows: windows[i],
                    unfamiliar: unfamiliar[i],
                    drifting: drifting[i],
                    faulty: faulty[i],
                    faults: faults[i],
                });
            }
            Ok(())
        })
        .await?;
    Ok(groups)
}

/// Names of the histogram's columns in the answer.
const H: [&str; BINS] = [
    "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9", "h10", "h11", "h12", "h13", "h14", "h15",
    "h16",
];

async fn sites(fleet: &Fleet) -> Result<Vec<SiteRow>, Failure> {
    let mut sites = Vec::new();
    fleet
        .each(&query::sites(), |batch| {
            let rows = Rows(batch);
            let model = rows.words("model")?;
            let cohort = rows.words("cohort")?;
            let site = rows.words("site")?;
            let stat = rows.words("stat")?;
            let devices = rows.integers("devices")?;
            let sketches = rows.integers("sketches")?;
            let n = rows.integers("n")?;
            let mean = rows.floats("mean")?;
            let sd = rows.floats("sd")?;
            let (min, max) = (rows.floats("min")?, rows.floats("max")?);
            let mut bins = Vec::with_capacity(BINS);
            for name in H {
                bins.push(rows.integers(name)?);
            }
            for i in 0..batch.num_rows() {
                let histogram: [u64; BINS] =
                    core::array::from_fn(|b| u64::try_from(bins[b][i]).unwrap_or(0));
                let quantile = |q| bins::quantile(&stat[i], &histogram, [min[i], max[i]], q);
                sites.push(SiteRow {
                    model: model[i].clone(),
                    cohort: cohort[i].clone(),
                    site: site[i].clone(),
                    stat: stat[i].clone(),
                    devices: devices[i],
                    sketches: sketches[i],
                    n: n[i],
                    mean: mean[i],
                    sd: sd[i],
                    min: min[i],
                    max: max[i],
                    q05: quantile(0.05),
                    q50: quantile(0.5),
                    q95: quantile(0.95),
                    histogram,
                });
            }
            Ok(())
        })
        .await?;
    Ok(sites)
}
