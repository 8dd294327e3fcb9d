//! `lacuna export`: a checkpoint as a model file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::open;
use crate::checkpoint::Checkpoint;
use crate::export::{self, CalibrateError, Plan, Settings, Target, Values};
use crate::inspect::{Choice, Inspection};
use crate::output;
use crate::plan;
use crate::report::{NextStep, Out};

/// Write a checkpoint as a model file for the engine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Checkpoint directory, from `lacuna train`, `prune` or `import`
    checkpoint: PathBuf,
    /// Model file to write, FILE.lacuna
    #[arg(long, short)]
    output: PathBuf,
    #[command(flatten)]
    form: Form,
    /// Text whose activations choose the forms [default: what the model draws itself]
    ///
    /// The share of inputs that are not zero, counted over 256 tokens, decides where a form that skips zeros wins. Only
    /// models with ReLU or AbsTopK have zeros; the answer never changes a logit.
    #[arg(long, value_name = "FILE")]
    calibrate: Option<PathBuf>,
    /// Print one JSON object, that of `lacuna inspect`
    #[arg(long)]
    json: bool,
}

/// How a model file is made; shared by commands that end in one.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Form {
    /// How weights are stored
    #[arg(long, value_enum, default_value = "f32")]
    values: Values,
    /// Machine to choose encodings for; any machine runs any file
    #[arg(
        long = "for",
        value_enum,
        value_name = "TARGET",
        default_value = "portable"
    )]
    target: Target,
    /// Tokens of the run that a device repeats as its self-test; 0 for none
    #[arg(long, value_name = "TOKENS", default_value_t = 16)]
    golden: usize,
    /// What a probe of the model measures: SITES:STATISTICS@POSITIONS; …, such as `*:zero_share,hoyer@every=8`, or
    /// `none` [default: what takes at most 5 % of a token's instructions]
    #[arg(long, value_name = "PLAN", value_parser = planned)]
    plan: Option<Plan>,
}

fn planned(words: &str) -> Result<Plan, plan::Error> {
    match words {
        "none" => Ok(Plan::None),
        _ => plan::parse(words).map(Plan::Of),
    }
}

impl From<Form> for Settings {
    fn from(form: Form) -> Settings {
        Settings {
            values: form.values,
            target: form.target,
            golden: form.golden,
            plan: form.plan.unwrap_or_default(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// An unreadable checkpoint, weights that cannot be stored as asked, an unwritable file.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let model = open::checkpoint(&args.checkpoint)?;
    let tokenizer = open::tokenizer(&args.checkpoint, &model)?;
    let out = Out {
        quiet,
        json: args.json,
    };
    let text = args.calibrate.as_deref().map(open::file).transpose()?;
    let (tokenizer, text) = (tokenizer.as_deref(), text.as_deref());
    write((&model, tokenizer, text), args.form, &args.output, &out)
        .with_context(|| format!("{} cannot be exported", args.checkpoint.display()))
}

/// What to do about a checkpoint that cannot be exported.
fn advice(error: &export::Error) -> &'static str {
    match error {
        export::Error::Overflow { .. } => "export with `--values f32` or `--values i8`",
        export::Error::Run(_) => "its activations overflow; train it again with a lower `--lr`",
        export::Error::Tokenizer(_)
        | export::Error::NoTokenizer
        | export::Error::TokenizerBlock(_) => "import the model again with its own tokenizer",
        export::Error::Calibrate(CalibrateError::NoTokenizer | CalibrateError::EmptyText) => {
            "leave `--calibrate` out, or give it a text that the model reads"
        }
        export::Error::Calibrate(_) => {
            "its activations overflow; train it again with a lower `--lr`"
        }
        _ => "the checkpoint is damaged; make it again",
    }
}

/// Exports a checkpoint, with its tokenizer's file and the text to calibrate on, to the file `path` and prints what is in
/// it.
///
/// # Errors
/// Weights that cannot be stored as asked, an unwritable file.
pub(super) fn write(
    (model, tokenizer, text): (&Checkpoint, Option<&[u8]>, Option<&[u8]>),
    form: Form,
    path: &Path,
    out: &Out,
) -> anyhow::Result<()> {
    let exported = export::export_for(model, tokenizer, text, &form.into());
    let advice = exported.as_ref().err().map_or("", advice);
    let bytes = exported.next_step(|| advice.to_owned())?.bytes;
    output::write(path, |sink| sink.write_all(&bytes)).next_step(|| {
        match fs::metadata(path).map(|there| there.is_dir()) {
            Ok(true) => format!(
                "name a file, such as {}",
                path.join("model.lacuna").display()
            ),
            _ => "choose a place that exists, is writable and has room".to_owned(),
        }
    })?;
    let inspection = Inspection::new(path, &bytes, &Choice::default())?;
    out.result(&inspection, || {
        format!("{}\n\nwrote {}", inspection.table(), path.display())
    })
}
