//! What was expected of detectors, and what came.

use crate::study::detect::{Detector, Kind};
use crate::study::expect::Expectation;
use crate::study::judge::Judged;
use crate::study::measure::Seen;
use crate::study::trial::SAME;

/// The best of a kind by its overall AUROC.
pub(super) fn best(detectors: &[Detector], judged: &[Judged], kind: Kind) -> Option<usize> {
    let its = (0..detectors.len()).filter(|i| detectors[*i].kind == kind);
    its.max_by(|a, b| auroc(&judged[*a]).total_cmp(&auroc(&judged[*b])))
}

fn auroc(judged: &Judged) -> f64 {
    judged.overall.estimate().figures.auroc
}

/// C0, C1, H1 to H3.
pub(super) fn stated(seen: &Seen, detectors: &[Detector], judged: &[Judged]) -> Vec<Expectation> {
    let mut all = Vec::new();
    let place = |name: &str| detectors.iter().position(|d| d.name == name);
    let named = detectors.iter().zip(judged);
    let named = named.filter(|(d, _)| !matches!(d.kind, Kind::Statistic | Kind::Output));
    for (detector, judged) in named {
        if let Some(same) = judged.families.first() {
            let found = (same.estimate().figures.auroc, same.interval(|r| r[0]));
            let told = ("C0", "cannot tell more of the same", detector.name.as_str());
            all.push(Expectation::covers(told, found, 0.5));
        }
    }
    for (family, name) in [("bytes", "entropy"), ("noise", "last_layer")] {
        let number = seen.families.iter().position(|f| f.name == family);
        let (Some(number), Some(detector)) = (number, place(name)) else {
            continue;
        };
        if let Some(most) = judged[detector].grades[number - SAME].last() {
            let found = (most.estimate().figures.auroc, most.interval(|r| r[0]));
            let told = ("C1", "finds the worst of them, AUROC above 0.8", family);
            all.push(Expectation::above(told, found, 0.8));
        }
    }
    let mut beats = |id, expected, own: Option<usize>, other: Option<usize>| {
        let (Some(own), Some(other)) = (own, other) else {
            return;
        };
        let of = format!("{} against {}", detectors[own].name, detectors[other].name);
        let found = judged[own].overall.exceeds(&judged[other].overall);
        all.push(Expectation::above((id, expected, &of), found, 0.0));
    };
    let baseline = best(detectors, judged, Kind::Baseline);
    let both = place("ridge_internal_and_outputs");
    let statistic = best(detectors, judged, Kind::Statistic);
    let one_class = best(detectors, judged, Kind::OneClass);
    beats(
        "H1",
        "internal statistics add to outputs",
        both,
        place("ridge_outputs"),
    );
    beats("H2", "they beat the best baseline", both, baseline);
    beats(
        "H3",
        "the best one-class score beats the best baseline",
        one_class,
        baseline,
    );
    beats(
        "H3",
        "the best single statistic beats the best baseline",
        statistic,
        baseline,
    );
    all
}
