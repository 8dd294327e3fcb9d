//! Scores of windows: single statistics, scores fitted on the familiar alone, and combinations fitted on other shifts.
//!
//! ```text
//! known, fit ─► mean, deviation, covariance, bank ─────────────────► baselines and one-class scores
//! known, fit + shifts of OTHER families, fit ─► sign ──────────────► single statistics
//!                                             └► ridge regression ─► combinations
//! known + shifts of the family, test ─► scores                       one panel a seed and family
//! ```
//!
//! # Invariants
//! - Nothing that is fitted has seen a window of a test file, nor of the family that it is tested on.
//! - What a baseline means is fixed beforehand: a higher score is less familiar.
//!
//! # Why
//! A detector that was fitted on the shift it is tested on is a classifier of that shift, and says nothing of the next.

use lacuna::probe::ProbePlan;

use super::measure::{Item, Seen};
use super::trial::{KNOWN, SAME, Side};
use crate::calibrate::{Choice, Fitted, Measure, STATISTICS};
use crate::plan;
use crate::stats::{Curve, Linear, logistic};

/// Weight of the ridge of combinations; chosen beforehand and never tuned.
pub const RIDGE: f64 = 0.03;
/// Directions of the scores that `lacuna calibrate` makes of activations.
const RANK: usize = 16;
/// What starts the name of a column of logits.
const LOGITS: &str = "unembed.hook_logits:";
/// Statistics of logits that are baselines, and whether a lower one is less familiar.
const OF_LOGITS: [(&str, bool); 3] = [
    ("max_softmax", true),
    ("entropy", false),
    ("energy_score", false),
];

/// What a detector looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Logits, the input, or the last layer, as in the literature.
    Baseline,
    /// What came after the window's tokens, which a monitor does not see.
    Reference,
    /// One statistic at one site inside the model.
    Statistic,
    /// One statistic of the logits besides the baselines.
    Output,
    /// Several statistics, fitted on the familiar alone.
    OneClass,
    /// Several numbers, fitted on other shifts.
    Combination,
}

impl Kind {
    /// As in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Baseline => "baseline",
            Kind::Reference => "reference",
            Kind::Statistic => "statistic",
            Kind::Output => "output",
            Kind::OneClass => "one-class",
            Kind::Combination => "combination",
        }
    }
}

/// A way to score a window.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Detector {
    /// Its name.
    pub name: String,
    /// What it looks at.
    pub kind: Kind,
}

/// Scores of one seed's known windows and of those of one family, all of the test side.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Number of the seed, from 0.
    pub seed: usize,
    /// Number of the family.
    pub family: usize,
    /// Numbers of the items.
    pub items: Vec<u32>,
    /// Scores of each detector.
    pub scores: Vec<Vec<f64>>,
    /// Whether each single statistic, in the order of the columns, was taken to fall with shift.
    pub falls: Vec<bool>,
}

/// Columns by what they are made of.
struct Columns {
    /// Those of [`OF_LOGITS`].
    outputs: Vec<usize>,
    /// All that are not of logits.
    internal: Vec<usize>,
    /// Those of [`STATISTICS`].
    usual: Vec<usize>,
}

impl Columns {
    fn new(names: &[String]) -> Self {
        let place = |name: String| names.iter().position(|n| *n == name);
        let usual = plan::parse(STATISTICS).unwrap_or_else(|_| ProbePlan::new());
        let usual = usual.pairs(usize::from(u8::MAX));
        Self {
            outputs: OF_LOGITS
                .iter()
                .filter_map(|(stat, _)| place(format!("{LOGITS}{stat}")))
                .collect(),
            internal: (0..names.len())
                .filter(|i| !names[*i].starts_with(LOGITS))
                .collect(),
            usual: usual
                .filter_map(|(site, stat)| place(format!("{site}:{stat}")))
                .collect(),
        }
    }

