//! The tokenizer block: token strings as validated views. How text becomes tokens is [`crate::session`]'s business.
//!
//! ```text
//! +0   u8   algorithm   0 bytes (token = byte) · 1 byte-pair merges by score
//! +1   u8   switches    bit 0 dummy prefix · 1 byte fallback
//! +2   zero
//! +4   u32  tokens V, the model's vocab_size; 256 for bytes
//! +8   u32  BOS         u32::MAX: none
//! +12  u32  EOS         u32::MAX: none
//! +16  u32  bytes of the longest token; 1 for bytes, which end here
//! +20  u32  × V + 1     start of each token's string, and the end of the last
//! …    f32  × V         score
//! …    u16  × V         tokens in ascending order of (string, token)
//! …    u8               strings, one after the other
//! ```
//!
//! # Invariants
//! - String starts are monotone and end at the end of the block; scores are finite; `sorted` is a permutation.
//! - BOS and EOS are tokens.
//!
//! # Why
//! llama2.c's tokenizer file sorts at load time, which needs a heap; here the exporter has sorted, the reader checks
//! the order in one pass (strictly ascending pairs are a permutation), and look-up is a binary search in flash.

mod bpe;

pub use bpe::Bpe;

use super::layout::{array_at, u16_at, u32_at};

const HEAD: usize = 20;
const NONE: u32 = u32::MAX;

/// What is wrong with a tokenizer block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind {
    /// The parts do not add up to the length of the block.
    Length,
    /// Not as many tokens as the model has.
    Vocabulary,
    /// BOS or EOS is not a token.
    Special,
    /// String starts decrease, or do not start at 0 and end at the end.
    Starts,
    /// A score is not finite.
    Score,
    /// `sorted` is not the order of (string, token).
    Order,
    /// The stated length of the longest token is wrong.
    Longest,
    /// An algorithm, switch or byte that version 1 gives no meaning.
    Unknown,
}

impl Kind {
    /// One lower-case phrase.
    pub const fn message(self) -> &'static str {
        match self {
            Kind::Length => "tokenizer block has the wrong length",
            Kind::Vocabulary => "tokenizer does not have as many tokens as the model",
            Kind::Special => "begin or end of text is not a token",
            Kind::Starts => "string starts of the tokenizer are not monotone",
            Kind::Score => "score of a token is not finite",
            Kind::Order => "tokens are not sorted by string",
            Kind::Longest => "stated length of the longest token is wrong",
            Kind::Unknown => "number in the tokenizer block has no meaning in this version",
        }
    }
}

/// A tokenizer that is refused: why, and at which token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// What is wrong.
    pub kind: Kind,
    /// The token, place in the order, or number that shows it.
    pub at: usize,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.kind.message(), self.at)
    }
}

impl core::error::Error for Error {}

/// What the tokens are.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Vocabulary<'a> {
    /// 256 tokens, each its own byte.
    Bytes,
    /// Strings with merge scores.
    Bpe(Bpe<'a>),
}

/// How the model's tokens relate to text.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TokenizerBlock<'a> {
    vocabulary: Vocabulary<'a>,
    bos: Option<u32>,
    eos: Option<u32>,
}

impl<'a> TokenizerBlock<'a> {
    /// lacuna's byte tokenizer: BOS is NUL, there is no EOS.
    pub const BYTES: TokenizerBlock<'static> = TokenizerBlock {
        vocabulary: Vocabulary::Bytes,
        bos: Some(0),
        eos: None,
    };

    /// Checks and wraps.
    ///
    /// # Errors
    /// [`Kind::Special`] if BOS or EOS is not a token.
    pub fn new(
        vocabulary: Vocabulary<'a>,
        bos: Option<u32>,
        eos: Option<u32>,
    ) -> Result<Self, Error> {
        let block = Self {
            vocabulary,
            bos,
            eos,
        };
        match [bos, eos]
            .into_iter()
            .flatten()
            .find(|&t| t as usize >= block.tokens())
        {
            Some(token) => Err(Error {
                kind: Kind::Special,
                at: token as usize,
            }),
            None => Ok(block),
        }
    }

    /// What the tokens are.
    pub fn vocabulary(&self) -> Vocabulary<'a> {
        self.vocabulary
    }

    /// Begin of text.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// End of text.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// Number of tokens, the model's `vocab_size`.
    pub fn tokens(&self) -> usize {
        match self.vocabulary {
            Vocabulary::Bytes => 256,
            Vocabulary::Bpe(bpe) => bpe.tokens(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self.vocabulary {
            Vocabulary::Bytes => HEAD,
            Vocabulary::Bpe(bpe) => HEAD + bpe.len(),
        }
    }

    /// Parts of the block in file order.
    pub(crate) fn parts<E>(&self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let (algorithm, switches, longest) = match self.vocabulary {
            Vocabulary::Bytes => (0, 0, 1),
            Vocabulary::Bpe(bpe) => (1, bpe.switches(), bpe.longest() as u32),
        };
        write(&[algorithm, switches, 0, 0])?;
        let specials = [self.bos.unwrap_or(NONE), self.eos.unwrap_or(NONE)];
        for n in [self.tokens() as u32, specials[0], specials[1], longest] {
            write(&n.to_le_bytes())?;
        }
        if let Vocabulary::Bpe(bpe) = self.vocabulary {
            for part in bpe.parts() {
                write(part)?;
            }
        }
        Ok(())
    }

    /// Cuts and checks a 4-aligned block that starts at byte `at` of a file.
    pub(crate) fn parse(
        vocab_size: usize,
        block: &'a [u8],
        at: usize,
    ) -> Result<Self, super::Error> {
        let refuse = |kind, within| super::Error::new(super::Kind::Tokenizer(kind), at + within);
        let short = refuse(Kind::Length, 0);
        let number = |within| u32_at(block, within).map_err(|_| short);
        let [algorithm, switches]: [u8; 2] = array_at(block, 0).map_err(|_| short)?;
        if algorithm > 1 || switches > 3 || (algorithm == 0 && switches != 0) {
            return Err(refuse(Kind::Unknown, 0));
        }
        if u16_at(block, 2).map_err(|_| short)? != 0 {
            return Err(refuse(Kind::Unknown, 2));
        }
        let (tokens, longest) = (number(4)? as usize, number(16)? as usize);
        let special = |token| if token == NONE { None } else { Some(token) };
        let (bos, eos) = (special(number(8)?), special(number(12)?));
        let rest = block.get(HEAD..).ok_or(short)?;
        let (vocabulary, stated) = if algorithm == 0 {
            if !rest.is_empty() {
                return Err(short);
            }
            (Vocabulary::Bytes, 1)
        } else {
            let bpe = Bpe::parse(tokens, switches, rest).map_err(|e| {
                let within = match e.kind {
                    Kind::Starts => HEAD + 4 * e.at,
                    Kind::Score => HEAD + 4 * (tokens + 1) + 4 * e.at,
                    Kind::Order => HEAD + 4 * (2 * tokens + 1) + 2 * e.at,
                    _ => 0,
                };
                refuse(e.kind, within)
            })?;
            (Vocabulary::Bpe(bpe), bpe.longest())
        };
        if longest != stated {
            return Err(refuse(Kind::Longest, 16));
        }
        let block = Self::new(vocabulary, bos, eos).map_err(|e| refuse(e.kind, 8))?;
        if tokens != vocab_size || block.tokens() != vocab_size {
            return Err(refuse(Kind::Vocabulary, 4));
        }
        Ok(block)
    }
}
