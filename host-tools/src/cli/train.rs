//! `lacuna train`: weight-sparse training of a byte-level model, or of a classifier of sensor windows.

use core::time::Duration;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use lacuna::config::{Config, Input, Output, TopK};
use serde_json::json;

use super::classify::{self, WindowArgs};
use crate::checkpoint::{ACTIVATIONS, Blueprint, POSITIONS, Tokenizer};
use crate::data::series::Set;
use crate::report::{NextStep, Out, count, percent, table};
use crate::train::optimiser::Constants;
use crate::train::schedule::Schedule;
use crate::train::{self, Device, Metrics, Saving, Settings, settings};

/// Train a model whose weight matrices end sparse
///
/// Every step moves all weights, then keeps only the largest of each matrix. The kept share starts at 1 and
/// falls in a straight line to --density, while the learning rate rises as weights go. A killed run goes on
/// where it stopped when the same command is given again, and ends with the same bytes.
///
/// With --task classify, --data is a directory of .ts files (UEA, aeon, sktime), a person each: a model learns to tell
/// the classes of windows, and --hold-out names the people it must tell without having seen them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory of the checkpoint, and of the run while it lasts
    #[arg(long, short)]
    output: PathBuf,
    /// What is learned
    #[arg(long, value_enum, default_value = "lm")]
    task: Task,
    /// Text file, or directory of text or of .ts files; repeatable for text [default: the source of pinned crates, `rust-source`]
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Share of weights that stay in every matrix; 1 trains densely
    #[arg(long, default_value_t = D.schedule.density)]
    density: f64,
    /// Steps [default: 2000, with windows 1500]
    #[arg(long)]
    steps: Option<u64>,
    /// Sequences a step [default: 8, windows 32]
    #[arg(long)]
    batch: Option<usize>,
    /// Highest learning rate [default: 0.01 / √density]
    #[arg(long)]
    lr: Option<f64>,
    /// Seed of initial weights, data order and split
    #[arg(long, default_value_t = D.seed)]
    seed: u64,
    /// Threads, each with its share of a step's sequences; results are the same only for the same number
    #[arg(long, default_value_t = D.threads)]
    threads: usize,
    /// Where the gradient is computed
    #[arg(long, value_enum, default_value_t = D.device)]
    device: Device,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    windows: WindowArgs,
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    method: Method,
}

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Task {
    /// The next byte of text
    Lm,
    /// The class of a window of sensor samples
    Classify,
}

const D: &Settings = &settings::DEFAULT;
const M: &Config = &D.model.config;

/// Shape and switches
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Model")]
struct Model {
    /// Width of the residual stream [default: 96, with windows 32]
    #[arg(long)]
    dim: Option<usize>,
    /// MLP neurons [default: 4 × dim]
    #[arg(long)]
    hidden_dim: Option<usize>,
    /// Blocks
    #[arg(long, default_value_t = M.n_layers)]
    n_layers: usize,
    /// Query heads [default: dim / 32, at least 1; with windows dim / 16]
    #[arg(long)]
    n_heads: Option<usize>,
    /// Key and value heads [default: as many as query heads]
    #[arg(long)]
    n_kv_heads: Option<usize>,
    /// Width of a head [default: dim / n-heads]
    #[arg(long)]
    head_dim: Option<usize>,
    /// Context length of a language model
    #[arg(long, default_value_t = M.seq_len)]
    seq_len: usize,
    /// Position signal: none, learned, rope
    #[arg(long, default_value = "rope", value_parser = POSITIONS.map(|(name, _)| name))]
    position: String,
    /// MLP nonlinearity: gelu, relu, relu2, silu
    #[arg(long, default_value = "gelu", value_parser = ACTIVATIONS.map(|(name, _)| name))]
    activation: String,
    /// Gated MLP
    #[arg(long)]
    gated: bool,
    /// No biases
    #[arg(long)]
    no_bias: bool,
    /// A learned sink logit per head
    #[arg(long)]
    sink: bool,
    /// No dense bigram table
    #[arg(long)]
    no_bigram: bool,
    /// The head is the embedding
    #[arg(long)]
    tied: bool,
    /// AbsTopK sites and the number of values that stay there, as `mlp_neuron=96,mlp_in=24`; `none` for none.
    /// Sites: attn_in q k v attn_out mlp_in mlp_neuron mlp_out
    /// [default: a quarter at attn_in, mlp_in and mlp_neuron]
    #[arg(long, value_name = "SITE=K,…", value_parser = parse_topk)]
    topk: Option<TopK>,
}