    fn sets(&self) -> [(&'static str, Vec<usize>); 3] {
        let all = self.internal.iter().chain(&self.outputs).copied().collect();
        [
            ("outputs", self.outputs.clone()),
            ("internal", self.internal.clone()),
            ("internal_and_outputs", all),
        ]
    }
}

fn pick(item: &Item, columns: &[usize]) -> Vec<f32> {
    columns.iter().map(|c| item.values[*c]).collect()
}

/// Every detector, in the order of [`Panel::scores`].
pub fn detectors(seen: &Seen) -> Vec<Detector> {
    let of = |kind| move |name: String| Detector { name, kind };
    let mut all: Vec<Detector> = Vec::new();
    let outputs = OF_LOGITS.iter().map(|(name, _)| (*name).to_owned());
    let inputs = seen.inputs.iter().map(|name| (*name).to_owned());
    let layer = ["last_layer", "last_layer_16", "last_layer_nearest"].map(String::from);
    let both = ["outputs_mahalanobis".to_owned()];
    let named = outputs.chain(both).chain(inputs).chain(layer);
    all.extend(named.map(of(Kind::Baseline)));
    if tokens(seen) {
        all.push(of(Kind::Reference)("surprise".to_owned()));
    }
    let one_class = [
        "calibrate_mahalanobis",
        "calibrate_nearest",
        "internal_mahalanobis",
    ];
    all.extend(one_class.map(String::from).map(of(Kind::OneClass)));
    let sets = Columns::new(&seen.columns).sets();
    all.extend(
        sets.map(|(name, _)| format!("ridge_{name}"))
            .map(of(Kind::Combination)),
    );
    all.extend(seen.columns.iter().map(|name| Detector {
        kind: match name.starts_with(LOGITS) {
            true => Kind::Output,
            false => Kind::Statistic,
        },
        name: name.clone(),
    }));
    all
}

/// Whether the windows are of tokens, whose successors can be seen.
fn tokens(seen: &Seen) -> bool {
    seen.inputs.contains(&"input_bytes")
}

fn items<'a>(numbered: &[(u32, &'a Item)]) -> Vec<&'a Item> {
    numbered.iter().map(|(_, item)| *item).collect()
}

/// The panels of one seed, one a family from [`SAME`] on.
pub fn panels(seen: &Seen, seed: usize) -> Vec<Panel> {
    let its: Vec<(u32, &Item)> = (0..)
        .zip(&seen.items)
        .filter(|(_, i)| i.place.seed as usize == seed)
        .collect();
    let side = |family: usize, side: Side| -> Vec<(u32, &Item)> {
        let here = |(_, i): &&(u32, &Item)| i.family == family && i.side == side;
        its.iter().filter(here).copied().collect()
    };
    let columns = Columns::new(&seen.columns);
    let known = items(&side(KNOWN, Side::Fit));
    let shifted: Vec<Vec<&Item>> = (0..seen.families.len())
        .map(|family| match family {
            KNOWN | SAME => Vec::new(),
            _ => items(&side(family, Side::Fit)),
        })
        .collect();
    let fixed = Fixed::new(&known, &columns);
    let signs: Vec<Vec<f64>> = shifted.iter().map(|s| signs(&known, s)).collect();
    (SAME..seen.families.len())
        .map(|family| {
            let others: Vec<usize> = (0..shifted.len()).filter(|f| *f != family).collect();
            let fitted = columns.sets().map(|(_, set)| {
                let row = |i: &&Item| pick(i, &set).into_iter().map(f64::from).collect();
                let known: Vec<Vec<f64>> = known.iter().map(row).collect();
                let other = others.iter().flat_map(|f| &shifted[*f]);
                let other: Vec<Vec<f64>> = other.map(row).collect();
                (logistic(&known, &other, RIDGE), set.clone())
            });
            let falls: Vec<bool> = (0..seen.columns.len())
                .map(|c| others.iter().filter_map(|f| signs[*f].get(c)).sum::<f64>() < 0.0)
                .collect();
            let tested = [side(KNOWN, Side::Test), side(family, Side::Test)].concat();
            let each: Vec<Vec<f64>> = tested
                .iter()
                .map(|(_, item)| scores(item, &columns, &fixed, &fitted, &falls, tokens(seen)))
                .collect();
            let n = each.first().map_or(0, Vec::len);
            Panel {
                seed,
                family,
                items: tested.iter().map(|(i, _)| *i).collect(),
                scores: (0..n)
                    .map(|d| each.iter().map(|s| s[d]).collect())
                    .collect(),
                falls,
            }
        })
        .collect()
}

