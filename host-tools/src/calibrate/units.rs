//! Documents into units, and units into windows as the device's monitor sees them.

use std::collections::BTreeMap;
use std::path::Path;

use lacuna::format::calibration::{Arrays, Calibration, Input, Rule, Settings, Unit, Watch};
use lacuna::model::{Model, State};
use lacuna::monitor::Monitor;
use lacuna::probe::{ProbePlan, Site};
use lacuna::session::{Options, Session, Tokenizer};

use super::{Error, Plan};
use crate::data::{Document, mix};
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

/// What is exchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitKind {
    /// A file.
    File,
    /// A person: a directory of files.
    Person,
    /// So many consecutive windows of a file.
    Stretch(usize),
}

impl UnitKind {
    /// As the block names it.
    pub const fn unit(self) -> Unit {
        match self {
            UnitKind::File => Unit::File,
            UnitKind::Person => Unit::Person,
            UnitKind::Stretch(_) => Unit::Stretch,
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

/// Documents by unit, each unit a list of texts.
pub fn group(documents: Vec<Document>, kind: UnitKind) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut units: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for document in documents {
        let name = match (kind, Path::new(&document.name).parent()) {
            (UnitKind::Person, Some(person)) if person != Path::new("") => {
                person.display().to_string()
            }
            _ => document.name,
        };
        units.entry(name).or_default().push(document.bytes);
    }
    units.into_iter().collect()
}

/// Runs the model over every unit with a monitor that only measures; at most `most` windows a unit, full ones alone.
///
/// # Errors
/// What a session meets.
pub fn collect(
    model: &Model<'_>,
    tokenizer: &Tokenizer<'_>,
    units: &[(String, Vec<Vec<u8>>)],
    (kind, most): (UnitKind, usize),
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
    for (name, texts) in units {
        let mut means = Vec::new();
        for text in texts {
            let left = most - (means.len() / n.max(1)).min(most);
            let windows = cut(
                tokenizer,
                text,
                plan.window as usize,
                options.limits.context,
                left,
            );
            for (starts, tokens) in windows {
                if starts {
                    session.clear();
                }
                session.prompt(&tokens)?;
                let monitor = session.probe_mut();
                means.extend(monitor.means().into_iter().flatten());
                monitor.clear_window();
            }
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

/// Full windows of a text in order, and whether each begins a context of its own: BOS stands before a context.
pub(crate) fn cut(
    tokenizer: &Tokenizer<'_>,
    text: &[u8],
    window: usize,
    context: usize,
    most: usize,
) -> Vec<(bool, Vec<u32>)> {
    let mut tokens = vec![0; text.len() + 2];
    let n = tokenizer.encode(text, false, &mut tokens).unwrap_or(0);
    tokens.truncate(n);
    let whole = (context / window).max(1) * window;
    let mut windows = Vec::new();
    for context in tokens.chunks(whole - 1) {
        let bos = tokenizer.bos().unwrap_or(0);
        let context = [&[bos], context].concat();
        let full = context.chunks_exact(window).enumerate();
        windows.extend(full.map(|(i, w)| (i == 0, w.to_vec())));
    }
    windows.truncate(most);
    windows
}

/// Units to fit on and units to calibrate on, at least one of these.
pub(super) fn split(units: &[Windows], share: f64, seed: u64) -> (Vec<&Windows>, Vec<&Windows>) {
    let lot = |u: &Windows| {
        let name = u.name.bytes().fold(mix(seed), |h, b| mix(h ^ u64::from(b)));
        (name, u.name.clone())
    };
    let mut order: Vec<&Windows> = units.iter().collect();
    order.sort_by_cached_key(|u| lot(u));
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
