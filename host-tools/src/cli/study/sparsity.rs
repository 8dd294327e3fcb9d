//! `lacuna study sparsity`: does weight sparsity make small circuits?

use core::sync::atomic::{AtomicU64, Ordering};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, anyhow};
use serde_json::json;

use super::super::open;
use crate::report::{NextStep, Out, table};
use crate::study::sparsity::{EXAMPLE, Job, Progress, QUICK, Spec, Study, Work};

const CLUSTER: &str = "\
On a cluster each job is one of its own, in a directory that all machines see; the first are models. With Slurm:
  lacuna study sparsity -o $D --list       # writes the manifest, prints the jobs, say 1-36 train, 37-400 the others
  sbatch --array=1-36 --wrap 'lacuna study sparsity -o '$D' --job $SLURM_ARRAY_TASK_ID'
  sbatch --array=37-400 --dependency=afterok:ID --wrap 'lacuna study sparsity -o '$D' --job $SLURM_ARRAY_TASK_ID'
  lacuna study sparsity -o $D              # when they are done: only answers
Sweeps that are there already, from `lacuna sweep` with the same keys, serve as DIR/models/NAME.";

/// Does weight sparsity make circuits small, and are they what the model does? The tests T1 to T7
///
/// Trains dense and sparse models of several seeds, searches the circuits of a few tasks in each, runs every one of them on
/// the engine, and answers with pass, FAIL or null: bits per byte and edges against density (T1, T2), more weights at equal
/// nonzeros (T3), a dense and a sparse model of equal loss (T4), sufficiency and necessity (T5), kurtosis of the residual
/// (T6), learned masks against attribution (T7); and controls: nonsense, shuffled and initial weights, other seeds, zeros
/// for means, unseen templates. Every answer has its interval and the seeds that 80 % power would take.
///
/// Without --spec it takes about three hours on one core. A study that was stopped goes on where it was.
#[derive(Debug, clap::Args)]
#[command(after_long_help = CLUSTER)]
pub(super) struct Args {
    /// Directory of the study; what is done in it stays
    #[arg(long, short, value_name = "DIR", required_unless_present = "example")]
    output: Option<PathBuf>,
    /// What is studied, a TOML file [default: what --example prints]
    #[arg(long, value_name = "SPEC.toml", conflicts_with = "quick")]
    spec: Option<PathBuf>,
    /// Small models and two tasks, minutes, to see that everything works
    #[arg(long)]
    quick: bool,
    /// Jobs side by side [default: as many as this machine has cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Do only this job, by its number in --list
    #[arg(long, value_name = "N", conflicts_with_all = ["list", "answers"])]
    job: Option<usize>,
    /// List the jobs, and do none
    #[arg(long, conflicts_with = "answers")]
    list: bool,
    /// Answer from the jobs that are done, and do none
    #[arg(long)]
    answers: bool,
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
/// A specification that cannot be, a folder of another study, a job that fails.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let Some(dir) = &args.output else {
        return out.result(&json!({ "example": EXAMPLE }), || EXAMPLE.to_owned());
    };
    let spec = spec(&args)?;
    let study = Study::open(&spec, dir)
        .next_step(|| "choose another --output, or one that is writable and has room".to_owned())?;
    if args.list {
        return list(&study, &out);
    }
    let wanted: Vec<&Job> = match args.job {
        Some(number) => vec![
            study
                .job(number)
                .next_step(|| "`lacuna study sparsity … --list` shows the jobs".to_owned())?,
        ],
        None if args.answers => Vec::new(),
        None => study.plan().jobs.iter().collect(),
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    work(&study, &wanted, args.jobs.map_or(cores, usize::from), &out)?;
    if let Some(number) = args.job {
        let job = study.job(number)?;
        return out.result(&json!({ "job": job, "done": study.done(job) }), || {
            format!("job {number} is done: {}", said(&study, job))
        });
    }
    let answers = study.answers();
    let files = study
        .write(&answers)
        .next_step(|| "choose a directory that is writable and has room".to_owned())?;
    out.result(&answers, || {
        let [json, csv, html] = files.each_ref().map(|f| f.display());
        format!("{}\n\nwrote {json}, {csv} and {html}", answers.text())
    })
}

fn spec(args: &Args) -> anyhow::Result<Spec> {
    let (text, name) = match &args.spec {
        None if args.quick => (QUICK.to_owned(), Path::new("the quick study")),
        None => (EXAMPLE.to_owned(), Path::new("the study")),
        Some(path) => {
            let text = String::from_utf8(open::file(path)?);
            let text = text.map_err(|_| anyhow!("{} is not text", path.display()));
            let next = || "`lacuna study sparsity --example` prints one".to_owned();
            (text.next_step(next)?, path.as_path())
        }
    };
    Spec::parse(&text)
        .with_context(|| format!("{} cannot be studied", name.display()))
        .next_step(|| "`lacuna study sparsity --example` shows every key".to_owned())
}

/// Does those of `jobs` that are open, under a bar of steps.
fn work(study: &Study, jobs: &[&Job], at_once: usize, out: &Out) -> anyhow::Result<()> {
    let open: Vec<&Job> = jobs.iter().copied().filter(|j| !study.done(j)).collect();
    if open.is_empty() {
        return Ok(());
    }
    if open.len() < jobs.len() {
        let done = jobs.len() - open.len();
        out.note(format_args!(
            "{done} of {} jobs were done before",
            jobs.len()
        ));
    }
    let bar = out.progress(open.iter().map(|j| study.steps(j)).sum(), "steps");
    let ended = AtomicU64::new(0);
    let watch = |progress: Progress<'_>| match progress {
        Progress::Trained(_) | Progress::Searched => bar.inc(1),
        Progress::Done(job) => {
            let n = ended.fetch_add(1, Ordering::Relaxed) + 1;
            let line = format!("{n} of {}: {}", open.len(), said(study, job));
            bar.suspend(|| out.note(line));
        }
    };
    let done = study.run(&open, at_once, &watch);
    bar.finish_and_clear();
    done.next_step(|| "give the same command again: what is done stays done".to_owned())
}

/// `circuit of var_if (learned) in total/…`
fn said(study: &Study, job: &Job) -> String {
    let models = &study.plan().models;
    let model = models.get(job.model).map_or("", |m| m.name.as_str());
    match &job.work {
        Work::Train => format!("model {model}"),
        Work::Look => format!("look at {model}"),
        Work::Find { task, kind } => format!("circuit of {task} ({}) in {model}", kind.name()),
    }
}

fn list(study: &Study, out: &Out) -> anyhow::Result<()> {
    let jobs = &study.plan().jobs;
    let value: Vec<_> = jobs
        .iter()
        .map(|job| json!({ "job": job, "what": said(study, job), "done": study.done(job) }))
        .collect();
    out.result(
        &json!({ "jobs": value, "models": study.plan().models }),
        || {
            let rows = jobs.iter().map(|job| {
                let done = if study.done(job) { "yes" } else { "no" };
                [job.number.to_string(), said(study, job), done.to_owned()]
            });
            table(["job", "what", "done"], rows)
        },
    )
}
