//! Checkpoints as model files.
//!
//! ```text
//! checkpoint ─► round (f32 | f16 | i8) ─► run, count zeros ─► choose form (target) ─► pack ─► write ─► run ─► write with its golden block
//! ```
//!
//! # Invariants
//! - The same checkpoint and settings give the same bytes.
//! - A target changes encodings, never values: files for different targets share model id and logits.
//! - The golden block is what this machine's portable back-end computed from the very bytes of the file.
//!
//! # Why
//! Sizes, forms and the run to repeat are all decided here, where there is time and memory, so that a device only reads.

mod activity;
mod choose;
pub(crate) mod encode;
mod golden;
mod target;
mod tokens;
pub(crate) mod window;

use core::convert::Infallible;

use lacuna::config::Config;
use lacuna::format::schema::{self, Kind, Tensor};
use lacuna::format::write::{self, Sink};
use lacuna::format::{self, Extra, ValueType, Weights};
use lacuna::model::{Limits, State};
use lacuna::probe::ProbePlan;
use serde_json::json;

use self::activity::Activity;
use self::encode::{Laid, Rounded};
use crate::checkpoint::{Checkpoint, Tokenizer, prunable};
use crate::import;
use crate::memory::Buffer;
use crate::plan;

pub use activity::Error as CalibrateError;
pub use target::Target;

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Values {
    /// Exactly as trained, 4 bytes
    F32,
    /// Rounded to binary16, 2 bytes
    F16,
    /// −127…127 with one scale per output, 1 byte; products run on integers
    I8,
}

impl Values {
    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        self.stored().name()
    }

    const fn stored(self) -> ValueType {
        match self {
            Values::F32 => ValueType::F32,
            Values::F16 => ValueType::F16,
            Values::I8 => ValueType::I8,
        }
    }
}

/// What a probe of the file measures unless somebody chooses otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// What costs at most 5 % of a token's instructions.
    #[default]
    Affordable,
    /// No plan.
    None,
    /// This one.
    Of(ProbePlan),
}

/// How to export.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How weights are stored.
    pub values: Values,
    /// The machine to choose encodings for.
    pub target: Target,
    /// Tokens of the golden run, at most the context; 0 for none.
    pub golden: usize,
    /// What a probe measures.
    pub plan: Plan,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            values: Values::F32,
            target: Target::Portable,
            golden: 16,
            plan: Plan::Affordable,
        }
    }
}

