//! `lacuna eval`: how well models predict text, or tell what people do.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use lacuna::format::Tag;
use lacuna::model::Model;
use lacuna::probe::PlanProbe;
use lacuna::session::{Options, Tokenizer};
use serde::Serialize;

use super::open;
use super::run::{LimitArgs, isa};
use crate::eval::{self, Score};
use crate::memory::Buffer;
use crate::plan::{self, Measured};
use crate::report::{NextStep, Out, count, table};

/// Compare models by how well they predict text, or tell what people do
///
/// Bits per byte and perplexity (2 to the bits per token) are computed by the engine over windows of the context, each
/// behind BOS. Changes are relative to the first model.
///
/// Classifiers are scored with --series on the files that they did not learn from, beside the nearest training window by
/// simple statistics; models of one value type and density are averaged over people.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model files; with the same tokenizer, if perplexities are to be compared
    #[arg(required = true)]
    models: Vec<PathBuf>,
    #[command(flatten)]
    text: Text,
    /// Tokens of the text that are scored [default: all of a file, 2000 of a model]
    #[arg(long, value_name = "N")]
    tokens: Option<usize>,
    /// Seed of a generated text
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Instructions to use; the choice changes no bit [default: the fastest here]
    #[arg(long, value_name = "NAME")]
    isa: Option<String>,
    #[command(flatten)]
    repack: open::RepackArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// Tokens to run at once: more need more RAM [default: 64]
    #[arg(long, value_name = "N")]
    prefill: Option<usize>,
    /// Measure what a plan names on the way: SITES:STATISTICS@POSITIONS; …, such as `*:hoyer,top10@every=8`, where each
    /// window is a prompt; `file` is the plan of each model file
    #[arg(long, value_name = "PLAN")]
    probe: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Text {
    /// Text to predict
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Tell the classes of the recordings in this directory of .ts files
    #[arg(long, value_name = "DIR")]
    series: Option<PathBuf>,
    /// Predict text that this model generates, drawn at temperature 1
    #[arg(long, value_name = "MODEL")]
    generated_by: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Line {
    model: PathBuf,
    bits_per_byte: f64,
    perplexity: f64,
    perplexity_change: f64,
    tokens: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Measured>,
}

/// Runs the command.
///
/// # Errors
/// Unreadable models or text, a model without a tokenizer, a back-end that is not here.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let isa = isa(args.isa.as_deref())?;
    if let Some(dir) = &args.text.series {
        return super::eval_series::run(&args.models, dir, isa, args.repack, &out);
    }
    let options = |model: &Model<'_>| Options {
        limits: args.limits.at_once(model, args.prefill),
        isa,
        ..Options::new(model.config())
    };
    let source = match (&args.text.text, &args.text.generated_by) {
        (Some(path), _) => Source::Text(open::file(path)?),
        (None, Some(path)) => {
            let buffer = open::model(path)?;
            let mut forms = Buffer::zeroed(0);
            let model = open::parse(path, &buffer)?;
            let (model, _) = args.repack.apply(model, isa, &mut forms, &out)?;
            let tokens = args.tokens.unwrap_or(2000);
            let tokenizer = tokenizer(path, &model)?;
            let documents = eval::generate(&model, &tokenizer, tokens, args.seed, options(&model))?;
            Source::Generated {
                documents,
                tokenizer: block(&model),
            }
        }
        (None, None) => Source::Text(Vec::new()),
    };
    let mut lines: Vec<Line> = Vec::new();
    for path in &args.models {
        let buffer = open::model(path)?;
        let mut forms = Buffer::zeroed(0);
        let model = open::parse(path, &buffer)?;
        let (model, _) = args.repack.apply(model, isa, &mut forms, &out)?;
        let tokenizer = tokenizer(path, &model)?;
        let documents = source.documents(path, &model, &tokenizer, args.tokens)?;
        let total: usize = documents.iter().map(Vec::len).sum();
        let bar = out.progress(total as u64, "predicting");
        let options = options(&model);
        let windows = eval::windows(&tokenizer, &documents, options.limits.context);
        let mut each = |n| bar.inc(n);
        let words = args.probe.as_deref();
        let plan = words.map(|words| open::plan(words, &model)).transpose()?;
        let plan = plan.unwrap_or_default();
        let mut cells = plan::cells(&plan, model.config());
        let mut probe = PlanProbe::new(plan, model.config().n_layers, &mut cells)?;
        let score = eval::score(&model, &tokenizer, &windows, options, &mut probe, &mut each)
            .with_context(|| format!("{} cannot be scored", path.display()))?;
        bar.finish_and_clear();
        let mut line = line(path, &score, lines.first());
        line.probe = words.map(|_| Measured::new(&probe, model.config()));
        lines.push(line);
    }
    out.result(&serde_json::json!({ "models": lines }), || text_of(&lines))
}

