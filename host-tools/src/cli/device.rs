//! `lacuna device`: a model on an emulated board.

use core::time::Duration;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lacuna::model::{self, Limits, Model};
use lacuna::session::Tokenizer;

use super::field::{DeviceArgs, FieldArgs, StreamArgs};
use super::open;
use super::run::{Generation, LimitArgs, PromptArgs};
use crate::device::{
    self, BOARDS, BOUNDS, Board, Bounds, Choice, Demand, EmulatorError, Error, Figures, Firmware,
    FirmwareError, Job, ORDERS_STACK, Outcome, RecordError, Sampling,
};
use crate::output;
use crate::report::{NextStep, Out};
use crate::run;

/// Run a model on an emulated board and count its instructions
///
/// A classifier streams recordings (--series), or the samples of its golden window again and again, and tells the class of
/// --tokens windows.
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
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    field: FieldArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// Keep the bytes of the record channel in this file
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
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
    /// Tokens of a prompt to run at once: more need more RAM [default: up to 8 if all matrices are gaps, else 1]
    #[arg(long, value_name = "N")]
    prefill: Option<usize>,
    /// Give up after this time
    #[arg(long, value_name = "SECONDS", default_value_t = BOUNDS.time.as_secs())]
    timeout: u64,
}

/// The board of that name.
///
/// # Errors
/// There is none; the names that there are.
pub(super) fn board(name: &str) -> Result<&'static Board, String> {
    Board::named(name).ok_or_else(|| {
        let names: Vec<&str> = BOARDS.iter().map(|b| b.name).collect();
        format!("the boards are {}", names.join(", "))
    })
}

impl TargetArgs {
    /// `board` with that firmware, a prompt token by token.
    pub(super) fn plain(board: &'static Board, firmware: Choice) -> TargetArgs {
        TargetArgs {
            board,
            firmware,
            prefill: Some(1),
            timeout: BOUNDS.time.as_secs(),
        }
    }

    /// The board.
    pub(super) fn board(&self) -> &'static Board {
        self.board
    }

    /// Limits for a model on the board.
    ///
    /// # Errors
    /// Its firmware cannot run so many tokens at once.
    pub(super) fn limits(&self, model: &Model<'_>, demand: &Demand) -> anyhow::Result<Limits> {
        let (limits, board) = (demand.limits, self.board);
        if model.config().window_len() > 0 {
            // The positions of a window run at once, as many as they are.
            return Ok(limits);
        }
        let at_once = || device::at_once(board, model, demand);
        let prefill = self.prefill.unwrap_or_else(at_once);
        if !(1..=board.prefill).contains(&prefill) {
            let error = anyhow::anyhow!("{board} cannot run {prefill} tokens of a prompt at once");
            return Err(error)
                .next_step(|| format!("choose a --prefill from 1 to {}", board.prefill));
        }
        Ok(Limits { prefill, ..limits })
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
            let (firmware, note) =
                device::prepare(self.board, self.firmware, model, &job.demand(model))?;
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
        Error::Firmware(FirmwareError::TooLarge { what, .. }) if *what == ORDERS_STACK => {
            "choose another --board; a firmware of your own without records holds a plan or the monitor: build \
             `minimal` with `--features plan` or `monitor` as targets/README.md says"
                .to_owned()
        }
        Error::Firmware(FirmwareError::TooLarge { .. }) => {
            "use a shorter `--context`, `--cache f16` or `--prefill 1`".to_owned()
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
/// There is no prompt, the board cannot run so many of its tokens at once, or the model has no such plan or calibration.
pub(super) fn job(
    model: &Model<'_>,
    target: &TargetArgs,
    prompt: &PromptArgs,
    g: Generation,
    limits: LimitArgs,
    field: &FieldArgs,
) -> anyhow::Result<Job> {
    let tokenizer = Tokenizer::new(model.file());
    // A board streams the golden window's samples through a model of windows.
    let windows = model.config().window_len() > 0;
    let mut tokens = g.tokens;
    if windows {
        tokens = device::streamed(model, tokens).len();
    }
    if windows && tokens == 0 && g.tokens > 0 {
        return Err(anyhow::anyhow!("there is no full window to stream")).next_step(|| {
            "give longer recordings, or export the model with a golden run".to_owned()
        });
    }
    let prompt = match windows {
        true => Vec::new(),
        false => prompt.tokens(tokenizer.as_ref())?,
    };
    let mut job = Job {
        sampling: Sampling {
            temperature: g.temperature,
            top_k: g.top_k,
            top_p: g.top_p,
            seed: g.seed,
        },
        stop: run::stop(tokenizer.as_ref()),
        when_full: limits.when_full(),
        ..Job::new(prompt, tokens, limits.of(model))
    };
    job = field.of(model, job)?;
    job.limits = target.limits(model, &job.demand(model))?;
    Ok(job)
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
    let streamed = args.stream.file(&model)?;
    let model = match &streamed {
        Some(buffer) => open::parse(&args.model, buffer)?,
        None => model,
    };
    let tokenizer = Tokenizer::new(model.file());
    let job = job(
        &model,
        &args.target,
        &args.prompt,
        args.generation,
        args.limits,
        &args.field,
    )?;
    let job = Job {
        layers: args.layers,
        ..args.device.of(job)
    };
    let (firmware, outcome) = args.target.run(&args.model, &model, &job, &out)?;
    if let Some(path) = &args.records {
        output::write(path, |to| to.write_all(&outcome.records))?;
    }
    if args.log {
        for line in &outcome.log {
            eprintln!("{line}");
        }
    }
    let board = args.target.board;
    if args.transcript {
        print!(
            "{}",
            device::ran(board, &model, &job, &outcome.report).transcript(&model, &job.prompt)
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
        let seen = match job.in_the_field() {
            true => figures.field(),
            false => figures.run.sites.table(),
        };
        format!(
            "{text}\n\ndigest {}\n\n{}\n\n{seen}",
            figures.run.digest,
            figures.table()
        )
    })
}
