//! `lacuna tasks`: what a model knows of twenty idioms.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use lacuna::format::Tag;
use lacuna::kernels::Isa;
use lacuna::model::Model;
use serde::Serialize;
use serde_json::json;

use super::open;
use crate::memory::Buffer;
use crate::report::{NextStep, Out, percent, table};
use crate::stats::Interval;
use crate::tasks::{self, Pair, Score, Split, Task};

/// Ask a model of bytes twenty small questions about code
///
/// Each task is a choice between two next bytes, put as pairs of prompts that differ only in what decides (Gao et al.,
/// "Weight-sparse transformers have interpretable circuits", table 1). The engine runs the prompts. Accuracy counts the
/// right byte's higher logit; the loss is the binary cross entropy over the two logits, ln 2 = 0.693 by guessing.
///
/// Models learn the idioms with `lacuna train --data grammar`; prompts are of templates and names that it never shows.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model file, from `lacuna export`
    #[arg(required_unless_present_any = ["list", "show"])]
    model: Option<PathBuf>,
    /// Only this task; repeatable
    #[arg(long = "task", value_name = "NAME", value_parser = named)]
    tasks: Vec<Task>,
    /// Pairs of prompts of each task
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pairs: u32,
    /// Seed of the pairs
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Ask about the templates and names of training text
    #[arg(long)]
    seen: bool,
    /// List the tasks
    #[arg(long, conflicts_with_all = ["show", "model"])]
    list: bool,
    /// Print some pairs of a task, or of the control task `nonsense`
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    show: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn named(name: &str) -> Result<Task, String> {
    Task::named(name).ok_or_else(|| "`lacuna tasks --list` names them".to_owned())
}

/// One line of the answer.
#[derive(Debug, Serialize)]
struct Line {
    task: &'static str,
    #[serde(flatten)]
    score: Score,
}

/// Runs the command.
///
/// # Errors
/// An unknown task, an unreadable model, one that is not of bytes.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let split = if args.seen {
        Split::Train
    } else {
        Split::HeldOut
    };
    let (seed, count) = (args.seed, args.pairs as usize);
    if args.list {
        return list(&out);
    }
    if let Some(name) = &args.show {
        let pairs = match (Task::named(name), name.as_str()) {
            (Some(task), _) => task.pairs(split, seed, count.min(8)),
            (None, "nonsense") => tasks::nonsense(seed, count.min(8)),
            (None, _) => {
                return Err(anyhow!("there is no task `{name}`"))
                    .next_step(|| "`lacuna tasks --list` names them".to_owned());
            }
        };
        return show(name, &pairs, &out);
    }
    let Some(path) = &args.model else {
        return Err(anyhow!("no model is named"));
    };
    let buffer = open::model(path)?;
    let model = open::parse(path, &buffer)?;
    check(&model)
        .with_context(|| format!("{} cannot be asked", path.display()))
        .next_step(|| "train one with `lacuna train --data grammar`".to_owned())?;
    let mut forms = Buffer::zeroed(0);
    let isa = Isa::detect();
    let (model, _) = crate::repack::repack(model, isa, &mut forms)?;
    let asked = match args.tasks.as_slice() {
        [] => &Task::ALL[..],
        some => some,
    };
    let bar = out.progress(asked.len() as u64, "asking");
    let of = (split, seed, count);
    let scores = tasks::evaluate_all(&model, isa, asked, of, &mut |_| bar.inc(1));
    bar.finish_and_clear();
    let scores = scores
        .with_context(|| format!("{} cannot be asked", path.display()))
        .next_step(|| "prompts need a context of 128 bytes".to_owned())?;
    let lines: Vec<Line> = scores
        .into_iter()
        .map(|(task, score)| Line {
            task: task.name(),
            score,
        })
        .collect();
    let n = lines.len().max(1) as f64;
    let mean = |of: fn(&Score) -> f64| lines.iter().map(|l| of(&l.score)).sum::<f64>() / n;
    let (accuracy, loss) = (mean(|s| s.accuracy), mean(|s| s.loss));
    let value = json!({
        "model": path, "split": if args.seen { "train" } else { "held out" }, "seed": seed,
        "pairs": count, "accuracy": accuracy, "loss": loss, "tasks": lines,
    });
    out.result(&value, || {
        let last = [
            "all".to_owned(),
            percent(accuracy),
            String::new(),
            format!("{loss:.3}"),
            String::new(),
        ];
        let rows = lines.iter().map(|l| {
            let s = &l.score;
            [
                l.task.to_owned(),
                percent(s.accuracy),
                shares(s.accuracy_interval),
                format!("{:.3}", s.loss),
                format!("{:.3} … {:.3}", s.loss_interval.low, s.loss_interval.high),
            ]
        });
        let head = ["task", "accuracy", "95 % interval", "loss", "95 % interval"];
        table(head, rows.chain([last]))
    })
}

fn shares(interval: Interval) -> String {
    format!("{} … {}", percent(interval.low), percent(interval.high))
}

/// Whether the model's tokens are bytes, 0 first.
fn check(model: &Model<'_>) -> anyhow::Result<()> {
    let tokens = model.config().window_len() == 0 && model.config().vocab_size == 256;
    let bos = model.file().tokenizer().and_then(|t| t.bos());
    if tokens && bos == Some(tasks::BOS.into()) && model.file().block(Tag::TOKENIZER).is_some() {
        return Ok(());
    }
    Err(anyhow!("its tokens are not bytes"))
}

fn list(out: &Out) -> anyhow::Result<()> {
    let tasks = Task::ALL.map(|t| json!({ "task": t.name(), "description": t.description() }));
    out.result(&json!({ "tasks": tasks }), || {
        let rows = Task::ALL.map(|t| [t.name().to_owned(), t.description().to_owned()]);
        table(["task", "what decides"], rows)
    })
}

fn show(name: &str, pairs: &[Pair], out: &Out) -> anyhow::Result<()> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let both = |pair: &Pair| {
        [0, 1]
            .map(|i| json!({ "prompt": text(&pair.prompt[i]), "answer": text(&[pair.answer[i]]) }))
    };
    let value = json!({ "task": name, "pairs": pairs.iter().map(both).collect::<Vec<_>>() });
    out.result(&value, || {
        let shown = |prompt: &[u8]| text(prompt).replace('\n', "⏎\n    ");
        let answer = |byte| text(&[byte]).replace('\n', "⏎").replace(' ', "␠");
        let one = |pair: &Pair| {
            let both = [0, 1].map(|i| {
                format!(
                    "    {}  →  {}\n",
                    shown(&pair.prompt[i]),
                    answer(pair.answer[i])
                )
            });
            both.concat()
        };
        pairs.iter().map(one).collect::<Vec<_>>().join("\n")
    })
}