/// Constants of the method (Gao et al., appendix A.2)
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Method")]
struct Method {
    /// Share of steps over which the learning rate rises
    #[arg(long, default_value_t = D.schedule.warmup)]
    warmup: f64,
    /// Share of steps after which weights begin to go
    #[arg(long, default_value_t = D.schedule.anneal_from)]
    anneal_from: f64,
    /// Share of steps after which the final density holds
    #[arg(long, default_value_t = D.schedule.anneal_until)]
    anneal_until: f64,
    /// Weights that every neuron keeps, where its matrix has room for them
    #[arg(long, default_value_t = D.per_neuron)]
    per_neuron: usize,
    /// Decay of matrices per unit of learning rate
    #[arg(long, default_value_t = D.optimiser.weight_decay)]
    weight_decay: f32,
    /// Adam's decay of the mean gradient
    #[arg(long, default_value_t = D.optimiser.beta1)]
    beta1: f32,
    /// Adam's decay of the mean squared gradient
    #[arg(long, default_value_t = D.optimiser.beta2)]
    beta2: f32,
    /// Adam's ε, against gradients of unit RMS
    #[arg(long, default_value_t = D.optimiser.eps)]
    eps: f32,
    /// Stretches of held-out text to predict at the end
    #[arg(long, default_value_t = D.windows)]
    windows: usize,
    /// Save the state every so many steps; 0 for none
    #[arg(long, default_value_t = 0)]
    save_steps: u64,
    /// Save the state every so many seconds
    #[arg(long, default_value_t = 20)]
    save_seconds: u64,
}

fn parse_topk(text: &str) -> Result<TopK, String> {
    let mut topk = TopK::default();
    for part in text.split(',').filter(|p| !p.is_empty() && *p != "none") {
        let (site, k) = part
            .split_once('=')
            .ok_or_else(|| format!("`{part}` is not SITE=K"))?;
        let place = match site {
            "attn_in" => &mut topk.attn_in,
            "q" => &mut topk.q,
            "k" => &mut topk.k,
            "v" => &mut topk.v,
            "attn_out" => &mut topk.attn_out,
            "mlp_in" => &mut topk.mlp_in,
            "mlp_neuron" => &mut topk.mlp_neuron,
            "mlp_out" => &mut topk.mlp_out,
            _ => return Err(format!("`{site}` is not a site")),
        };
        *place = k.parse().map_err(|_| format!("`{k}` is not a number"))?;
    }
    Ok(topk)
}

/// The value that `table` gives a word which clap has already checked.
fn word<T: Copy, const N: usize>(table: [(&str, T); N], name: &str) -> T {
    let place = table.iter().position(|(n, _)| *n == name);
    table[place.unwrap_or(0)].1
}

impl Model {
    fn config(&self, task: Task) -> Config {
        let (dim, head) = match task {
            Task::Lm => (self.dim.unwrap_or(M.dim), 32),
            Task::Classify => (self.dim.unwrap_or(classify::DIM), 16),
        };
        let hidden_dim = self.hidden_dim.unwrap_or(4 * dim);
        let n_heads = self.n_heads.unwrap_or((dim / head).max(1));
        let quarters = TopK {
            attn_in: dim / 4,
            mlp_in: dim / 4,
            mlp_neuron: hidden_dim / 4,
            ..TopK::default()
        };
        Config {
            dim,
            hidden_dim,
            n_layers: self.n_layers,
            n_heads,
            n_kv_heads: self.n_kv_heads.unwrap_or(n_heads),
            head_dim: self.head_dim.unwrap_or(dim / n_heads.max(1)),
            vocab_size: 256,
            seq_len: self.seq_len,
            norm_eps: M.norm_eps,
            position: word(POSITIONS, &self.position),
            activation: word(ACTIVATIONS, &self.activation),
            gated: self.gated,
            attn_bias: !self.no_bias,
            mlp_bias: !self.no_bias,
            sink: self.sink,
            bigram: !self.no_bigram,
            tied: self.tied,
            input: Input::Tokens,
            causal: true,
            output: Output::Lm,
            topk: self.topk.unwrap_or(quarters),
        }
    }
}

