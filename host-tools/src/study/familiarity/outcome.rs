//! What familiarity does to activations, and how sure that is.

use lacuna::probe::{Stat, null};
use serde::Serialize;

use super::{DOSES, Stage};
use crate::report::table;
use crate::stats::{Clusters, Interval, partial_spearman, spearman};
use crate::study::controls::ENERGY;
use crate::study::expect::{Expectation, HEADS};

const ENTROPY: &str = "unembed.hook_logits:entropy";

/// One checkpoint.
#[derive(Clone, Debug, Serialize)]
pub struct Course {
    /// Steps behind it.
    pub step: u64,
    /// Mean bits a byte, by dose.
    pub loss: Vec<f64>,
    /// Mean top-10 % energy after the last norm with its interval, by dose.
    pub energy: Vec<(f64, Interval)>,
    /// Spearman of log exposure and energy.
    pub dose: (f64, Interval),
    /// The same with entropy, loss and last token held still.
    pub partial: (f64, Interval),
}

/// One statistic at the end.
#[derive(Clone, Debug, Serialize)]
pub struct Response {
    /// `site:statistic`.
    pub column: String,
    /// Spearman of log exposure and it.
    pub dose: (f64, Interval),
}

/// What a study says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Copies, by number of the dose.
    pub doses: Vec<usize>,
    /// How often a byte of a piece was predicted in training, mean by dose.
    pub exposures: Vec<f64>,
    /// Windows at each checkpoint.
    pub windows: usize,
    /// Top-10 % energy of Gaussian vectors as wide.
    pub null: Option<f32>,
    /// Checkpoints in the order of their steps.
    pub courses: Vec<Course>,
    /// Statistics at the end, strongest first.
    pub responses: Vec<Response>,
    /// What was expected, and what came.
    pub expectations: Vec<Expectation>,
}

/// One checkpoint's windows as columns.
struct Table<'a> {
    stage: &'a Stage,
    clusters: Clusters,
    exposure: Vec<f64>,
}

impl<'a> Table<'a> {
    fn new(stage: &'a Stage, exposures: &[Vec<f64>]) -> Self {
        let places: Vec<_> = stage.seen.items.iter().map(|i| i.place).collect();
        Self {
            clusters: Clusters::new(&places),
            stage,
            exposure: exposures
                .iter()
                .flatten()
                .map(|e| (1.0 + e).log2())
                .collect(),
        }
    }

    fn column(&self, name: &str, of: &[usize]) -> Vec<f64> {
        let place = self.stage.seen.columns.iter().position(|c| c == name);
        let items = &self.stage.seen.items;
        let value = |i: &usize| place.and_then(|p| items[*i].values.get(p)).copied();
        of.iter()
            .map(|i| value(i).map_or(f64::NAN, f64::from))
            .collect()
    }

    fn exposed(&self, of: &[usize]) -> Vec<f64> {
        of.iter().map(|i| self.exposure[*i]).collect()
    }

    fn loss(&self, of: &[usize]) -> Vec<f64> {
        of.iter().map(|i| self.stage.seen.items[*i].loss).collect()
    }

    fn of_dose(&self, dose: usize, of: &[usize]) -> Vec<usize> {
        let items = &self.stage.seen.items;
        of.iter()
            .copied()
            .filter(|i| items[*i].level == dose)
            .collect()
    }

    fn mean_energy(&self, dose: usize, of: &[usize]) -> f64 {
        mean(&self.column(ENERGY, &self.of_dose(dose, of)))
    }

    fn response(&self, name: &str, rounds: (usize, u64)) -> (f64, Interval) {
        let figure = |of: &[usize]| spearman(&self.exposed(of), &self.column(name, of));
        self.clusters.interval(figure, 0.95, rounds)
    }

