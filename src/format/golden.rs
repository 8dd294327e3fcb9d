//! The golden block: a prompt and everything a correct engine makes of it.
//!
//! ```text
//! +0   u32  prompt tokens P ≥ 1
//! +4   u32  generated tokens G
//! +8   u32  digests of the residual stream, n_layers + 1
//! +12  zero
//! +16  u64  digest of all logits
//! +24  u64  × n_layers + 1   digest of the stream entering block l; the last one: leaving the last block
//! …    u32  × P              prompt
//! …    u32  × G              what greedy decoding gives
//! ```
//!
//! Of a model that takes windows, the prompt is one window, its samples as f32 bits, and the one generated token is the
//! class of the largest logit; the digest is that of the classes' logits.
//!
//! The engine is fed the prompt and then each generated token but the last, so `P + max(G, 1) − 1` positions are run.
//! A digest is FNV-1a-64 over the little-endian f32 bits of all those positions in order.
//!
//! # Invariants
//! - Every token is below the vocabulary; the run fits the context. A window is whole and finite, its class is one.
//!
//! # Why
//! A device that computes another bit than the desktop knows it at boot, and by layer, from the file alone.

use zerocopy::{FromBytes, IntoBytes};

use super::layout::{u32_at, u64_at};
use crate::config::Config;

const HEAD: usize = 24;

/// What is wrong with a golden block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind {
    /// The counts do not add up to the length of the block.
    Length,
    /// No prompt.
    Empty,
    /// Not one digest for each block and one for the end.
    Layers,
    /// A token outside the vocabulary.
    Token,
    /// More positions than the context has.
    Context,
    /// Not one whole window of finite samples and its class.
    Window,
    /// A byte that version 1 keeps zero is not.
    Reserved,
}

impl Kind {
    /// One lower-case phrase.
    pub const fn message(self) -> &'static str {
        match self {
            Kind::Length => "golden block has the wrong length",
            Kind::Empty => "golden block has no prompt",
            Kind::Layers => "golden block does not have one digest per layer and one for the end",
            Kind::Token => "golden block holds a token outside the vocabulary",
            Kind::Context => "golden run is longer than the context",
            Kind::Window => "golden block does not hold one finite window and its class",
            Kind::Reserved => "reserved byte of the golden block is not zero",
        }
    }
}

/// A golden block that is refused: why, and at which token or count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// What is wrong.
    pub kind: Kind,
    /// Index of the token, prompt first; otherwise the number that is wrong.
    pub at: usize,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.kind.message(), self.at)
    }
}

impl core::error::Error for Error {}

/// A prompt, the tokens that follow it greedily, and digests of the run, borrowed and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Golden<'a> {
    prompt: &'a [u32],
    expected: &'a [u32],
    logits: u64,
    layers: &'a [[u8; 8]],
}

impl<'a> Golden<'a> {
    /// Wraps the parts of a golden run. `layers` are little-endian u64, `n_layers + 1` of them.
    ///
    /// # Errors
    /// The first part that breaks an invariant of the module.
    pub fn new(
        config: &Config,
        prompt: &'a [u32],
        expected: &'a [u32],
        logits: u64,
        layers: &'a [[u8; 8]],
    ) -> Result<Self, Error> {
        let golden = Self {
            prompt,
            expected,
            logits,
            layers,
        };
        golden.check(config)?;
        Ok(golden)
    }

    /// The invariants of the module under `config`.
    pub(crate) fn check(&self, config: &Config) -> Result<(), Error> {
        let refuse = |kind, at| Err(Error { kind, at });
        if self.prompt.is_empty() {
            return refuse(Kind::Empty, 0);
        }
        if self.layers.len() != config.n_layers + 1 {
            return refuse(Kind::Layers, self.layers.len());
        }
        if config.window_len() > 0 {
            return self.check_window(config);
        }
        if self.positions() > config.seq_len {
            return refuse(Kind::Context, self.positions());
        }
        let mut tokens = self.prompt.iter().chain(self.expected);
        match tokens.position(|&token| token as usize >= config.vocab_size) {
            Some(at) => refuse(Kind::Token, at),
            None => Ok(()),
        }
    }

