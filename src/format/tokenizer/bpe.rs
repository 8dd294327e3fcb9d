//! Byte-pair merges by score: strings, scores and their order.

use zerocopy::{FromBytes, IntoBytes};

use super::{Error, Kind};

/// Token strings, scores and their order, borrowed and checked.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bpe<'a> {
    starts: &'a [u32],
    scores: &'a [f32],
    sorted: &'a [u16],
    strings: &'a [u8],
    longest: usize,
    /// A space is put before the text, as SentencePiece does.
    pub dummy_prefix: bool,
    /// A byte without a token becomes the token whose string is `<0xXX>`.
    pub byte_fallback: bool,
}

impl<'a> Bpe<'a> {
    /// Checks and wraps. Shapes: `starts (V + 1,)`, `scores (V,)`, `sorted (V,)`, `strings (starts[V],)`.
    ///
    /// # Errors
    /// The first part that breaks an invariant of the module; time linear in the length of the strings.
    pub fn new(
        starts: &'a [u32],
        scores: &'a [f32],
        sorted: &'a [u16],
        strings: &'a [u8],
        dummy_prefix: bool,
        byte_fallback: bool,
    ) -> Result<Self, Error> {
        let refuse = |kind, at| Err(Error { kind, at });
        let tokens = scores.len();
        if sorted.len() != tokens || starts.len() != tokens + 1 {
            return refuse(Kind::Length, starts.len());
        }
        if starts[0] != 0 || starts[tokens] as usize != strings.len() {
            return refuse(Kind::Starts, tokens);
        }
        let mut longest = 0;
        for (at, pair) in starts.windows(2).enumerate() {
            match pair[1].checked_sub(pair[0]) {
                Some(len) => longest = longest.max(len as usize),
                None => return refuse(Kind::Starts, at),
            }
        }
        if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
            return refuse(Kind::Score, at);
        }
        let bpe = Self {
            starts,
            scores,
            sorted,
            strings,
            longest,
            dummy_prefix,
            byte_fallback,
        };
        let mut before = None;
        for (at, &token) in sorted.iter().enumerate() {
            match bpe.string(u32::from(token)) {
                Some(string) if before < Some((string, token)) => before = Some((string, token)),
                _ => return refuse(Kind::Order, at),
            }
        }
        Ok(bpe)
    }

    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.scores.len()
    }

    /// Bytes of a token, or `None` outside the vocabulary.
    pub fn string(&self, token: u32) -> Option<&'a [u8]> {
        let token = token as usize;
        let (from, to) = (*self.starts.get(token)?, *self.starts.get(token + 1)?);
        self.strings.get(from as usize..to as usize)
    }

    /// Merge score of a token, or `None` outside the vocabulary.
    pub fn score(&self, token: u32) -> Option<f32> {
        self.scores.get(token as usize).copied()
    }

    /// The token with these bytes, the lowest of several; O(log V) comparisons.
    pub fn find(&self, string: &[u8]) -> Option<u32> {
        self.find_joined(string, &[])
    }

    /// The token whose bytes are `a` and then `b`, as [`Bpe::find`] finds it, without joining them in memory.
    pub fn find_joined(&self, a: &[u8], b: &[u8]) -> Option<u32> {
        let order = |token: u16| {
            let string = self.string(u32::from(token)).unwrap_or_default();
            string.iter().cmp(a.iter().chain(b))
        };
        let at = self.sorted.partition_point(|&token| order(token).is_lt());
        let token = *self.sorted.get(at)?;
        order(token).is_eq().then_some(u32::from(token))
    }

    /// Bytes of the longest token.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Bytes of the parts in a file.
    pub(super) fn len(&self) -> usize {
        10 * self.tokens() + 4 + self.strings.len()
    }

    pub(super) fn switches(&self) -> u8 {
        u8::from(self.dummy_prefix) | u8::from(self.byte_fallback) << 1
    }

    /// The parts in file order.
    pub(super) fn parts(&self) -> [&'a [u8]; 4] {
        [
            self.starts.as_bytes(),
            self.scores.as_bytes(),
            self.sorted.as_bytes(),
            self.strings,
        ]
    }

    /// Cuts and checks what follows the head of a block.
    pub(super) fn parse(tokens: usize, switches: u8, rest: &'a [u8]) -> Result<Self, Error> {
        let short = Error {
            kind: Kind::Length,
            at: 0,
        };
        let cut = |bytes: &'a [u8], len: Option<usize>| {
            len.and_then(|len| bytes.split_at_checked(len)).ok_or(short)
        };
        let (starts, rest) = cut(rest, tokens.checked_add(1).and_then(|n| n.checked_mul(4)))?;
        let (scores, rest) = cut(rest, tokens.checked_mul(4))?;
        let (sorted, strings) = cut(rest, tokens.checked_mul(2))?;
        Self::new(
            <[u32]>::ref_from_bytes(starts).map_err(|_| short)?,
            <[f32]>::ref_from_bytes(scores).map_err(|_| short)?,
            <[u16]>::ref_from_bytes(sorted).map_err(|_| short)?,
            strings,
            switches & 1 != 0,
            switches & 2 != 0,
        )
    }
}
