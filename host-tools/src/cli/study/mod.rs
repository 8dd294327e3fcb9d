//! `lacuna study`: questions with several seeds, controls and a report.
//!
//! # Invariants
//! - Each study writes into its `--output` alone, and goes on with the models that it finds there.
//!
//! # Why
//! A group of its own: studies take minutes and answer a question, other commands make or run one model.

mod familiarity;
mod shift;
mod sparsity;

use clap::Subcommand;

/// Answer a question about models with several training seeds, controls, and a report
///
/// Models are trained, exported, and run by the engine; what was expected is printed beside what came. A study that was
/// stopped goes on where it was.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    study: Study,
}

#[derive(Debug, Subcommand)]
enum Study {
    Shift(shift::Args),
    Familiarity(familiarity::Args),
    Sparsity(sparsity::Args),
}

/// Runs the command.
///
/// # Errors
/// Data or models that cannot be used.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    match args.study {
        Study::Shift(args) => shift::run(args, quiet),
        Study::Familiarity(args) => familiarity::run(args, quiet),
        Study::Sparsity(args) => sparsity::run(args, quiet),
    }
}
