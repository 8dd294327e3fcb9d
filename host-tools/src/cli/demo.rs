//! `lacuna demo`: the main job in one command.

use std::path::PathBuf;

use anyhow::{Context, anyhow};

use crate::demo::{self, Settings};
use crate::output;
use crate::report::{NextStep, Out};

/// Train a sparse and a dense model, run them here and on an emulated board, compare every bit
///
/// Takes a few minutes on two cores. What is missing for the board can be installed on Debian and Ubuntu; without it
/// everything else is done, and what was left out is said.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
    /// Write everything that was measured to this file too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep checkpoints and models here; a run that was stopped goes on from there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Steps of each training
    #[arg(long, value_name = "N", default_value_t = demo::STEPS)]
    steps: u64,
}

/// Runs the command.
///
/// # Errors
/// Anything that stands in the way, bits that differ, a sparse model no better than trigrams.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out { quiet, json: false };
    // Dropped, and so removed, at the end.
    let temporary = match &args.keep {
        Some(_) => None,
        None => Some(tempfile::tempdir().context("no temporary directory can be made")?),
    };
    let work = match (&args.keep, &temporary) {
        (Some(dir), _) => dir.clone(),
        (None, Some(dir)) => dir.path().to_owned(),
        (None, None) => PathBuf::new(),
    };
    let settings = Settings {
        steps: args.steps,
        work,
        yes: args.yes,
    };
    let outcome = demo::run(&settings, &out)?;
    if let Some(path) = &args.json {
        output::write(path, |sink| {
            serde_json::to_writer_pretty(&mut *sink, &outcome)?;
            sink.write_all(b"\n")
        })
        .next_step(|| "name a file in a place that exists, is writable and has room".to_owned())?;
    }
    out.result(&outcome, || outcome.text())?;
    match outcome.failure() {
        None => Ok(()),
        Some([what, step]) => Err(anyhow!(what)).next_step(|| step.to_owned()),
    }
}
