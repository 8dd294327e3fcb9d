//! All answers of a study, and what they are made of, as a value.

use serde::Serialize;

use super::answer::{Answer, both_move, together};
use super::claims::{self, EDGES, NODES, Of};
use super::plan::{Kind, NONSENSE};
use super::seen::{Place, Seen, gather, places};
use super::spec::{NONZEROS, TOTAL};
use super::{Study, controls};
use crate::report::table;
use crate::stats::Interval;
use crate::study::expect::{HEADS, Verdict};

/// One test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Test {
    /// `T1` and so on.
    pub id: &'static str,
    /// What it asks.
    pub asks: &'static str,
    /// How it came out; null where it could not be asked.
    pub verdict: Verdict,
}

/// What is known of one density and width.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its sweep.
    pub sweep: String,
    /// Share of weights that stay.
    pub density: f64,
    /// Width.
    pub width: usize,
    /// Models.
    pub seeds: usize,
    /// Validation bits per byte, mean over seeds.
    pub bits_per_byte: f64,
    /// Accuracy on all tasks, unseen templates.
    pub accuracy: f64,
    /// Kurtosis of the final residual.
    pub kurtosis: f64,
    /// That of Gaussian vectors.
    pub gaussian: f64,
    /// Searches that meet the target, and searches.
    pub met: [usize; 2],
    /// Geometric mean of nodes of those met; NaN where none is.
    pub nodes: f64,
    /// Of edges.
    pub edges: f64,
    /// Of edges by attribution.
    pub attributed: f64,
    /// Nodes of nonsense, counted as whole models where unmet.
    pub nonsense: f64,
    /// Mean loss of the circuit alone, logits scaled, unseen templates.
    pub alone: f64,
    /// Of the model without it.
    pub without: f64,
}

/// What a study says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answers {
    /// Jobs that are done, and jobs.
    pub jobs: [usize; 2],
    /// T1 to T7.
    pub tests: Vec<Test>,
    /// Every expectation, in order.
    pub expectations: Vec<Answer>,
    /// Densities and widths.
    pub rows: Vec<Row>,
    /// What is not done or was left out.
    pub left_out: Vec<String>,
}

/// Mean of what `of` gives of the learned circuits that are met.
fn met_mean(place: &Place<'_>, tasks: &[String], of: impl Fn(&Seen, &str) -> Option<f64>) -> f64 {
    let items = claims::of_circuits(core::slice::from_ref(place), tasks, of);
    items.iter().map(|i| i.value).sum::<f64>() / items.len() as f64
}

fn row(place: &Place<'_>, tasks: &[String]) -> Row {
    let mean = |of: fn(&Seen) -> Option<f64>| {
        let all = place.each(of);
        all.iter().sum::<f64>() / all.len() as f64
    };
    let size = |of: Of, kind: Kind| {
        met_mean(place, tasks, |m, task| {
            m.size(task, kind).map(|s| of.log(&s))
        })
        .exp()
    };
    let figure = |of: fn(&crate::circuit::validate::Validation) -> f64| {
        met_mean(place, tasks, |m, task| {
            let record = &m.circuit(task, Kind::Learned)?.record;
            record.met.then(|| of(&record.validation))
        })
    };
    let nonsense: fn(&Seen) -> Option<f64> =
        |m| m.at_least(NONSENSE, Kind::Nonsense).map(|s| NODES.log(&s));
    let sizes = place
        .models
        .iter()
        .flat_map(|m| tasks.iter().map(|t| m.size(t, Kind::Learned)));
    let sizes: Vec<bool> = sizes.map(|s| s.is_some()).collect();
    Row {
        sweep: place.sweep.to_owned(),
        density: place.density,
        width: place.width,
        seeds: place.models.len(),
        bits_per_byte: mean(Seen::bits),
        accuracy: mean(Seen::accuracy),
        kurtosis: mean(|m| m.look.map(|l| l.kurtosis)),
        gaussian: mean(|m| m.look.map(|l| l.gaussian)),
        met: [sizes.iter().filter(|met| **met).count(), sizes.len()],
        nodes: size(NODES, Kind::Learned),
        edges: size(EDGES, Kind::Learned),
        attributed: size(EDGES, Kind::Attribution),
        nonsense: mean(nonsense).exp(),
        alone: figure(|v| v.calibrated.loss),
        without: figure(|v| v.without.loss),
    }
}

