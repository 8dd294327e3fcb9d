//! `lacuna sweep`: capability against weight density.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::open;
use crate::report::{NextStep, Out, bytes, count, percent, table};
use crate::sweep::{Curve, EXAMPLE, Event, Job, Outcome, Spec, Sweep};

const CLUSTER: &str = "\
On a cluster each run is a job of its own, in a directory that all machines see. With Slurm:
  D=/shared/curve
  lacuna sweep curve.toml -o $D --list     # writes the manifest, prints the runs, say 12
  sbatch --array=1-12 --requeue --wrap 'lacuna sweep curve.toml -o '$D' --job $SLURM_ARRAY_TASK_ID'
  lacuna sweep curve.toml -o $D            # when they are done: only draws the curve";

/// Train at many densities, widths and seeds, and draw capability against density
///
/// One small TOML file says what is tried (`lacuna sweep --example` prints one with every key). Every run has a folder:
/// settings, metrics (JSON lines, and for `tensorboard --logdir DIR`), checkpoint, exported model, result. When all are
/// done, curve.csv, curve.svg and curve.html say how many bits per byte and which of the twenty tasks of `lacuna tasks` are
/// left as weights go: at the same total size, at the same number of nonzeros as width grows, and at the same bytes of
/// flash.
///
/// A sweep that was killed goes on where it stood when the same command is given again: finished runs stay as they are,
/// and the others end with the same bytes as if nothing had happened.
#[derive(Debug, clap::Args)]
#[command(after_long_help = CLUSTER)]
pub(super) struct Args {
    /// What is tried, a TOML file
    #[arg(required_unless_present = "example", value_name = "SPEC.toml")]
    spec: Option<PathBuf>,
    /// Directory of the sweep
    #[arg(long, short, required_unless_present = "example")]
    output: Option<PathBuf>,
    /// Runs side by side [default: as many as this machine has cores for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Do only this run, by its number in --list
    #[arg(long, value_name = "N", conflicts_with_all = ["list", "curve"])]
    job: Option<usize>,
    /// List the runs, and do none
    #[arg(long, conflicts_with = "curve")]
    list: bool,
    /// Draw the curve of the runs that are done, and do none
    #[arg(long)]
    curve: bool,
    /// Print a specification with every key
    #[arg(long, conflicts_with_all = ["spec", "output"])]
    example: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A specification that cannot be, a folder of another sweep, a run that fails.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let (Some(path), Some(dir)) = (&args.spec, &args.output) else {
        return out.result(&json!({ "example": EXAMPLE }), || EXAMPLE.to_owned());
    };
    let sweep = sweep(path, dir)?;
    if args.list {
        return list(&sweep, &out);
    }
    let wanted: Vec<&Job> = match args.job {
        Some(number) => vec![
            sweep
                .job(number)
                .next_step(|| "`lacuna sweep … --list` shows the runs".to_owned())?,
        ],
        None if args.curve => Vec::new(),
        None => sweep.jobs().iter().collect(),
    };
    let open: Vec<&Job> = wanted
        .iter()
        .copied()
        .filter(|job| sweep.outcome(job).is_none())
        .collect();
    if open.len() < wanted.len() {
        out.note(format_args!(
            "{} of {} runs were done before",
            wanted.len() - open.len(),
            wanted.len()
        ));
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let side_by_side = (cores / sweep.spec().threads).max(1);
    let at_once = args.jobs.map_or(side_by_side, usize::from);
    if !open.is_empty() {
        work(&sweep, &open, at_once, &out)?;
    }
    if let Some(number) = args.job {
        let job = sweep.job(number)?;
        let outcome = sweep
            .outcome(job)
            .with_context(|| format!("run {number} has no result"))?;
        let folder = sweep.folder(job);
        return out.result(&json!({ "folder": folder, "outcome": outcome }), || {
            format!("{}\n\nwrote {}", said(&outcome), folder.display())
        });
    }
    let curve = sweep.curve();
    let files = sweep.write_curve(&curve)?;
    out.result(&json!({ "curve": curve, "files": files }), || {
        let [csv, svg, html] = files.each_ref().map(|f| f.display());
        format!("{}\n\nwrote {csv}, {svg} and {html}", text(&curve))
    })
}

fn sweep(path: &Path, dir: &Path) -> anyhow::Result<Sweep> {
    let bytes = open::file(path)?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("{} is not text", path.display()));
    let text = text.next_step(|| "`lacuna sweep --example` prints one".to_owned())?;
    let spec = Spec::parse(&text)
        .with_context(|| format!("{} cannot be swept", path.display()))
        .next_step(|| "`lacuna sweep --example` shows every key".to_owned())?;
    Sweep::open(&spec, dir)
        .next_step(|| "choose another --output, or one that is writable and has room".to_owned())
}

