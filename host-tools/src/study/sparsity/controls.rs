//! C1–C6 and E1: what circuits are worth.

use super::answer::{Answer, exactly};
use super::claims::{NODES, of_circuits};
use super::plan::{Kind, NONSENSE};
use super::sample::{Item, mean};
use super::seen::{Place, Seen};
use crate::circuit::record::Record;
use crate::stats::{Interval, clopper_pearson};
use crate::study::expect::{Expectation, Verdict};

/// Ratio of nodes that the first controls ask.
const LARGER: f64 = 2.0;
/// Share of nodes that two seeds have in common.
const ALIKE: f64 = 0.5;
/// How much worse a circuit may be on unseen templates, nats.
const UNSEEN: f64 = 0.05;

/// Nodes in both circuits over nodes in either; 1 where both are empty.
pub(super) fn overlap(a: &Record, b: &Record) -> f64 {
    let listed = |r: &Record| -> Vec<(String, usize)> {
        let sites = r.nodes.iter();
        let each = sites.flat_map(|s| s.channels.iter().map(|c| (s.site.clone(), *c)));
        each.collect()
    };
    let (a, b) = (listed(a), listed(b));
    let both = a.iter().filter(|node| b.contains(node)).count();
    match a.len() + b.len() - both {
        0 => 1.0,
        either => both as f64 / either as f64,
    }
}

/// ln of the nodes of `kind` over those of the same model's learned circuit, which must be met.
fn larger(model: &Seen, task: &str, kind: Kind) -> Option<f64> {
    let real = model.size(task, Kind::Learned)?;
    let other = model.at_least(task, kind)?;
    Some(NODES.log(&other) - NODES.log(&real))
}

/// The same of nonsense, beside the mean over the tasks that are met.
fn nonsense(model: &Seen, tasks: &[String]) -> Option<f64> {
    let other = NODES.log(&model.at_least(NONSENSE, Kind::Nonsense)?);
    let sizes = tasks
        .iter()
        .filter_map(|task| model.size(task, Kind::Learned));
    let real: Vec<f64> = sizes.map(|s| NODES.log(&s)).collect();
    let mean = real.iter().sum::<f64>() / real.len() as f64;
    (!real.is_empty()).then_some(other - mean)
}

/// Answers of all controls at fixed total size.
pub(super) fn controls(places: &[Place<'_>], tasks: &[String]) -> Vec<Answer> {
    let mut answers = Vec::new();
    let about = |items: &[Item], unmet: usize| match unmet {
        0 => format!("{} searches", items.len()),
        n => format!("{} searches, {n} unmet", items.len()),
    };
    let unmet = |kind: Kind| {
        let of = places.iter().flat_map(|p| &p.models);
        let circuits = of.flat_map(|m| m.circuits.iter().filter(move |c| c.kind == kind));
        circuits.filter(|c| !c.record.met).count()
    };
    let items = of_circuits(places, &[NONSENSE.to_owned()], |m, _| nonsense(m, tasks));
    let of = about(&items, unmet(Kind::Nonsense));
    let said = ["C1", "nonsense over real nodes > 2", &of];
    answers.extend(Answer::ratio(said, mean(&items), LARGER, true));
    let of_kind = |kind: Kind| of_circuits(places, tasks, |m, task| larger(m, task, kind));
    for (id, kind, said) in [
        ("C2", Kind::Shuffled, "shuffled weights over real nodes > 2"),
        ("C3", Kind::Untrained, "initial weights over real nodes > 2"),
    ] {
        let items = of_kind(kind);
        let of = about(&items, unmet(kind));
        answers.extend(Answer::ratio([id, said, &of], mean(&items), LARGER, true));
    }
    let items = of_circuits(places, tasks, |m, task| {
        let [a, b] = [Kind::Learned, Kind::Again].map(|kind| m.circuit(task, kind));
        let (a, b) = (&a?.record, &b?.record);
        (a.met && b.met).then(|| overlap(a, b))
    });
    let of = about(&items, unmet(Kind::Again));
    let said = ["C4", "overlap of two seeds' masks > 0.5", &of];
    answers.extend(Answer::above(said, mean(&items), ALIKE));
    let items = of_kind(Kind::Zero);
    let of = about(&items, unmet(Kind::Zero));
    let said = ["C5", "zeros over means, nodes < 1", &of];
    answers.extend(Answer::ratio(said, mean(&items), 1.0, false));
    let items = of_circuits(places, tasks, |m, task| {
        let record = &m.circuit(task, Kind::Learned)?.record;
        let trial = record.trials.first()?;
        record.met.then_some(trial.alone.loss - trial.cut.loss)
    });
    let of = about(&items, 0);
    let said = ["C6", "unseen less seen templates: loss < 0.05", &of];
    answers.extend(Answer::below(said, mean(&items), UNSEEN));
    answers
}

/// E1: every circuit of `seen` as the engine runs it.
pub(super) fn engine(seen: &[Seen]) -> Option<Answer> {
    let circuits = || seen.iter().flat_map(|s| &s.circuits);
    let n = circuits().count();
    let agree = circuits().filter(|c| c.engine.agrees()).count();
    let isas = circuits().map(|c| c.engine.isas.join(", ")).next()?;
    let interval = match agree == n {
        true => Interval {
            low: clopper_pearson(n as f64, n as f64, 0.95).low,
            ..exactly(1.0)
        },
        false => exactly(agree as f64 / n as f64),
    };
    let verdict = match agree == n {
        true => Verdict::Pass,
        false => Verdict::Fail,
    };
    let of = format!("{n} circuits on {isas}");
    let said = (
        "E1",
        "engine: same bits, the graph's loss: all",
        of.as_str(),
    );
    Some(Answer {
        expectation: Expectation::new(said, (agree as f64 / n as f64, interval), verdict),
        seeds: seen.len(),
        seeds_needed: None,
    })
}
