//! Text to tokens and back, in fixed memory.
//!
//! ```text
//! bytes:  token = byte
//! merges: " " + text ─► one token a code point, or its bytes + 3 ─► merge the pair with the best score, again and again
//! ```
//!
//! # Invariants
//! - The tokens are written where they end up: `out` is the only memory, at most `text.len() + 2` of it is used.
//! - Merges are llama2.c's: the best score first, the leftmost of equals; a pair is looked up as its joined bytes.
//! - Any bytes can be encoded and any token decoded; nothing needs to be UTF-8.
//!
//! # Why
//! llama2.c builds a sorted copy of its vocabulary and a heap string per pair; here the file holds the order and a pair is
//! compared in two pieces, so a tokenizer costs a few words of RAM.

use crate::format::tokenizer::{Bpe, Vocabulary};
use crate::format::{File, TokenizerBlock};

/// Tokens of single bytes start here in vocabularies with byte fallback, after unknown, BOS and EOS.
const FIRST_BYTE: u32 = 3;

static BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut i = 0;
    while i < 256 {
        bytes[i] = i as u8;
        i += 1;
    }
    bytes
};

/// `out` has too few places for the tokens of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BufferTooSmall {
    /// Places that suffice for this text.
    pub enough: usize,
    /// Places given.
    pub given: usize,
}

impl core::fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "{} places for tokens are too few, {} are enough",
            self.given, self.enough
        )
    }
}

impl core::error::Error for BufferTooSmall {}

/// The tokens of a model and their bytes.
#[derive(Clone, Copy, Debug)]
pub struct Tokenizer<'a> {
    block: TokenizerBlock<'a>,
}

impl<'a> Tokenizer<'a> {
    /// The tokenizer in a file; `None` if it has none. Checks the block once more: keep the answer.
    pub fn new(file: &File<'a>) -> Option<Self> {
        file.tokenizer().map(Self::from)
    }

    /// Begin of text.
    pub fn bos(&self) -> Option<u32> {
        self.block.bos()
    }

    /// End of text.
    pub fn eos(&self) -> Option<u32> {
        self.block.eos()
    }

    /// Writes the tokens of `text` to `out`, after BOS if `bos` and there is one, and returns how many.
    ///
    /// Bytes that are no token, where the vocabulary has no byte fallback, become token 0, the unknown. Merging compares
    /// all pairs after each merge, as the original does: quadratic in the length of a prompt.
    ///
    /// # Errors
    /// [`BufferTooSmall`]; `text.len() + 2` places always suffice, even where fewer remain after merging.
    pub fn encode(&self, text: &[u8], bos: bool, out: &mut [u32]) -> Result<usize, BufferTooSmall> {
        let mut list = List {
            small: BufferTooSmall {
                enough: text.len() + 2,
                given: out.len(),
            },
            out,
            len: 0,
        };
        if let (true, Some(bos)) = (bos, self.block.bos()) {
            list.push(bos)?;
        }
        match self.block.vocabulary() {
            Vocabulary::Bpe(bpe) => {
                let first = list.len;
                split(&bpe, text, &mut list)?;
                let merged = merge(&bpe, &mut list.out[first..list.len]);
                Ok(first + merged)
            }
            _ => {
                for byte in text {
                    list.push(u32::from(*byte))?;
                }
                Ok(list.len)
            }
        }
    }

    /// The bytes that `token` adds to the text after `prev`; nothing for a token outside the vocabulary.
    ///
    /// With merges: a token `<0xXX>` is that byte, and a leading space directly after BOS is dropped, which undoes the
    /// space that encoding puts before a text.
    pub fn decode(&self, prev: Option<u32>, token: u32) -> &'a [u8] {
        let Vocabulary::Bpe(bpe) = self.block.vocabulary() else {
            let byte = token as usize;
            return BYTES.get(byte..=byte).unwrap_or_default();
        };
        let string = bpe.string(token).unwrap_or_default();
        if let Some(byte) = raw_byte(string) {
            let byte = usize::from(byte);
            return &BYTES[byte..=byte];
        }
        match string {
            [b' ', rest @ ..] if prev.is_some() && prev == self.block.bos() => rest,
            _ => string,
        }
    }
}

impl<'a> From<TokenizerBlock<'a>> for Tokenizer<'a> {
    fn from(block: TokenizerBlock<'a>) -> Self {
        Self { block }
    }
}

struct List<'o> {
    out: &'o mut [u32],
    len: usize,
    small: BufferTooSmall,
}

impl List<'_> {
    fn push(&mut self, token: u32) -> Result<(), BufferTooSmall> {
        *self.out.get_mut(self.len).ok_or(self.small)? = token;
        self.len += 1;
        Ok(())
    }
}

/// One token a code point where there is one, else one a byte.
fn split(bpe: &Bpe<'_>, text: &[u8], list: &mut List<'_>) -> Result<(), BufferTooSmall> {
    if bpe.dummy_prefix
        && !text.is_empty()
        && let Some(space) = bpe.find(b" ")
    {
        list.push(space)?;
    }
    let mut rest = text;
    while !rest.is_empty() {
        // A code point is a byte and up to three continuation bytes after it, whatever the first says.
        let more = rest[1..]
            .iter()
            .take(3)
            .take_while(|b| **b & 0xc0 == 0x80)
            .count();
        let (point, next) = rest.split_at(1 + more);
        match bpe.find(point) {
            Some(token) => list.push(token)?,
            None => {
                for byte in point {
                    let token = if bpe.byte_fallback {
                        u32::from(*byte) + FIRST_BYTE
                    } else {
                        bpe.find(core::slice::from_ref(byte)).unwrap_or(0)
                    };
                    list.push(token)?;
                }
            }
        }
        rest = next;
    }
    Ok(())
}

/// Merges pairs in place, best score first, and returns how many tokens remain.
fn merge(bpe: &Bpe<'_>, tokens: &mut [u32]) -> usize {
    let mut len = tokens.len();
    loop {
        let mut best: Option<(f32, usize, u32)> = None;
        for (at, pair) in tokens[..len].windows(2).enumerate() {
            let (Some(a), Some(b)) = (bpe.string(pair[0]), bpe.string(pair[1])) else {
                continue;
            };
            let Some(token) = bpe.find_joined(a, b) else {
                continue;
            };
            let score = bpe.score(token).unwrap_or(f32::NEG_INFINITY);
            if best.is_none_or(|(best, ..)| score > best) {
                best = Some((score, at, token));
            }
        }
        let Some((_, at, token)) = best else {
            return len;
        };
        tokens[at] = token;
        tokens.copy_within(at + 2..len, at + 1);
        len -= 1;
    }
}

/// The byte that a string `<0xXX>` stands for.
fn raw_byte(string: &[u8]) -> Option<u8> {
    let [b'<', b'0', b'x', high, low, b'>'] = *string else {
        return None;
    };
    let digit = |b: u8| char::from(b).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}
