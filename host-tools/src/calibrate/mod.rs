//! What is familiar to a model, measured on data it was not trained on, and written into its file.
//!
//! ```text
//! documents or recordings ─► units ─┬► fit: mean, sd, map, bank, edges of the drift test
//!                                   └► conformal: scores ─► one vote a unit ─► tails, threshold ─► left out one by one ─► interval
//! engine + monitor ─► means of every window             the score is the engine's own, so it has the device's bits
//! ```
//!
//! # Invariants
//! - No unit is on both sides; the split depends on names and seed alone.
//! - The model id and every other block stay as they are.
//! - A rate that the units do not support is refused, not rounded.
//!
//! # Why
//! A window is no unit of evidence: those of one file or person are alike. With one vote a unit, n units support no rate
//! below 1 / (n + 1), and the interval says how far this very calibration may be off.

mod against;
mod file;
mod fit;
mod shown;
mod summary;
mod table;
mod units;
mod watch;

pub use against::{Against, Scored, judge};
pub use file::{rewrite, with_block};
pub use fit::{Choice, Fitted};
pub(crate) use shown::cut;
pub use shown::{Shown, UnitKind, Window, recordings, texts};
pub(crate) use summary::plural;
pub use summary::{Line, Summary};
pub use table::Table;
pub use units::{Collected, Measure, Windows, collect};
pub use watch::{Report, Watched, watch};

use lacuna::format::calibration::{Input, LEVELS, Rule, Settings, Unit};
use lacuna::format::{Calibration, calibration};
use lacuna::model::Model;

use crate::stats::Interval;

/// Statistics that a score is made of unless chosen, as a probe plan: the end of the model, its neurons, and its logits.
pub const STATISTICS: &str = "ln_final.hook_normalized:hoyer,top10@all; hook_resid_final:rms@all; \
     blocks.*.mlp.hook_post:hoyer@all; unembed.hook_logits:max_softmax,entropy,energy_score@all";

/// How to calibrate, besides the score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Tokens of a window, or patches of a classifier's.
    pub window: u32,
    /// Every how many of them are measured.
    pub every: u32,
    /// Stated false-alarm rate of a window.
    pub alpha: f64,
    /// Share of the units that the score is fitted on.
    pub fit_share: f64,
    /// Windows that make a step of the drift test; the fewest of any unit, at most 16, unless chosen.
    pub block: Option<u32>,
    /// Steps between false drift alarms, at least, on average.
    pub run_length: f32,
    /// What is exchangeable.
    pub unit: Unit,
    /// Seed of the split.
    pub seed: u64,
}

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too few units for the rate.
    #[error(
        "{units} units to calibrate on support no false-alarm rate below {:.4}, and {alpha} was asked for",
        1.0 / (*units as f64 + 1.0)
    )]
    TooFewUnits {
        /// Units of the conformal side.
        units: usize,
        /// The rate.
        alpha: f64,
    },
    /// Nothing to fit on.
    #[error("{units} units with {windows} full windows are too few to fit a score on")]
    NothingToFit {
        /// Units of the fitting side.
        units: usize,
        /// Their windows.
        windows: usize,
    },
    /// The score cannot be made of this model.
    #[error("the model does not have what the score is made of")]
    Block(#[from] calibration::Error),
    /// The engine stopped.
    #[error("the engine stopped")]
    Run(#[from] lacuna::session::Error),
    /// The file cannot be written again.
    #[error("the file cannot be written with a calibration: {0}")]
    Write(String),
}

/// A calibration with everything its block borrows.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// How the score is made and what is promised of it.
    pub settings: Settings,
    /// The score.
    pub fitted: Fitted,
    /// p-values.
    pub table: Table,
    /// Exceedance of each conformal unit under a threshold of the others.
    pub left_out: Vec<f64>,
    /// Scores of the windows of each conformal unit.
    pub familiar: Vec<Vec<f32>>,
}

