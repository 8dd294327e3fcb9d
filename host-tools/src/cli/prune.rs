//! `lacuna prune`: one-shot pruning of a checkpoint.

use std::path::PathBuf;

use serde_json::json;

use super::open;
use super::text::TextArgs;
use crate::prune::{self, Error, Method, Per, Pruned, Settings, Text};
use crate::report::{NextStep, Out, count, percent, table};
use crate::tokens;

/// Tokens to calibrate on unless somebody says otherwise.
const TOKENS: usize = 16_384;

/// Set weights of a checkpoint to zero, those that matter least
///
/// By magnitude the checkpoint alone decides. wanda and sparsegpt run the model on text, block by block, and look at what
/// enters each matrix: give that text with --data, or let the model write it. `lacuna recover` then brings back what was
/// lost, with the zeros where they are.
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
    /// By what weights leave
    #[arg(long, value_enum, default_value = "magnitude")]
    method: Method,
    /// Hold the density in every row (output) of a matrix, in every matrix, or by one threshold over all of them
    /// [default: row with wanda, otherwise matrix]
    #[arg(long, value_enum)]
    per: Option<Per>,
    /// Weights that every neuron keeps at least
    #[arg(long, value_name = "J", default_value_t = 0)]
    min_per_neuron: usize,
    #[command(flatten)]
    text: TextArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Unreadable or unwritable checkpoints, text that cannot be read, settings that cannot be met.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let mut model = open::checkpoint(&args.checkpoint)?;
    let tokenizer = open::tokenizer(&args.checkpoint, &model)?;
    let settings = Settings {
        method: args.method,
        density: args.density,
        per: args.per.unwrap_or(args.method.per()),
        min_per_neuron: args.min_per_neuron,
    };
    let reads = args.method != Method::Magnitude && model.config.window_len() == 0;
    let calibrated = match reads {
        true => {
            let tokens = args.text.tokens(&model, tokenizer.as_deref(), TOKENS)?;
            let (context, most) = (model.config.seq_len, args.text.most(TOKENS));
            let windows = tokens::windows(&tokens.train, tokens.bos, context, most);
            Some((windows, tokens.id))
        }
        false => None,
    };
    let text = calibrated.as_ref().map(|(windows, id)| Text {
        tokenizer: tokenizer.as_deref(),
        windows,
        id,
    });
    let pruned = prune::prune(&mut model, &settings, text.as_ref());
    let advice = pruned.as_ref().err().map_or("", advice);
    let lines = pruned.next_step(|| advice.to_owned())?;
    open::save(&args.output, &model, tokenizer.as_deref())?;
    let (before, after) = lines
        .iter()
        .fold((0, 0), |(b, a), l| (b + l.before, a + l.after));
    let total: usize = lines.iter().map(|l| l.rows * l.cols).sum();
    let value = json!({
        "output": args.output, "method": settings.method, "per": settings.per, "weights": total,
        "nonzero_before": before, "nonzero_after": after,
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

/// What to do about a model that was not pruned.
fn advice(error: &Error) -> &'static str {
    match error {
        Error::Windows(_) => "prune it with --method magnitude",
        Error::NoText(_) => "give longer text with --data, and --tokens of at least the context",
        Error::Singular(_) => "give more text with --data and --tokens, or use --method wanda",
        Error::Settings(_) => "leave out --per and --min-per-neuron, or use --method magnitude",
        Error::Run(_) => "`lacuna export` says what is wrong with the checkpoint",
        _ => "choose a density in (0, 1], or a smaller --min-per-neuron",
    }
}
