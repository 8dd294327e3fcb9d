//! `lacuna import`: models of other programs as checkpoints.

use std::path::{Path, PathBuf};

use anyhow::Context;
use lacuna::format::schema::{self, Id};
use serde_json::json;

use super::export::{self, Form};
use super::open;
use crate::checkpoint::{Checkpoint, Tokenizer};
use crate::import::{hf, llama2c};
use crate::report::{NextStep, Out, count};

/// Read a model of another program
///
/// The result is a checkpoint like those of `lacuna train`: prune, export, run and measure it. A directory that another
/// program writes in the layout of a checkpoint needs no import; `lacuna import --help` gives that layout.
#[derive(Debug, clap::Args)]
#[command(after_long_help = LAYOUT)]
pub(super) struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// A model.bin and tokenizer.bin of llama2.c (version 0, without magic)
    Llama2c(Llama2c),
    /// A directory of Hugging Face: Llama, Mistral or Qwen2 in safetensors
    ///
    /// Reads config.json and model.safetensors, or the files of model.safetensors.index.json, in f32, f16 or bf16. Grouped
    /// queries, biases, tied heads and angles of the kinds default, linear and llama3 are imported; settings that ask for
    /// anything else are refused by name.
    ///
    /// A vocabulary of 256 is taken for bytes. For another give --tokenizer, a tokenizer.bin made from a SentencePiece
    /// tokenizer.model by llama2.c's tokenizer.py; without it the model runs on token ids, not on text.
    Hf(Hf),
}

#[derive(Debug, clap::Args)]
struct Llama2c {
    /// The weights, model.bin
    model: PathBuf,
    /// The tokenizer, tokenizer.bin
    #[arg(long)]
    tokenizer: PathBuf,
    #[command(flatten)]
    to: To,
}

#[derive(Debug, clap::Args)]
struct Hf {
    /// Directory with config.json and the weights
    model: PathBuf,
    /// llama2.c's tokenizer.bin of the same vocabulary
    #[arg(long)]
    tokenizer: Option<PathBuf>,
    /// Cut the context to so many positions; RAM for keys and values grows with it
    #[arg(long, value_name = "POSITIONS")]
    seq_len: Option<usize>,
    #[command(flatten)]
    to: To,
}

/// Where an import goes.
#[derive(Debug, clap::Args)]
struct To {
    /// Checkpoint directory to write, or a model file if the name ends in .lacuna
    #[arg(long, short)]
    output: PathBuf,
    #[command(flatten)]
    form: Form,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What a directory must hold to be a checkpoint.
const LAYOUT: &str = "\
A checkpoint, whatever wrote it:
  DIR/config.json         fields of the configuration; `lacuna train --steps 1` writes one to begin with
  DIR/model.safetensors   f32, exactly these tensors, matrices as (outputs, inputs), all finite:

    tok_embeddings.weight            (vocab_size, dim)
    pos_embeddings.weight            (seq_len, dim)             position \"learned\"
    rope.cos, rope.sin               (seq_len, head_dim / 2)    position \"rope\": pairs (2i, 2i + 1) turn by
                                                                t * 10000^(-2i / head_dim)
    bigram.weight                    (vocab_size, vocab_size)   bigram
    layers.N.attention_norm.weight   (dim)
    layers.N.attention.wq.weight     (n_heads * head_dim, dim)       with attn_bias also wq.bias, wk.bias,
    layers.N.attention.wk.weight     (n_kv_heads * head_dim, dim)    wv.bias, wo.bias: one number an output
    layers.N.attention.wv.weight     (n_kv_heads * head_dim, dim)
    layers.N.attention.sink          (n_heads)                  sink
    layers.N.attention.wo.weight     (dim, n_heads * head_dim)
    layers.N.ffn_norm.weight         (dim)
    layers.N.feed_forward.w1.weight  (hidden_dim, dim)          with mlp_bias also w1.bias, w3.bias, w2.bias
    layers.N.feed_forward.w3.weight  (hidden_dim, dim)          gated
    layers.N.feed_forward.w2.weight  (dim, hidden_dim)
    norm.weight                      (dim)
    output.weight                    (vocab_size, dim)          unless tied