/// Does `jobs` under a bar of the work that is left.
fn work(sweep: &Sweep, jobs: &[&Job], at_once: usize, out: &Out) -> anyhow::Result<()> {
    let all: u64 = jobs.iter().map(|job| sweep.cost(job)).sum();
    let bar = if out.quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(all)
    };
    let style = ProgressStyle::with_template("[{bar:30}] {percent} %, {eta} left  {msg}");
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    // Steps of every run that has begun, and how many have ended.
    let state = Mutex::new((BTreeMap::<usize, u64>::new(), 0));
    let watch = |event: Event<'_>| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (job, at) = match event {
            Event::Step(job, metrics) => (job, metrics.step),
            Event::Done(outcome) => {
                state.1 += 1;
                let line = format!("{} of {}: {}", state.1, jobs.len(), said(outcome));
                bar.suspend(|| out.note(line));
                (&outcome.job, sweep.steps(&outcome.job))
            }
        };
        state.0.insert(job.number, at);
        let cost = |(number, at): (&usize, &u64)| {
            let job = jobs.iter().find(|job| job.number == *number);
            job.map_or(0, |job| sweep.parameters(job) * at)
        };
        if at % 10 == 0 || at == sweep.steps(job) {
            bar.set_position(state.0.iter().map(cost).sum());
        }
        if let Event::Step(job, metrics) = event {
            let (done, all) = (state.1, jobs.len());
            bar.set_message(format!(
                "{done} of {all} runs; {}: {:.3} bits/byte",
                job.name, metrics.smoothed
            ));
        }
    };
    let done = sweep.run(jobs, at_once, &watch);
    bar.finish_and_clear();
    done.map(drop)
        .next_step(|| "give the same command again: what is done stays done".to_owned())
}

/// A run's result in a line.
fn said(outcome: &Outcome) -> String {
    let name = &outcome.job.name;
    let Some(f) = &outcome.figures else {
        return format!("{name}: diverged");
    };
    let n = f.tasks.len() as f64;
    let accuracy = f.tasks.iter().map(|t| t.accuracy).sum::<f64>() / n.max(1.0);
    let tasks = match f.tasks.is_empty() {
        true => String::new(),
        false => format!(", tasks {}", percent(accuracy)),
    };
    let (bits, file) = (f.validation_bits_per_byte, bytes(f.file_bytes));
    format!("{name}: {bits:.3} bits/byte{tasks}, file {file}")
}

fn list(sweep: &Sweep, out: &Out) -> anyhow::Result<()> {
    let rows = || {
        sweep.jobs().iter().map(|job| {
            let outcome = sweep.outcome(job);
            (job, outcome.as_ref().map(said))
        })
    };
    let value: Vec<_> = rows()
        .map(|(job, done)| json!({ "job": job, "done": done.is_some() }))
        .collect();
    out.result(&json!({ "jobs": value, "places": sweep.places() }), || {
        let head = [
            "job",
            "width",
            "density",
            "lr ×",
            "seed",
            "made",
            "parameters",
            "done",
        ];
        let rows = rows().map(|(job, done)| {
            [
                job.number.to_string(),
                job.width.to_string(),
                job.density.to_string(),
                job.lr.to_string(),
                job.seed.to_string(),
                job.after.map_or("trained".to_owned(), |a| a.to_string()),
                count(sweep.parameters(job)),
                if done.is_some() { "yes" } else { "no" }.to_owned(),
            ]
        });
        table(head, rows)
    })
}

fn text(curve: &Curve) -> String {
    let (head, rows) = curve.table();
    let mut text = table(head, rows);
    for (place, why) in &curve.missing {
        let (fixed, base, density) = (place.fixed.name(), place.base_width, place.density);
        text.push_str(&format!(
            "\nmissing: same {fixed} as dense width {base}, density {density}: {why}"
        ));
    }
    text
}
