//! `lacuna import`: models of other programs as checkpoints.

use std::path::{Path, PathBuf};

use anyhow::Context;
use lacuna::format::schema::{self, Id};
use serde_json::json;

use super::export::{self, Form};
use super::open;
use crate::checkpoint::Tokenizer;
use crate::import::llama2c;
use crate::report::{NextStep, Out, count};

/// Read a model of another program
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// A model.bin and tokenizer.bin of llama2.c (version 0, without magic)
    Llama2c(Llama2c),
}

#[derive(Debug, clap::Args)]
struct Llama2c {
    /// The weights, model.bin
    model: PathBuf,
    /// The tokenizer, tokenizer.bin
    #[arg(long)]
    tokenizer: PathBuf,
    /// Checkpoint directory to write, or a model file if the name ends in .lacuna
    #[arg(long, short)]
    output: PathBuf,
    #[command(flatten)]
    form: Form,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Files that cannot be read, are not what they should be, or cannot be written.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let From::Llama2c(args) = args.from;
    let out = Out {
        quiet,
        json: args.json,
    };
    let named = |what: &str, path: &Path| format!("{what} {} cannot be imported", path.display());
    let mut model = llama2c::model(&open::file(&args.model)?)
        .with_context(|| named("model", &args.model))
        .next_step(|| "export it with llama2.c's export.py --version 0".to_owned())?;
    let bytes = open::file(&args.tokenizer)?;
    llama2c::tokenizer(&bytes, model.config.vocab_size)
        .with_context(|| named("tokenizer", &args.tokenizer))
        .next_step(|| {
            format!(
                "give the tokenizer.bin that belongs to the model, of {} tokens",
                model.config.vocab_size
            )
        })?;
    model.tokenizer = Tokenizer::Llama2c;
    if args.output.extension().is_some_and(|e| e == "lacuna") {
        return export::write((&model, Some(&bytes), None), args.form, &args.output, &out);
    }
    open::save(&args.output, &model, Some(&bytes))?;
    let learned = schema::tensors(&model.config)
        .filter(|t| !matches!(t.id, Id::RopeCos | Id::RopeSin))
        .map(|t| t.rows * t.cols);
    let weights: usize = learned.sum();
    let value =
        json!({ "output": args.output, "weights": weights, "tensors": model.tensors.len() });
    out.result(&value, || {
        let c = &model.config;
        format!(
            "{} weights in {} tensors: {} blocks of width {}, {} tokens, context {}\nwrote {}\n next: lacuna export {} -o model.lacuna",
            count(weights as u64),
            model.tensors.len(),
            c.n_layers,
            c.dim,
            c.vocab_size,
            c.seq_len,
            args.output.display(),
            args.output.display(),
        )
    })
}
