//! `lacuna inspect`: what is in a model file.

use std::path::PathBuf;

use anyhow::Context;

use super::open;
use crate::inspect::{Choice, Inspection};
use crate::report::{NextStep, Out};

/// Show what is in a model file and what it needs
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model file
    model: PathBuf,
    /// State the RAM for this many positions
    #[arg(long, value_name = "N")]
    context: Option<usize>,
    /// State the RAM for this cache
    #[arg(long, value_enum)]
    cache: Option<open::Cache>,
    /// State the RAM for this many tokens of a prompt at once [default: 1]
    #[arg(long, value_name = "N")]
    prefill: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A file that cannot be read or is no model.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let bytes = open::model(&args.model)?;
    let choice = Choice {
        context: args.context,
        cache: args.cache.map(Into::into),
        prefill: args.prefill,
    };
    let inspection = Inspection::new(&args.model, &bytes, &choice)
        .with_context(|| {
            format!(
                "{} is not a model this engine can read",
                args.model.display()
            )
        })
        .next_step(|| "copy the file again, or make it with `lacuna export`".to_owned())?;
    let out = Out {
        quiet,
        json: args.json,
    };
    out.result(&inspection, || inspection.text())
}