/// What is predicted.
enum Source {
    Text(Vec<u8>),
    Generated {
        documents: Vec<Vec<u32>>,
        tokenizer: Vec<u8>,
    },
}

impl Source {
    fn documents(
        &self,
        path: &Path,
        model: &Model<'_>,
        tokenizer: &Tokenizer<'_>,
        most: Option<usize>,
    ) -> anyhow::Result<Vec<Vec<u32>>> {
        match self {
            Source::Text(text) => {
                let mut tokens = vec![0; text.len() + 2];
                let n = tokenizer.encode(text, false, &mut tokens)?;
                tokens.truncate(most.unwrap_or(n).min(n));
                if tokens.is_empty() {
                    return Err(anyhow!("the text is empty"))
                        .next_step(|| "give a longer --text, and --tokens above 0".to_owned());
                }
                Ok(vec![tokens])
            }
            Source::Generated {
                documents,
                tokenizer,
            } => {
                if *tokenizer != block(model) {
                    return Err(anyhow!("{} has another tokenizer", path.display())).next_step(
                        || "compare models of different tokenizers on a --text".to_owned(),
                    );
                }
                Ok(documents.clone())
            }
        }
    }
}

fn block(model: &Model<'_>) -> Vec<u8> {
    model
        .file()
        .block(Tag::TOKENIZER)
        .unwrap_or_default()
        .to_vec()
}

fn tokenizer<'a>(path: &Path, model: &Model<'a>) -> anyhow::Result<Tokenizer<'a>> {
    Tokenizer::new(model.file())
        .with_context(|| format!("{} has no tokenizer", path.display()))
        .next_step(|| "only models of text can be scored on text".to_owned())
}

fn line(path: &Path, score: &Score, first: Option<&Line>) -> Line {
    let perplexity = score.perplexity();
    Line {
        model: path.to_owned(),
        bits_per_byte: score.bits_per_byte(),
        perplexity,
        perplexity_change: perplexity / first.map_or(perplexity, |f| f.perplexity) - 1.0,
        tokens: score.tokens,
        bytes: score.bytes,
        probe: None,
    }
}

fn text_of(lines: &[Line]) -> String {
    let head = [
        "model",
        "bits/byte",
        "perplexity",
        "change",
        "tokens",
        "bytes",
    ];
    let rows = lines.iter().map(|l| {
        [
            l.model.display().to_string(),
            format!("{:.4}", l.bits_per_byte),
            format!("{:.4}", l.perplexity),
            change(l.perplexity_change),
            count(l.tokens),
            count(l.bytes),
        ]
    });
    let mut text = table(head, rows);
    for line in lines {
        if let Some(measured) = &line.probe {
            let (path, table) = (line.model.display(), measured.table());
            text.push_str(&format!("\n\n{path}: {}\n{table}", measured.plan));
        }
    }
    text
}

/// A relative change: in per cent, or as a factor from tenfold on.
fn change(by: f64) -> String {
    match by * 100.0 {
        percent if percent.abs() < 0.005 => "0.00 %".to_owned(),
        percent if percent < 900.0 => format!("{percent:+.2} %"),
        _ => format!("×{:.1}", by + 1.0),
    }
}
