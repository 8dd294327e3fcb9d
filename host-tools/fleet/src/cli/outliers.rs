//! `lacuna fleet outliers`: which device is odd.

use lacuna_report::Out;

use super::folder::Folder;
use crate::ask::{Outliers, Rule};
use crate::query;

/// Name devices whose statistics deviate from those of their peers
///
/// Every device's mean of every statistic is compared with the median over the devices of the same model and cohort, in units
/// of the median distance. Many comparisons are made, so a p-value alone would name somebody every time: what is reported
/// keeps the false-discovery rate over all comparisons at --rate, were tails normal.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    folder: Folder,
    /// Least distance from the median, in robust standard deviations
    #[arg(long, value_name = "Z", default_value_t = Rule::default().z)]
    z: f64,
    /// False-discovery rate over all comparisons
    #[arg(long, value_name = "SHARE", default_value_t = Rule::default().rate)]
    rate: f64,
    /// Fewest devices of a cohort to compare, at least 5; below 8 the rate is too hopeful
    #[arg(long, value_name = "N", default_value_t = Rule::default().fewest)]
    fewest: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A folder that cannot be read or holds no statistics.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    if args.folder.printed(&[query::devices()])? {
        return Ok(());
    }
    let rule = Rule {
        z: args.z,
        rate: args.rate,
        fewest: args.fewest.max(5),
    };
    let outliers = super::wait(args.folder.threads(), async {
        let fleet = args.folder.open(quiet).await?;
        Ok(Outliers::of(&fleet, rule).await?)
    })?;
    let out = Out {
        quiet,
        json: args.json,
    };
    out.result(&outliers, || outliers.text())
}
