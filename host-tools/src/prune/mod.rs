//! One-shot pruning of a checkpoint: weights leave by what they are, or by what they do to text.
//!
//! ```text
//! magnitude   |w|                            checkpoint alone
//! wanda       |w| · ‖x‖₂ of its input        ┐ text ─► engine ─► inputs of block 0 ─► prune block 0 ─┐
//! sparsegpt   w² / [H⁻¹]ⱼⱼ, and the others   ┘          └◄── the model pruned so far, block by block ◄┘
//!             of its output make up for it
//! ```
//!
//! # Invariants
//! - Pruned are the product matrices, the embedding, patches and the head; norms, biases, sinks, position and bigram tables stay.
//! - The same checkpoint, text and settings give the same bits on every machine.
//! - A checkpoint that cannot be pruned is unchanged.
//!
//! # Why
//! The one-shot baselines that sparse training has to beat, and the only way to make an imported model sparse. Magnitude as
//! in Gao et al., "Weight-sparse transformers have interpretable circuits" (training code, per step); Wanda: Sun et al.,
//! "A simple and effective pruning approach for large language models", 2024; SparseGPT: [`obs`]. Both look at each block
//! through the blocks that were pruned before it, as their authors do; neither left the embedding and the head out for any
//! reason that holds for small models, where these are a third of the weights.

mod inputs;
mod obs;
mod select;

use lacuna::format::schema::{self, Id, Tensor};
use serde_json::json;

use crate::checkpoint::{Checkpoint, prunable};
use crate::export::Values;
use crate::tokens::{self, Reader};
use inputs::{Inputs, counts, site};

/// By what weights leave.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The largest |w| stay
    Magnitude,
    /// The largest |w| · ‖input‖ stay, the norm taken over text
    Wanda,
    /// The weights stay whose loss others make up for least, over text, and the others then do
    Sparsegpt,
}

impl Method {
    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Magnitude => "magnitude",
            Method::Wanda => "wanda",
            Method::Sparsegpt => "sparsegpt",
        }
    }

    /// Over what its authors hold the density.
    pub const fn per(self) -> Per {
        match self {
            Method::Magnitude | Method::Sparsegpt => Per::Matrix,
            Method::Wanda => Per::Row,
        }
    }
}

/// Over what the density is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Every output of a matrix keeps the same share.
    Row,
    /// Every matrix keeps the same share.
    Matrix,
    /// One threshold over all matrices.
    Global,
}

/// How to prune.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// By what weights leave.
    pub method: Method,
    /// Share of weights that stay, in (0, 1].
    pub density: f64,
    /// Over what the share is held.
    pub per: Per,
    /// Weights that every neuron keeps at least.
    pub min_per_neuron: usize,
}

/// Text to calibrate on, as tokens of the checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Content of the checkpoint's `tokenizer.bin`, if it has one.
    pub tokenizer: Option<&'a [u8]>,
    /// Windows of BOS and at most the context's number of tokens; the last of each is not read.
    pub windows: &'a [Vec<u32>],
    /// Names the text in the provenance.
    pub id: &'a str,
}

/// What happened to one matrix.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Pruned {
    /// Its name.
    pub name: String,
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// Nonzero weights before.
    pub before: usize,
    /// Nonzero weights after.
    pub after: usize,
}

