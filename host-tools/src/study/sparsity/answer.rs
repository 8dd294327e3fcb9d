//! An expectation with the seeds behind it, and a test of several.

use serde::Serialize;

use super::sample::Estimate;
use crate::stats::{Interval, seeds_needed};
use crate::study::expect::{Expectation, Verdict};

/// An expectation, how many seeds it is of, and how many it takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// What was expected, and what came.
    #[serde(flatten)]
    pub expectation: Expectation,
    /// Seeds.
    pub seeds: usize,
    /// Seeds that 80 % power takes at the spread of these; `null` where they do not differ.
    pub seeds_needed: Option<usize>,
}

impl Answer {
    pub(super) fn new(expectation: Expectation, estimate: &Estimate, limit: f64) -> Answer {
        Answer {
            expectation,
            seeds: estimate.by_seed.len(),
            seeds_needed: seeds_needed(&estimate.by_seed, limit),
        }
    }

    /// Above `limit`.
    pub(super) fn above(said: [&str; 3], found: Option<Estimate>, limit: f64) -> Option<Answer> {
        let found = found?;
        let [id, expected, of] = said;
        let expectation = Expectation::above((id, expected, of), found.pair(), limit);
        Some(Answer::new(expectation, &found, limit))
    }

    /// Below `limit`.
    pub(super) fn below(said: [&str; 3], found: Option<Estimate>, limit: f64) -> Option<Answer> {
        let found = found?;
        let [id, expected, of] = said;
        let expectation = Expectation::below((id, expected, of), found.pair(), limit);
        Some(Answer::new(expectation, &found, limit))
    }

    /// A ratio, found as the mean of logarithms, above or below `limit`.
    pub(super) fn ratio(
        [id, expected, of]: [&str; 3],
        found: Option<Estimate>,
        limit: f64,
        above: bool,
    ) -> Option<Answer> {
        let found = found?;
        let judge = if above {
            Expectation::above
        } else {
            Expectation::below
        };
        let expectation = judge((id, expected, of), found.exp(), limit);
        Some(Answer::new(expectation, &found, limit.ln()))
    }
}

/// A test of several answers: passed where all pass, failed where one fails.
pub(super) fn together(answers: &[Answer]) -> Verdict {
    let is = |v: Verdict| move |a: &Answer| a.expectation.verdict == v;
    match () {
        _ if answers.is_empty() => Verdict::Null,
        _ if answers.iter().all(is(Verdict::Pass)) => Verdict::Pass,
        _ if answers.iter().any(is(Verdict::Fail)) => Verdict::Fail,
        _ => Verdict::Null,
    }
}

/// T3 as a test: failed where of loss and edges only one moves.
pub(super) fn both_move(answers: &[Answer]) -> Verdict {
    let pass = |a: &Answer| a.expectation.verdict == Verdict::Pass;
    let one_alone = |pair: &[Answer]| pair.iter().filter(|a| pass(a)).count() == 1;
    match together(answers) {
        Verdict::Null if answers.chunks(2).any(one_alone) => Verdict::Fail,
        verdict => verdict,
    }
}

/// An interval without extent.
pub(super) fn exactly(value: f64) -> Interval {
    Interval {
        low: value,
        high: value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(verdict: Verdict) -> Answer {
        let expectation = Expectation::new(("", "", ""), (0.0, exactly(0.0)), verdict);
        Answer {
            expectation,
            seeds: 3,
            seeds_needed: None,
        }
    }

    #[test]
    fn tests_go_by_their_parts() {
        use Verdict::{Fail, Null, Pass};
        let of =
            |verdicts: &[Verdict]| -> Vec<Answer> { verdicts.iter().map(|v| answer(*v)).collect() };
        assert_eq!(together(&of(&[Pass, Pass])), Pass);
        assert_eq!(together(&of(&[Pass, Null])), Null);
        assert_eq!(together(&of(&[Null, Fail])), Fail);
        assert_eq!(together(&[]), Null);
        // Loss and edges at one width, then at the next.
        assert_eq!(both_move(&of(&[Pass, Pass, Pass, Pass])), Pass);
        assert_eq!(both_move(&of(&[Pass, Pass, Pass, Null])), Fail);
        assert_eq!(both_move(&of(&[Null, Null, Pass, Pass])), Null);
    }
}