    fn course(&self, rounds: (usize, u64)) -> Course {
        let all: Vec<usize> = (0..self.stage.seen.items.len()).collect();
        let doses = 0..DOSES.len();
        let partial = |of: &[usize]| {
            let last: Vec<u32> = of.iter().map(|i| self.stage.seen.items[*i].last).collect();
            let (entropy, loss) = (self.column(ENTROPY, of), self.loss(of));
            let energy = self.column(ENERGY, of);
            partial_spearman(&self.exposed(of), &energy, &[&entropy, &loss], &last)
        };
        let energy = |dose| {
            let figure = |of: &[usize]| self.mean_energy(dose, of);
            self.clusters.interval(figure, 0.95, rounds)
        };
        Course {
            step: self.stage.step,
            loss: doses
                .clone()
                .map(|d| mean(&self.loss(&self.of_dose(d, &all))))
                .collect(),
            energy: doses.map(energy).collect(),
            dose: self.response(ENERGY, rounds),
            partial: self.clusters.interval(partial, 0.95, rounds),
        }
    }
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Judges the checkpoints; `exposures` are of the pieces of each seed.
pub(super) fn judge(stages: &[Stage], exposures: &[Vec<f64>], rounds: (usize, u64)) -> Summary {
    let tables: Vec<Table<'_>> = stages.iter().map(|s| Table::new(s, exposures)).collect();
    let courses: Vec<Course> = tables.iter().map(|t| t.course(rounds)).collect();
    let levels = |dose: usize| -> Vec<f64> {
        let seen = stages.first().map(|s| &s.seen.items);
        let items = seen.into_iter().flatten().zip(exposures.iter().flatten());
        items
            .filter(|(i, _)| i.level == dose)
            .map(|(_, e)| *e)
            .collect()
    };
    let mut responses: Vec<Response> = tables.last().map_or(Vec::new(), |last| {
        let columns = last.stage.seen.columns.iter();
        columns
            .map(|column| Response {
                column: column.clone(),
                dose: last.response(column, (rounds.0.min(100), rounds.1)),
            })
            .filter(|r| r.dose.0.is_finite())
            .collect()
    });
    responses.sort_by(|a, b| b.dose.0.abs().total_cmp(&a.dose.0.abs()));
    let width = stages
        .first()
        .and_then(|s| s.seen.items.first())
        .map_or(0, |i| i.hidden.len());
    Summary {
        doses: DOSES.to_vec(),
        exposures: (0..DOSES.len()).map(|d| mean(&levels(d))).collect(),
        windows: stages.first().map_or(0, |s| s.seen.items.len()),
        null: null(Stat::Top10, width).map(|n| n.mean),
        expectations: expectations(&tables, &courses, rounds),
        courses,
        responses,
    }
}

fn expectations(
    tables: &[Table<'_>],
    courses: &[Course],
    rounds: (usize, u64),
) -> Vec<Expectation> {
    let mut all = Vec::new();
    let (Some(first), Some(last)) = (courses.first(), courses.last()) else {
        return all;
    };
    let told = ("F0", "untrained, energy does not depend on dose", "step 0");
    all.push(Expectation::covers(told, first.dose, 0.0));
    let negative = |(value, i): (f64, Interval)| {
        let interval = Interval {
            low: -i.high,
            high: -i.low,
        };
        (-value, interval)
    };
    if let Some(end) = tables.last() {
        let figure = |of: &[usize]| spearman(&end.exposed(of), &end.loss(of));
        let loss = end.clusters.interval(figure, 0.95, rounds);
        let told = ("F1", "the loss falls with dose: minus Spearman", "the end");
        all.push(Expectation::above(told, negative(loss), 0.0));
    }
    // The peak is of the unseen pieces, between the ends.
    let middle = courses.len().saturating_sub(1).max(1);
    let peak =
        (1..middle).max_by(|a, b| courses[*a].energy[0].0.total_cmp(&courses[*b].energy[0].0));
    if let (Some(peak), Some(start), Some(end)) = (peak, tables.first(), tables.last()) {
        // Checkpoints show the same windows in the same order, so a draw of one is a draw of all.
        for (id, other, expected) in [
            ("D1", start, "energy rises above its start"),
            ("D1", end, "and falls back before the end"),
        ] {
            let figure = |of: &[usize]| tables[peak].mean_energy(0, of) - other.mean_energy(0, of);
            let found = start.clusters.interval(figure, 0.95, rounds);
            let step = format!("step {}", courses[peak].step);
            all.push(Expectation::above((id, expected, &step), found, 0.0));
        }
    }
    let told = (
        "D3",
        "denser for the familiar: minus Spearman of energy",
        "the end",
    );
    all.push(Expectation::above(told, negative(last.dose), 0.0));
    let told = ("D3'", "beyond entropy, loss and last token", "the end");
    all.push(Expectation::above(told, negative(last.partial), 0.0));
    all
}

impl Summary {
    /// As a person reads it.
    pub fn text(&self) -> String {
        let signed =
            |(value, i): &(f64, Interval)| format!("{value:+.3} [{:+.3}, {:+.3}]", i.low, i.high);
        let rows = self.courses.iter().map(|c| {
            let each = |x: &mut dyn Iterator<Item = f64>, n: usize| {
                let words: Vec<String> = x.map(|v| format!("{v:.n$}")).collect();
                words.join(" ")
            };
            [
                c.step.to_string(),
                each(&mut c.loss.iter().copied(), 2),
                each(&mut c.energy.iter().map(|e| e.0), 4),
                signed(&c.dose),
                signed(&c.partial),
            ]
        });
        let doses: Vec<String> = self.doses.iter().map(usize::to_string).collect();
        let exposures: Vec<String> = self.exposures.iter().map(|e| format!("{e:.1}")).collect();
        let heads = [
            "step",
            "bits a byte",
            "top-10 % energy",
            "rho of exposure",
            "beyond entropy, loss, last",
        ];
        let mut text = format!(
            "doses {} were predicted {} times a byte; {} windows; a Gaussian vector has {:.4}\n\n",
            doses.join(" "),
            exposures.join(" "),
            self.windows,
            self.null.unwrap_or(f32::NAN)
        );
        text += &table(heads, rows);
        text += "\n\n";
        let strongest = self.responses.iter().take(8);
        text += &table(
            ["statistic at the end", "rho of exposure"],
            strongest.map(|r| [r.column.clone(), signed(&r.dose)]),
        );
        text + "\n\n" + &table(HEADS, self.expectations.iter().map(Expectation::row))
    }
}
