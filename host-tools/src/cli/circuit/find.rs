//! `lacuna circuit find`

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::super::open;
use super::advice;
use crate::checkpoint::Checkpoint;
use crate::circuit::cases::Cases;
use crate::circuit::constants::{self, Stand};
use crate::circuit::curve;
use crate::circuit::learn::Learning;
use crate::circuit::record::{self, Record};
use crate::circuit::study::{Material, Method, Request, study};
use crate::data::{Corpus, Source};
use crate::report::{NextStep, Out, table};
use crate::tasks::Task;
use crate::train::Settings;

/// Search the circuit of a task and judge it
///
/// Node masks are learned (Gao et al., appendix A.5) and nodes ranked by them; the first k that meet the loss are the
/// circuit. Held-out pairs then say whether it is sufficient (it does the task alone) and necessary (the model fails
/// without it), beside as many random nodes. Controls: other seeds, gradient attribution, shuffled weights, and a task that
/// means nothing.
///
/// Writes circuit.json, circuit.html (open it in a browser), and the circuit as a checkpoint of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Checkpoint directory of a model of bytes
    checkpoint: PathBuf,
    /// Task, of those that `lacuna tasks` lists
    #[arg(long, value_name = "NAME")]
    task: String,
    /// Directory to write
    #[arg(long, short)]
    output: PathBuf,
    /// Loss that the circuit alone must meet, in nats; chance is 0.693. After the first, more after commas: the same
    /// search is cut at each, and shows how many nodes and edges each takes, such as 0.15,0.5,0.25,0.05
    #[arg(long, value_name = "NATS", value_delimiter = ',', default_values_t = [0.15])]
    loss: Vec<f64>,
    /// What stands in for nodes outside
    #[arg(long, value_enum, default_value = "mean")]
    ablation: Stand,
    /// How nodes are ranked
    #[arg(long, value_enum, default_value = "learned")]
    method: Method,
    /// Steps of a search
    #[arg(long, value_name = "N", default_value_t = Learning::default().steps)]
    steps: u64,
    /// Pairs in a step
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=4096))]
    batch: u16,
    /// Learning rate of the masks
    #[arg(long, value_name = "RATE", default_value_t = Learning::default().lr)]
    lr: f64,
    /// Prices of a node in nats; each is a search, and the smallest circuit counts
    #[arg(long, value_name = "NATS", value_delimiter = ',', default_values_t = [1e-3, 1e-2])]
    k_coef: Vec<f64>,
    /// Pairs that choose the circuit, and as many that judge it
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(2..=65536))]
    pairs: u32,
    /// First seed of the searches
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Searches with seeds that follow each other: how alike are their masks?
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    seeds: u16,
    /// Random draws of nodes
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=4096))]
    draws: u16,
    /// Search without the other method, shuffled weights and nonsense
    #[arg(long)]
    no_controls: bool,
    /// Text whose mean activations stand in for nodes outside [default: what the model learned from]
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Print one JSON object, that of circuit.json
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// An unreadable checkpoint, an unknown task, text that cannot be read, an unwritable directory.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let model = open::checkpoint(&args.checkpoint)?;
    let request = request(&args)?;
    let pairs = args.pairs as usize;
    let [train, held_out, nonsense] = cases(&model, &args.task, args.seed, pairs)?;
    let corpus = corpus(&model, &args.data, args.seed)?;
    let windows = constants::stretches(&corpus.train, model.config.seq_len, args.seed)
        .next_step(|| "give a longer text with --data PATH".to_owned())?;
    let material = Material {
        model: &model,
        train: &train,
        held_out: &held_out,
        nonsense: &nonsense,
        windows: &windows,
    };
    let bar = out.progress(request.steps(), "searching");
    let found = study(&material, &request, &mut || bar.inc(1));
    bar.finish_and_clear();
    let next = found.as_ref().err().map_or("", advice);
    let found = found.next_step(|| next.to_owned())?;
    let named = (args.task.as_str(), pairs, args.seed);
    let mut record = Record::new((&model, &args.checkpoint), named, &request, &found);
    if args.loss.len() > 1 {
        record.curve = curve::curve(&material, &found, &args.loss)?;
    }
    record::save(&args.output, &model, (&record, &found), &held_out)
        .next_step(|| "choose a directory that is writable and has room".to_owned())?;
    out.result(&record, || text(&record, &args.output))
}

fn request(args: &Args) -> anyhow::Result<Request> {
    let target = args.loss.first().copied().unwrap_or_default();
    let sane = args.loss.iter().all(|loss| *loss > 0.0) && target > 0.0 && args.lr > 0.0;
    let priced = !args.k_coef.is_empty() && args.k_coef.iter().all(|k| *k >= 0.0 && k.is_finite());
    if !sane || !priced {
        return Err(anyhow!("a loss, a rate or a price of a node cannot be"))
            .next_step(|| "give --loss and --lr above 0, and --k-coef of at least 0".to_owned());
    }
    Ok(Request {
        target,
        stand: args.ablation,
        method: args.method,
        learning: Learning {
            steps: args.steps,
            pairs: args.batch.into(),
            lr: args.lr,
            seed: args.seed,
            ..Learning::default()
        },
        prices: args.k_coef.clone(),
        seeds: args.seeds.into(),
        draws: args.draws.into(),
        controls: !args.no_controls,
    })
}

