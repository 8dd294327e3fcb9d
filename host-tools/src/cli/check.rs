//! `lacuna check`: the same bits on this machine and on a board, or where they part.

use std::path::PathBuf;

use anyhow::Context;
use lacuna::kernels::Isa;
use serde::Serialize;

use super::device::{TargetArgs, job};
use super::field::{FieldArgs, StreamArgs};
use super::open;
use super::run::{Generation, LimitArgs, PromptArgs};
use crate::device::{self, Difference, Job};
use crate::memory::Buffer;
use crate::report::{Out, count};

/// Compare every logit and every activation statistic of this machine and an emulated board, bit for bit
///
/// With --monitor also its scores and verdicts, and what it keeps in the board's flash for the next boot.
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
    repack: open::RepackArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    field: FieldArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `lacuna check --json` prints.
#[derive(Clone, Debug, Serialize)]
struct Checked {
    board: &'static str,
    /// Back-ends of this machine that were compared with the board.
    isas: Vec<String>,
    digest: String,
    steps: usize,
    /// Values that each back-end was compared by.
    logits: usize,
    site_digests: usize,
    statistics: usize,
    /// Bytes of what the monitor keeps.
    kept: usize,
    equal: bool,
    difference: Option<Found>,
}

/// The first difference.
#[derive(Clone, Debug, Serialize)]
struct Found {
    isa: String,
    step: Option<usize>,
    layer: Option<u8>,
    site: Option<String>,
    what: String,
}

impl Found {
    fn new(isa: Isa, difference: &Difference) -> Found {
        let site = difference.site;
        Found {
            isa: isa.to_string(),
            step: difference.step,
            layer: site.filter(|s| s.hook.in_block()).map(|s| s.layer),
            site: site.map(|s| s.to_string()),
            what: difference.what.clone(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// As `lacuna device`; and the first difference, if there is one.
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
    let flash = tempfile::tempdir().context("there is no place for the board's flash")?;
    let job = Job {
        store: (args.field.monitors()).then(|| flash.path().join("flash")),
        sites: true,
        logits: true,
        ..job(
            &model,
            &args.target,
            &args.prompt,
            args.generation,
            args.limits,
            &args.field,
        )?
    };
    let board = args.target.board();
    let (_, outcome) = args.target.run(&args.model, &model, &job, &out)?;
    let there = outcome.report.seen;
    let [logits, site_digests, statistics] = there.counts();
    let mut checked = Checked {
        board: board.name,
        isas: Vec::new(),
        digest: format!("{:016x}", there.digest),
        steps: there.steps.len(),
        logits,
        site_digests,
        statistics,
        kept: there.state.len(),
        equal: true,
        difference: None,
    };
    let mut verdict = Ok(());
    for isa in Isa::available() {
        let mut forms = Buffer::zeroed(0);
        let (here, _) = args.repack.apply(model, isa, &mut forms, &out)?;
        let here = device::observe(isa, &here, &job)
            .with_context(|| format!("{} stopped on {isa}", args.model.display()))?;
        checked.isas.push(isa.to_string());
        if let Some(difference) = here.first_difference(&there) {
            checked.equal = false;
            checked.difference = Some(Found::new(isa, &difference));
            verdict = Err(anyhow::anyhow!(
                "{isa} and {} differ first at {difference}",
                board.name
            ));
            break;
        }
    }
    if checked.equal || args.json {
        out.result(&checked, || {
            let kept = match checked.kept {
                0 => String::new(),
                n => format!(", {n} bytes kept by the monitor"),
            };
            format!(
                "bits equal: yes\n{} = {}, {} steps: {} logits, {} activation vectors, {} statistics{kept}\ndigest {}",
                board.name,
                checked.isas.join(" = "),
                count(checked.steps as u64),
                count(logits as u64),
                count(site_digests as u64),
                count(statistics as u64),
                checked.digest,
            )
        })?;
    }
    verdict
}
