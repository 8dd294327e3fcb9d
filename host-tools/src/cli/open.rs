//! Opening what the command line names, with errors that say what to do.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::checkpoint::{self, Checkpoint};
use crate::report::NextStep;

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

/// The bytes of the file `path`.
///
/// # Errors
/// It cannot be read.
pub(super) fn file(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
