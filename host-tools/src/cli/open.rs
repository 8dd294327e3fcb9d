//! Opening what the command line names, with errors that say what to do.

use std::fs;
use std::path::Path;

use anyhow::Context;

use lacuna::kernels::Isa;
use lacuna::model::{CacheType, Model};
use lacuna::probe::ProbePlan;

use crate::checkpoint::{self, Checkpoint, Tokenizer};
use crate::memory::Buffer;
use crate::plan;
use crate::repack;
use crate::report::{NextStep, Out};

/// The checkpoint in directory `path`.
///
/// # Errors
/// Not a checkpoint, with what it seems to be instead.
pub(super) fn checkpoint(path: &Path) -> anyhow::Result<Checkpoint> {
    Checkpoint::load(path)
        .with_context(|| format!("{} cannot be opened as a checkpoint", path.display()))
        .next_step(|| match fs::metadata(path) {
            Ok(there) if there.is_file() => {
                "a checkpoint is a directory with model.safetensors and config.json; \
                 make one with `lacuna train` or `lacuna import`"
                    .to_owned()
            }
            Ok(_) => format!(
                "the directory must hold {} and {}",
                checkpoint::MODEL,
                checkpoint::CONFIG
            ),
            Err(_) => "make one with `lacuna train` or `lacuna import`".to_owned(),
        })
}

/// The plan in `words`, or with `file` that of the model file.
///
/// # Errors
/// Words that are no plan, a file without one.
pub(super) fn plan(words: &str, model: &Model<'_>) -> anyhow::Result<ProbePlan> {
    if words != "file" {
        return plan::parse(words)
            .context("the plan cannot be read")
            .next_step(|| {
                "write SITES:STATISTICS@POSITIONS, such as *:zero_share,hoyer@every=8".to_owned()
            });
    }
    (model.file().plan())
        .context("the model file has no probe plan")
        .next_step(|| "write one, such as *:zero_share,hoyer@every=8".to_owned())
}

/// The bytes of the file `path`.
///
/// # Errors
/// It cannot be read.
pub(super) fn file(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .next_step(|| "name a file that exists and may be read".to_owned())
}

/// Writes the checkpoint directory `path`, with its tokenizer file where it has one.
///
/// # Errors
/// It cannot be written.
pub(super) fn save(
    path: &Path,
    checkpoint: &Checkpoint,
    tokenizer: Option<&[u8]>,
) -> anyhow::Result<()> {
    let save = || {
        checkpoint.save(path)?;
        tokenizer.map_or(Ok(()), |bytes| {
            checkpoint::write(&path.join(checkpoint::TOKENIZER), bytes)
        })
    };
    save().next_step(|| match fs::metadata(path).map(|there| there.is_file()) {
        Ok(true) => "a checkpoint is a directory, and a file of this name exists".to_owned(),
        _ => "choose a directory that is writable and has room".to_owned(),
    })
}

/// The tokenizer file of a checkpoint, where it has one.
///
/// # Errors
/// It should be there and cannot be read.
pub(super) fn tokenizer(path: &Path, checkpoint: &Checkpoint) -> anyhow::Result<Option<Vec<u8>>> {
    match checkpoint.tokenizer {
        Tokenizer::Byte | Tokenizer::None => Ok(None),
        Tokenizer::Llama2c => file(&path.join(checkpoint::TOKENIZER)).map(Some),
    }
}

/// The model file at `path`, in memory aligned for the engine; its content is not checked yet.
///
/// # Errors
/// It cannot be read.
pub(super) fn model(path: &Path) -> anyhow::Result<Buffer> {
    let read = fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let bytes = read.next_step(|| match fs::metadata(path) {
        Ok(there) if there.is_dir() && path.join(checkpoint::MODEL).exists() => format!(
            "this is a checkpoint; make a model of it with `lacuna export {} -o model.lacuna`",
            path.display()
        ),
        _ => "name a file that `lacuna export` has written".to_owned(),
    })?;
    Ok(Buffer::from(bytes.as_slice()))
}

/// Checks the bytes of a model file.
///
/// # Errors
/// What is wrong with them, and where.
pub(super) fn parse<'a>(path: &Path, bytes: &'a [u8]) -> anyhow::Result<Model<'a>> {
    Model::new(bytes)
        .with_context(|| format!("{} is not a model this engine can run", path.display()))
        .next_step(|| "copy the file again, or make it with `lacuna export`".to_owned())
}

/// Whether a model is brought into the forms that this machine runs fastest.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct RepackArgs {
    /// Run the file's matrices as they lie in it; repacking changes no bit
    #[arg(long)]
    no_repack: bool,
}

impl RepackArgs {
    /// The model to run with `isa`; `buffer` holds what is not in its file.
    ///
    /// # Errors
    /// None that a checked model has.
    pub(super) fn apply<'a>(
        self,
        model: Model<'a>,
        isa: Isa,
        buffer: &'a mut Buffer,
        out: &Out,
    ) -> anyhow::Result<(Model<'a>, repack::Cost)> {
        if self.no_repack {
            return Ok((model, repack::Cost::default()));
        }
        let (model, cost) = repack::repack(model, isa, buffer)?;
        if cost.matrices > 0 {
            out.note(cost);
        }
        Ok((model, cost))
    }
}

/// In what keys and values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Cache {
    /// Exact, 4 bytes
    F32,
    /// Rounded, 2 bytes
    F16,
    /// Rounded to steps of each head's largest / 127, 1 byte
    I8,
}

impl From<Cache> for CacheType {
    fn from(cache: Cache) -> CacheType {
        match cache {
            Cache::F32 => CacheType::F32,
            Cache::F16 => CacheType::F16,
            Cache::I8 => CacheType::I8,
        }
    }
}
