//! Windows of units as the device's monitor sees them, and which units the score is fitted on.

use lacuna::format::calibration::{Arrays, Calibration, Input, Rule, Settings, Watch};
use lacuna::model::{Model, State};
use lacuna::monitor::Monitor;
use lacuna::probe::{ProbePlan, Site};
use lacuna::session::{Options, Session};

use super::shown::{Shown, UnitKind};
use super::{Error, Plan};
use crate::data::mix;
use crate::memory::Buffer;

/// What a score is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// Statistics of sites.
    Statistics(Vec<Watch>),
    /// The activations of one site.
    Activations(Watch),
}

impl Measure {
    /// The statistics of a plan, whatever its positions.
    pub fn of_plan(plan: &ProbePlan, n_layers: usize) -> Self {
        let sites = (0..Site::count(n_layers)).filter_map(|i| Site::from_index(i, n_layers));
        let watched = sites.filter_map(|site| match plan.stats_at(site) {
            none if none.is_empty() => None,
            stats => Some(Watch::new(site, stats.0)),
        });
        Measure::Statistics(watched.collect())
    }

    /// The sites to look at.
    pub fn sites(&self) -> &[Watch] {
        match self {
            Measure::Statistics(sites) => sites,
            Measure::Activations(site) => core::slice::from_ref(site),
        }
    }
}

/// The windows of one unit: means of the inputs, n a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// Name of the unit.
    pub name: String,
    means: Vec<f32>,
    n: usize,
}

impl Windows {
    /// Windows in order, `(n,)` each.
    pub fn windows(&self) -> impl Iterator<Item = &[f32]> {
        self.means.chunks_exact(self.n.max(1))
    }
}

/// Every unit that has a full window.
#[derive(Clone, Debug)]
pub struct Collected {
    /// What was measured.
    pub measure: Measure,
    /// Units by name.
    pub units: Vec<Windows>,
}

/// Runs the model over every unit with a monitor that only measures; `each` is called after every unit.
///
/// # Errors
/// What a session meets.
pub fn collect(
    model: &Model<'_>,
    units: &[Shown],
    kind: UnitKind,
    (measure, plan): (&Measure, &Plan),
    options: Options,
    each: &mut dyn FnMut(),
) -> Result<Collected, Error> {
    let n = match measure {
        Measure::Statistics(sites) => sites.iter().map(|w| w.stats().count_ones() as usize).sum(),
        Measure::Activations(site) => site.site().map_or(0, |s| model.config().width_of(s.hook)),
    };
    let (zeros, ones) = (vec![0.0; n], vec![1.0; n]);
    let calibration = Calibration::new(
        model.config(),
        measuring(measure, plan),
        0,
        Arrays {
            sites: measure.sites(),
            mean: &zeros,
            sd: &ones,
            scores: &[0.0],
            tails: &[1.0],
            ..Arrays::default()
        },
    )?;
    let mut memory = vec![0.0; Monitor::memory_len(&calibration)];
    let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
    let monitor = Monitor::new(model.id(), calibration, &mut memory);
    let monitor = monitor.map_err(|e| Error::Write(e.to_string()))?;
    let mut session = Session::with_probe(*model, &mut arena, options, monitor)?;
    let mut found = Vec::new();
    for Shown { name, windows } in units {
        let mut means = Vec::new();
        for window in windows {
            window.run(&mut session)?;
            let monitor = session.probe_mut();
            means.extend(monitor.means().into_iter().flatten());
            monitor.clear_window();
        }
        let stretch = match kind {
            UnitKind::Stretch(windows) => windows.max(1) * n,
            _ => means.len(),
        };
        for (i, means) in means.chunks(stretch.max(1)).enumerate() {
            let name = match kind {
                UnitKind::Stretch(_) => format!("{name}#{i}"),
                _ => name.clone(),
            };
            let means = means.to_vec();
            found.push(Windows { name, means, n });
        }
        each();
    }
    Ok(Collected {
        measure: measure.clone(),
        units: found,
    })
}

/// A number that is drawn for a unit.
pub(super) fn lot(unit: &Windows, seed: u64) -> u64 {
    let bytes = unit.name.bytes();
    bytes.fold(mix(seed), |h, b| mix(h ^ u64::from(b)))
}

/// Units to fit on and units to calibrate on, at least one of these.
pub(super) fn split(units: &[Windows], share: f64, seed: u64) -> (Vec<&Windows>, Vec<&Windows>) {
    let mut order: Vec<&Windows> = units.iter().collect();
    order.sort_by_cached_key(|u| (lot(u, seed), u.name.clone()));
    let fit = (units.len() as f64 * share).round() as usize;
    let held = order.split_off(fit.min(units.len().saturating_sub(1)));
    (order, held)
}

/// Settings under which a score is of no interest.
fn measuring(measure: &Measure, plan: &Plan) -> Settings {
    Settings {
        rule: Rule::Mahalanobis,
        input: match measure {
            Measure::Statistics(_) => Input::Statistics,
            Measure::Activations(_) => Input::Activations,
        },
        ..super::settings(&super::Choice::Mahalanobis { rank: 0 }, plan, measure)
    }
}
