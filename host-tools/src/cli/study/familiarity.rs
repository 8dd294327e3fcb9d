//! `lacuna study familiarity`: what seeing something often does to activations.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use crate::report::{NextStep, Out};
use crate::study::familiarity::{self, Settings};
use crate::study::measure::Look;
use crate::study::models::Recipe;

/// Do activations grow denser with what a model has seen, and over its training?
///
/// Pieces of text stand 0, 1, 4, 16 or 64 times in the training text, by lot. Checkpoints of the run show them to the
/// engine: statistics against exposure and against step, with entropy, loss and last token held still, with intervals over
/// seeds and pieces. `--output` gets config.json, table.csv, summary.json and report.html.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory of the study; models in it are gone on with
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Text to learn from; repeatable [default: the text that is built in]
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Training seeds
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    seeds: u32,
    /// Steps of each training
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
    steps: Option<u64>,
    /// Checkpoints on the way
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(2..=100))]
    checkpoints: u64,
    /// Pieces of each dose
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pieces: Option<u32>,
    /// Rounds of the bootstrap
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    rounds: u32,
    /// Tiny models and few pieces, to see that everything works; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Data or models that cannot be used, a directory that cannot be written.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let quick = args.quick;
    let steps = args.steps.unwrap_or(if quick { 160 } else { 2000 });
    let settings = Settings {
        seeds: args.seeds,
        recipe: Recipe {
            steps: steps.max(args.checkpoints),
            quick,
            data: args.data,
        },
        pieces: args.pieces.unwrap_or(if quick { 8 } else { 40 }) as usize,
        base: if quick { 64 << 10 } else { 768 << 10 },
        checkpoints: args.checkpoints,
        look: Look { every: 2 },
        rounds: args.rounds as usize,
    };
    fs::create_dir_all(&args.output)
        .with_context(|| format!("cannot create {}", args.output.display()))
        .next_step(|| "choose a directory that can be written".to_owned())?;
    let summary = familiarity::run(&settings, &args.output, &out)?;
    out.result(&summary, || {
        let report = args.output.join("report.html");
        format!("{}\n\nwrote {}", summary.text(), report.display())
    })
}
