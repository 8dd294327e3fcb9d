//! What changes: the course of every statistic over windows of time, its trend, and what monitors answered.
//!
//! # Invariants
//! - A trend is the median over devices of each device's own slope; a device that joins or leaves does not bend it.
//! - Its interval comes from order statistics of these slopes, which needs no distribution and at least six devices; with
//!   fewer there is none.
//! - Windows are cut by the host's clock; records without one take no part.
//!
//! # Why
//! The mean of a fleet moves when its make-up does. Slopes within devices do not.

use serde::Serialize;

use crate::engine::Fleet;
use crate::failure::Failure;
use crate::query;
use crate::robust::{median, median_interval, q_values, sign_test};
use crate::rows::Rows;

/// A statistic in one window of time, merged over devices.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Begin of the window, milliseconds since 1970.
    pub start_ms: i64,
    /// Devices heard in it.
    pub devices: i64,
    /// Values in it.
    pub n: i64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub sd: f64,
}

/// The course of one statistic at one site of one model in one cohort.
#[derive(Clone, Debug, Serialize)]
pub struct Trend {
    /// Model.
    pub model: String,
    /// Cohort.
    pub cohort: String,
    /// Site.
    pub site: String,
    /// Statistic.
    pub stat: String,
    /// Devices heard in three windows or more.
    pub devices: usize,
    /// Median over them of the change per day; null without such devices.
    pub per_day: Option<f64>,
    /// 95 % interval of that median; null with fewer than six devices.
    pub interval: Option<[f64; 2]>,
    /// Sign test of "as many devices rise as fall".
    pub p: f64,
    /// False-discovery rate over all trends tested.
    pub q: f64,
    /// The windows in order.
    pub points: Vec<Point>,
}

/// Answers of the monitors of a model and cohort in one window of time.
#[derive(Clone, Debug, Serialize)]
pub struct Answers {
    /// Model.
    pub model: String,
    /// Cohort.
    pub cohort: String,
    /// Begin of the window, milliseconds since 1970.
    pub start_ms: i64,
    /// Devices whose monitors answered.
    pub devices: i64,
    /// Windows of input judged.
    pub windows: i64,
    /// Answers *ok*.
    pub ok: i64,
    /// Answers *unfamiliar*.
    pub unfamiliar: i64,
    /// Answers *drifting*.
    pub drifting: i64,
    /// Answers *faulty*.
    pub faulty: i64,
}

/// What changes in a fleet.
#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    /// Width of a window of time, milliseconds.
    pub width_ms: u64,
    /// Trends, smallest p first.
    pub trends: Vec<Trend>,
    /// Answers in order of time.
    pub answers: Vec<Answers>,
}

impl Drift {
    /// Asks, over windows of `width_ms`.
    ///
    /// # Errors
    /// No record with a time, or what the engine reports.
    pub async fn of(fleet: &Fleet, width_ms: u64) -> Result<Self, Failure> {
        let mut trends = course(fleet, width_ms).await?;
        slopes(fleet, width_ms, &mut trends).await?;
        let answers = answers(fleet, width_ms).await?;
        if trends.is_empty() && answers.is_empty() {
            return Err(Failure::Nothing {
                what: "with a time of the host's clock",
            });
        }
        let tested: Vec<usize> = (0..trends.len())
            .filter(|&t| trends[t].devices > 0)
            .collect();
        let p: Vec<f64> = tested.iter().map(|&t| trends[t].p).collect();
        for (t, q) in tested.into_iter().zip(q_values(&p)) {
            trends[t].q = q;
        }
        // Stable: equal ones stay in order of their names.
        trends.sort_by(|a, b| a.p.total_cmp(&b.p));
        Ok(Self {
            width_ms,
            trends,
            answers,
        })
    }
}

