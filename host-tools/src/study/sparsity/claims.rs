//! T1–T7: what each test claims, as answers with intervals.
//!
//! # Invariants
//! - Every limit here is one of the expectations in the documentation of [`super`].

use super::answer::Answer;
use super::plan::Kind;
use super::sample::{Estimate, Item, falling, mean, trend};
use super::seen::{Place, Seen};
use crate::circuit::size::Size;
use crate::circuit::validate::{IDLE, NECESSARY};
use crate::study::expect::{Expectation, Verdict};

/// A correlation from which a course is called monotonic.
const MONOTONIC: f64 = 0.9;
/// Relative difference of bits per byte up to which two models match.
const MATCHED: f64 = 0.02;
/// The densest sparse model of T4.
const SPARSE: f64 = 0.125;
/// Ratio of edges that T4 asks.
const FEWER: f64 = 3.0;

/// Nodes, or edges, of a size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of(pub &'static str, pub fn(&Size) -> usize);

pub(super) const NODES: Of = Of("nodes", |s| s.nodes);
pub(super) const EDGES: Of = Of("edges", |s| s.edges);

impl Of {
    /// ln, nothing counting as one.
    pub(super) fn log(&self, size: &Size) -> f64 {
        ((self.1)(size).max(1) as f64).ln()
    }
}

/// T1: capability at fixed total size.
pub(super) fn t1(places: &[Place<'_>]) -> Vec<Answer> {
    let course = |of: fn(&Seen) -> Option<f64>| {
        let points: Vec<_> = places.iter().map(|p| (p.density, p.each(of))).collect();
        trend(&points)
    };
    let bits = [
        "T1",
        "bits per byte rise as density falls: rho < -0.9",
        "means",
    ];
    let right = [
        "T1",
        "accuracy on tasks falls with density: rho > 0.9",
        "means",
    ];
    let answers = [
        Answer::below(bits, course(Seen::bits), -MONOTONIC),
        Answer::above(right, course(Seen::accuracy), MONOTONIC),
    ];
    answers.into_iter().flatten().collect()
}

/// `n`, and the tasks that are met in every model of the first `n` places: as many places as leave half of the tasks, three
/// at least; 0 where none do.
pub(super) fn met<'t>(places: &[Place<'_>], tasks: &'t [String]) -> (usize, Vec<&'t String>) {
    let all = |n: usize| {
        let models = || places[..n].iter().flat_map(|p| &p.models);
        let met = |task: &&String| models().all(|m| m.size(task, Kind::Learned).is_some());
        tasks.iter().filter(met).collect::<Vec<_>>()
    };
    let enough = |n: &usize| 2 * all(*n).len() >= tasks.len();
    let n = (3..=places.len()).rev().find(enough).unwrap_or(0);
    (n, all(n))
}

