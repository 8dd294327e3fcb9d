//! `lacuna replay`: what a device has computed, computed again here.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde::Serialize;

use super::open;
use super::run::{LimitArgs, isa};
use crate::memory::Buffer;
use crate::report::{NextStep, Out, count, table};
use crate::telemetry::replay::{Case, Cases, Verdict, replay};
use crate::telemetry::{Ledger, Reading, hex};

/// Run a device's windows again and name the first bit that differs
///
/// RECORDING holds the frames of a device that sends its input (tokens, or the samples of a classifier) and the digests of
/// its activations, as `lacuna device --sites --records FILE` keeps them. Each window is run here, and what the device sent is compared in the order of computation: the first difference is the cause and not
/// a consequence. What follows a lost frame is compared from the next window on.
///
/// Exit code 0: every bit that was sent is equal; 1: a window differs, or there is nothing to compare.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model file, the same that the device runs
    model: PathBuf,
    /// Recorded frames; `-` for standard input
    recording: PathBuf,
    /// Instructions to use; the choice changes no bit [default: the fastest here]
    #[arg(long, value_name = "NAME")]
    isa: Option<String>,
    #[command(flatten)]
    repack: open::RepackArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// One window's result.
#[derive(Clone, Debug, Serialize)]
struct Found {
    device: String,
    boot: u32,
    window: Option<u32>,
    tokens: usize,
    /// Values of a sensor.
    samples: usize,
    /// Digests and logits compared.
    compared: usize,
    /// Records behind a gap.
    skipped: u64,
    /// `equal`, `differs`, `nothing` or `other_model`.
    verdict: &'static str,
    position: Option<usize>,
    layer: Option<u8>,
    site: Option<String>,
    what: Option<String>,
}

/// What `lacuna replay --json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    windows: Vec<Found>,
    losses: Ledger,
}

impl Found {
    fn new(case: &Case, verdict: &Verdict) -> Found {
        let (word, difference) = match verdict {
            Verdict::Equal => ("equal", None),
            Verdict::Differs(difference) => ("differs", Some(difference)),
            Verdict::Nothing => ("nothing", None),
            Verdict::OtherModel => ("other_model", None),
        };
        let site = difference.and_then(|d| d.site);
        Found {
            device: hex(case.device),
            boot: case.boot,
            window: case.window,
            tokens: case.tokens.len(),
            samples: case.samples.len(),
            compared: case.compared(),
            skipped: case.skipped,
            verdict: word,
            position: difference.and_then(|d| d.step),
            layer: site.filter(|s| s.hook.in_block()).map(|s| s.layer),
            site: site.map(|s| s.to_string()),
            what: difference.map(|d| d.what.clone()),
        }
    }

    /// Where and what, or how it ended otherwise.
    fn words(&self) -> String {
        let Some(what) = &self.what else {
            return self.verdict.replace('_', " ");
        };
        let mut words = String::new();
        if let Some(position) = self.position {
            words.push_str(&format!("position {position}, "));
        }
        if let Some(layer) = self.layer {
            words.push_str(&format!("layer {layer}, "));
        }
        if let Some(site) = &self.site {
            words.push_str(&format!("site {site}, "));
        }
        words + what
    }
}

/// Runs the command.
///
/// # Errors
/// Unreadable files, a model that cannot run a window, and the first difference.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let buffer = open::model(&args.model)?;
    let model = open::parse(&args.model, &buffer)?;
    let isa = isa(args.isa.as_deref())?;
    let mut forms = Buffer::zeroed(0);
    let (model, _) = args.repack.apply(model, isa, &mut forms, &out)?;
    let limits = args.limits.of(&model);
    let when_full = args.limits.when_full();

    let cannot = || format!("cannot read {}", args.recording.display());
    let name = || "name a file of recorded frames".to_owned();
    let mut from: Box<dyn Read> = if args.recording.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(&args.recording);
        Box::new(file.with_context(cannot).next_step(name)?)
    };
    let (mut ledger, mut reading, mut cases) =
        (Ledger::default(), Reading::default(), Cases::default());
    let mut windows = Vec::new();
    let mut failed = Ok(());
    let mut judge = |case: Case| {
        if failed.is_err() {
            return;
        }
        match replay(&case, isa, &model, limits, when_full) {
            Ok(verdict) => windows.push(Found::new(&case, &verdict)),
            Err(error) => {
                failed = Err(error)
                    .with_context(|| {
                        format!(
                            "a window of {} stopped",
                            words(case.tokens.len(), case.samples.len())
                        )
                    })
                    .next_step(|| {
                        "give --context, --cache and --when-full as the device has them".to_owned()
                    });
            }
        }
    };
    let mut piece = vec![0; 1 << 16];
    loop {
        let n = match from.read(&mut piece) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read.with_context(cannot).next_step(name)?,
        };
        if n == 0 {
            break;
        }
        reading.push(&piece[..n], &mut ledger, |frame, _, _| {
            cases.take(frame, &mut judge);
        });
    }
    reading.end(&mut ledger);
    cases.finish(&mut judge);
    failed?;

    let verdict = verdict(&windows);
    if verdict.is_ok() || args.json {
        let answer = Answer {
            windows,
            losses: ledger,
        };
        out.result(&answer, || text(&answer))?;
    } else if windows.iter().any(|w| w.verdict == "differs") {
        out.note(listing(&windows));
    }
    verdict
}

/// What the windows together say.
fn verdict(windows: &[Found]) -> anyhow::Result<()> {
    if let Some(first) = windows.iter().find(|w| w.verdict == "differs") {
        let window = first
            .window
            .map_or("the run".to_owned(), |n| format!("window {n}"));
        return Err(anyhow!(
            "{window} of device {} (boot {}) differs first at {}",
            first.device,
            first.boot,
            first.words()
        ))
        .next_step(|| {
            "the values are here and there: if it comes again at the same place, suspect its flash; elsewhere, its memory or supply".to_owned()
        });
    }
    if windows.iter().any(|w| w.verdict == "equal") {
        return Ok(());
    }
    let other = windows.iter().any(|w| w.verdict == "other_model");
    Err(anyhow!("there is no window to compare")).next_step(|| {
        if other {
            "the device runs another model; give that one".to_owned()
        } else {
            "let the device send its input and site digests (`sites` in a job)".to_owned()
        }
    })
}

/// An input in words.
fn words(tokens: usize, samples: usize) -> String {
    match samples {
        0 => format!("{} tokens", count(tokens as u64)),
        n => format!("{} values", count(n as u64)),
    }
}

fn listing(windows: &[Found]) -> String {
    let head = ["device", "boot", "window", "input", "compared", "result"];
    let rows = windows.iter().map(|w| {
        [
            w.device.clone(),
            w.boot.to_string(),
            w.window.map_or("-".to_owned(), |n| n.to_string()),
            words(w.tokens, w.samples),
            count(w.compared as u64),
            w.words(),
        ]
    });
    table(head, rows)
}

fn text(answer: &Answer) -> String {
    let lost = answer.losses.total().lost;
    let gaps = match lost {
        0 => String::new(),
        n => format!(
            "\n{} frames were lost; what follows one is compared from the next window on",
            count(n)
        ),
    };
    format!("bits equal: yes\n\n{}{gaps}", listing(&answer.windows))
}