async fn course(fleet: &Fleet, width_ms: u64) -> Result<Vec<Trend>, Failure> {
    let mut trends: Vec<Trend> = Vec::new();
    fleet
        .each(&query::course(width_ms), |batch| {
            let rows = Rows(batch);
            let model = rows.words("model")?;
            let cohort = rows.words("cohort")?;
            let (site, stat) = (rows.words("site")?, rows.words("stat")?);
            let start = rows.integers("start_ms")?;
            let devices = rows.integers("devices")?;
            let n = rows.integers("n")?;
            let (mean, sd) = (rows.floats("mean")?, rows.floats("sd")?);
            for i in 0..batch.num_rows() {
                let key = [&model[i], &cohort[i], &site[i], &stat[i]];
                let same = |t: &Trend| [&t.model, &t.cohort, &t.site, &t.stat] == key;
                if !trends.last().is_some_and(same) {
                    let [model, cohort, site, stat] = key.map(String::clone);
                    trends.push(Trend {
                        model,
                        cohort,
                        site,
                        stat,
                        devices: 0,
                        per_day: None,
                        interval: None,
                        p: 1.0,
                        q: 1.0,
                        points: Vec::new(),
                    });
                }
                if let Some(trend) = trends.last_mut() {
                    trend.points.push(Point {
                        start_ms: start[i],
                        devices: devices[i],
                        n: n[i],
                        mean: mean[i],
                        sd: sd[i],
                    });
                }
            }
            Ok(())
        })
        .await?;
    Ok(trends)
}

/// Slopes come in the order of the trends, which lets one pass join them.
async fn slopes(fleet: &Fleet, width_ms: u64, trends: &mut [Trend]) -> Result<(), Failure> {
    let mut at = 0;
    let mut of_devices: Vec<Vec<f64>> = vec![Vec::new(); trends.len()];
    fleet
        .each(&query::slopes(width_ms), |batch| {
            let rows = Rows(batch);
            let model = rows.words("model")?;
            let cohort = rows.words("cohort")?;
            let (site, stat) = (rows.words("site")?, rows.words("stat")?);
            for (i, slope) in rows.floats("slope")?.into_iter().enumerate() {
                let key = [&model[i], &cohort[i], &site[i], &stat[i]];
                let same = |t: &Trend| [&t.model, &t.cohort, &t.site, &t.stat] == key;
                let Some(ahead) = trends[at..].iter().position(same) else {
                    continue;
                };
                at += ahead;
                if slope.is_finite() {
                    of_devices[at].push(slope);
                }
            }
            Ok(())
        })
        .await?;
    for (trend, mut slopes) in trends.iter_mut().zip(of_devices) {
        if slopes.is_empty() {
            continue;
        }
        let moved: Vec<f64> = slopes.iter().copied().filter(|s| *s != 0.0).collect();
        let rising = moved.iter().filter(|s| **s > 0.0).count();
        trend.devices = slopes.len();
        trend.p = sign_test(rising, moved.len());
        trend.per_day = Some(median(&mut slopes));
        trend.interval = median_interval(&mut slopes, 0.95);
    }
    Ok(())
}

async fn answers(fleet: &Fleet, width_ms: u64) -> Result<Vec<Answers>, Failure> {
    let mut answers = Vec::new();
    fleet
        .each(&query::answers(width_ms), |batch| {
            let rows = Rows(batch);
            let model = rows.words("model")?;
            let cohort = rows.words("cohort")?;
            let start = rows.integers("start_ms")?;
            let (devices, windows) = (rows.integers("devices")?, rows.integers("windows")?);
            let (ok, unfamiliar) = (rows.integers("ok")?, rows.integers("unfamiliar")?);
            let (drifting, faulty) = (rows.integers("drifting")?, rows.integers("faulty")?);
            for (i, (model, cohort)) in model.into_iter().zip(cohort).enumerate() {
                answers.push(Answers {
                    model,
                    cohort,
                    start_ms: start[i],
                    devices: devices[i],
                    windows: windows[i],
                    ok: ok[i],
                    unfamiliar: unfamiliar[i],
                    drifting: drifting[i],
                    faulty: faulty[i],
                });
            }
            Ok(())
        })
        .await?;
    Ok(answers)
}
