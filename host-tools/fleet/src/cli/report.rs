//! `lacuna fleet report`: one HTML file.

use std::path::PathBuf;

use super::folder::{Folder, width};
use crate::browser::Browser;
use crate::report::Report;
use crate::{output, query};

/// Write all answers with plots into one HTML file
///
/// The file holds everything it shows: mail it, attach it to a ticket. --png takes a picture of it with headless Chromium.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    folder: Folder,
    /// The HTML file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Also a picture of it; needs Chromium
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Width of a window of time: 90m, 6h, 1d
    #[arg(long, value_name = "WIDTH", default_value = "1d")]
    window: String,
}

/// Runs the command.
///
/// # Errors
/// A folder that cannot be read or holds no record, a file that cannot be written, no Chromium for --png.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let width_ms = width(&args.window)?;
    let questions = [
        query::groups(),
        query::sites(),
        query::devices(),
        query::course(width_ms),
        query::slopes(width_ms),
        query::answers(width_ms),
    ];
    if args.folder.printed(&questions)? {
        return Ok(());
    }
    // Found first: a minute of queries should not end in "no Chromium".
    let browser = args.png.as_ref().map(|_| Browser::find()).transpose()?;
    let report = super::wait(args.folder.threads(), async {
        let fleet = args.folder.open(quiet).await?;
        Ok(Report::of(&fleet, args.folder.name(), width_ms).await?)
    })?;
    output::write(&args.out, report.html()?.as_bytes())?;
    if let (Some(browser), Some(png)) = (browser, &args.png) {
        browser.screenshot(&args.out, png, 1100, 3200)?;
    }
    if !quiet {
        eprintln!("wrote {}", args.out.display());
    }
    Ok(())
}
