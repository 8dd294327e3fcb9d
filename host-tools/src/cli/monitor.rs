//! `lacuna monitor`: what a device would say of data.

use std::path::PathBuf;

use anyhow::anyhow;
use serde::Serialize;

use super::open;
use super::units::{Cutting, UnitArgs};
use crate::calibrate::{self, Report};
use crate::report::{NextStep, Out, count, percent, table};
use crate::stats::{Interval, clopper_pearson};

/// Run a calibrated model over data with the monitor that a device runs, and print what it answers
///
/// Units are met one after the other, as in one life of a device: each window is ok or unfamiliar, all of them together
/// may have drifted. The rate of alarms is the mean over units, with its 95 % interval over units. On data like that of
/// the calibration it is the rate of false alarms. Recordings (--series) are streamed as a classifier's device streams
/// them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model file with a calibration; see `lacuna calibrate`
    model: PathBuf,
    #[command(flatten)]
    data: UnitArgs,
    /// Instructions to use; the choice changes no bit [default: the fastest here]
    #[arg(long, value_name = "NAME")]
    isa: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Summary {
    self_test: String,
    windows: usize,
    rate: f64,
    rate_interval: Interval,
    stated: f32,
    stated_interval: Interval,
    drifted_at_window: Option<u32>,
    units: Vec<Report>,
}

/// Runs the command.
///
/// # Errors
/// A model without a calibration, unreadable data.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let buffer = open::model(&args.model)?;
    let model = open::parse(&args.model, &buffer)?;
    let calibration = model.file().calibration();
    let calibration = calibration
        .ok_or_else(|| anyhow!("{} has no calibration", args.model.display()))
        .next_step(|| format!("make one with `lacuna calibrate {}`", args.model.display()))?;
    let settings = *calibration.settings();
    let window = settings.window as usize;
    let cutting = Cutting::new(&args.model, &model, window, args.isa.as_deref())?;
    let units = args.data.shown(&cutting, false, &out)?;
    let bar = out.progress(units.len() as u64, "monitoring");
    let mut each = || bar.inc(1);
    let watched = calibrate::watch(&model, calibration, &units, cutting.options, &mut each)?;
    bar.finish_and_clear();
    if let Err(fault) = watched.passed {
        return Err(anyhow!(
            "the self-test failed, every answer would be faulty: {fault}"
        ))
        .next_step(|| {
            "export the model again with this version, and calibrate it again".to_owned()
        });
    }
    let n = watched.reports.len() as f64;
    if watched.reports.is_empty() {
        return Err(anyhow!("no unit has a full window"))
            .next_step(|| "give longer texts or recordings".to_owned());
    }
    let rates: f64 = watched.reports.iter().map(Report::rate).sum();
    let summary = Summary {
        self_test: match watched.passed {
            Ok(passed) => format!("{passed:?}").to_lowercase(),
            Err(fault) => fault.to_string(),
        },
        windows: watched.reports.iter().map(|r| r.windows).sum(),
        rate: rates / n,
        rate_interval: clopper_pearson(rates, n, 0.95),
        stated: settings.alpha,
        stated_interval: Interval {
            low: f64::from(settings.rate_low),
            high: f64::from(settings.rate_high),
        },
        drifted_at_window: watched.drifted,
        units: watched.reports,
    };
    out.result(&summary, || text_of(&summary))
}

fn text_of(s: &Summary) -> String {
    let rows = s.units.iter().map(|u| {
        [
            u.unit.clone(),
            count(u.windows as u64),
            count(u.unfamiliar as u64),
            format!("{:.3}", u.score),
            format!("{:.3}", u.p),
            format!("{:.3}", u.drift),
            u.answer.to_owned(),
        ]
    });
    let head = [
        "unit",
        "windows",
        "unfamiliar",
        "score",
        "p",
        "drift",
        "answer",
    ];
    let drift = s.drifted_at_window.map_or("no alarm".to_owned(), |w| {
        format!("alarm at window {}", count(u64::from(w)))
    });
    table(head, rows)
        + &format!(
            "\n\nself-test  {}\nalarms     {} of the windows, 95 % interval over {} units {} to {}; stated at most {}\n\
             drift      {drift}",
            s.self_test,
            percent(s.rate),
            s.units.len(),
            percent(s.rate_interval.low),
            percent(s.rate_interval.high),
            percent(f64::from(s.stated)),
        )
}
