//! `lacuna fleet demo`: an invented fleet and a report on it.

use std::path::PathBuf;

use lacuna_report::Out;

use crate::demo::{self, Plan};
use crate::engine::{Fleet, Settings};
use crate::output;
use crate::report::Report;

/// Invent a fleet, write its telemetry, and report on it
///
/// Sixty devices in three cohorts over two weeks, with faults whose place is known: one device saturates, one has a bad link, one
/// fails its checks now and then, and the inputs of one cohort change from the middle on. Nothing of it was measured.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A folder that does not exist yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Devices
    #[arg(long, value_name = "N", default_value_t = Plan::default().devices, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    devices: u32,
    /// Days
    #[arg(long, value_name = "N", default_value_t = Plan::default().days, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    /// Hours between two reports of a device
    #[arg(long, value_name = "N", default_value_t = Plan::default().hours, value_parser = clap::value_parser!(u32).range(1..=24))]
    hours: u32,
    /// Seed; the same seed gives the same files
    #[arg(long, value_name = "N", default_value_t = Plan::default().seed)]
    seed: u64,
    /// Write the telemetry only
    #[arg(long)]
    no_report: bool,
}

/// Runs the command.
///
/// # Errors
/// A folder that is not empty or cannot be written to.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let plan = Plan {
        devices: args.devices,
        days: args.days,
        hours: args.hours,
        seed: args.seed,
    };
    let out = Out { quiet, json: false };
    let bar = out.progress(args.devices.into(), "devices");
    let truth = demo::write(&args.out, &plan, || bar.inc(1))?;
    bar.finish_and_clear();
    let telemetry = args.out.join("telemetry");
    let cohorts = args.out.join("cohorts.csv");
    if !quiet {
        eprintln!(
            "{} invented records of {} devices in {}\n  saturated: {}\n  bad link:  {}\n  faulty:    {}\n  drifting:  cohort {}",
            truth.records,
            plan.devices,
            telemetry.display(),
            truth.saturated,
            truth.bad_link,
            truth.faulty,
            truth.drifting,
        );
    }
    if !args.no_report {
        let settings = Settings {
            cohorts: Some(cohorts.clone()),
            ..Settings::new(&telemetry)
        };
        let report = super::wait(1, async {
            let fleet = Fleet::open(&settings).await?;
            let source = "an invented fleet (lacuna fleet demo)".to_owned();
            Ok(Report::of(&fleet, source, 86_400_000).await?)
        })?;
        let page = args.out.join("report.html");
        output::write(&page, report.html()?.as_bytes())?;
        if !quiet {
            eprintln!("report: {}", page.display());
        }
    }
    if !quiet {
        eprintln!(
            "next: lacuna fleet outliers {} --cohorts {}",
            telemetry.display(),
            cohorts.display()
        );
    }
    Ok(())
}