/// What cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The density is not a share.
    #[error("density {0} is not in (0, 1]")]
    Density(f64),
    /// The weights that neurons must keep are more than the density allows.
    #[error("{protected} weights are kept by the minimum per neuron, the density allows {allowed}")]
    Minimum {
        /// Weights under protection.
        protected: usize,
        /// Weights that may stay.
        allowed: usize,
    },
    /// A setting that the method has no use for.
    #[error("{0}")]
    Settings(&'static str),
    /// The method looks at text, and there is none.
    #[error("{0} needs text to look at")]
    NoText(&'static str),
    /// The model takes windows of samples.
    #[error("{0} needs text, and the model takes windows of samples")]
    Windows(&'static str),
    /// The inputs of a matrix do not say what its weights do.
    #[error("the inputs of {0} on this text are too much alike")]
    Singular(String),
    /// The model cannot be run on the text.
    #[error("the model cannot be calibrated")]
    Run(#[from] tokens::Error),
}

impl Settings {
    fn check(&self, checkpoint: &Checkpoint, text: Option<&Text<'_>>) -> Result<(), Error> {
        let Settings { method, per, .. } = *self;
        let name = method.name();
        match () {
            _ if !(self.density > 0.0 && self.density <= 1.0) => Err(Error::Density(self.density)),
            _ if self.min_per_neuron > 0 && per == Per::Row => Err(Error::Settings(
                "outputs that keep the same share have no minimum per neuron",
            )),
            _ if method == Method::Sparsegpt && (per != Per::Matrix || self.min_per_neuron > 0) => {
                Err(Error::Settings(
                    "sparsegpt holds the density in every matrix, without a minimum per neuron",
                ))
            }
            _ if method == Method::Magnitude => Ok(()),
            _ if checkpoint.config.window_len() > 0 => Err(Error::Windows(name)),
            _ if text.is_none_or(|t| t.windows.iter().all(|w| w.len() < 2)) => {
                Err(Error::NoText(name))
            }
            _ => Ok(()),
        }
    }

    /// Matrices in the order in which they are pruned, those together that are looked at together.
    fn stages(&self, lines: &[Tensor]) -> Vec<Vec<Tensor>> {
        if self.method == Method::Magnitude || self.per == Per::Global {
            return vec![lines.to_vec()];
        }
        let block = |t: &Tensor| match t.id {
            Id::Embedding | Id::Patch => None,
            Id::Head => Some(usize::MAX),
            _ => Some(t.layer),
        };
        let stages = lines.chunk_by(|a, b| block(a) == block(b));
        stages.map(<[Tensor]>::to_vec).collect()
    }
}

/// Prunes `checkpoint` in place and notes it in the provenance; only methods that look at text need `text`.
///
/// # Errors
/// Settings that cannot be met, a model that cannot be run; the checkpoint is unchanged then.
pub fn prune(
    checkpoint: &mut Checkpoint,
    settings: &Settings,
    text: Option<&Text<'_>>,
) -> Result<Vec<Pruned>, Error> {
    settings.check(checkpoint, text)?;
    let lines: Vec<Tensor> = schema::tensors(&checkpoint.config)
        .filter(|t| prunable(t.id))
        .collect();
    let text = text.filter(|_| settings.method != Method::Magnitude);
    let mut after = checkpoint.clone();
    for stage in settings.stages(&lines) {
        let seen = match text {
            Some(text) => Some(see(&after, text, &stage, settings.method)?),
            None => None,
        };
        match (settings.method, &seen) {
            (Method::Sparsegpt, Some(seen)) => reconstruct(&mut after, &stage, seen, settings)?,
            _ => choose(&mut after, &stage, seen.as_ref(), settings)?,
        }
    }
    let of = |c: &Checkpoint, line: &Tensor| {
        let values = c.values(line).unwrap_or_default();
        values.iter().filter(|v| **v != 0.0).count()
    };
    let report = lines.iter().map(|line| Pruned {
        name: line.to_string(),
        rows: line.rows,
        cols: line.cols,
        before: of(checkpoint, line),
        after: of(&after, line),
    });
    let report = report.collect();
    after.provenance = json!({
        "pruned": {
            "method": settings.method,
            "density": settings.density,
            "per": settings.per,
            "min_per_neuron": settings.min_per_neuron,
            "text": text.map(|t| t.id),
        },
        "from": after.provenance.take(),
    });
    *checkpoint = after;
    Ok(report)
}

/// What a stage's inputs were.
struct Seen {
    inputs: Inputs,
    tokens: inputs::Gram,
}

impl Seen {
    /// Of the matrix `line`.
    fn of(&self, checkpoint: &Checkpoint, line: &Tensor) -> &inputs::Gram {
        let site = site(&checkpoint.config, line);
        site.and_then(|s| self.inputs.at(s)).unwrap_or(&self.tokens)
    }
}

fn see(
    checkpoint: &Checkpoint,
    text: &Text<'_>,
    stage: &[Tensor],
    method: Method,
) -> Result<Seen, Error> {
    let config = &checkpoint.config;
    let mut inputs = Inputs::new(config, stage, method == Method::Sparsegpt);
    if inputs.any() {
        let reader = Reader::new(checkpoint, text.tokenizer, Values::F32)?;
        reader.observe(text.windows, &mut inputs)?;
    }
    let tokens = counts(text.windows, config.vocab_size);
    Ok(Seen { inputs, tokens })
}

/// Sets to zero what does not win a place.
fn choose(
    checkpoint: &mut Checkpoint,
    stage: &[Tensor],
    seen: Option<&Seen>,
    settings: &Settings,
) -> Result<(), Error> {
    let tied = checkpoint.config.tied;
    let (mut pool, mut masks) = (Vec::new(), Vec::with_capacity(stage.len()));
    for (matrix, line) in stage.iter().enumerate() {
        let values = checkpoint.values(line).unwrap_or_default();
        let squares = seen.map(|s| s.of(checkpoint, line).squares());
        let norms: Option<Vec<f64>> = squares.map(|s| s.into_iter().map(f64::sqrt).collect());
        let weigh = |index: usize| match &norms {
            Some(norms) => norms[select::input_of(line, tied, index)],
            None => 1.0,
        };
        let own = |matrix| select::ranked(matrix, line, values, weigh, settings.min_per_neuron);
        match settings.per {
            Per::Row => masks.push(select::rows(&mut own(0), line, tied, settings.density)),
            Per::Matrix => {
                let sizes = [values.len()];
                masks.push(select::best(&mut own(0), settings.density, &sizes)?);
            }
            Per::Global => pool.extend(own(matrix)),
        }
    }
    if settings.per == Per::Global {
        let sizes: Vec<usize> = stage.iter().map(|t| t.rows * t.cols).collect();
        let all = select::best(&mut pool, settings.density, &sizes)?;
        let mut rest = all.as_slice();
        for size in sizes {
            let (head, tail) = rest.split_at(size);
            masks.push(head.to_vec());
            rest = tail;
        }
    }
    for (line, mask) in stage.iter().zip(&masks) {
        let Some(weights) = checkpoint.tensors.get_mut(&line.to_string()) else {
            continue;
        };
        for (value, keep) in weights.data.iter_mut().zip(mask) {
            if !keep {
                *value = 0.0;
            }
        }
    }
    Ok(())
}

/// Prunes and makes up for it; an embedding is chosen by its score alone: a row that is looked up is seen one by one, so
/// there is nothing to make up with, and where it is the head too, what helps there would harm the stream.
fn reconstruct(
    checkpoint: &mut Checkpoint,
    stage: &[Tensor],
    seen: &Seen,
    settings: &Settings,
) -> Result<(), Error> {
    for line in stage {
        let gram = seen.of(checkpoint, line).clone();
        if line.id == Id::Embedding {
            choose(checkpoint, &[*line], Some(seen), settings)?;
        } else if let Some(w) = checkpoint.tensors.get_mut(&line.to_string()) {
            obs::prune(&mut w.data, &gram, settings.density)
                .ok_or_else(|| Error::Singular(line.to_string()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
