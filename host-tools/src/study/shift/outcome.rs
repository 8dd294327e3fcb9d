//! A study in brief: for a terminal and for a script.

use serde::Serialize;

use super::Outcome;
use crate::report::table;
use crate::study::controls::Effect;
use crate::study::detect::Kind;
use crate::study::expect::{Expectation, HEADS};
use crate::study::judge::Estimate;
use crate::study::trial::{Family, SAME};

/// Single statistics that are shown; the table has all.
const STATISTICS: usize = 8;
/// Detectors that `lacuna calibrate` makes from familiar data alone, by its names for them.
const CALIBRATED: [(&str, &str); 8] = [
    ("outputs_mahalanobis", "outputs"),
    ("calibrate_mahalanobis", "mahalanobis"),
    ("calibrate_nearest", "nearest"),
    ("last_layer_16", "last-layer"),
    ("last_layer_nearest", "last-layer-nearest"),
    ("max_softmax", "max-softmax"),
    ("entropy", "entropy"),
    ("energy_score", "energy"),
];

/// One detector.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its name.
    pub detector: String,
    /// What it looks at.
    pub kind: Kind,
    /// The score of `lacuna calibrate` that it is, if it is one.
    pub calibrate: Option<&'static str>,
    /// Mean over families of shifts.
    pub overall: Estimate,
    /// Each family, the control first.
    pub families: Vec<Estimate>,
    /// Its number in the tables.
    pub number: usize,
}

/// What a study says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Families, the control first.
    pub families: Vec<Family>,
    /// Windows that were run.
    pub windows: usize,
    /// Detectors, best first.
    pub detectors: Vec<Line>,
    /// The best that `lacuna calibrate` can make.
    pub best_calibrated: Option<&'static str>,
    /// How large the published effect is.
    pub effects: Vec<Effect>,
    /// What was expected, and what came.
    pub expectations: Vec<Expectation>,
    /// What could not be done.
    pub left_out: Vec<String>,
}

impl Outcome {
    /// In brief.
    pub fn summary(&self) -> Summary {
        let line = |judged: &crate::study::judge::Judged| {
            let detector = &self.detectors[judged.detector];
            let calibrate = CALIBRATED.iter().find(|(name, _)| *name == detector.name);
            Line {
                detector: detector.name.clone(),
                kind: detector.kind,
                calibrate: calibrate.map(|(_, name)| *name),
                overall: judged.overall.estimate(),
                families: judged.families.iter().map(|f| f.estimate()).collect(),
                number: judged.detector,
            }
        };
        let mut detectors: Vec<Line> = self.judged.iter().map(line).collect();
        detectors.sort_by(|a, b| {
            let key = |l: &Line| l.overall.figures.auroc;
            key(b).total_cmp(&key(a)).then(a.number.cmp(&b.number))
        });
        Summary {
            families: self.seen.families[SAME..].to_vec(),
            windows: self.seen.items.len(),
            best_calibrated: detectors.iter().find_map(|l| l.calibrate),
            detectors,
            effects: self.effects.clone(),
            expectations: self.expectations.clone(),
            left_out: self.left_out.clone(),
        }
    }
}

impl Summary {
    /// Every detector that is not a single statistic, and the best of those inside the model.
    pub fn shown(&self) -> Vec<&Line> {
        let mut statistics = 0;
        let show = |l: &&Line| {
            statistics += usize::from(l.kind == Kind::Statistic);
            match l.kind {
                Kind::Statistic => statistics <= STATISTICS,
                kind => kind != Kind::Output,
            }
        };
        self.detectors.iter().filter(show).collect()
    }

    /// As a person reads it.
    pub fn text(&self) -> String {
        let rows = self.shown().into_iter().map(|l| {
            let e = &l.overall;
            let families: Vec<String> = l
                .families
                .iter()
                .map(|f| format!("{:.2}", f.figures.auroc))
                .collect();
            [
                l.detector.clone(),
                l.kind.name().to_owned(),
                format!("{:.3}", e.figures.auroc),
                format!("[{:.3}, {:.3}]", e.low.auroc, e.high.auroc),
                format!("{:.3}", e.figures.aupr),
                format!("{:.2}", e.figures.fpr95),
                families.join(" "),
            ]
        });
        let names: Vec<&str> = self.families.iter().map(|f| f.name.as_str()).collect();
        let each = names.join(" ");
        let heads = [
            "detector",
            "kind",
            "AUROC",
            "95 %",
            "AUPR",
            "FPR95",
            each.as_str(),
        ];
        let mut text = table(heads, rows) + "\n\n";
        text += &table(HEADS, self.expectations.iter().map(Expectation::row));
        for missing in &self.left_out {
            text += &format!("\nleft out: {missing}");
        }
        text
    }
}