/// Why a checkpoint cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A weight is too large for the value type.
    #[error("{tensor}[{row}, {col}] = {value} is beyond the range of f16")]
    Overflow {
        /// Name of the tensor.
        tensor: String,
        /// Output.
        row: usize,
        /// Input.
        col: usize,
        /// The weight.
        value: f32,
    },
    /// The tokenizer file is missing or damaged.
    #[error("tokenizer")]
    Tokenizer(#[source] import::Error),
    /// The checkpoint names a tokenizer file and none was given.
    #[error("the checkpoint's tokenizer file is missing")]
    NoTokenizer,
    /// The tokenizer cannot be stored.
    #[error("tokenizer block")]
    TokenizerBlock(#[source] format::tokenizer::Error),
    /// A matrix cannot be laid out.
    #[error("{tensor}")]
    Pack {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong.
        source: lacuna::format::pack::Error,
    },
    /// Names of classes or channels that no file holds.
    #[error("the names of classes or channels cannot be written")]
    Names(#[source] format::names::Error),
    /// The writer refused.
    #[error("the model cannot be written")]
    Write(#[source] write::Error<Infallible>),
    /// The model's activations cannot be counted.
    #[error("the model cannot be calibrated")]
    Calibrate(#[from] activity::Error),
    /// The engine refused to run what was written.
    #[error("the exported model does not run")]
    Run(#[from] golden::Error),
}

/// A model file in memory.
#[derive(Debug)]
pub struct Exported {
    /// The file.
    pub bytes: Buffer,
    /// Its model id.
    pub model_id: [u8; 8],
}

/// Exports `checkpoint`; `tokenizer` is the content of its `tokenizer.bin`, if it has one. Forms suit the activations of
/// text that the model draws itself.
///
/// # Errors
/// [`Error`].
pub fn export(
    checkpoint: &Checkpoint,
    tokenizer: Option<&[u8]>,
    settings: &Settings,
) -> Result<Exported, Error> {
    export_for(checkpoint, tokenizer, None, settings)
}

/// [`export`] in the forms that suit the activations of `text`.
///
/// # Errors
/// [`Error`].
pub fn export_for(
    checkpoint: &Checkpoint,
    tokenizer: Option<&[u8]>,
    text: Option<&[u8]>,
    settings: &Settings,
) -> Result<Exported, Error> {
    let config = &checkpoint.config;
    let pieces = match (checkpoint.tokenizer, tokenizer) {
        (Tokenizer::Llama2c, None) => return Err(Error::NoTokenizer),
        (Tokenizer::Llama2c, Some(bytes)) => {
            Some(import::llama2c::tokenizer(bytes, config.vocab_size).map_err(Error::Tokenizer)?)
        }
        (Tokenizer::Byte | Tokenizer::None, _) => None,
    };
    let table = pieces.as_deref().map(tokens::Table::new);
    let block = tokens::block(config, table.as_ref()).map_err(Error::TokenizerBlock)?;
    let state = State::len(config, &Limits::new(config));
    let mut extra = Extra::new(state as u64, settings.target.isa());
    extra.tokenizer = block;
    let names = checkpoint.sensor.as_ref().map(window::Block::new);
    if let Some(names) = &names {
        extra.labels = Some(names.labels().map_err(Error::Names)?);
        extra.sensor = Some(names.sensor().map_err(Error::Names)?);
    }

    let rounded = rounded(checkpoint, settings.values.stored())?;
    let mut laid = laid(config, &rounded, settings.target, &Activity::default())?;
    let mut activity = Activity::default();
    if text.is_some() || activity::expected(config) {
        let first = file(config, &views(checkpoint, &laid)?, &extra)?;
        activity = activity::measure(&first.bytes, text)?;
        laid = self::laid(config, &rounded, settings.target, &activity)?;
    }
    let source = views(checkpoint, &laid)?;
    let plan = planned(config, &rounded, &activity, &settings.plan)?;
    extra.plan = plan.as_ref();
    let provenance = provenance(checkpoint, settings, &activity);
    extra.provenance = Some(&provenance);
    let first = file(config, &source, &extra)?;
    if settings.golden == 0 {
        return Ok(first);
    }
    let run = match config.window_len() {
        0 => golden::record(&first.bytes, settings.golden)?,
        _ => window::record(&first.bytes)?,
    };
    extra.golden = Some(run.block(config)?);
    file(config, &source, &extra)
}

/// The plan that was asked for, or the one that a token's products can afford.
fn planned(
    config: &Config,
    rounded: &[(Tensor, Rounded)],
    activity: &Activity,
    plan: &Plan,
) -> Result<Option<ProbePlan>, Error> {
    match plan {
        Plan::None => return Ok(None),
        Plan::Of(plan) => return Ok(Some(plan.clone())),
        Plan::Affordable => {}
    }
    let mut instructions = 0.0;
    for (tensor, rounded) in rounded {
        let matrix = rounded.view(tensor).map_err(|e| Error::Pack {
            tensor: tensor.to_string(),
            source: e.into(),
        })?;
        instructions += choose::instructions(config, *tensor, &matrix, activity);
    }
    let state = State::len(config, &Limits::new(config));
    let load = plan::Load {
        instructions,
        state,
    };
    Ok(Some(plan::choose(config, load).plan))
}

/// Every matrix, its values as they are stored.
fn rounded(checkpoint: &Checkpoint, to: ValueType) -> Result<Vec<(Tensor, Rounded)>, Error> {
    let matrices = schema::tensors(&checkpoint.config).filter(|t| t.kind != Kind::Dense);
    matrices
        .map(|tensor| {
            let values = checkpoint.values(&tensor).unwrap_or_default();
            let rounded = encode::round(&tensor.to_string(), values, tensor.cols, to)?;
            Ok((tensor, rounded))
        })
        .collect()
}

/// Every matrix in the form that suits `target`.
fn laid(
    config: &Config,
    rounded: &[(Tensor, Rounded)],
    target: Target,
    activity: &Activity,
) -> Result<Vec<(Tensor, Laid)>, Error> {
    let lay = |tensor: Tensor, rounded: &Rounded| {
        let matrix = rounded.view(&tensor)?;
        let mut scratch = encode::scratch(&matrix);
        let form = choose::form(config, tensor, &matrix, target, activity, &mut scratch)?;
        encode::lay_out(tensor, &matrix, form, &mut scratch)
    };
    let each = rounded.iter().map(|(tensor, rounded)| {
        let laid = lay(*tensor, rounded).map_err(|source| Error::Pack {
            tensor: tensor.to_string(),
            source,
        })?;
        Ok((*tensor, laid))
    });
    each.collect()
}

fn views<'a>(checkpoint: &'a Checkpoint, laid: &'a [(Tensor, Laid)]) -> Result<Views<'a>, Error> {
    let mut views = Vec::new();
    for (tensor, matrix) in laid {
        let matrix = matrix.view().map_err(golden::Error::from)?;
        views.push((*tensor, Weights::Matrix(matrix)));
    }
    for tensor in schema::tensors(&checkpoint.config).filter(|t| t.kind == Kind::Dense) {
        let values = checkpoint.values(&tensor).unwrap_or_default();
        views.push((tensor, Weights::Dense(values)));
    }
    Ok(Views(views))
}

/// Every tensor in its final form.
struct Views<'a>(Vec<(Tensor, Weights<'a>)>);

impl format::Source for Views<'_> {
    fn tensor(&self, tensor: &Tensor) -> Option<Weights<'_>> {
        self.0.iter().find(|(t, _)| t == tensor).map(|(_, w)| *w)
    }
}

fn file(config: &Config, source: &Views<'_>, extra: &Extra<'_>) -> Result<Exported, Error> {
    struct Memory(Vec<u8>);
    impl Sink for Memory {
        type Error = Infallible;

        fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }
    let mut sink = Memory(Vec::new());
    let written = write::write(config, source, extra, &mut sink).map_err(Error::Write)?;
    Ok(Exported {
        bytes: Buffer::from(sink.0.as_slice()),
        model_id: written.model_id,
    })
}

fn provenance(checkpoint: &Checkpoint, settings: &Settings, activity: &Activity) -> String {
    let (mut nonzero, mut all) = (0, 0);
    for tensor in schema::tensors(&checkpoint.config).filter(|t| prunable(t.id)) {
        let values = checkpoint.values(&tensor).unwrap_or_default();
        nonzero += values.iter().filter(|v| **v != 0.0).count();
        all += values.len();
    }
    json!({
        "exporter": concat!("lacuna ", env!("CARGO_PKG_VERSION")),
        "values": settings.values.name(),
        "density": nonzero as f64 / f64::max(all as f64, 1.0),
        "active": activity.named(checkpoint.config.n_layers),
        "checkpoint": checkpoint.provenance,
    })
    .to_string()
}
