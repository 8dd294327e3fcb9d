//! Tasks put to the engine.

use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model, State};
use lacuna::probe::Probe;
use lacuna::session::{Error, Options, Session};
use serde::Serialize;

use super::{BOS, Pair, Split, Task};
use crate::memory::Buffer;
use crate::stats::{self, Interval};

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;
/// Samples of a bootstrap.
const ROUNDS: usize = 500;
/// Tokens of a prompt that are run at once.
const AT_ONCE: usize = 64;

/// How a model answered pairs of prompts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Pairs asked.
    pub pairs: usize,
    /// Share of prompts after which the right byte had the higher logit; equal logits count half.
    pub accuracy: f64,
    /// Its 95 % interval over pairs.
    pub accuracy_interval: Interval,
    /// Mean binary cross entropy over the two logits, nats; ln 2 is chance.
    pub loss: f64,
    /// Its 95 % interval over pairs.
    pub loss_interval: Interval,
}

/// Puts `pairs` to the model of `session`, BOS before each prompt.
///
/// loss = ln(1 + exp(l_wrong − l_right)), in f64.
///
/// # Errors
/// What a session meets, such as a prompt longer than the context, or bytes beyond the vocabulary.
pub fn evaluate<P: Probe>(session: &mut Session<'_, P>, pairs: &[Pair]) -> Result<Score, Error> {
    let (mut right, mut losses) = (Vec::new(), Vec::new());
    for pair in pairs {
        let (mut hits, mut loss) = (0.0, 0.0);
        for (own, other) in [(0, 1), (1, 0)] {
            let prompt = [BOS].into_iter().chain(pair.prompt[own].iter().copied());
            let tokens: Vec<u32> = prompt.map(u32::from).collect();
            session.clear();
            let logits = session.prompt(&tokens)?;
            let logit = |byte: u8| f64::from(logits.get(usize::from(byte)).copied().unwrap_or(0.0));
            let margin = logit(pair.answer[own]) - logit(pair.answer[other]);
            hits += match margin {
                m if m > 0.0 => 0.5,
                0.0 => 0.25,
                _ => 0.0,
            };
            loss += 0.5 * softplus(-margin);
        }
        right.push(hits);
        losses.push(loss);
    }
    let n = pairs.len().max(1) as f64;
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len().max(1) as f64;
    let hits: f64 = right.iter().sum();
    let none: &[f64] = &[];
    Ok(Score {
        pairs: pairs.len(),
        accuracy: mean(&right),
        accuracy_interval: stats::clopper_pearson(hits, n, CONFIDENCE),
        loss: mean(&losses),
        loss_interval: stats::bootstrap([&losses, none], |a, _| mean(a), CONFIDENCE, ROUNDS, 1),
    })
}

/// ln(1 + exp(x))
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Puts `count` pairs of each of `tasks` to `model`; `each` is called after every task.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_all(
    model: &Model<'_>,
    isa: Isa,
    tasks: &[Task],
    (split, seed, count): (Split, u64, usize),
    each: &mut dyn FnMut(Task),
) -> Result<Vec<(Task, Score)>, Error> {
    let limits = Limits {
        prefill: AT_ONCE,
        ..Limits::new(model.config())
    };
    let options = Options {
        limits,
        isa,
        ..Options::new(model.config())
    };
    let mut arena = Buffer::zeroed(State::len(model.config(), &limits));
    let mut session = Session::new(*model, &mut arena, options)?;
    let one = |&task: &Task| {
        let score = evaluate(&mut session, &task.pairs(split, seed, count))?;
        each(task);
        Ok((task, score))
    };
    tasks.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_lose_ln_2_and_far_ones_their_distance() {
        assert!((softplus(0.0) - core::f64::consts::LN_2).abs() < 1e-15);
        assert!((softplus(800.0) - 800.0).abs() < 1e-12);
        assert!(softplus(-800.0) >= 0.0 && softplus(-800.0) < 1e-300);
    }
}