/// T2, T2n and T2c: circuits at fixed total size.
pub(super) fn t2(places: &[Place<'_>], tasks: &[String]) -> Vec<Answer> {
    let (n, kept) = met(places, tasks);
    let course = |places: &[Place<'_>], tasks: &[&String], of: Of, censored: bool| {
        let of_model = |m: &Seen| {
            let sizes = tasks.iter().map(|task| match censored {
                true => m.at_least(task, Kind::Learned),
                false => m.size(task, Kind::Learned),
            });
            let logs: Option<Vec<f64>> = sizes.map(|s| s.map(|s| of.log(&s))).collect();
            logs.map(|l| l.iter().sum::<f64>() / l.len().max(1) as f64)
        };
        let points: Vec<_> = places
            .iter()
            .map(|p| (p.density, p.each(of_model)))
            .collect();
        trend(&points)
    };
    let sparsest = places[..n].last().map_or(1.0, |p| p.density);
    let about = format!("{} tasks, density 1 to {sparsest}", kept.len());
    let every: Vec<&String> = tasks.iter().collect();
    let all = format!("{} tasks, all densities", every.len());
    let mut answers = Vec::new();
    for (id, of) in [("T2", EDGES), ("T2n", NODES)] {
        let said = format!("{} fall with density: rho > 0.9", of.0);
        let found = course(&places[..n], &kept, of, false);
        answers.extend(Answer::above([id, &said, &about], found, MONOTONIC));
    }
    for of in [EDGES, NODES] {
        let said = format!("{}, unmet as whole models: rho > 0.9", of.0);
        let found = course(places, &every, of, true);
        answers.extend(Answer::above(["T2c", &said, &all], found, MONOTONIC));
    }
    answers
}

/// Of every task in `tasks` and every pair of models of the same seed: ln of the size in `a` less that in `b`.
pub(super) fn differences(
    [a, b]: [&Place<'_>; 2],
    tasks: &[String],
    of: Of,
    stratum: usize,
) -> Vec<Item> {
    let mut items = Vec::new();
    for (seed, (a, b)) in a.models.iter().zip(&b.models).enumerate() {
        for (unit, task) in tasks.iter().enumerate() {
            let sizes = [a, b].map(|m| m.size(task, Kind::Learned));
            if let [Some(a), Some(b)] = sizes {
                items.push(Item {
                    seed: seed as u64,
                    stratum,
                    unit,
                    value: of.log(&a) - of.log(&b),
                });
            }
        }
    }
    items
}

/// T3: more weights at equal nonzeros; for every wider place loss, then edges.
pub(super) fn t3(places: &[Place<'_>], tasks: &[String]) -> Vec<Answer> {
    let Some((dense, wider)) = places.split_first() else {
        return Vec::new();
    };
    let mut answers = Vec::new();
    for place in wider {
        let losses = dense.models.iter().zip(&place.models).enumerate();
        let losses = losses.flat_map(|(seed, (a, b))| {
            let both = a.losses().into_iter().zip(b.losses()).enumerate();
            both.map(move |(unit, (a, b))| Item {
                seed: seed as u64,
                stratum: 0,
                unit,
                value: b - a,
            })
        });
        let losses: Vec<Item> = losses.collect();
        let edges = differences([place, dense], tasks, EDGES, 0);
        let times = (place.width as f64 / dense.width as f64).powi(2);
        let about = |n: usize| format!("{times:.0} x the weights, {n} pairs");
        let said = "losses on tasks fall: share > 0.5";
        let of = about(losses.len());
        answers.extend(Answer::above(["T3", said, &of], falling(&losses), 0.5));
        let of = about(edges.len());
        answers.extend(Answer::above(
            ["T3", "edges fall: share > 0.5", &of],
            falling(&edges),
            0.5,
        ));
    }
    answers
}

/// T4 and T4n: the dense place of `all` and the sparse one of `sparse` that are nearest in bits per byte.
pub(super) fn t4(all: &[Place<'_>], sparse: &[Place<'_>], tasks: &[String]) -> Vec<Answer> {
    let apart = |dense: &Place<'_>, sparse: &Place<'_>| -> Option<Estimate> {
        let bits = [dense, sparse].map(|p| p.each(Seen::bits));
        let items = bits[0].iter().zip(&bits[1]).enumerate();
        let items = items.map(|(seed, (a, b))| Item {
            seed: seed as u64,
            stratum: 0,
            unit: 0,
            value: (a - b) / b,
        });
        mean(&items.collect::<Vec<_>>())
    };
    let mut nearest: Option<([&Place<'_>; 2], Estimate)> = None;
    for dense in all.iter().filter(|p| p.density >= 1.0) {
        for sparse in sparse.iter().filter(|p| p.density <= SPARSE) {
            let Some(found) = apart(dense, sparse) else {
                continue;
            };
            let nearer =
                |(_, old): &([&Place<'_>; 2], Estimate)| found.value.abs() < old.value.abs();
            if nearest.as_ref().is_none_or(nearer) {
                nearest = Some(([dense, sparse], found));
            }
        }
    }
    let Some((pair, found)) = nearest else {
        return Vec::new();
    };
    let [dense, thin] = pair;
    let of = format!(
        "{} width {} and {} density {}",
        dense.sweep, dense.width, thin.sweep, thin.density
    );
    let verdict = match found.value.abs() <= MATCHED {
        true => Verdict::Pass,
        false => Verdict::Null,
    };
    let said = (
        "T4",
        "bits per byte differ by at most 0.02 of them",
        of.as_str(),
    );
    let matched = Expectation::new(said, found.pair(), verdict);
    let mut answers = vec![Answer::new(matched, &found, 0.0)];
    let ratio = |of: Of| mean(&differences(pair, tasks, of, 0));
    let said = ["T4", "dense over sparse edges > 3", &of];
    answers.extend(Answer::ratio(said, ratio(EDGES), FEWER, true));
    let said = ["T4n", "dense over sparse nodes > 1", &of];
    answers.extend(Answer::ratio(said, ratio(NODES), 1.0, true));
    answers
}

/// Something of every circuit of sparse models that is met.
pub(super) fn of_circuits(
    places: &[Place<'_>],
    tasks: &[String],
    of: impl Fn(&Seen, &str) -> Option<f64>,
) -> Vec<Item> {
    let mut items = Vec::new();
    for (stratum, place) in places.iter().enumerate() {
        for (seed, model) in place.models.iter().enumerate() {
            for (unit, task) in tasks.iter().enumerate() {
                items.extend(of(model, task).map(|value| Item {
                    seed: seed as u64,
                    stratum,
                    unit,
                    value,
                }));
            }
        }
    }
    items
}

/// T5: sufficient and necessary.
pub(super) fn t5(sparse: &[Place<'_>], tasks: &[String], target: f64) -> Vec<Answer> {
    let of = |figure: fn(&crate::circuit::validate::Validation) -> f64| {
        let items = of_circuits(sparse, tasks, |m, task| {
            let circuit = m.circuit(task, Kind::Learned)?;
            circuit
                .record
                .met
                .then(|| figure(&circuit.record.validation))
        });
        (
            mean(&items),
            format!("{} circuits of sparse models", items.len()),
        )
    };
    let (alone, n) = of(|v| v.calibrated.loss);
    let said = format!("circuit alone, unseen templates: loss < {target}");
    let mut answers: Vec<Answer> = Vec::new();
    answers.extend(Answer::below(["T5", &said, &n], alone, target));
    let (without, n) = of(|v| v.without.loss);
    let said = ["T5", "model without it: loss > 0.5", &n];
    answers.extend(Answer::above(said, without, NECESSARY));
    let (idle, n) = of(|v| (v.random_without.loss - v.whole.loss).abs());
    let said = ["T5", "model without random nodes: loss moves < 0.05", &n];
    answers.extend(Answer::below(said, idle, IDLE));
    answers
}

/// T6: kurtosis of the final residual.
pub(super) fn t6(places: &[Place<'_>]) -> Vec<Answer> {
    let kurtosis = |m: &Seen| m.look.map(|look| look.kurtosis);
    let points: Vec<_> = places
        .iter()
        .map(|p| (p.density, p.each(kurtosis)))
        .collect();
    let said = ["T6", "kurtosis rises as density falls: rho < -0.9", "means"];
    Answer::below(said, trend(&points), -MONOTONIC)
        .into_iter()
        .collect()
}

/// T7: learned masks against attribution.
pub(super) fn t7(places: &[Place<'_>], tasks: &[String]) -> Vec<Answer> {
    let ratio = |of: Of| {
        let items = of_circuits(places, tasks, |m, task| {
            let learned = m.size(task, Kind::Learned)?;
            let other = m.size(task, Kind::Attribution)?;
            Some(of.log(&learned) - of.log(&other))
        });
        (mean(&items), format!("{} circuits", items.len()))
    };
    let (edges, n) = ratio(EDGES);
    let said = ["T7", "learned over attributed edges < 0.5", &n];
    Answer::ratio(said, edges, 0.5, false).into_iter().collect()
}
