//! The tokenizer block of a model.

use lacuna::config::Config;
use lacuna::format::TokenizerBlock;
use lacuna::format::tokenizer::{Bpe, Error, Vocabulary};

use crate::import::llama2c::Piece;

/// Tokens of the SentencePiece vocabularies that llama2.c's files hold.
const BOS: u32 = 1;
const EOS: u32 = 2;

/// A vocabulary with the look-up order a device cannot afford to compute.
#[derive(Debug)]
pub(super) struct Table {
    starts: Vec<u32>,
    scores: Vec<f32>,
    sorted: Vec<u16>,
    strings: Vec<u8>,
}

impl Table {
    pub(super) fn new(pieces: &[Piece]) -> Self {
        let mut starts = vec![0u32];
        let mut strings = Vec::new();
        for piece in pieces {
            strings.extend_from_slice(&piece.bytes);
            starts.push(strings.len() as u32);
        }
        let mut sorted: Vec<u16> = (0..pieces.len()).map(|i| i as u16).collect();
        sorted.sort_by_key(|&i| (&pieces[usize::from(i)].bytes, i));
        Self {
            starts,
            scores: pieces.iter().map(|p| p.score).collect(),
            sorted,
            strings,
        }
    }
}

/// The block for `table`, for bytes where there is no table, or `None` for a model whose tokens are not text.
pub(super) fn block<'a>(
    config: &Config,
    table: Option<&'a Table>,
) -> Result<Option<TokenizerBlock<'a>>, Error> {
    let Some(t) = table else {
        return Ok((config.vocab_size == 256).then_some(TokenizerBlock::BYTES));
    };
    let bpe = Bpe::new(&t.starts, &t.scores, &t.sorted, &t.strings, true, true)?;
    TokenizerBlock::new(Vocabulary::Bpe(bpe), Some(BOS), Some(EOS)).map(Some)
}
