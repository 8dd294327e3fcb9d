//! `lacuna prune`: one-shot magnitude pruning of a checkpoint.

use std::path::PathBuf;

use serde_json::json;

use super::open;
use crate::prune::{self, Per, Pruned, Settings};
use crate::report::{NextStep, Out, count, percent, table};

/// Keep the largest weights of a checkpoint, set the others to zero
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Checkpoint directory, from `lacuna train` or `lacuna import`
    checkpoint: PathBuf,
    /// Checkpoint directory to write
    #[arg(long, short)]
    output: PathBuf,
    /// Share of weights that stay, in (0, 1]
    #[arg(long)]
    density: f64,
    /// Hold the density in every matrix, or by one threshold over all of them
    #[arg(long, value_enum, default_value = "matrix")]
    per: Per,
    /// Weights that every neuron keeps at least
    #[arg(long, value_name = "J", default_value_t = 0)]
    min_per_neuron: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Unreadable or unwritable checkpoints, settings that cannot be met.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let mut model = open::checkpoint(&args.checkpoint)?;
    let tokenizer = open::tokenizer(&args.checkpoint, &model)?;
    let settings = Settings {
        density: args.density,
        per: args.per,
        min_per_neuron: args.min_per_neuron,
    };
    let lines = prune::prune(&mut model, &settings)
        .next_step(|| "choose a density in (0, 1], or a smaller --min-per-neuron".to_owned())?;
    open::save(&args.output, &model, tokenizer.as_deref())?;
    let (before, after) = lines
        .iter()
        .fold((0, 0), |(b, a), l| (b + l.before, a + l.after));
    let total: usize = lines.iter().map(|l| l.rows * l.cols).sum();
    let value = json!({
        "output": args.output, "weights": total, "nonzero_before": before, "nonzero_after": after,
        "density": after as f64 / total as f64, "tensors": lines,
    });
    out.result(&value, || {
        let head = ["matrix", "shape", "nonzero before", "after", "density"];
        let last = Pruned {
            name: "all".to_owned(),
            rows: total,
            cols: 1,
            before,
            after,
        };
        let rows = lines.iter().chain([&last]).map(|l| {
            [
                l.name.clone(),
                if l.cols == 1 {
                    String::new()
                } else {
                    format!("{} × {}", l.rows, l.cols)
                },
                count(l.before as u64),
                count(l.after as u64),
                percent(l.after as f64 / (l.rows * l.cols) as f64),
            ]
        });
        format!("{}\n\nwrote {}", table(head, rows), args.output.display())
    })
}
