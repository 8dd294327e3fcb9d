//! Text for a model that is already trained: from data, or in its own words.

use std::path::PathBuf;

use crate::checkpoint::Checkpoint;
use crate::data::Source;
use crate::export::Values;
use crate::report::NextStep;
use crate::tokens::{Error, Reader, Tokens};

/// Where text comes from.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Text")]
pub(super) struct TextArgs {
    /// Text file or directory of text, repeatable, or a data set: `rust-source` or `grammar`; what is held out under
    /// --seed is not used [default: what the model writes itself, drawn at temperature 1]
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Tokens that the model writes, or to read of the data
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    tokens: Option<u32>,
    /// Seed of what is held out, drawn and chosen
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
}

impl TextArgs {
    /// Tokens that were asked for.
    pub(super) fn most(&self, default: usize) -> usize {
        self.tokens.map_or(default, |n| n as usize)
    }

    /// What was given with `--data`.
    pub(super) fn data(&self) -> &[PathBuf] {
        &self.data
    }

    /// The text as tokens of `writer`, which draws `default` of them unless the command line says otherwise.
    ///
    /// # Errors
    /// Text that cannot be read, a model that does not run.
    pub(super) fn tokens(
        &self,
        writer: &Checkpoint,
        tokenizer: Option<&[u8]>,
        default: usize,
    ) -> anyhow::Result<Tokens> {
        let read = || -> Result<Tokens, Error> {
            let reader = Reader::new(writer, tokenizer, Values::F32)?;
            match self.data.as_slice() {
                [] => reader.draw(self.most(default), self.seed),
                paths => reader.read(&Source::named(paths), self.seed),
            }
        };
        read().next_step(|| {
            "give --data text that exists: files, directories, `rust-source` or `grammar`"
                .to_owned()
        })
    }
}