impl Args {
    fn settings(&self) -> Settings {
        let m = &self.method;
        let (steps, batch) = match self.task {
            Task::Lm => (D.schedule.steps, D.batch),
            Task::Classify => (classify::STEPS, classify::BATCH),
        };
        Settings {
            model: Blueprint {
                config: self.model.config(self.task),
                tokenizer: Tokenizer::Byte,
            },
            data: self.data.clone(),
            seed: self.seed,
            schedule: Schedule {
                steps: self.steps.unwrap_or(steps),
                lr: self.lr.unwrap_or_else(|| settings::lr(self.density)),
                warmup: m.warmup,
                density: self.density,
                anneal_from: m.anneal_from,
                anneal_until: m.anneal_until,
            },
            optimiser: Constants {
                beta1: m.beta1,
                beta2: m.beta2,
                eps: m.eps,
                weight_decay: m.weight_decay,
            },
            per_neuron: m.per_neuron,
            batch: self.batch.unwrap_or(batch),
            threads: self.threads,
            device: self.device,
            windows: m.windows,
            classify: None,
        }
    }
}

/// The progress bar of a run, and what shows a step on it.
pub(super) fn bar(steps: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let template = "{bar:30} {pos}/{len} steps, {eta} left  {msg}";
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

pub(super) fn show(bar: &ProgressBar, m: &Metrics) {
    bar.set_position(m.step);
    bar.set_message(format!(
        "{:.3} bits/byte  density {}  lr {:.4}  {} tokens/s",
        m.smoothed,
        percent(m.density),
        m.lr,
        count(m.tokens_per_second as u64),
    ));
}

/// Runs the command.
///
/// # Errors
/// Settings, data or files that cannot be, or a run that diverged.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let mut settings = args.settings();
    if args.task == Task::Classify {
        let [data] = args.data.as_slice() else {
            return Err(anyhow::anyhow!("there is no one directory of recordings")).next_step(
                || "give one --data DIR of .ts files; the README says where to get some".to_owned(),
            );
        };
        let set = Set::load(data).next_step(|| {
            "give --data a directory of .ts files with classes; the README says where to get some"
                .to_owned()
        })?;
        settings.model = Blueprint {
            config: args.windows.config(&set, settings.model.config)?,
            tokenizer: Tokenizer::None,
        };
        let save = (args.method.save_steps, args.method.save_seconds);
        return classify::run(&args.windows, &settings, &set, &args.output, save, &out);
    }
    let saving = Saving {
        steps: args.method.save_steps,
        time: Duration::from_secs(args.method.save_seconds),
    };
    let bar = bar(settings.schedule.steps, quiet);
    let done = train::run(&settings, &args.output, saving, &mut |m| show(&bar, m));
    bar.finish_and_clear();
    let summary = done.next_step(|| "`lacuna train --help` lists every setting".to_owned())?;
    let value = json!({ "settings": settings, "summary": summary });
    out.result(&value, || {
        let rows = [
            ["steps".to_owned(), count(summary.steps)],
            ["bytes learned from".to_owned(), count(summary.tokens)],
            ["parameters".to_owned(), count(summary.parameters as u64)],
            [
                "density of the matrices".to_owned(),
                percent(summary.density),
            ],
            [
                "validation, bits per byte".to_owned(),
                format!("{:.4}", summary.bits_per_byte),
            ],
            [
                "a trigram model of the same bytes".to_owned(),
                format!("{:.4}", summary.trigram_bits_per_byte),
            ],
            [
                "tokens per second".to_owned(),
                count(summary.tokens_per_second as u64),
            ],
        ];
        format!(
            "{}\n\nwrote {}; next: lacuna export {}",
            table(["training", ""], rows),
            args.output.display(),
            args.output.display()
        )
    })
}