  Of a classifier of windows there are, instead of the embedding, input.mean and input.scale (channels),
  patch_embeddings.weight (dim, channels * len) and .bias (dim), and output.weight (classes, dim) and .bias.
  PyTorch, on any number of machines: gather the weights, then
    safetensors.torch.save_file({name: w.float().contiguous() for name, w in weights.items()}, \"DIR/model.safetensors\")
  `lacuna export DIR -o model.lacuna` checks names, shapes and values, and says which one is wrong.";

/// Runs the command.
///
/// # Errors
/// Files that cannot be read, are not what they should be, or cannot be written.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    match args.from {
        From::Llama2c(args) => {
            let model = llama2c::model(&open::file(&args.model)?)
                .with_context(|| named("model", &args.model))
                .next_step(|| "export it with llama2.c's export.py --version 0".to_owned())?;
            finish(model, Some(&args.tokenizer), args.to, quiet)
        }
        From::Hf(args) => {
            let model = hf::model(&args.model, args.seq_len);
            let next = model.as_ref().err().map_or("", advice);
            let model = model
                .with_context(|| named("model", &args.model))
                .next_step(|| next.to_owned())?;
            finish(model, args.tokenizer.as_deref(), args.to, quiet)
        }
    }
}

fn named(what: &str, path: &Path) -> String {
    format!("{what} {} cannot be imported", path.display())
}

/// What to do about a directory that is refused.
fn advice(error: &hf::Error) -> &'static str {
    match error {
        hf::Error::File(_) => {
            "name a directory with config.json and model.safetensors, as save_pretrained writes it"
        }
        hf::Error::Config(e) if e.field == "seq_len" => "cut the context with --seq-len",
        hf::Error::Config(_) => "the engine has no model of these sizes",
        hf::Error::Unsupported { .. } | hf::Error::Unknown(_) => {
            "import another model, or write one in the layout that `lacuna import --help` gives"
        }
        _ => "save the model again, whole, with save_pretrained",
    }
}

/// Writes what was imported, with its tokenizer where it has one.
fn finish(
    mut model: Checkpoint,
    tokenizer: Option<&Path>,
    to: To,
    quiet: bool,
) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: to.json,
    };
    let bytes = tokenizer.map(open::file).transpose()?;
    if let (Some(path), Some(bytes)) = (tokenizer, &bytes) {
        llama2c::tokenizer(bytes, model.config.vocab_size)
            .with_context(|| named("tokenizer", path))
            .next_step(|| {
                format!(
                    "give the tokenizer.bin that belongs to the model, of {} tokens",
                    model.config.vocab_size
                )
            })?;
        model.tokenizer = Tokenizer::Llama2c;
    }
    let bytes = bytes.as_deref();
    if to.output.extension().is_some_and(|e| e == "lacuna") {
        return export::write((&model, bytes, None), to.form, &to.output, &out);
    }
    open::save(&to.output, &model, bytes)?;
    let learned = schema::tensors(&model.config)
        .filter(|t| !matches!(t.id, Id::RopeCos | Id::RopeSin))
        .map(|t| t.rows * t.cols);
    let weights: usize = learned.sum();
    let value = json!({ "output": to.output, "weights": weights, "tensors": model.tensors.len() });
    out.result(&value, || {
        let c = &model.config;
        format!(
            "{} weights in {} tensors: {} blocks of width {}, {} tokens, context {}\nwrote {}\n next: lacuna export {} -o model.lacuna",
            count(weights as u64),
            model.tensors.len(),
            c.n_layers,
            c.dim,
            c.vocab_size,
            c.seq_len,
            to.output.display(),
            to.output.display(),
        )
    })
}
