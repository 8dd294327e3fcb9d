//! How well a model predicts text, computed by the engine.
//!
//! ```text
//! text ─► tokens ─► windows: BOS (only read), then at most `context` tokens ─► −log₂ p(token | window so far), summed
//! ```
//!
//! # Invariants
//! - Logits are the engine's; the softmax over them is taken in f64.
//! - Every token of the text is predicted once; no window sees another.
//!
//! # Why
//! Non-overlapping windows make the score independent of how long the text is, and equal for every model with the same
//! tokenizer and context, so that a difference is the model's.

pub mod series;

use lacuna::model::{Model, State};
use lacuna::probe::Probe;
use lacuna::session::{Error, Options, Sampler, Session, Tokenizer};

use crate::memory::Buffer;

/// A sum over predicted tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// −log₂ of the probabilities, summed.
    pub bits: f64,
    /// Tokens predicted.
    pub tokens: u64,
    /// Bytes of text that they stand for.
    pub bytes: u64,
}

impl Score {
    /// Bits per byte of text.
    pub fn bits_per_byte(&self) -> f64 {
        self.bits / self.bytes.max(1) as f64
    }

    /// 2 to the bits per token.
    pub fn perplexity(&self) -> f64 {
        (self.bits / self.tokens.max(1) as f64).exp2()
    }
}

/// Cuts documents into windows for [`score`]: BOS and at most `context` tokens each.
pub fn windows(tokenizer: &Tokenizer<'_>, documents: &[Vec<u32>], context: usize) -> Vec<Vec<u32>> {
    let bos = tokenizer.bos().unwrap_or(0);
    documents
        .iter()
        .flat_map(|document| document.chunks(context))
        .map(|chunk| [&[bos], chunk].concat())
        .collect()
}

/// Scores `model` on windows of tokens, of which the first is only read; `each` is told how many were predicted since
/// the last call. `probe` sees every token but the last of each window; the one before it ends a prompt.
///
/// # Errors
/// What a session meets, such as a window longer than the context.
pub fn score(
    model: &Model<'_>,
    tokenizer: &Tokenizer<'_>,
    windows: &[Vec<u32>],
    options: Options,
    probe: impl Probe,
    each: &mut dyn FnMut(u64),
) -> Result<Score, Error> {
    let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
    let mut session = Session::with_probe(*model, &mut arena, options, probe)?;
    let mut score = Score::default();
    for window in windows {
        session.clear();
        let (Some((_, read)), Some((_, predicted))) = (window.split_last(), window.split_first())
        else {
            continue;
        };
        let mut pairs = read.iter().zip(predicted);
        session.prompt_each(read, |logits| {
            if let Some((&before, &token)) = pairs.next() {
                score.bits += bits(logits, token);
                score.bytes += tokenizer.decode(Some(before), token).len() as u64;
            }
        })?;
        let predicted = window.len().saturating_sub(1) as u64;
        score.tokens += predicted;
        each(predicted);
    }
    Ok(score)
}

/// −log₂ softmax(logits)[token], in f64.
pub fn bits(logits: &[f32], token: u32) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted = |l: f32| f64::from(l) - f64::from(max);
    let sum: f64 = logits.iter().map(|&l| shifted(l).exp()).sum();
    let own = logits
        .get(token as usize)
        .map_or(f64::NEG_INFINITY, |&l| shifted(l));
    (sum.ln() - own) / core::f64::consts::LN_2
}

/// Documents that `model` makes itself by sampling at temperature 1, `tokens` in all, at most a context each.
///
/// # Errors
/// What a session meets.
pub fn generate(
    model: &Model<'_>,
    tokenizer: &Tokenizer<'_>,
    tokens: usize,
    seed: u64,
    options: Options,
) -> Result<Vec<Vec<u32>>, Error> {
    let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
    let mut session = Session::new(*model, &mut arena, options)?;
    let bos = tokenizer.bos().unwrap_or(0);
    let mut sampler = Sampler::new(1.0, 0, 1.0, seed);
    let mut documents = Vec::new();
    let mut left = tokens;
    while left > 0 {
        session.clear();
        let mut document = Vec::new();
        let mut before = bos;
        while document.len() < left.min(options.limits.context) {
            session.step(before)?;
            before = session.sample(&mut sampler);
            document.push(before);
            if Some(before) == tokenizer.bos() {
                break;
            }
        }
        left -= document.len();
        documents.push(document);
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_a_uniform_and_of_a_certain_token() {
        assert!((bits(&[0.5; 8], 3) - 3.0).abs() < 1e-12);
        assert!(bits(&[100.0, 0.0], 0) < 1e-12);
        assert!((bits(&[1000.0, 0.0], 1) - 1000.0 / core::f64::consts::LN_2).abs() < 1e-9);
    }

    #[test]
    fn perplexity_is_two_to_the_bits_a_token() {
        let score = Score {
            bits: 30.0,
            tokens: 10,
            bytes: 20,
        };
        assert_eq!((score.perplexity(), score.bits_per_byte()), (8.0, 1.5));
    }
}
