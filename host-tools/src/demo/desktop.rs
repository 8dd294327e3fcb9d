//! What this machine can say about a model: how well it predicts, how fast each back-end runs it, whether they agree.

use anyhow::Context;
use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model, State};
use lacuna::probe::NoProbe;
use lacuna::session::{Options, Sampler, Tokenizer};

use super::PROMPT;
use super::models::Variant;
use super::outcome::{Figure, Speed};
use crate::data::Corpus;
use crate::eval;
use crate::export::Target;
use crate::memory::Buffer;
use crate::repack;
use crate::report::Out;
use crate::run::{self, Ran, Request, Sites};
use crate::train;

/// Runs of which the fastest counts: other programs only ever slow one down.
const REPEATS: usize = 20;

/// The stretches of validation bytes that training predicts too.
pub(super) fn validation(
    corpus: &Corpus,
    recipe: &train::Settings,
) -> anyhow::Result<Vec<Vec<u32>>> {
    let ranges = corpus.windows(recipe.model.config.seq_len, recipe.windows)?;
    let tokens = |range: core::ops::Range<usize>| {
        corpus.validation[range]
            .iter()
            .map(|b| u32::from(*b))
            .collect()
    };
    Ok(ranges.into_iter().map(tokens).collect())
}

/// BOS and the prompt, then as many tokens as the context holds.
fn generate(model: &Model<'_>, isa: Isa, probe: bool) -> anyhow::Result<Ran> {
    let tokenizer = Tokenizer::new(model.file()).context("the model has no tokenizer")?;
    let prompt = prompt(&tokenizer)?;
    let options = Options {
        isa,
        ..Options::new(model.config())
    };
    let request = Request {
        prompt: &prompt,
        tokens: options.limits.context + 1 - prompt.len(),
        sampler: Sampler::greedy(),
        stop: None,
        options,
        probe,
        plan: None,
    };
    Ok(run::run(model, &request, &mut |_| ())?)
}

/// BOS and the prompt.
pub(super) fn prompt(tokenizer: &Tokenizer<'_>) -> anyhow::Result<Vec<u32>> {
    let mut tokens = vec![0; PROMPT.len() + 2];
    let n = tokenizer.encode(PROMPT.as_bytes(), true, &mut tokens)?;
    tokens.truncate(n);
    Ok(tokens)
}

/// Runs a model on every back-end, each with the file made for it; true if all gave one digest.
pub(super) fn measure(
    variant: &Variant<'_>,
    windows: &[Vec<u32>],
    out: &Out,
) -> anyhow::Result<(Figure, bool)> {
    let mut speeds = Vec::new();
    let mut digests = Vec::new();
    for isa in Isa::available() {
        let file = variant.export(Target::of(isa.name()))?;
        let mut forms = Buffer::zeroed(0);
        let (model, _) = repack::repack(Model::new(&file.bytes)?, isa, &mut forms)?;
        let mut tokens_per_second: f64 = 0.0;
        for _ in 0..REPEATS {
            let ran = generate(&model, isa, false)?;
            let speed = ran.positions as f64 / ran.time.as_secs_f64().max(1e-9);
            tokens_per_second = tokens_per_second.max(speed);
            digests.push(ran.digest);
        }
        speeds.push(Speed {
            isa: isa.to_string(),
            tokens_per_second,
            file_bytes: file.bytes.len(),
        });
    }
    let isa = Isa::detect();
    let file = variant.export(Target::of(isa.name()))?;
    let mut forms = Buffer::zeroed(0);
    let (model, _) = repack::repack(Model::new(&file.bytes)?, isa, &mut forms)?;
    let tokenizer = Tokenizer::new(model.file()).context("the model has no tokenizer")?;
    let total: usize = windows.iter().map(|w| w.len() - 1).sum();
    let bar = out.progress(total as u64, "predicting");
    let options = Options::new(model.config());
    let score = eval::score(&model, &tokenizer, windows, options, NoProbe, &mut |n| {
        bar.inc(n)
    })?;
    bar.finish_and_clear();
    let equal = digests.iter().all(|d| *d == digests[0]);
    let figure = Figure {
        model: variant.name(),
        density: variant.density(),
        bits_per_byte: score.bits_per_byte(),
        ram_bytes: State::len(model.config(), &Limits::new(model.config())),
        digest: format!("{:016x}", digests[0]),
        desktop: speeds,
        instructions_per_token: None,
        flash_bytes: None,
    };
    Ok((figure, equal))
}

/// Activation sparsity while a model writes.
pub(super) fn sites(variant: &Variant<'_>) -> anyhow::Result<Sites> {
    let file = variant.export(Target::Portable)?;
    let model = Model::new(&file.bytes)?;
    Ok(Sites(generate(&model, Isa::detect(), true)?.sites))
}
