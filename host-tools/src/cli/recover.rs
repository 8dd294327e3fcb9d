//! `lacuna recover`: training a pruned model on.

use core::time::Duration;
use std::path::PathBuf;

use serde_json::json;

use super::open;
use super::text::TextArgs;
use super::train::{bar, show};
use crate::checkpoint::Checkpoint;
use crate::export::Values;
use crate::report::{NextStep, Out, count, percent, table};
use crate::tokens::{self, Reader, Tokens};
use crate::train::recover::{self, Models, Text};
use crate::train::{Saving, Settings};

/// Tokens that a teacher writes unless somebody says otherwise.
const TOKENS: usize = 100_000;
/// Held-out tokens that are predicted before and after.
const PREDICTED: usize = 20_000;

/// Train a pruned model on, its zeros where they are
///
/// With --teacher, the model learns to predict what the dense model predicts, on --data or on text that the teacher
/// writes; without, it learns the next token of --data. With --qat i8 it learns to be stored as int8: weights and inputs
/// of products are rounded as they will be. A killed run goes on where it stopped when the same command is given again,
/// and ends with the same bytes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Checkpoint directory, from `lacuna prune` or `lacuna train`
    checkpoint: PathBuf,
    /// Directory of the checkpoint, and of the run while it lasts
    #[arg(long, short)]
    output: PathBuf,
    /// Checkpoint directory of the model that it was pruned from
    #[arg(long, value_name = "DIR", required_unless_present = "data")]
    teacher: Option<PathBuf>,
    #[command(flatten)]
    text: TextArgs,
    /// Learn to be stored as int8
    #[arg(long, value_enum, value_name = "VALUES")]
    qat: Option<Qat>,
    /// Choose the zeros again after every step, as many in each matrix
    #[arg(long)]
    choose_again: bool,
    /// Steps
    #[arg(long, default_value_t = 500)]
    steps: u64,
    /// Sequences a step
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Tokens of a sequence [default: 128, or the context where it is shorter]
    #[arg(long, value_name = "N")]
    seq: Option<usize>,
    /// Highest learning rate
    #[arg(long, default_value_t = 0.01)]
    lr: f64,
    /// Divides the logits of both models where they are compared
    #[arg(long, value_name = "T", default_value_t = 1.0, requires = "teacher")]
    temperature: f32,
    /// Share of the next token of the text in the loss; the rest is the teacher's [default: 0, without a teacher 1]
    #[arg(long, value_name = "SHARE", requires = "teacher")]
    next_token: Option<f32>,
    /// Threads, each with its share of a step's sequences; results are the same only for the same number
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Save the state every so many steps; 0 for none
    #[arg(long, default_value_t = 0)]
    save_steps: u64,
    /// Save the state every so many seconds
    #[arg(long, default_value_t = 20)]
    save_seconds: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// As what a model learns to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Qat {
    /// −127…127 with one scale per output
    I8,
}

impl Args {
    fn settings(&self, models: Models<'_>) -> Settings {
        let mut settings = recover::settings(models);
        settings.data = self.text.data().to_vec();
        settings.seed = self.text.seed;
        settings.batch = self.batch;
        settings.threads = self.threads;
        settings.schedule.steps = self.steps;
        settings.schedule.lr = self.lr;
        if let Some(r) = &mut settings.recover {
            r.temperature = self.temperature;
            r.share = self.next_token.map_or(r.share, |next| 1.0 - next);
            r.choose_again = self.choose_again;
            r.int8 = self.qat.is_some();
            r.seq = self.seq.unwrap_or(r.seq);
        }
        settings
    }
}

/// Runs the command.
///
/// # Errors
/// Checkpoints, text or settings that cannot be, or a run that diverged.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let pruned = open::checkpoint(&args.checkpoint)?;
    let tokenizer = open::tokenizer(&args.checkpoint, &pruned)?;
    let tokenizer = tokenizer.as_deref();
    let teacher = args.teacher.as_deref().map(open::checkpoint).transpose()?;
    let models = Models {
        pruned: &pruned,
        teacher: teacher.as_ref(),
    };
    let settings = args.settings(models);
    settings
        .check()
        .next_step(|| "`lacuna recover --help` lists every setting".to_owned())?;
    let writer = teacher.as_ref().unwrap_or(&pruned);
    let tokens = args.text.tokens(writer, tokenizer, TOKENS)?;
    let stream = tokens.stream();
    let text = Text {
        stream: &stream,
        id: &tokens.id,
    };
    let saving = Saving {
        steps: args.save_steps,
        time: Duration::from_secs(args.save_seconds),
    };
    let bar = bar(settings.schedule.steps, quiet);
    let done = recover::run(&settings, models, text, &args.output, saving, &mut |m| {
        show(&bar, m);
    });
    bar.finish_and_clear();
    let (recovered, summary) = done.next_step(|| {
        "give a --teacher with the same vocabulary, text longer than a sequence, and see `lacuna recover --help`"
            .to_owned()
    })?;
    open::save(&args.output, &recovered, tokenizer)?;
    let values = if args.qat.is_some() {
        Values::I8
    } else {
        Values::F32
    };
    let bits = |model: Option<&Checkpoint>, values| {
        model
            .map(|model| bits_per_byte(model, tokenizer, values, &tokens))
            .transpose()
    };
    let (dense, before, after) = (
        bits(models.teacher, Values::F32)?,
        bits(Some(&pruned), values)?,
        bits(Some(&recovered), values)?,
    );
    let value = json!({
        "output": args.output, "settings": settings, "summary": summary, "text": tokens.id,
        "values": values.name(),
        "bits_per_byte": { "teacher": dense, "before": before, "after": after },
    });
    out.result(&value, || {
        let bits = |bits: Option<f64>| bits.map_or("-".to_owned(), |b| format!("{b:.4}"));
        let rows = [
            ["steps".to_owned(), count(summary.steps)],
            ["tokens learned from".to_owned(), count(summary.tokens)],
            [
                "density of the matrices".to_owned(),
                percent(summary.density),
            ],
            ["teacher, bits per byte".to_owned(), bits(dense)],
            [format!("before, as {}", values.name()), bits(before)],
            [format!("after, as {}", values.name()), bits(after)],
        ];
        format!(
            "{}\n\nwrote {}; next: lacuna export {}",
            table(["recovery, on held-out text", ""], rows),
            args.output.display(),
            args.output.display()
        )
    })
}

/// Bits per byte of held-out text by the engine.
fn bits_per_byte(
    model: &Checkpoint,
    tokenizer: Option<&[u8]>,
    values: Values,
    tokens: &Tokens,
) -> anyhow::Result<f64> {
    let windows = tokens::windows(
        &tokens.held_out,
        tokens.bos,
        model.config.seq_len,
        PREDICTED,
    );
    let score = Reader::new(model, tokenizer, values)?.score(&windows)?;
    Ok(score.bits_per_byte())
}
