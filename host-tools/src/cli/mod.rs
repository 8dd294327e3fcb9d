//! The command line: one thin file per subcommand, each parses, calls one room and prints.
//!
//! # Invariants
//! - Exit code 0: done; 1: the command failed, or what it checked is not so; 2: the command line was not understood.
//! - Every subcommand file has `Args` (clap) and `run(args, quiet) -> anyhow::Result<()>`.
//! - A failure prints `error: …` and, where there is one, ` next: …` on stderr, and nothing on stdout.
//!
//! # Why
//! `--json` belongs to each command rather than to all, because `demo --json FILE` takes a path.

mod bench_encodings;
mod budget;
mod calibrate;
mod check;
mod circuit;
mod classify;
mod decode;
mod demo;
mod device;
mod eval;
mod eval_series;
mod export;
mod field;
mod fleet;
mod import;
mod inspect;
mod listen;
mod monitor;
mod open;
mod prune;
mod recover;
mod replay;
mod run;
mod scores;
mod study;
mod sweep;
mod tasks;
mod text;
mod train;
mod units;
mod windows;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report;

/// Train, prune, export, inspect, run and check weight-sparse transformers.
#[derive(Debug, Parser)]
#[command(
    name = "lacuna",
    version,
    propagate_version = true,
    max_term_width = 100
)]
struct Cli {
    /// No progress and no notes on stderr
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "one value a process")]
enum Command {
    Demo(demo::Args),
    Train(train::Args),
    Sweep(sweep::Args),
    Import(import::Args),
    Prune(prune::Args),
    Recover(recover::Args),
    Circuit(circuit::Args),
    Export(export::Args),
    Inspect(inspect::Args),
    Run(run::Args),
    Eval(eval::Args),
    Tasks(tasks::Args),
    Calibrate(calibrate::Args),
    Monitor(monitor::Args),
    Study(study::Args),
    Device(device::Args),
    Fleet(fleet::Args),
    Check(check::Args),
    Listen(listen::Args),
    Decode(decode::Args),
    Replay(replay::Args),
    Budget(budget::Args),
    BenchEncodings(bench_encodings::Args),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Demo(args) => demo::run(args, cli.quiet),
        Command::Train(args) => train::run(args, cli.quiet),
        Command::Sweep(args) => sweep::run(args, cli.quiet),
        Command::Import(args) => import::run(args, cli.quiet),
        Command::Prune(args) => prune::run(args, cli.quiet),
        Command::Recover(args) => recover::run(args, cli.quiet),
        Command::Circuit(args) => circuit::run(args, cli.quiet),
        Command::Export(args) => export::run(args, cli.quiet),
        Command::Inspect(args) => inspect::run(args, cli.quiet),
        Command::Run(args) => run::run(args, cli.quiet),
        Command::Calibrate(args) => calibrate::run(args, cli.quiet),
        Command::Monitor(args) => monitor::run(args, cli.quiet),
        Command::Study(args) => study::run(args, cli.quiet),
        Command::Eval(args) => eval::run(args, cli.quiet),
        Command::Tasks(args) => tasks::run(args, cli.quiet),
        Command::Device(args) => device::run(args, cli.quiet),
        Command::Fleet(args) => fleet::run(args, cli.quiet),
        Command::Check(args) => check::run(args, cli.quiet),
        Command::Listen(args) => listen::run(args, cli.quiet),
        Command::Decode(args) => decode::run(args, cli.quiet),
        Command::Replay(args) => replay::run(args, cli.quiet),
        Command::Budget(args) => budget::run(args, cli.quiet),
        Command::BenchEncodings(args) => bench_encodings::run(args, cli.quiet),
    };
    report::exit(done, report::render)
}