    fn check_window(&self, config: &Config) -> Result<(), Error> {
        let (needed, given) = (config.window_len(), self.prompt.len());
        let finite = |bits: &u32| f32::from_bits(*bits).is_finite();
        let at = match self.expected {
            _ if needed != given => given,
            [class] if (*class as usize) < config.n_logits() => {
                match self.prompt.iter().position(|bits| !finite(bits)) {
                    Some(at) => at,
                    None => return Ok(()),
                }
            }
            _ => given,
        };
        Err(Error {
            kind: Kind::Window,
            at,
        })
    }

    /// The window of a model that takes windows; meaningless bits of another.
    pub fn window(&self) -> &'a [f32] {
        // The same size and alignment: the cast holds for any bits.
        <[f32]>::ref_from_bytes(self.prompt.as_bytes()).unwrap_or_default()
    }

    /// Tokens to feed, BOS included if the run had one; a window as bits.
    pub fn prompt(&self) -> &'a [u32] {
        self.prompt
    }

    /// Tokens that greedy decoding gives after the prompt; the class of a window.
    pub fn expected(&self) -> &'a [u32] {
        self.expected
    }

    /// Number of positions the run feeds: prompt and all generated tokens but the last.
    pub fn positions(&self) -> usize {
        self.prompt.len() + self.expected.len().saturating_sub(1)
    }

    /// Digest of all logits in position order.
    pub fn logits(&self) -> u64 {
        self.logits
    }

    /// Digest of the residual stream entering block `layer`, or leaving the last one for `layer == n_layers`.
    pub fn layer(&self, layer: usize) -> Option<u64> {
        self.layers.get(layer).map(|&le| u64::from_le_bytes(le))
    }

    pub(crate) fn len(&self) -> usize {
        HEAD + 8 * self.layers.len() + 4 * (self.prompt.len() + self.expected.len())
    }

    /// Parts of the block in file order.
    pub(crate) fn parts<E>(&self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        for n in [self.prompt.len(), self.expected.len(), self.layers.len(), 0] {
            write(&(n as u32).to_le_bytes())?;
        }
        write(&self.logits.to_le_bytes())?;
        write(self.layers.as_bytes())?;
        write(self.prompt.as_bytes())?;
        write(self.expected.as_bytes())
    }

    /// Cuts a 4-aligned block into its parts without checking tokens; the error carries a byte offset.
    pub(crate) fn cut(block: &'a [u8]) -> Result<Self, Error> {
        let short = Error {
            kind: Kind::Length,
            at: 0,
        };
        let count = |at| u32_at(block, at).map(|n| n as usize).map_err(|_| short);
        let (prompts, generated, layers) = (count(0)?, count(4)?, count(8)?);
        if count(12)? != 0 {
            return Err(Error {
                kind: Kind::Reserved,
                at: 12,
            });
        }
        let logits = u64_at(block, 16).map_err(|_| short)?;
        let bytes = |n: usize, size: usize| n.checked_mul(size).ok_or(short);
        let (digests, rest) = block
            .get(HEAD..)
            .and_then(|rest| rest.split_at_checked(bytes(layers, 8).ok()?))
            .ok_or(short)?;
        let (prompt, expected) = rest.split_at_checked(bytes(prompts, 4)?).ok_or(short)?;
        if expected.len() != bytes(generated, 4)? {
            return Err(short);
        }
        let (digests, _) = digests.as_chunks();
        Ok(Self {
            prompt: <[u32]>::ref_from_bytes(prompt).map_err(|_| short)?,
            expected: <[u32]>::ref_from_bytes(expected).map_err(|_| short)?,
            logits,
            layers: digests,
        })
    }

    /// Cuts and checks a block that starts at byte `at` of a file.
    pub(crate) fn parse(config: &Config, block: &'a [u8], at: usize) -> Result<Self, super::Error> {
        let refuse = |kind, within| super::Error::new(super::Kind::Golden(kind), at + within);
        let g = Self::cut(block).map_err(|e| refuse(e.kind, e.at))?;
        g.check(config).map_err(|e| {
            let within = match e.kind {
                Kind::Token | Kind::Window => HEAD + 8 * g.layers.len() + 4 * e.at,
                Kind::Layers => 8,
                _ => 0,
            };
            refuse(e.kind, within)
        })?;
        Ok(g)
    }
}
