//! `lacuna run`: a model on this machine.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use lacuna::kernels::{Isa, IsaName};
use lacuna::model::{self, Limits, Model};
use lacuna::session::{self, Options, Sampler, Tokenizer, WhenFull};

use super::open;
use crate::memory::Buffer;
use crate::repack;
use crate::report::{NextStep, Out, bytes, count};
use crate::run::{self, Report, Request};

/// Run a model on this machine
///
/// A language model goes on from a --prompt. A classifier streams the recordings of --series, sample by sample, and tells
/// the class of every window.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model file
    model: PathBuf,
    #[command(flatten)]
    prompt: PromptArgs,
    /// Recordings to stream through a classifier: a .ts file, or a directory of them [default: its golden window]
    #[arg(long, value_name = "PATH")]
    series: Option<PathBuf>,
    #[command(flatten)]
    generation: Generation,
    /// Instructions to use; the choice changes no bit [default: the fastest here]
    #[arg(long, value_name = "NAME")]
    isa: Option<String>,
    #[command(flatten)]
    repack: open::RepackArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// Tokens of a prompt to run at once: more need more RAM [default: 64]
    #[arg(long, value_name = "N")]
    prefill: Option<usize>,
    /// Measure how sparse the activations are at every site, or what a plan names: SITES:STATISTICS@POSITIONS; …, such as
    /// `--probe=blocks.*.mlp.hook_post:hoyer,top10@every=8`; `--probe=file` is the plan of the model file
    #[arg(long, value_name = "PLAN", num_args = 0..=1, require_equals = true)]
    probe: Option<Option<String>>,
    /// Print the run with every statistic and its bits, the same text on every machine
    #[arg(long, conflicts_with = "json")]
    transcript: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What to go on from.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PromptArgs {
    /// Text to go on from; the model begins a document without it
    #[arg(long = "prompt", default_value = "", hide_default_value = true)]
    text: String,
    /// Tokens to go on from instead of text, such as 1,403,407
    #[arg(
        long = "prompt-ids",
        value_delimiter = ',',
        value_name = "ID",
        conflicts_with = "text"
    )]
    ids: Vec<u32>,
}

/// How tokens are generated.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Generation {
    /// Tokens to generate; fewer where the model ends its document
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(super) tokens: usize,
    /// Divides the logits before a token is drawn; 0 takes the best
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    pub(super) temperature: f32,
    /// Draw among this many best tokens; 0 for all
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub(super) top_k: usize,
    /// Draw among the best tokens that have this probability together
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    pub(super) top_p: f32,
    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
}

/// How much a session may hold.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct LimitArgs {
    /// Positions to hold [default: the model's context]
    #[arg(long, value_name = "N")]
    context: Option<usize>,
    /// In what keys and values are kept
    #[arg(long, value_enum, default_value = "f32")]
    cache: open::Cache,
    /// What a full context does
    #[arg(long, value_enum, default_value = "error")]
    when_full: Full,
}

impl LimitArgs {
    /// Limits for a model.
    pub(super) fn of(self, model: &Model<'_>) -> Limits {
        let mut limits = Limits::new(model.config());
        limits.context = self.context.unwrap_or(limits.context);
        limits.cache = self.cache.into();
        limits
    }

    /// The same with as many tokens of a prompt at once as were asked for, or as pay on a desktop.
    pub(super) fn at_once(self, model: &Model<'_>, prefill: Option<usize>) -> Limits {
        const AT_ONCE: usize = 64;
        let limits = self.of(model);
        let prefill = prefill.unwrap_or_else(|| AT_ONCE.min(limits.context).max(1));
        Limits { prefill, ..limits }
    }