/// By how much each column's AUROC of a shift on the fit side exceeds one half; empty where there is none.
fn signs(known: &[&Item], shifted: &[&Item]) -> Vec<f64> {
    let width = match (known.first(), shifted.first()) {
        (Some(item), Some(_)) => item.values.len(),
        _ => 0,
    };
    let weights = vec![1.0; known.len() + shifted.len()];
    let of = |c: usize| {
        let column = move |i: &&Item| f64::from(i.values[c]);
        let (a, b) = (known.iter().map(column), shifted.iter().map(column));
        let curve = Curve::new((0..).zip(a), (known.len() as u32..).zip(b));
        curve.figures(&weights).auroc - 0.5
    };
    (0..width).map(of).collect()
}

/// Scores that are fitted on the known alone.
struct Fixed {
    /// Of the three outputs together, whichever way they move.
    outputs: Fitted,
    inputs: Vec<Fitted>,
    hidden: [Fitted; 3],
    statistics: [Fitted; 3],
}

impl Fixed {
    fn new(known: &[&Item], columns: &Columns) -> Self {
        let fit = |choice: &Choice, windows: Vec<&[f32]>| {
            Fitted::new(choice, &Measure::Statistics(Vec::new()), &windows)
        };
        let all = Choice::Mahalanobis { rank: 0 };
        let near = Choice::Nearest {
            rank: RANK,
            k: 5,
            bank: 64,
        };
        let inputs = known.first().map_or(0, |i| i.inputs.len());
        let input = |n: usize| known.iter().map(|i| i.inputs[n].as_slice()).collect();
        let hidden = || known.iter().map(|i| i.hidden.as_slice()).collect();
        let picked =
            |set: &[usize]| -> Vec<Vec<f32>> { known.iter().map(|i| pick(i, set)).collect() };
        let (usual, internal) = (picked(&columns.usual), picked(&columns.internal));
        let statistics = |choice: &Choice, rows: &[Vec<f32>]| {
            fit(choice, rows.iter().map(Vec::as_slice).collect())
        };
        Self {
            outputs: statistics(&all, &picked(&columns.outputs)),
            inputs: (0..inputs).map(|n| fit(&all, input(n))).collect(),
            hidden: [
                fit(&all, hidden()),
                fit(&Choice::Mahalanobis { rank: RANK }, hidden()),
                fit(&near, hidden()),
            ],
            statistics: [
                statistics(&all, &usual),
                statistics(&near, &usual),
                statistics(&all, &internal),
            ],
        }
    }
}

fn scores(
    item: &Item,
    columns: &Columns,
    fixed: &Fixed,
    fitted: &[(Linear, Vec<usize>); 3],
    falls: &[bool],
    tokens: bool,
) -> Vec<f64> {
    let mut all: Vec<f64> = Vec::new();
    let outputs = columns.outputs.iter().zip(OF_LOGITS);
    all.extend(outputs.map(|(c, (_, low))| {
        let value = f64::from(item.values[*c]);
        if low { -value } else { value }
    }));
    all.push(fixed.outputs.distance(&pick(item, &columns.outputs)));
    let inputs = fixed.inputs.iter().zip(&item.inputs);
    all.extend(inputs.map(|(f, x)| f.distance(x)));
    all.extend(fixed.hidden.iter().map(|f| f.distance(&item.hidden)));
    if tokens {
        all.push(item.loss);
    }
    let [usual, near, internal] = &fixed.statistics;
    all.push(usual.distance(&pick(item, &columns.usual)));
    all.push(near.distance(&pick(item, &columns.usual)));
    all.push(internal.distance(&pick(item, &columns.internal)));
    all.extend(fitted.iter().map(|(linear, set)| {
        let row: Vec<f64> = pick(item, set).into_iter().map(f64::from).collect();
        linear.score(&row)
    }));
    let each = item.values.iter().zip(falls);
    all.extend(each.map(|(v, falls)| f64::from(if *falls { -v } else { *v })));
    all
}