impl Calibrated {
    /// The block's view of it.
    ///
    /// # Errors
    /// What the engine would refuse.
    pub fn view(&self, model: &Model<'_>) -> Result<Calibration<'_>, calibration::Error> {
        let mut arrays = self.fitted.arrays();
        (arrays.scores, arrays.tails) = (&self.table.scores, &self.table.tails);
        Calibration::new(model.config(), self.settings, self.fitted.nearest, arrays)
    }

    /// The interval of the rate.
    pub fn interval(&self) -> Interval {
        Interval {
            low: f64::from(self.settings.rate_low),
            high: f64::from(self.settings.rate_high),
        }
    }
}

/// Fits `choice` on a share of `units` and calibrates it on the others.
///
/// # Errors
/// [`Error`].
pub fn calibrate(
    model: &Model<'_>,
    choice: &Choice,
    plan: &Plan,
    collected: &Collected,
) -> Result<Calibrated, Error> {
    let (fit, held) = units::split(&collected.units, plan.fit_share, plan.seed);
    if (held.len() as f64 + 1.0) * plan.alpha < 1.0 - 1e-9 {
        let (units, alpha) = (held.len(), plan.alpha);
        return Err(Error::TooFewUnits { units, alpha });
    }
    let windows: Vec<&[f32]> = fit.iter().flat_map(|u| u.windows()).collect();
    if fit.len() < 2 || windows.len() < 8 {
        let (units, windows) = (fit.len(), windows.len());
        return Err(Error::NothingToFit { units, windows });
    }
    let fitted = Fitted::new(choice, &collected.measure, &windows);
    let mut settings = settings(choice, plan, &collected.measure);
    let (nearest, config) = (fitted.nearest, model.config());
    let mut arrays = fitted.arrays();
    (arrays.scores, arrays.tails) = (&[0.0], &[1.0]);
    let bare = Calibration::new(config, settings, nearest, arrays)?;
    let scores = |units: &[&Windows]| scores(&bare, units.iter().copied());
    let own = scores(&held);
    let table = Table::new(&own, plan.alpha);
    let least = own.iter().map(Vec::len).min().unwrap_or(1).clamp(1, 16) as u32;
    settings.block = plan.block.unwrap_or(least).max(1);
    // Windows of the bank have no distance to themselves: edges come of those that are not in it.
    let fresh: Vec<Vec<f32>> = scores(&fit)
        .iter()
        .map(|unit| fitted.outside_bank(unit))
        .collect();
    settings.edges = table::edges(&fresh, settings.block as usize);
    let left_out = table::leave_one_out(&own, plan.alpha);
    let interval =
        crate::stats::clopper_pearson(left_out.iter().sum(), left_out.len() as f64, 0.95);
    settings.threshold = table.threshold;
    (settings.rate_low, settings.rate_high) = (interval.low as f32, interval.high as f32);
    (settings.units, settings.fitted) = (held.len() as u32, fit.len() as u32);
    settings.windows = own.iter().map(Vec::len).sum::<usize>() as u32;
    let levels = Calibration::new(config, settings, nearest, arrays)?;
    let mut counts = [0; LEVELS];
    for (unit, scores) in held.iter().zip(&own) {
        // Any block of a unit, as a device meets it: the first would be the first activity of every person.
        let block = scores.len().min(settings.block as usize).max(1);
        let drawn = units::lot(unit, plan.seed) as usize % (scores.len() / block).max(1);
        let step = scores.iter().skip(drawn * block).take(block);
        counts[levels.level(step.sum::<f32>() / block as f32)] += 1;
    }
    settings.counts = counts;
    Ok(Calibrated {
        settings,
        fitted,
        table,
        left_out,
        familiar: own,
    })
}

/// The engine's scores of the windows of each unit.
pub fn scores<'a>(
    calibration: &Calibration<'_>,
    units: impl IntoIterator<Item = &'a Windows>,
) -> Vec<Vec<f32>> {
    let of = |unit: &Windows| {
        let each = unit.windows().map(|w| fit::score(calibration, w));
        each.collect()
    };
    units.into_iter().map(of).collect()
}

fn settings(choice: &Choice, plan: &Plan, measure: &Measure) -> Settings {
    Settings {
        input: match measure {
            Measure::Statistics(_) => Input::Statistics,
            Measure::Activations(_) => Input::Activations,
        },
        rule: match choice {
            Choice::Weighted(_) => Rule::Weighted,
            Choice::Mahalanobis { .. } => Rule::Mahalanobis,
            Choice::Nearest { .. } => Rule::Nearest,
        },
        unit: plan.unit,
        window: plan.window,
        every: plan.every,
        block: 1,
        units: u32::MAX,
        fitted: 0,
        windows: u32::MAX,
        eps: lacuna::probe::DEFAULT_EPS,
        alpha: plan.alpha as f32,
        rate_low: 0.0,
        rate_high: 1.0,
        threshold: 0.0,
        run_length: plan.run_length,
        edges: [0.0; LEVELS - 1],
        counts: [0; LEVELS],
    }
}
