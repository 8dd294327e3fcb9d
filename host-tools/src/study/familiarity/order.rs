//! D2 and D4: whether the unfamiliar is sparser, in models of one size and of others.

use serde::Serialize;

use super::table::{BARE, ENERGY, Known, Table, mean};
use super::{DOSES, Group};
use crate::study::expect::Expectation;

/// Energy of some windows less that of others.
#[derive(Clone, Debug, Serialize)]
pub struct Contrast {
    /// Short name, as in the expectations.
    pub id: &'static str,
    /// What less what.
    pub what: &'static str,
    /// Windows of both, all seeds together.
    pub windows: [usize; 2],
    /// Difference of the means.
    pub difference: Known,
    /// The same in deviations of the windows subtracted.
    pub deviations: f64,
}

/// D2 in models of one size.
#[derive(Clone, Debug, Serialize)]
pub struct Size {
    /// Width of the residual stream.
    pub width: usize,
    /// Learned numbers.
    pub parameters: usize,
    /// Mean bits a byte at the end: familiar, unseen, harder.
    pub loss: [f64; 3],
    /// Energy of the unseen less that of the familiar.
    pub unseen: Known,
    /// Energy of the harder less that of the familiar.
    pub harder: Known,
    /// Spearman of exposure and energy.
    pub dose: Known,
}

type Pick = fn(&Table<'_>, &[usize]) -> Vec<usize>;

const FAMILIAR: Pick = |t, of| t.familiar(of);
const UNSEEN: Pick = |t, of| t.unseen(None, of);
const EASIEST: Pick = |t, of| t.unseen(Some(0), of);
const HARDEST: Pick = |t, of| t.unseen(Some(2), of);

fn difference(t: &Table<'_>, column: &str, [a, b]: [Pick; 2]) -> Known {
    t.over(|of| t.mean(column, &a(t, of)) - t.mean(column, &b(t, of)))
}

/// Every contrast of a checkpoint.
pub(super) fn contrasts(t: &Table<'_>) -> Vec<Contrast> {
    let contrast = |(id, what, column, picks): (&'static str, _, &str, [Pick; 2])| {
        let count = |pick: Pick| t.seeds.iter().map(|of| pick(t, of).len()).sum();
        let deviations = t.each(|of| {
            let [a, b] = picks.map(|pick| t.column(column, &pick(t, of)));
            let centre = mean(&b);
            let square = b.iter().map(|x| (x - centre) * (x - centre)).sum::<f64>();
            (mean(&a) - centre) / (square / b.len() as f64).sqrt()
        });
        Contrast {
            id,
            what,
            windows: picks.map(count),
            difference: difference(t, column, picks),
            deviations: mean(&deviations),
        }
    };
    [
        ("D2", "unseen less familiar", ENERGY, [UNSEEN, FAMILIAR]),
        (
            "D2h",
            "harder unseen less familiar",
            ENERGY,
            [HARDEST, FAMILIAR],
        ),
        (
            "D2d",
            "hardest third of the unseen less easiest",
            ENERGY,
            [HARDEST, EASIEST],
        ),
        (
            "G2",
            "unseen less familiar, without the gain",
            BARE,
            [UNSEEN, FAMILIAR],
        ),
    ]
    .map(contrast)
    .into()
}

/// Rank correlation of being unseen, and not familiar, with energy, last token held still, and perhaps entropy and loss.
pub(super) fn matched(t: &Table<'_>, more: bool) -> Known {
    t.over(|of| {
        let both = [t.familiar(of), t.unseen(None, of)];
        let strange: Vec<f64> = both
            .iter()
            .zip([0.0, 1.0])
            .flat_map(|(its, x)| its.iter().map(move |_| x))
            .collect();
        t.beyond(&strange, ENERGY, &both.concat(), more)
    })
}

/// D2 at the end of a group's runs.
pub(super) fn size(group: &Group, end: &Table<'_>) -> Size {
    let loss = |pick: Pick| end.over(|of| mean(&end.loss(&pick(end, of)))).0;
    Size {
        width: group.width,
        parameters: group.parameters,
        loss: [FAMILIAR, UNSEEN, HARDEST].map(loss),
        unseen: difference(end, ENERGY, [UNSEEN, FAMILIAR]),
        harder: difference(end, ENERGY, [HARDEST, FAMILIAR]),
        dose: end.response(ENERGY),
    }
}

/// D4: D2 at every size.
pub(super) fn expected(sizes: &[Size]) -> Vec<Expectation> {
    let each = sizes.iter().map(|s| {
        let of = format!("{} parameters", s.parameters);
        let told = ("D4", "unseen sparser than familiar: energy", of.as_str());
        Expectation::above(told, s.unseen, 0.0)
    });
    each.collect()
}

/// Mean energy of each dose.
pub(super) fn by_dose(t: &Table<'_>) -> Vec<Known> {
    let of_dose = |dose| t.over(|of| t.mean(ENERGY, &t.dose(dose, of)));
    (0..DOSES.len()).map(of_dose).collect()
}
