//! Prompts with one right and one wrong next byte, two of which make a pair.
//!
//! ```text
//! case 2i    prompt a ─► right x, wrong y          pair i: the prompts differ in the deciding cue alone
//! case 2i+1  prompt b ─► right y, wrong x
//! ```
//!
//! # Invariants
//! - Every prompt begins with BOS, fits the context and holds only tokens of the model, so graph and engine take it.
//! - Cases 2i and 2i + 1 are one pair: intervals draw pairs.

use core::ops::Range;

use lacuna::config::{Config, Output};

use super::Error;
use crate::checkpoint::{Checkpoint, Tokenizer};
use crate::data::BOS;
use crate::tasks::{self, Pair, Split, Task};
use crate::train::graph::Prompts;

/// One prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Tokens, BOS first.
    pub tokens: Vec<u32>,
    /// The token that is to follow.
    pub right: u32,
    /// The token that would follow with the other cue.
    pub wrong: u32,
}

/// Cases of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cases(Vec<Case>);

impl Cases {
    /// Cases from `(prompts, answers)` of pairs: after `prompts[i]` follows `answers[i]`.
    ///
    /// # Errors
    /// No pairs, a model that does not read bytes, a prompt that it cannot take.
    pub fn new(
        model: &Checkpoint,
        pairs: impl IntoIterator<Item = ([Vec<u8>; 2], [u8; 2])>,
    ) -> Result<Cases, Error> {
        let config = &model.config;
        if model.tokenizer != Tokenizer::Byte || config.output != Output::Lm {
            return Err(Error::NotBytes);
        }
        let mut cases = Vec::new();
        for (prompts, answers) in pairs {
            for (i, prompt) in prompts.iter().enumerate() {
                let (right, wrong) = (answers[i], answers[1 - i]);
                cases.push(case(config, prompt, [right, wrong])?);
            }
        }
        match cases.is_empty() {
            true => Err(Error::NoCases),
            false => Ok(Cases(cases)),
        }
    }

    /// `count` pairs of `task` that choose a circuit, as many of unseen templates that judge it, and as many of nonsense.
    ///
    /// # Errors
    /// As [`Cases::new`].
    pub fn of_task(
        model: &Checkpoint,
        task: Task,
        (seed, count): (u64, usize),
    ) -> Result<[Cases; 3], Error> {
        let of = |pairs: Vec<Pair>| {
            let pairs = pairs.into_iter().map(|p| (p.prompt, p.answer));
            Cases::new(model, pairs)
        };
        Ok([
            of(task.pairs(Split::Train, seed, count))?,
            of(task.pairs(Split::HeldOut, seed, count))?,
            of(tasks::nonsense(seed, count))?,
        ])
    }

    /// The cases in order.
    pub fn all(&self) -> &[Case] {
        &self.0
    }

    /// Number of cases, twice that of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: there is at least one pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Some cases as the graph takes them, padded to the longest.
    pub fn prompts(&self, which: impl IntoIterator<Item = usize>) -> Prompts {
        let some: Vec<&Case> = which.into_iter().filter_map(|i| self.0.get(i)).collect();
        let seq = some.iter().map(|c| c.tokens.len()).max().unwrap_or(1);
        let mut tokens = Vec::with_capacity(some.len() * seq);
        let mut last = Vec::with_capacity(some.len());
        for case in &some {
            last.push(tokens.len() + case.tokens.len() - 1);
            tokens.extend_from_slice(&case.tokens);
            tokens.resize(last.len() * seq, u32::from(BOS));
        }
        Prompts {
            seq,
            tokens: tokens.into(),
            last: last.into(),
            candidates: some.iter().map(|c| [c.right, c.wrong]).collect(),
        }
    }

    /// Ranges of at most `n` cases, one behind the other.
    pub fn pieces(&self, n: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let len = self.len();
        let n = n.max(1);
        (0..len)
            .step_by(n)
            .map(move |from| from..(from + n).min(len))
    }
}

fn case(config: &Config, prompt: &[u8], [right, wrong]: [u8; 2]) -> Result<Case, Error> {
    let (tokens, context) = (prompt.len() + 1, config.seq_len);
    if tokens > context {
        return Err(Error::TooLong { tokens, context });
    }
    let vocabulary = config.vocab_size;
    let mut bytes = prompt.iter().chain([&right, &wrong]);
    if let Some(&byte) = bytes.find(|b| usize::from(**b) >= vocabulary) {
        return Err(Error::Vocabulary { byte, vocabulary });
    }
    let tokens = [BOS].iter().chain(prompt).map(|&b| u32::from(b));
    Ok(Case {
        tokens: tokens.collect(),
        right: u32::from(right),
        wrong: u32::from(wrong),
    })
}