    /// What a full context does.
    pub(super) fn when_full(self) -> WhenFull {
        match self.when_full {
            Full::Error => WhenFull::Error,
            Full::Slide => WhenFull::Slide,
        }
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Full {
    /// Stop with an error
    Error,
    /// Forget the oldest position
    Slide,
}

/// The back-end of that name, or the fastest.
///
/// # Errors
/// This machine or this version does not have it; the error lists what there is.
pub(super) fn isa(name: Option<&str>) -> anyhow::Result<Isa> {
    let Some(name) = name else {
        return Ok(Isa::detect());
    };
    name.parse::<IsaName>()
        .with_context(|| format!("`{name}` cannot be used"))
        .and_then(|known| {
            Isa::from_name(known)
                .with_context(|| format!("this machine or version has no back-end `{name}`"))
        })
        .next_step(|| {
            let names: Vec<String> = Isa::available().map(|isa| isa.to_string()).collect();
            format!("use one of {}", names.join(", "))
        })
}

impl PromptArgs {
    /// Tokens to feed: ids as given, or text behind BOS.
    ///
    /// # Errors
    /// There are none, or no tokenizer to make them.
    pub(super) fn tokens(&self, tokenizer: Option<&Tokenizer<'_>>) -> anyhow::Result<Vec<u32>> {
        if !self.ids.is_empty() {
            return Ok(self.ids.clone());
        }
        let text = self.text.as_bytes();
        let mut tokens = vec![0; text.len() + 2];
        let n = tokenizer
            .context("the model has no tokenizer")
            .next_step(|| "give the tokens themselves with --prompt-ids".to_owned())?
            .encode(text, true, &mut tokens)?;
        tokens.truncate(n);
        if tokens.is_empty() {
            return Err(anyhow::anyhow!("there is nothing to go on from"))
                .next_step(|| "give a --prompt".to_owned());
        }
        Ok(tokens)
    }
}

/// Runs the command.
///
/// # Errors
/// An unreadable model, a back-end that is not here, limits or a prompt the model cannot run.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let buffer = open::model(&args.model)?;
    let model = open::parse(&args.model, &buffer)?;
    let words = args.probe.as_ref().and_then(Option::as_deref);
    let plan = words.map(|words| open::plan(words, &model)).transpose()?;
    if model.config().window_len() > 0 {
        let isa = isa(args.isa.as_deref())?;
        let mut forms = Buffer::zeroed(0);
        let (model, _) = args.repack.apply(model, isa, &mut forms, &out)?;
        let request = super::windows::Request {
            path: &args.model,
            series: args.series.as_ref(),
            isa,
            probe: matches!(args.probe, Some(None)),
            plan,
        };
        return super::windows::run(&model, &request, &out);
    }
    if args.series.is_some() {
        return Err(anyhow::anyhow!(
            "the model takes tokens, and recordings have none"
        ))
        .next_step(|| "give a --prompt".to_owned());
    }
    let tokenizer = Tokenizer::new(model.file());
    let prompt = args.prompt.tokens(tokenizer.as_ref())?;
    let isa = isa(args.isa.as_deref())?;
    let mut forms = Buffer::zeroed(0);
    let (model, repacked) = args.repack.apply(model, isa, &mut forms, &out)?;
    let g = args.generation;
    let request = Request {
        prompt: &prompt,
        tokens: g.tokens,
        sampler: Sampler::new(g.temperature, g.top_k, g.top_p, g.seed),
        stop: run::stop(tokenizer.as_ref()),
        options: Options {
            limits: args.limits.at_once(&model, args.prefill),
            when_full: args.limits.when_full(),
            isa,
        },
        probe: matches!(args.probe, Some(None)) || args.transcript,
        plan: plan.as_ref(),
    };
    let mut stream = Stream {
        tokenizer,
        before: prompt.last().copied(),
        stop: request.stop,
        silent: args.json || args.transcript,
        escape: io::stdout().is_terminal(),
        begun: false,
        result: Ok(()),
    };
    let ran = run::run(&model, &request, &mut |token| {
        if !stream.begun {
            stream.begun = true;
            stream.write(args.prompt.text.as_bytes());
        }
        stream.token(token);
    });
    if stream.begun {
        stream.write(b"\n");
    }
    stream.result?;
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => {
            return Err(error)
                .with_context(|| format!("{} stopped", args.model.display()))
                .next_step(|| advice(&error, prompt.len()));
        }
    };
    if args.transcript {
        print!("{}", ran.transcript(&model, &prompt));
        return Ok(());
    }
    let report = Report::new(&model, tokenizer.as_ref(), &request, &ran);
    if args.json {
        return out.result(&Machine { report, repacked }, String::new);
    }
    out.note(format_args!(
        "\n{} positions, {:.0} a second on {}, {} of RAM, digest {}",
        count(ran.positions as u64),
        report.tokens_per_second,
        report.isa,
        bytes(report.ram_bytes as u64),
        report.digest
    ));
    if let Some(measured) = &report.probe {
        out.result(&report, || format!("\n{}", measured.table()))?;
    } else if args.probe.is_some() {
        out.result(&report, || format!("\n{}", report.sites.table()))?;
    }
    Ok(())
}

/// A run on this machine, as JSON.
#[derive(Debug, serde::Serialize)]
struct Machine {
    #[serde(flatten)]
    report: Report,
    repacked: repack::Cost,
}

/// What to do about a run that failed.
fn advice(error: &run::Error, prompt: usize) -> String {
    match error {
        run::Error::Session(session::Error::Model(error)) => match error {
            model::Error::ContextFull { context } => format!(
                "use `--when-full slide`, or at most {} tokens",
                (context + 1).saturating_sub(prompt)
            ),
            model::Error::Context { seq_len, .. } => {
                format!("choose a --context from 1 to {seq_len}")
            }
            model::Error::SlideLearned => "use `--when-full error`".to_owned(),
            model::Error::TokenOutOfRange { vocab, .. } => {
                format!("give --prompt-ids below {vocab}")
            }
            _ => "the weights may be damaged; look at them with `lacuna inspect`".to_owned(),
        },
        _ => "this machine cannot keep the numeric contract; use another".to_owned(),
    }
}

/// Text on stdout as it is made.
struct Stream<'a> {
    tokenizer: Option<Tokenizer<'a>>,
    before: Option<u32>,
    stop: Option<u32>,
    silent: bool,
    escape: bool,
    begun: bool,
    result: io::Result<()>,
}

impl Stream<'_> {
    fn token(&mut self, token: u32) {
        let text = match &self.tokenizer {
            None => format!("{token} ").into_bytes(),
            Some(_) if Some(token) == self.stop => Vec::new(),
            Some(tokenizer) => tokenizer.decode(self.before, token).to_vec(),
        };
        self.before = Some(token);
        self.write(&text);
    }

    /// Writes at once; control characters of a model must not reach a terminal.
    fn write(&mut self, text: &[u8]) {
        if self.silent || self.result.is_err() {
            return;
        }
        let shown: Vec<u8> = text
            .iter()
            .map(|&b| match b {
                0..=8 | 11..=31 | 127 if self.escape => b'?',
                _ => b,
            })
            .collect();
        let mut stdout = io::stdout().lock();
        self.result = stdout.write_all(&shown).and_then(|()| stdout.flush());
    }
}