/// Cases that choose, cases that judge, and nonsense.
pub(super) fn cases(
    model: &Checkpoint,
    task: &str,
    seed: u64,
    pairs: usize,
) -> anyhow::Result<[Cases; 3]> {
    let task = Task::named(task)
        .with_context(|| format!("there is no task `{task}`"))
        .next_step(|| {
            let names: Vec<&str> = Task::ALL.iter().map(|task| task.name()).collect();
            format!("choose one of {}", names.join(", "))
        })?;
    let cases = Cases::of_task(model, task, (seed, pairs));
    let next = cases.as_ref().err().map_or("", advice);
    cases.next_step(|| next.to_owned())
}

/// The text that the model learned from, or the one that is named.
fn corpus(model: &Checkpoint, data: &[PathBuf], seed: u64) -> anyhow::Result<Corpus> {
    let (source, seed) = match data {
        [] => {
            let settings = model
                .provenance
                .get("settings")
                .cloned()
                .unwrap_or_default();
            let settings: Settings = serde_json::from_value(settings)
                .context("the checkpoint does not say what it learned from")
                .next_step(|| "name the text with --data PATH".to_owned())?;
            (settings.source(), settings.seed)
        }
        paths => (Source::Paths(paths.to_vec()), seed),
    };
    Corpus::load(&source, seed).next_step(|| "name the text with --data PATH".to_owned())
}

fn text(record: &Record, dir: &Path) -> String {
    let head = [
        "search", "seed", "nodes", "edges", "loss", "met", "held out", "95 %", "whole",
    ];
    let rows = record.trials.iter().map(|t| {
        [
            t.what.clone(),
            t.seed.to_string(),
            t.size.nodes.to_string(),
            t.size.edges.to_string(),
            format!("{:.3}", t.cut.loss),
            if t.cut.met { "yes" } else { "no" }.to_owned(),
            format!("{:.3}", t.alone.loss),
            format!("{:.3}…{:.3}", t.alone.low, t.alone.high),
            format!("{:.3}", t.whole),
        ]
    });
    let searches = table(head, rows);
    let curve = match record.curve.is_empty() {
        true => String::new(),
        false => format!("\n\n{}", sizes(record)),
    };
    let v = &record.validation;
    let rows = [
        ("whole model", v.whole.loss, v.whole.low, v.whole.high),
        ("circuit alone", v.alone.loss, v.alone.low, v.alone.high),
        (
            "… logits scaled",
            v.calibrated.loss,
            v.calibrated.low,
            v.calibrated.high,
        ),
        ("without it", v.without.loss, v.without.low, v.without.high),
        (
            "random alone",
            v.random_alone.loss,
            v.random_alone.low,
            v.random_alone.high,
        ),
        (
            "without random",
            v.random_without.loss,
            v.random_without.low,
            v.random_without.high,
        ),
    ];
    let rows = rows.map(|(what, loss, low, high)| {
        [
            what.to_owned(),
            format!("{loss:.3}"),
            format!("{low:.3}…{high:.3}"),
        ]
    });
    let losses = table(["held out", "loss", "from … to"], rows);
    let yes = |is: bool| if is { "yes" } else { "no" };
    let overlap = match record.jaccard.as_slice() {
        [] => String::new(),
        all => format!(
            ", overlap of seeds {:.2}",
            all.iter().sum::<f64>() / all.len() as f64
        ),
    };
    let zeroed = match record.zeroed.len() {
        0 => String::new(),
        n => {
            format!("\nzero stands in for the mean at {n} sites, where no file carries a constant")
        }
    };
    format!(
        "{}: {} of {} nodes, {} of {} edges\n\n{searches}{curve}\n\n{losses}\n\n\
         sufficient {}, necessary {}{overlap}{zeroed}\n\nwrote {}",
        record.task,
        record.size.nodes,
        record.whole.nodes,
        record.size.edges,
        record.whole.edges,
        yes(record.sufficient),
        yes(record.necessary),
        dir.display(),
    )
}

/// Size at each loss.
fn sizes(record: &Record) -> String {
    let rows = record.curve.iter().map(|p| {
        [
            p.what.clone(),
            p.target.to_string(),
            p.size.nodes.to_string(),
            p.size.edges.to_string(),
            if p.cut.met { "yes" } else { "no" }.to_owned(),
            format!("{:.3}", p.alone.loss),
            format!("{:.3}…{:.3}", p.alone.low, p.alone.high),
        ]
    });
    let head = [
        "search", "to meet", "nodes", "edges", "met", "held out", "95 %",
    ];
    table(head, rows)
}