impl Study {
    /// The answers of the jobs that are done.
    pub fn answers(&self) -> Answers {
        let spec = self.spec();
        let tasks = &spec.tasks;
        let seen = gather(self);
        let (mut all, mut left_out) = (Vec::new(), Vec::new());
        for name in spec.models.keys() {
            let (whole, open) = places(self, &seen, name);
            all.extend(whole);
            left_out.extend(open.into_iter().map(|p| format!("{p} is not trained")));
        }
        let trained: Vec<Place<'_>> = all.iter().filter(|p| p.sweep == TOTAL).cloned().collect();
        let rows = all.iter().map(|p| row(p, tasks)).collect();
        for place in all.extract_if(.., |p| !p.searched(tasks)) {
            let (sweep, width, density) = (place.sweep, place.width, place.density);
            left_out.push(format!(
                "{sweep}: width {width} at density {density} is not searched: not in T2 to T5, T7 and C1 to C6"
            ));
        }
        let of = |name: &str| -> Vec<Place<'_>> {
            all.iter().filter(|p| p.sweep == name).cloned().collect()
        };
        let (total, nonzeros) = (of(TOTAL), of(NONZEROS));
        let sparse: Vec<Place<'_>> = total.iter().filter(|p| p.density < 1.0).cloned().collect();
        let (kept, met) = claims::met(&total, tasks);
        for place in &total[kept..] {
            let density = place.density;
            left_out.push(format!(
                "T2 leaves out density {density}: too few tasks are met"
            ));
        }
        for task in tasks.iter().filter(|t| !met.contains(t)) {
            left_out.push(format!("T2 leaves out {task}: not met in every model"));
        }
        let t3 = claims::t3(&nonzeros, tasks);
        let t3_verdict = both_move(&t3);
        let groups = [
            ("T1", "capability falls with density", claims::t1(&trained)),
            (
                "T2",
                "circuits shrink with density",
                claims::t2(&total, tasks),
            ),
            (
                "T3",
                "at equal nonzeros, more weights: better and smaller circuits",
                t3,
            ),
            (
                "T4",
                "at equal loss, sparse circuits are smaller",
                claims::t4(&all, &sparse, tasks),
            ),
            (
                "T5",
                "circuits are sufficient and necessary",
                claims::t5(&sparse, tasks, spec.target),
            ),
            (
                "T6",
                "the final residual gets heavier tails",
                claims::t6(&trained),
            ),
            (
                "T7",
                "learned masks beat attribution",
                claims::t7(&total, tasks),
            ),
        ];
        let mut tests = Vec::new();
        let mut expectations = Vec::new();
        for (id, asks, found) in groups {
            let own: Vec<Answer> = found
                .iter()
                .filter(|a| a.expectation.id == id)
                .cloned()
                .collect();
            let verdict = match id {
                "T3" => t3_verdict,
                _ => together(&own),
            };
            if own.is_empty() {
                left_out.push(format!("{id} cannot be asked of what is done"));
            }
            tests.push(Test { id, asks, verdict });
            expectations.extend(found);
        }
        expectations.extend(controls::controls(&total, tasks));
        expectations.extend(controls::engine(&seen));
        let jobs = &self.plan().jobs;
        Answers {
            jobs: [jobs.iter().filter(|j| self.done(j)).count(), jobs.len()],
            tests,
            expectations,
            rows,
            left_out,
        }
    }
}

/// A figure, or a dash for none.
pub(super) fn shown(value: f64, digits: usize) -> String {
    match value.is_finite() {
        true => format!("{value:.digits$}"),
        false => "-".to_owned(),
    }
}

/// Heads of [`Row::cells`].
pub(super) const COLUMNS: [&str; 14] = [
    "sweep",
    "density",
    "width",
    "bits/byte",
    "tasks",
    "kurtosis",
    "Gaussian",
    "met",
    "nodes",
    "edges",
    "attributed",
    "nonsense nodes",
    "alone",
    "without",
];

impl Row {
    /// As a line of a table.
    pub(super) fn cells(&self) -> [String; 14] {
        [
            self.sweep.clone(),
            self.density.to_string(),
            self.width.to_string(),
            shown(self.bits_per_byte, 3),
            shown(self.accuracy, 3),
            shown(self.kurtosis, 2),
            shown(self.gaussian, 2),
            format!("{}/{}", self.met[0], self.met[1]),
            shown(self.nodes, 0),
            shown(self.edges, 0),
            shown(self.attributed, 0),
            shown(self.nonsense, 0),
            shown(self.alone, 3),
            shown(self.without, 3),
        ]
    }
}

/// Heads of [`Answer::cells`].
pub(super) const ANSWERED: [&str; 7] = [
    HEADS[0],
    HEADS[1],
    HEADS[2],
    HEADS[3],
    HEADS[4],
    "seeds, needed",
    HEADS[5],
];

impl Answer {
    /// As a line of a table.
    pub(super) fn cells(&self) -> [String; 7] {
        let e = &self.expectation;
        let Interval { low, high } = e.interval;
        let needed = self.seeds_needed.map_or("-".to_owned(), |n| n.to_string());
        [
            e.id.clone(),
            e.expected.clone(),
            e.of.clone(),
            shown(e.value, 3),
            format!("{} to {}", shown(low, 3), shown(high, 3)),
            format!("{}, {needed}", self.seeds),
            e.verdict.name().to_owned(),
        ]
    }
}

impl Answers {
    /// As a person reads it on a terminal.
    pub fn text(&self) -> String {
        let tests = self.tests.iter().map(|t| {
            let verdict = t.verdict.name().to_owned();
            [t.id.to_owned(), t.asks.to_owned(), verdict]
        });
        let mut text = table(["test", "asks", "verdict"], tests);
        text += "\n\n";
        text += &table(ANSWERED, self.expectations.iter().map(Answer::cells));
        text += "\n\n";
        text += &table(COLUMNS, self.rows.iter().map(Row::cells));
        for line in &self.left_out {
            text += &format!("\n{line}");
        }
        let [done, all] = self.jobs;
        if done < all {
            text += &format!("\n{done} of {all} jobs are done");
        }
        text
    }
}
