//! `lacuna study shift`: what tells strange windows from familiar ones.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, anyhow};

use crate::report::{NextStep, Out};
use crate::study::measure::{Look, Where};
use crate::study::models::Recipe;
use crate::study::shift::{self, Settings, Task};
use crate::study::texts::Sizes;

/// Does internal activation sparsity notice shifts, and does it beat entropy and distances?
///
/// Models of several seeds run windows that they were not trained on, as they are and shifted by degrees: for text
/// corrupted bytes, shuffled identifiers, another grammar, deeper nesting, unseen crates and other languages; for sensors
/// an unseen person and activity, exchanged channels, gain, noise and lost samples. Every statistic at every site is judged
/// as a detector beside the baselines of the literature (largest probability, entropy, energy, distance of the input and of
/// the last layer), and so are combinations that were fitted on other families of shifts. Intervals are over seeds and
/// files or people. `--output` gets config.json, scores.parquet, table.csv, summary.json and report.html.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory of the study; models in it are gone on with
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// What the models do
    #[arg(long, value_enum, default_value_t = Task::Lm)]
    task: Task,
    /// Text, or with --task classify the directory of .ts files, one a person; repeatable for text [default: the text
    /// that is built in, or made recordings]
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Training seeds: weights, split, and what is left out
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    seeds: u32,
    /// Checkpoint of a language model to study in the place of trained ones; repeatable
    #[arg(long, value_name = "DIR", conflicts_with = "seeds")]
    model: Vec<PathBuf>,
    /// Steps of each training [default: 2000 for text, 1500 for sensors]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Rounds of the bootstrap
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    rounds: u32,
    /// Take statistics of every n-th token
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    every: u16,
    /// Tiny models and few windows, to see that everything works; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Args {
    fn settings(&self) -> Settings {
        let quick = self.quick;
        let steps = match (self.task, quick) {
            (Task::Lm, false) => 2000,
            (Task::Classify, false) => 1500,
            (_, true) => 150,
        };
        Settings {
            task: self.task,
            seeds: self.seeds,
            models: self.model.clone(),
            recipe: Recipe {
                steps: self.steps.unwrap_or(steps).max(1),
                quick,
                data: self.data.clone(),
            },
            sizes: match quick {
                true => Sizes {
                    files: 15,
                    windows: 3,
                    changed: 1,
                    foreign: 4,
                },
                false => Sizes {
                    files: 80,
                    windows: 4,
                    changed: 2,
                    foreign: 16,
                },
            },
            windows: if quick { 3 } else { 8 },
            look: Look {
                every: self.every,
                at: Where::Everywhere,
            },
            rounds: self.rounds as usize,
        }
    }
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
    if args.task == Task::Classify && (args.data.len() > 1 || !args.model.is_empty()) {
        return Err(anyhow!("a study of sensors has one --data and no --model"))
            .next_step(|| "give one directory of .ts files".to_owned());
    }
    let settings = args.settings();
    fs::create_dir_all(&args.output)
        .with_context(|| format!("cannot create {}", args.output.display()))
        .next_step(|| "choose a directory that can be written".to_owned())?;
    let outcome = shift::run(&settings, &args.output, &out)?;
    let summary = outcome.summary();
    out.result(&summary, || {
        format!(
            "{}\n\nwrote {}",
            summary.text(),
            args.output.join("report.html").display()
        )
    })
}
