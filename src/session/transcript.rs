//! One text for one run, whichever machine it ran on.
//!
//! ```text
//! model 0123456789abcdef
//! prompt 0
//! tokens 79 110 99 101
//! text "Once"
//! digest 0123456789abcdef
//! site hook_embed
//!   zero_share n 5 mean 0.25 (3e800000) min 0 (00000000) max 0.5 (3f000000)
//!   …
//! ```
//!
//! # Invariants
//! - Equal texts mean equal bits: every float is printed as its shortest decimal and as its bits.
//! - Text is ASCII, other bytes escaped, so that it survives every terminal and diff.
//!
//! # Why
//! A desktop renders it from a run, a host from a device's records, and a test compares either with a file: one format,
//! so that "the same" is `diff`.

use core::fmt;

use super::Tokenizer;
use crate::probe::{Site, SiteSummary};

/// A run to be shown by `Display`.
#[derive(Clone, Copy, Debug)]
pub struct Transcript<'a> {
    /// The model that ran.
    pub model_id: [u8; 8],
    /// Tokens given.
    pub prompt: &'a [u32],
    /// Tokens generated.
    pub tokens: &'a [u32],
    /// What makes text of them; without it there is no `text` line.
    pub tokenizer: Option<Tokenizer<'a>>,
    /// FNV-1a-64 of all logits.
    pub digest: u64,
    /// Number of blocks.
    pub n_layers: usize,
    /// Statistics by [`Site::index`]; empty if nothing was measured.
    pub sites: &'a [SiteSummary],
}

impl fmt::Display for Transcript<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "model {:016x}", u64::from_be_bytes(self.model_id))?;
        line(f, "prompt", self.prompt)?;
        line(f, "tokens", self.tokens)?;
        if let Some(tokenizer) = &self.tokenizer {
            f.write_str("text \"")?;
            let mut prev = self.prompt.last().copied();
            for token in self.tokens {
                write!(f, "{}", tokenizer.decode(prev, *token).escape_ascii())?;
                prev = Some(*token);
            }
            f.write_str("\"\n")?;
        }
        writeln!(f, "digest {:016x}", self.digest)?;
        for (index, summary) in self.sites.iter().enumerate() {
            let Some(site) = Site::from_index(index, self.n_layers) else {
                break;
            };
            writeln!(f, "site {site}")?;
            for (name, s) in summary.named() {
                let (mean, min, max) = (Exact(s.mean), Exact(s.min), Exact(s.max));
                writeln!(f, "  {name} n {} mean {mean} min {min} max {max}", s.n)?;
            }
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, tokens: &[u32]) -> fmt::Result {
    f.write_str(name)?;
    for token in tokens {
        write!(f, " {token}")?;
    }
    f.write_str("\n")
}

/// A float as decimal and as bits.
struct Exact(f32);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:08x})", self.0, self.0.to_bits())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;
    use crate::format::TokenizerBlock;
    use crate::probe::Summary;

    #[test]
    fn the_text_is_frozen() {
        let zero_share = Summary {
            n: 2,
            mean: 0.25,
            min: 0.0,
            max: 0.1,
        };
        let site = SiteSummary {
            zero_share,
            ..SiteSummary::default()
        };
        let run = Transcript {
            model_id: [1, 2, 3, 4, 5, 6, 7, 255],
            prompt: &[0, 65],
            tokens: &[34, 10, 200],
            tokenizer: Some(Tokenizer::from(TokenizerBlock::BYTES)),
            digest: 0xabc,
            n_layers: 1,
            sites: &[site],
        };
        let expected = "\
model 01020304050607ff
prompt 0 65
tokens 34 10 200
text \"\\\"\\n\\xc8\"
digest 0000000000000abc
site hook_embed
  zero_share n 2 mean 0.25 (3e800000) min 0 (00000000) max 0.1 (3dcccccd)
  le_eps_share n 0 mean 0 (00000000) min 0 (00000000) max 0 (00000000)
  hoyer n 0 mean 0 (00000000) min 0 (00000000) max 0 (00000000)
";
        assert_eq!(run.to_string(), expected);
        let bare = Transcript {
            tokenizer: None,
            tokens: &[],
            sites: &[],
            ..run
        };
        let expected = "model 01020304050607ff\nprompt 0 65\ntokens\ndigest 0000000000000abc\n";
        assert_eq!(bare.to_string(), expected);
    }
}
