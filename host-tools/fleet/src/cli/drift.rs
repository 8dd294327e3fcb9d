//! `lacuna fleet drift`: what changes.

use lacuna_report::Out;

use super::folder::{Folder, width};
use crate::ask::Drift;
use crate::query;

/// Show the course of every statistic, its trend with an interval, and alarms over time
///
/// A trend is the median over devices of each device's own slope, so devices that join or leave do not bend it. Its interval
/// needs no distribution, and at least six devices that were heard in three windows of time.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    folder: Folder,
    /// Width of a window of time: 90m, 6h, 1d
    #[arg(long, value_name = "WIDTH", default_value = "1d")]
    window: String,
    /// Print one JSON object, points of every course included
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A folder that cannot be read or in which no record has a time of the host's clock.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let width_ms = width(&args.window)?;
    let questions = [
        query::course(width_ms),
        query::slopes(width_ms),
        query::answers(width_ms),
    ];
    if args.folder.printed(&questions)? {
        return Ok(());
    }
    let drift = super::wait(args.folder.threads(), async {
        let fleet = args.folder.open(quiet).await?;
        Ok(Drift::of(&fleet, width_ms).await?)
    })?;
    let out = Out {
        quiet,
        json: args.json,
    };
    out.result(&drift, || drift.text())
}
