//! `lacuna fleet summary`: what is there.

use lacuna_report::Out;

use super::folder::Folder;
use crate::ask::Summary;
use crate::query;

/// Show devices, losses and merged statistics of every model, cohort and site
///
/// Means and standard deviations are those of all values together; quantiles come from the merged histograms.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    folder: Folder,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A folder that cannot be read or holds no record.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    if args.folder.printed(&[query::groups(), query::sites()])? {
        return Ok(());
    }
    let summary = super::wait(args.folder.threads(), async {
        let fleet = args.folder.open(quiet).await?;
        Ok(Summary::of(&fleet).await?)
    })?;
    let out = Out {
        quiet,
        json: args.json,
    };
    out.result(&summary, || summary.text())
}
