//! `lacuna study familiarity`: what seeing something often does to activations.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use crate::report::{NextStep, Out};
use crate::study::familiarity::{self, PARTS, Settings};

/// Do activations grow denser with what a model has seen, and over its training?
///
/// Pieces of text stand 0, 1, 4, 16 or 64 times in the training text, by lot. Checkpoints of the runs show them to the
/// engine: the share of the largest activations against step (does it rise and fall back?), against exposure, and of unseen
/// and harder pieces against familiar ones, in models of several widths. Controls: untrained models, models that learned
/// from shuffled text, entropy, loss and last token held still, the last norm without its gain. Intervals are over seeds.
/// `--output` gets config.json, table.csv, summary.json and report.html.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory of the study; models in it are gone on with
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Text to learn from; repeatable [default: the text that is built in]
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Training seeds; the rise and fall needs five to be judged
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=64))]
    seeds: u32,
    /// Width of the model that is followed over its training, a multiple of 16 [default: 64]
    #[arg(long, value_name = "N", value_parser = width)]
    width: Option<usize>,
    /// Widths to compare, multiples of 16 [default: 16,32,64,128]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = width)]
    widths: Option<Vec<usize>>,
    /// Share of nonzero weights; 1 trains densely, as the published models were
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    density: f64,
    /// Steps of each training, rounded down to a multiple of 32 [default: 2048]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(PARTS..))]
    steps: Option<u64>,
    /// Pieces of each dose; three times as many of dose 0 [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pieces: Option<u32>,
    /// Tiny models and few pieces, to see that everything works; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn width(text: &str) -> Result<usize, String> {
    let n = text.parse().ok();
    n.filter(|n| (16..=1024).contains(n) && n % 16 == 0)
        .ok_or_else(|| "write a multiple of 16, at most 1024".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let x = text.parse().ok();
    x.filter(|x| *x > 0.0 && *x <= 1.0)
        .ok_or_else(|| "write a number above 0, at most 1".to_owned())
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
    let steps = args.steps.unwrap_or(if quick { 160 } else { 2048 });
    let widths = if quick {
        vec![16, 32]
    } else {
        vec![16, 32, 64, 128]
    };
    let settings = Settings {
        seeds: args.seeds,
        width: args.width.unwrap_or(if quick { 32 } else { 64 }),
        widths: args.widths.unwrap_or(widths),
        density: args.density,
        steps: steps / PARTS * PARTS,
        data: args.data,
        pieces: args.pieces.unwrap_or(if quick { 8 } else { 200 }) as usize,
        base: if quick { 64 << 10 } else { 768 << 10 },
        context: 64,
        batch: if quick { 8 } else { 16 },
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
