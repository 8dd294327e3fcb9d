//! Twenty small questions to a language model of bytes, and the text from which it can learn the answers.
//!
//! ```text
//! template ─► pair of prompts that differ in the cue        total = set()⏎total│.      total = ""⏎total│␠
//!          └► documents with the idiom in them     engine: logit of the right byte against that of the other one
//! ```
//!
//! The tasks are those of Gao et al., "Weight-sparse transformers have interpretable circuits", table 1: binary choices of
//! the next token in Python. Here a token is a byte; where the paper's two tokens begin alike, or several bytes follow,
//! the prompt ends just before the first byte that differs ([`Task::description`] says which).
//!
//! # Invariants
//! - The same task, split, seed and count give the same pairs; the first pairs do not depend on the count.
//! - Prompts of a pair are filled with the same names, and never end with the same right byte.
//! - [`Split::Train`] and [`Split::HeldOut`] share no template and no name.
//! - A prompt behind BOS fits a context of 128.
//!
//! # Why
//! A loss over two logits asks whether the model knows the idiom, not whether it guesses names; matched pairs make the cue
//! the only way to know. Held-out templates and names are the difference between a rule and a memory.

mod documents;
mod evaluate;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod words;

pub use documents::documents;
pub use evaluate::{Score, evaluate, evaluate_all};

use documents::{choose, stream};
use table::{Entry, HELD_OUT, NONSENSE, TABLE};

/// The byte that comes before a prompt, as before every document.
pub const BOS: u8 = 0;

/// Two prompts that differ only in the deciding cue; after `prompt[i]` the right next byte is `answer[i]`, the other one
/// is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The prompts, without BOS.
    pub prompt: [Vec<u8>; 2],
    /// The byte that follows each.
    pub answer: [u8; 2],
}

/// Which templates and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Those that training text is made of.
    Train,
    /// Those it never shows.
    HeldOut,
}

/// A binary choice of the next byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each has a description")]
pub enum Task {
    SingleDoubleQuote,
    BracketCounting,
    SetOrString,
    SetOrStringFixedvarname,
    WithAs,
    WithOpen,
    ForWhile,
    ElseElif,
    FstringBrace,
    IfTernary,
    IfEquals,
    VarIf,
    VarSwap,
    BracketBrace,
    IndentFor,
    WhileReturnTrue,
    LambdaFunc,
    EnumerateRange,
    FinalKwarg,
    ClassInit,
}

impl Task {
    /// All tasks, in the paper's order.
    pub const ALL: [Task; 20] = {
        let mut all = [Task::SingleDoubleQuote; 20];
        let mut i = 0;
        while i < all.len() {
            all[i] = TABLE[i].task;
            i += 1;
        }
        all
    };

    fn entry(self) -> &'static Entry {
        &TABLE[self as usize]
    }

    /// The paper's name, in snake case.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The rule, and which byte decides.
    pub fn description(self) -> &'static str {
        self.entry().description
    }

    /// The task of that name.
    pub fn named(name: &str) -> Option<Task> {
        Task::ALL.into_iter().find(|task| task.name() == name)
    }

    /// `count` pairs, drawn from the templates and names of `split`.
    pub fn pairs(self, split: Split, seed: u64, count: usize) -> Vec<Pair> {
        let templates = templates(self.entry().templates, split);
        draw(self.name(), templates, split, seed, count)
    }
}

/// `count` pairs of a task that no text teaches: a cue that means nothing decides between two bytes that may both follow.
///
/// What a method finds here it would find anywhere: the control of every claim about circuits. Source: Drori, "Weight-sparse
/// circuits may be interpretable yet unfaithful", 2026.
pub fn nonsense(seed: u64, count: usize) -> Vec<Pair> {
    draw("nonsense", &NONSENSE, Split::Train, seed, count)
}

fn draw(name: &str, from: &[&str], split: Split, seed: u64, count: usize) -> Vec<Pair> {
    let one = |number| {
        let mut rng = stream(name, split, seed, number);
        let template = choose(from, &mut rng);
        template::pair(template::both(template, split, &mut rng))
    };
    (0..count as u64).map(one).collect()
}

/// The part of a task's templates that belongs to `split`.
fn templates(all: &'static [&'static str], split: Split) -> &'static [&'static str] {
    let (train, held_out) = all.split_at(all.len() - HELD_OUT);
    match split {
        Split::Train => train,
        Split::HeldOut => held_out,
    }
}
