//! The command line: one thin file per subcommand, each asks one question and prints.
//!
//! # Invariants
//! - Exit code 0: done; 1: the command failed; 2: the command line was not understood.
//! - A failure prints `error: …` and, where there is one, ` next: …` on stderr, and nothing on stdout that is not whole.
//!
//! # Why
//! The same manners as `lacuna`, which hands its arguments over: `lacuna fleet summary DIR` is `lacuna-fleet summary DIR`.

mod demo;
mod drift;
mod folder;
mod outliers;
mod report;
mod sql;
mod summary;

use core::future::Future;
use std::process::ExitCode;
use std::thread;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Ask a folder of telemetry from many devices: what is there, which device is odd, what changes.
///
/// A folder is what `lacuna decode --parquet DIR` and `lacuna listen --parquet DIR` write: DIR/model=…/device=…/*.parquet.
/// No folder yet? `lacuna fleet demo --out fleet-demo` invents a fleet and reports on it.
#[derive(Debug, Parser)]
#[command(
    name = "lacuna fleet",
    bin_name = "lacuna fleet",
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
    Summary(summary::Args),
    Outliers(outliers::Args),
    Drift(drift::Args),
    Sql(sql::Args),
    Report(report::Args),
    Demo(demo::Args),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Summary(args) => summary::run(args, cli.quiet),
        Command::Outliers(args) => outliers::run(args, cli.quiet),
        Command::Drift(args) => drift::run(args, cli.quiet),
        Command::Sql(args) => sql::run(args, cli.quiet),
        Command::Report(args) => report::run(args, cli.quiet),
        Command::Demo(args) => demo::run(args, cli.quiet),
    };
    lacuna_report::exit(done, Failure::render)
}

/// Waits for `work` on a thread with a deep stack: plans of long queries are walked recursively.
fn wait<T: Send>(
    threads: usize,
    work: impl Future<Output = anyhow::Result<T>> + Send,
) -> anyhow::Result<T> {
    const STACK: usize = 64 << 20;
    let run = || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(Failure::Thread)?;
        runtime.block_on(work)
    };
    thread::scope(|scope| {
        let deep = thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, run)
            .map_err(Failure::Thread)?;
        match deep.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
