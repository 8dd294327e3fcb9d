//! What familiarity does to activations, and how sure that is.

use lacuna::probe::{Stat, null};
use serde::Serialize;

use super::course::{self, Turn};
use super::order::{self, Contrast, Size};
use super::table::{BARE, ENERGY, Known, Table, known, mean, minus};
use super::{DOSES, Group};
use crate::stats::spearman;
use crate::study::expect::Expectation;

/// One checkpoint, all seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Course {
    /// Steps behind it.
    pub step: u64,
    /// Mean bits a byte, by dose.
    pub loss: Vec<f64>,
    /// Mean top-10 % energy after the last norm with its interval, by dose.
    pub energy: Vec<Known>,
    /// Spearman of log exposure and energy.
    pub dose: Known,
    /// The same with entropy, loss and last token held still.
    pub partial: Known,
    /// Energy of the unseen less that of the familiar.
    pub gap: Known,
}

/// One statistic at the end.
#[derive(Clone, Debug, Serialize)]
pub struct Response {
    /// `site:statistic`.
    pub column: String,
    /// Spearman of log exposure and it.
    pub dose: Known,
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
    /// Training seeds.
    pub seeds: usize,
    /// Top-10 % energy of Gaussian vectors as wide.
    pub null: Option<f32>,
    /// Checkpoints in the order of their steps.
    pub courses: Vec<Course>,
    /// The same of models that learned from shuffled text.
    pub shuffled: Vec<Course>,
    /// Rise and fall in each seed.
    pub turns: Vec<Turn>,
    /// Unfamiliar against familiar at the end.
    pub contrasts: Vec<Contrast>,
    /// Other sizes, smallest first.
    pub sizes: Vec<Size>,
    /// Statistics at the end, strongest first.
    pub responses: Vec<Response>,
    /// What was expected, and what came.
    pub expectations: Vec<Expectation>,
}

fn course(t: &Table<'_>) -> Course {
    let loss = |dose| t.over(|of| mean(&t.loss(&t.dose(dose, of)))).0;
    Course {
        step: t.step(),
        loss: (0..DOSES.len()).map(loss).collect(),
        energy: order::by_dose(t),
        dose: t.response(ENERGY),
        partial: t.over(|of| t.beyond(&t.exposed(of), ENERGY, of, true)),
        gap: gap(t),
    }
}

fn gap(t: &Table<'_>) -> Known {
    t.over(|of| t.mean(ENERGY, &t.unseen(None, of)) - t.mean(ENERGY, &t.familiar(of)))
}

/// Judges the group that was followed, its control, and groups of other widths.
pub(super) fn judge(main: &Group, control: &Group, others: &[Group]) -> Summary {
    let tables = Table::of(main);
    let shuffled = Table::of(control);
    let exposure = |dose: usize| {
        let first = tables.first();
        let of = first.map_or(Vec::new(), |t| t.dose(dose, &t.seeds.concat()));
        let all: Vec<f64> = of.iter().map(|i| main.shown[*i].exposure).collect();
        mean(&all)
    };
    let mut sizes: Vec<Size> = Vec::new();
    for group in others.iter().chain([main]) {
        sizes.extend(Table::of(group).last().map(|end| order::size(group, end)));
    }
    sizes.sort_by_key(|s| s.parameters);
    let mut responses: Vec<Response> = tables.last().map_or(Vec::new(), |end| {
        let each = end.columns().iter().map(|column| Response {
            column: column.clone(),
            dose: end.response(column),
        });
        each.filter(|r| r.dose.0.is_finite()).collect()
    });
    responses.sort_by(|a, b| b.dose.0.abs().total_cmp(&a.dose.0.abs()));
    let turns = course::turns(&tables);
    let null = null(Stat::Top10, main.width).map(|n| n.mean);
    Summary {
        doses: DOSES.to_vec(),
        exposures: (0..DOSES.len()).map(exposure).collect(),
        windows: tables.first().map_or(0, Table::windows),
        seeds: tables.first().map_or(0, |t| t.seeds.len()),
        null,
        courses: tables.iter().map(course).collect(),
        shuffled: shuffled.iter().map(course).collect(),
        contrasts: tables.last().map_or(Vec::new(), order::contrasts),
        expectations: expectations(&tables, &shuffled, (&turns, null), &sizes),
        turns,
        sizes,
        responses,
    }
}

fn expectations(
    tables: &[Table<'_>],
    shuffled: &[Table<'_>],
    (turns, null): (&[Turn], Option<f32>),
    sizes: &[Size],
) -> Vec<Expectation> {
    let (Some(start), Some(end), Some(other)) = (tables.first(), tables.last(), shuffled.last())
    else {
        return Vec::new();
    };
    let last = "the end";
    let mut all = Vec::new();
    let mut above = |id, expected, of, found| {
        all.push(Expectation::above((id, expected, of), found, 0.0));
    };
    let loss = end.over(|of| spearman(&end.exposed(of), &end.loss(of)));
    above(
        "F1",
        "the loss falls with exposure: minus Spearman",
        last,
        minus(loss),
    );
    let over: Vec<f64> = turns
        .iter()
        .map(|t| t.energy[1] - f64::from(null.unwrap_or(f32::NAN)))
        .collect();
    above(
        "D1n",
        "above a Gaussian vector's energy",
        "the peak",
        known(&over),
    );
    for contrast in order::contrasts(end) {
        above(contrast.id, contrast.what, last, contrast.difference);
    }
    let same = "correlation of unseen and energy, last token held";
    above("D2l", same, last, order::matched(end, false));
    let same = "the same, entropy and loss held too";
    above("D2e", same, last, order::matched(end, true));
    let dense = "denser for the familiar: minus Spearman of energy";
    above("D3", dense, last, minus(end.response(ENERGY)));
    let beyond = end.over(|of| end.beyond(&end.exposed(of), ENERGY, of, true));
    above(
        "D3e",
        "beyond entropy, loss and last token",
        last,
        minus(beyond),
    );
    let bare = minus(end.response(BARE));
    above("G3", "D3 without the gain", last, bare);
    all.insert(1, course::expected(turns));
    all.extend(order::expected(sizes));
    for (at, (id, expected, of), found) in [
        (
            0,
            ("F0", "untrained, no correlation with exposure", "step 0"),
            start.response(ENERGY),
        ),
        (
            usize::MAX,
            ("C1", "no correlation with exposure", "shuffled text"),
            other.response(ENERGY),
        ),
        (
            usize::MAX,
            ("C2", "unseen less familiar: nothing", "shuffled text"),
            gap(other),
        ),
    ] {
        let place = at.min(all.len());
        all.insert(place, Expectation::covers((id, expected, of), found, 0.0));
    }
    all
}
