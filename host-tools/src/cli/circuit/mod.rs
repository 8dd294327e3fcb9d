//! `lacuna circuit`: the few nodes of a model that do one task.
//!
//! ```text
//! find ─► DIR ─► export ─► FILE.lacuna        check: the file against the record        summary: several DIRs
//! ```
//!
//! # Invariants
//! - What `find` wrote is a checkpoint as well, so every command that takes one takes a circuit.
//!
//! # Why
//! One file per verb, as elsewhere one per command; they share how a record is opened.

mod board;
mod check;
mod find;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{export, open};
use crate::circuit::Error;
use crate::circuit::record::{RECORD, Record};
use crate::report::{NextStep, Out};

/// Find, judge and ship the circuit of a task
///
/// A circuit is a set of nodes: channels that a block reads, queries, keys, values, neurons, channels that it writes. All
/// other nodes are set to their means, or to zero, and the model still does the task. Its edges are the nonzero weights
/// between its nodes.
///
/// `find` searches and judges one, `export` writes it as a model file for any device, `check` runs that file on the engine,
/// `summary` averages over tasks. Names of tasks: `lacuna tasks`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant, reason = "one value a process")]
enum Command {
    Find(find::Args),
    Export(ExportArgs),
    Check(check::Args),
    Summary(summary::Args),
}

/// Write only the circuit as a model file for the engine
///
/// Weights of nodes outside are zero, and so are not stored; their means are biases, and the scale of the logits is in the
/// last norm. The file runs on any target with the same bits.
#[derive(Debug, clap::Args)]
struct ExportArgs {
    /// Directory that `lacuna circuit find` wrote
    circuit: PathBuf,
    /// Model file to write, FILE.lacuna
    #[arg(long, short)]
    output: PathBuf,
    #[command(flatten)]
    form: export::Form,
    /// Print one JSON object, that of `lacuna inspect`
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Unreadable or unwritable files, tasks that the model cannot take, a check that fails.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    match args.command {
        Command::Find(args) => find::run(args, quiet),
        Command::Check(args) => check::run(args, quiet),
        Command::Summary(args) => summary::run(args, quiet),
        Command::Export(args) => {
            record(&args.circuit)?;
            let model = open::checkpoint(&args.circuit)?;
            let out = Out {
                quiet,
                json: args.json,
            };
            export::write((&model, None, None), args.form, &args.output, &out)
        }
    }
}

/// The record in a directory of `lacuna circuit find`.
fn record(dir: &Path) -> anyhow::Result<Record> {
    Record::load(dir)
        .with_context(|| format!("{} holds no circuit", dir.display()))
        .next_step(|| {
            format!(
                "name a directory with {RECORD}; `lacuna circuit find CHECKPOINT --task NAME -o {}` makes one",
                dir.display()
            )
        })
}

/// What to do about an error of the room.
fn advice(error: &Error) -> &'static str {
    match error {
        Error::NotBytes => "train a model of bytes with `lacuna train`",
        Error::Angles => {
            "search a model that was trained with the usual RoPE angles, of base 10000"
        }
        Error::TooLong { .. } => "train with a longer `--seq-len`, or choose another task",
        Error::Vocabulary { .. } => "train a model with a vocabulary of 256",
        _ => "the checkpoint is damaged; make it again",
    }
}
