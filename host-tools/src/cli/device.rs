//! `lacuna device`: a model on an emulated board.

use core::time::Duration;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lacuna::model::{self, Model};
use lacuna::session::Tokenizer;

use super::open;
use super::run::{Generation, LimitArgs, PromptArgs};
use crate::device::{
    self, BOARDS, BOUNDS, Board, Bounds, Choice, EmulatorError, Error, Figures, Firmware,
    FirmwareError, Job, Outcome, RecordError, Sampling,
};
use crate::report::{NextStep, Out};
use crate::run;

/// Run a model on an emulated board and count its instructions
///
/// A classifier streams the samples of its golden window, again and again, and tells the class of --tokens windows.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model file
    model: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    prompt: PromptArgs,
    #[command(flatten)]
    generation: Generation,
    #[command(flatten)]
    limits: LimitArgs,
    /// Count the instructions of every block too
    #[arg(long)]
    layers: bool,
    /// Print the firmware's log on stderr
    #[arg(long)]
    log: bool,
    /// Print the run with every statistic and its bits, the same text on every machine
    #[arg(long, conflicts_with = "json")]
    transcript: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Where to run.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TargetArgs {
    /// The board
    #[arg(long, value_name = "NAME", default_value = BOARDS[0].name, value_parser = board)]
    board: &'static Board,
    /// Which firmware runs the model
    #[arg(long, value_enum, default_value = "auto")]
    firmware: Choice,
    /// Give up after this time
    #[arg(long, value_name = "SECONDS", default_value_t = BOUNDS.time.as_secs())]
    timeout: u64,
}

fn board(name: &str) -> Result<&'static Board, String> {
    Board::named(name).ok_or_else(|| {
        let names: Vec<&str> = BOARDS.iter().map(|b| b.name).collect();
        format!("the boards are {}", names.join(", "))
    })
}

impl TargetArgs {
    /// The board.
    pub(super) fn board(&self) -> &'static Board {
        self.board
    }

    /// Prepares a firmware, runs `job` and waits for it.
    ///
    /// # Errors
    /// What is missing, what does not fit, what the device met; with what to do about it.
    pub(super) fn run(
        &self,
        path: &Path,
        model: &Model<'_>,
        job: &Job,
        out: &Out,
    ) -> anyhow::Result<(Firmware, Outcome)> {
        let attempt = || -> Result<_, Error> {
            let (firmware, note) = device::prepare(self.board, self.firmware, model, &job.limits)?;
            if let Some(note) = note {
                out.note(note);
            }
            let bar = out.progress(job.records(model.config()), "records");
            let bounds = Bounds {
                time: Duration::from_secs(self.timeout),
                ..BOUNDS
            };
            let outcome = device::run(self.board, &firmware, model, job, bounds, &mut |n| {
                bar.inc(n);
            });
            bar.finish_and_clear();
            Ok((firmware, outcome?))
        };
        match attempt() {
            Ok(done) => Ok(done),
            Err(error) => {
                let advice = advice(&error);
                let name = path.display();
                let done =
                    Err(error).with_context(|| format!("{name} did not run on {}", self.board));
                match advice {
                    Some(step) => done.next_step(|| step),
                    None => done,
                }
            }
        }
    }
}

/// What to do about a run that failed.
fn advice(error: &Error) -> Option<String> {
    Some(match error {
        Error::Missing(missing) | Error::Firmware(FirmwareError::Missing(missing)) => {
            format!("run `{}`", missing.install())
        }
        Error::Firmware(FirmwareError::TooLarge { what: "flash", .. }) => {
            "prune it or export it with `--values i8`, or use `--firmware prebuilt`".to_owned()
        }
        Error::Firmware(FirmwareError::TooLarge { .. }) => {
            "use a shorter `--context`, or `--cache f16`".to_owned()
        }
        Error::Firmware(FirmwareError::Limits(model::Error::Context { seq_len, .. })) => {
            format!("choose a --context from 1 to {seq_len}")
        }
        Error::Records(RecordError::Fault { .. }) => {
            "see whether `lacuna run` meets the same on this machine".to_owned()
        }
        Error::NoSource => "use `--firmware prebuilt`".to_owned(),
        Error::Emulator(EmulatorError::Timeout(_)) => {
            "generate fewer `--tokens`, or allow a longer `--timeout`".to_owned()
        }
        _ => return None,
    })
}

/// The job of a command line.
///
/// # Errors
/// There is no prompt.
pub(super) fn job(
    model: &Model<'_>,
    prompt: &PromptArgs,
    g: Generation,
    limits: LimitArgs,
) -> anyhow::Result<Job> {
    let tokenizer = Tokenizer::new(model.file());
    // A board streams the golden window's samples through a model of windows.
    let windows = model.config().window_len() > 0;
    if windows && model.file().golden().is_none() {
        return Err(anyhow::anyhow!("the model has no golden window to stream"))
            .next_step(|| "export it again with a --golden run".to_owned());
    }
    let prompt = match windows {
        true => Vec::new(),
        false => prompt.tokens(tokenizer.as_ref())?,
    };
    Ok(Job {
        prompt,
        tokens: g.tokens,
        sampling: Sampling {
            temperature: g.temperature,
            top_k: g.top_k,
            top_p: g.top_p,
            seed: g.seed,
        },
        stop: run::stop(tokenizer.as_ref()),
        limits: limits.of(model),
        when_full: limits.when_full(),
        layers: false,
        sites: false,
        logits: false,
    })
}

/// Runs the command.
///
/// # Errors
/// An unreadable model, a missing emulator or target, a model that does not fit, a fault on the device.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let buffer = open::model(&args.model)?;
    let model = open::parse(&args.model, &buffer)?;
    let tokenizer = Tokenizer::new(model.file());
    let job = Job {
        layers: args.layers,
        ..job(&model, &args.prompt, args.generation, args.limits)?
    };
    let (firmware, outcome) = args.target.run(&args.model, &model, &job, &out)?;
    if args.log {
        for line in &outcome.log {
            eprintln!("{line}");
        }
    }
    let board = args.target.board;
    if args.transcript {
        print!(
            "{}",
            device::ran(board, &outcome.report).transcript(&model, &job.prompt)
        );
        return Ok(());
    }
    let figures = Figures::new(
        board,
        &firmware,
        &model,
        tokenizer.as_ref(),
        &job,
        &outcome.report,
    );
    out.result(&figures, || {
        let text = figures.run.text.as_deref().unwrap_or_default();
        let sites = figures.run.sites.table();
        format!(
            "{text}\n\ndigest {}\n\n{}\n\n{sites}",
            figures.run.digest,
            figures.table()
        )
    })
}
