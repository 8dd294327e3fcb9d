//! A study's summary as a person reads it.

use super::Summary;
use super::outcome::Course;
use super::table::Known;
use crate::report::{count, table};
use crate::study::expect::{Expectation, HEADS};

/// A value with its interval.
pub(in crate::study) fn signed((value, i): &Known, digits: usize) -> String {
    format!(
        "{value:+.digits$} [{:+.digits$}, {:+.digits$}]",
        i.low, i.high
    )
}

fn each(x: impl Iterator<Item = f64>, digits: usize) -> String {
    let words: Vec<String> = x.map(|v| format!("{v:.digits$}")).collect();
    words.join(" ")
}

fn courses(all: &[Course]) -> String {
    let rows = all.iter().map(|c| {
        [
            c.step.to_string(),
            each(c.loss.iter().copied(), 2),
            each(c.energy.iter().map(|e| e.0), 4),
            signed(&c.gap, 4),
            signed(&c.dose, 3),
            signed(&c.partial, 3),
        ]
    });
    let heads = [
        "step",
        "bits a byte",
        "top-10 % energy",
        "unseen less familiar",
        "rho of exposure",
        "beyond entropy, loss, last",
    ];
    table(heads, rows)
}

impl Summary {
    /// As a person reads it.
    pub fn text(&self) -> String {
        let doses: Vec<String> = self.doses.iter().map(usize::to_string).collect();
        let head = format!(
            "doses {} were predicted {} times a byte; {} windows of {} seeds; a Gaussian vector has {:.4}",
            doses.join(" "),
            each(self.exposures.iter().copied(), 1),
            count(self.windows as u64),
            self.seeds,
            self.null.unwrap_or(f32::NAN)
        );
        let turns = self.turns.iter().map(|t| {
            [
                t.seed.to_string(),
                t.peak.to_string(),
                each(t.energy.into_iter(), 4),
                format!("{:+.1}", t.rise),
                format!("{:+.1}", t.fall),
                if t.came() { "yes" } else { "no" }.to_owned(),
            ]
        });
        let sizes = self.sizes.iter().map(|s| {
            [
                s.width.to_string(),
                count(s.parameters as u64),
                each(s.loss.into_iter(), 2),
                signed(&s.unseen, 4),
                signed(&s.harder, 4),
                signed(&s.dose, 3),
            ]
        });
        let contrasts = self.contrasts.iter().map(|c| {
            [
                c.id.to_owned(),
                c.what.to_owned(),
                c.windows.map(|n| count(n as u64)).join(" − "),
                signed(&c.difference, 4),
                format!("{:+.2}", c.deviations),
            ]
        });
        let strongest = self.responses.iter().take(8);
        let parts = [
            head,
            courses(&self.courses),
            "the same after training on shuffled text".to_owned(),
            courses(&self.shuffled),
            table(
                [
                    "seed",
                    "peak at",
                    "start, peak, end",
                    "rise, errors",
                    "fall, errors",
                    "both 3",
                ],
                turns,
            ),
            table(
                [
                    "",
                    "energy at the end",
                    "windows",
                    "difference",
                    "deviations",
                ],
                contrasts,
            ),
            table(
                [
                    "width",
                    "parameters",
                    "bits: familiar, unseen, harder",
                    "unseen less familiar",
                    "harder less familiar",
                    "rho of exposure",
                ],
                sizes,
            ),
            table(
                ["statistic at the end", "rho of exposure"],
                strongest.map(|r| [r.column.clone(), signed(&r.dose, 3)]),
            ),
            table(HEADS, self.expectations.iter().map(Expectation::row)),
        ];
        parts.join("\n\n")
    }
}
