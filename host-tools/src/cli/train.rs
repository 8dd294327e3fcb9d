//! `lacuna train`: weight-sparse training of a byte-level model, or of a classifier of sensor windows.

use core::time::Duration;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::classify::{self, WindowArgs};
use crate::checkpoint::{Blueprint, Tokenizer};
use crate::data::series::Set;
use crate::report::{NextStep, Out, count, percent, table};
use crate::train::recipe::{self, Method, Model};
use crate::train::{self, Device, Metrics, Saving, Settings, settings};

const ELSEWHERE: &str = "\
Gradients on a GPU (projection, optimiser and figures stay on the CPU): build with its feature, in the source tree
  cargo run --release -p lacuna-tools --features cuda -- train --device cuda -o model    # NVIDIA; needs its driver
  cargo run --release -p lacuna-tools --features wgpu -- train --device wgpu -o model    # Vulkan, Metal or DirectX
Many runs on many machines: `lacuna sweep --help`. One model on many machines: train it with PyTorch, then
`lacuna import`, whose help says which tensors make a checkpoint.";

/// Train a model whose weight matrices end sparse
///
/// Every step moves all weights, then keeps only the largest of each matrix. The kept share starts at 1 and
/// falls in a straight line to --density, while the learning rate rises as weights go. A killed run goes on
/// where it stopped when the same command is given again, and ends with the same bytes. Loss, density, learning rate
/// and speed of every tenth step go to metrics.jsonl and to an event file: `tensorboard --logdir DIR` draws the curves of
/// all runs in a directory.
///
/// With --task classify, --data is a directory of .ts files (UEA, aeon, sktime), a person each: a model learns to tell
/// the classes of windows, and --hold-out names the people it must tell without having seen them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = ELSEWHERE)]
pub(super) struct Args {
    /// Directory of the checkpoint, and of the run while it lasts
    #[arg(long, short)]
    output: PathBuf,
    /// What is learned
    #[arg(long, value_enum, default_value = "lm")]
    task: Task,
    /// Text file, or directory of text or of .ts files; repeatable for text. Or a data set: `rust-source`, the source of
    /// pinned crates; `grammar`, made-up code that teaches what `lacuna tasks` asks [default: rust-source]
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Share of weights that stay in every matrix; 1 trains densely
    #[arg(long, default_value_t = D.schedule.density)]
    density: f64,
    /// Steps [default: 2000, with windows 1500]
    #[arg(long)]
    steps: Option<u64>,
    /// Sequences a step [default: 8, windows 32]
    #[arg(long)]
    batch: Option<usize>,
    /// Highest learning rate [default: 0.01 / √density]
    #[arg(long)]
    lr: Option<f64>,
    /// Seed of initial weights, data order and split
    #[arg(long, default_value_t = D.seed)]
    seed: u64,
    /// Threads, each with its share of a step's sequences; results are the same only for the same number
    #[arg(long, default_value_t = D.threads)]
    threads: usize,
    /// Where the gradient is computed
    #[arg(long, value_enum, default_value_t = D.device)]
    device: Device,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    windows: WindowArgs,
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    method: Method,
    /// Save the state every so many steps; 0 for none
    #[arg(long, default_value_t = 0, help_heading = "Method")]
    save_steps: u64,
    /// Save the state every so many seconds
    #[arg(long, default_value_t = 20, help_heading = "Method")]
    save_seconds: u64,
}

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Task {
    /// The next byte of text
    Lm,
    /// The class of a window of sensor samples
    Classify,
}

const D: &Settings = &settings::DEFAULT;

impl Args {
    fn settings(&self) -> anyhow::Result<Settings> {
        let (steps, batch, dim, head) = match self.task {
            Task::Lm => (D.schedule.steps, D.batch, D.model.config.dim, recipe::HEAD),
            Task::Classify => (
                classify::STEPS,
                classify::BATCH,
                classify::DIM,
                classify::HEAD,
            ),
        };
        let mut settings = Settings {
            model: Blueprint {
                config: self.model.config(dim, head)?,
                tokenizer: Tokenizer::Byte,
            },
            data: self.data.clone(),
            seed: self.seed,
            batch: self.batch.unwrap_or(batch),
            threads: self.threads,
            device: self.device,
            ..Settings::at_density(self.density)
        };
        settings.schedule.steps = self.steps.unwrap_or(steps);
        settings.schedule.lr = self.lr.unwrap_or(settings.schedule.lr);
        self.method.apply(&mut settings);
        Ok(settings)
    }
}

/// The progress bar of a run, and what shows a step on it.
pub(super) fn bar(steps: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let template = "{bar:30} {pos}/{len} steps, {eta} left  {msg}";
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

pub(super) fn show(bar: &ProgressBar, m: &Metrics) {
    bar.set_position(m.step);
    bar.set_message(format!(
        "{:.3} bits/byte  density {}  lr {:.4}  {} tokens/s",
        m.smoothed,
        percent(m.density),
        m.lr,
        count(m.tokens_per_second as u64),
    ));
}

/// Runs the command.
///
/// # Errors
/// Settings, data or files that cannot be, or a run that diverged.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let mut settings = args.settings()?;
    if args.task == Task::Classify {
        let [data] = args.data.as_slice() else {
            return Err(anyhow::anyhow!("there is no one directory of recordings")).next_step(
                || "give one --data DIR of .ts files; the README says where to get some".to_owned(),
            );
        };
        let set = Set::load(data).next_step(|| {
            "give --data a directory of .ts files with classes; the README says where to get some"
                .to_owned()
        })?;
        settings.model = Blueprint {
            config: args.windows.config(&set, settings.model.config)?,
            tokenizer: Tokenizer::None,
        };
        let save = (args.save_steps, args.save_seconds);
        return classify::run(&args.windows, &settings, &set, &args.output, save, &out);
    }
    let saving = Saving {
        steps: args.save_steps,
        time: Duration::from_secs(args.save_seconds),
    };
    let bar = bar(settings.schedule.steps, quiet);
    let done = train::run(&settings, &args.output, saving, &mut |m| show(&bar, m));
    bar.finish_and_clear();
    let summary = done.next_step(|| "`lacuna train --help` lists every setting".to_owned())?;
    let value = json!({ "settings": settings, "summary": summary });
    out.result(&value, || {
        let rows = [
            ["steps".to_owned(), count(summary.steps)],
            ["bytes learned from".to_owned(), count(summary.tokens)],
            ["parameters".to_owned(), count(summary.parameters as u64)],
            [
                "density of the matrices".to_owned(),
                percent(summary.density),
            ],
            [
                "validation, bits per byte".to_owned(),
                format!("{:.4}", summary.bits_per_byte),
            ],
            [
                "test, bits per byte".to_owned(),
                summary
                    .test_bits_per_byte
                    .map_or("-".to_owned(), |bits| format!("{bits:.4}")),
            ],
            [
                "a trigram model of the same bytes".to_owned(),
                format!("{:.4}", summary.trigram_bits_per_byte),
            ],
            [
                "tokens per second".to_owned(),
                count(summary.tokens_per_second as u64),
            ],
        ];
        format!(
            "{}\n\nwrote {}; next: lacuna export {}",
            table(["training", ""], rows),
            args.output.display(),
            args.output.display()
        )
    })
}
