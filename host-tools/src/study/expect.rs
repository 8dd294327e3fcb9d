//! What was expected before anything was measured, and whether it came so.

use serde::Serialize;

use crate::stats::{Interval, clopper_pearson};

/// How an expectation fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The whole interval is on the expected side.
    Pass,
    /// The whole interval is on the other side.
    Fail,
    /// The interval holds the limit: nothing is shown.
    Null,
}

impl Verdict {
    /// As it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::Null => "null",
        }
    }
}

/// A number that was expected to be on one side of a limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expectation {
    /// Short name, as in the module's documentation.
    pub id: String,
    /// What was expected.
    pub expected: String,
    /// Of which family, or of all.
    pub of: String,
    /// What was found.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// Whether it came so.
    pub verdict: Verdict,
}

impl Expectation {
    /// That `value` is above `limit`.
    pub fn above(
        (id, expected, of): (&str, &str, &str),
        (value, interval): (f64, Interval),
        limit: f64,
    ) -> Self {
        let verdict = if interval.low > limit {
            Verdict::Pass
        } else if interval.high < limit {
            Verdict::Fail
        } else {
            Verdict::Null
        };
        Self::new((id, expected, of), (value, interval), verdict)
    }

    /// That `value` is below `limit`.
    pub fn below(of: (&str, &str, &str), (value, interval): (f64, Interval), limit: f64) -> Self {
        let mirrored = Interval {
            low: -interval.high,
            high: -interval.low,
        };
        let Self { verdict, .. } = Self::above(of, (-value, mirrored), -limit);
        Self::new(of, (value, interval), verdict)
    }

    /// That the interval holds `limit`; where it does not, that is a failure, and without an interval nothing is shown.
    pub fn covers(
        (id, expected, of): (&str, &str, &str),
        (value, interval): (f64, Interval),
        limit: f64,
    ) -> Self {
        let verdict = if interval.covers(limit) {
            Verdict::Pass
        } else if interval.low.is_nan() {
            Verdict::Null
        } else {
            Verdict::Fail
        };
        Self::new((id, expected, of), (value, interval), verdict)
    }

    /// That at least `share` of `n` runs came so; fewer than `least` runs show nothing.
    pub fn counted(
        (id, expected, of): (&str, &str, &str),
        (came, n): (usize, usize),
        (share, least): (f64, usize),
    ) -> Self {
        let value = came as f64 / n.max(1) as f64;
        let verdict = match () {
            () if n < least => Verdict::Null,
            () if value >= share - 1e-9 => Verdict::Pass,
            () => Verdict::Fail,
        };
        let interval = clopper_pearson(came as f64, n as f64, 0.95);
        Self::new((id, expected, of), (value, interval), verdict)
    }

    /// That what is said of `value` came so by a rule of its own.
    pub fn new(
        (id, expected, of): (&str, &str, &str),
        (value, interval): (f64, Interval),
        verdict: Verdict,
    ) -> Self {
        Self {
            id: id.to_owned(),
            expected: expected.to_owned(),
            of: of.to_owned(),
            value,
            interval,
            verdict,
        }
    }

    /// `[id, expected, of, value, interval, verdict]` of a table.
    pub fn row(&self) -> [String; 6] {
        let Interval { low, high } = self.interval;
        [
            self.id.clone(),
            self.expected.clone(),
            self.of.clone(),
            format!("{:+.3}", self.value),
            format!("[{low:+.3}, {high:+.3}]"),
            self.verdict.name().to_owned(),
        ]
    }
}

/// Heads of [`Expectation::row`].
pub const HEADS: [&str; 6] = ["", "expected", "of", "found", "95 % interval", "verdict"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_go_by_the_interval() {
        let of = |low, high| {
            let found = (0.5, Interval { low, high });
            Expectation::above(("", "", ""), found, 0.0).verdict
        };
        assert_eq!(of(0.1, 0.9), Verdict::Pass);
        assert_eq!(of(-0.1, 0.9), Verdict::Null);
        assert_eq!(of(-0.9, -0.1), Verdict::Fail);
        let same = |low, high| {
            let found = (0.5, Interval { low, high });
            Expectation::covers(("", "", ""), found, 0.5).verdict
        };
        assert_eq!(
            (same(0.4, 0.6), same(0.6, 0.7), same(f64::NAN, f64::NAN)),
            (Verdict::Pass, Verdict::Fail, Verdict::Null)
        );
        let counted =
            |came, n| Expectation::counted(("", "", ""), (came, n), (2.0 / 3.0, 5)).verdict;
        assert_eq!(
            (counted(4, 6), counted(3, 5), counted(4, 4)),
            (Verdict::Pass, Verdict::Fail, Verdict::Null)
        );
    }
}
