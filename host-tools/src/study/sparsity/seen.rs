//! What is done of a study, gathered: one entry a model, and the places of a sweep.
//!
//! # Invariants
//! - A place counts with all of its seeds or not at all; what is left out is named.

use super::Study;
use super::job::{self, Circuit, Look};
use super::plan::{Kind, Model, Work};
use crate::circuit::size::Size;
use crate::sweep::Outcome;
use crate::train::Settings;

/// A model and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// It.
    pub model: Model,
    settings: Option<Settings>,
    /// Bits per byte and accuracies.
    pub outcome: Option<Outcome>,
    /// Statistics.
    pub look: Option<Look>,
    /// Circuits.
    pub circuits: Vec<Circuit>,
}

impl Seen {
    /// The circuit of `task` by `kind`.
    pub(super) fn circuit(&self, task: &str, kind: Kind) -> Option<&Circuit> {
        let mut all = self.circuits.iter();
        all.find(|c| c.task == task && c.kind == kind)
    }

    /// The size of the circuit of `task` by `kind`; `None` where it was not searched or does not meet the target.
    pub(super) fn size(&self, task: &str, kind: Kind) -> Option<Size> {
        let record = &self.circuit(task, kind)?.record;
        record.met.then_some(record.size)
    }

    /// The same, but what does not meet the target counts as the whole model.
    pub(super) fn at_least(&self, task: &str, kind: Kind) -> Option<Size> {
        let record = &self.circuit(task, kind)?.record;
        Some(if record.met {
            record.size
        } else {
            record.whole
        })
    }

    /// Validation bits per byte.
    pub(super) fn bits(&self) -> Option<f64> {
        Some(
            self.outcome
                .as_ref()?
                .figures
                .as_ref()?
                .validation_bits_per_byte,
        )
    }

    /// Mean accuracy over all tasks on unseen templates.
    pub(super) fn accuracy(&self) -> Option<f64> {
        let tasks = &self.outcome.as_ref()?.figures.as_ref()?.tasks;
        Some(tasks.iter().map(|t| t.accuracy).sum::<f64>() / tasks.len() as f64)
    }

    /// Losses of all tasks on unseen templates.
    pub(super) fn losses(&self) -> Vec<f64> {
        let figures = self.outcome.as_ref().and_then(|o| o.figures.as_ref());
        figures.map_or(Vec::new(), |f| f.tasks.iter().map(|t| t.loss).collect())
    }
}

/// The models of one density and width, one a seed.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// Its sweep.
    pub sweep: &'a str,
    /// Share of weights that stay.
    pub density: f64,
    /// Width.
    pub width: usize,
    /// By seed.
    pub models: Vec<&'a Seen>,
}

impl Place<'_> {
    /// Something of every model.
    pub(super) fn each(&self, of: impl Fn(&Seen) -> Option<f64>) -> Vec<f64> {
        self.models.iter().filter_map(|seen| of(seen)).collect()
    }

    /// Whether every model is trained and looked at.
    fn trained(&self) -> bool {
        let trained = |seen: &&Seen| seen.bits().is_some() && seen.look.is_some();
        self.models.iter().all(trained)
    }

    /// Whether every model has its circuit of every one of `tasks` by both methods.
    pub(super) fn searched(&self, tasks: &[String]) -> bool {
        let kinds = [Kind::Learned, Kind::Attribution];
        let has = |seen: &Seen, task: &String| {
            let mut kinds = kinds.iter();
            kinds.all(|kind| seen.circuit(task, *kind).is_some())
        };
        let mut models = self.models.iter();
        models.all(|seen| tasks.iter().all(|task| has(seen, task)))
    }
}

/// Everything that is done.
pub(super) fn gather(study: &Study) -> Vec<Seen> {
    let jobs = &study.plan().jobs;
    let models = study.plan().models.iter().enumerate();
    let seen = models.map(|(number, model)| {
        let sweep = study.sweep(&model.sweep);
        let finds = jobs.iter().filter(|job| job.model == number);
        let finds = finds.filter(|job| matches!(job.work, Work::Find { .. }));
        let at = |work: &Work| job::folder(study.dir(), model, work);
        Seen {
            model: model.clone(),
            settings: sweep.and_then(|s| s.settings(&model.run).ok()),
            outcome: sweep.and_then(|s| s.outcome(&model.run)),
            look: job::result(&at(&Work::Look)),
            circuits: finds
                .filter_map(|job| job::result(&at(&job.work)))
                .collect(),
        }
    });
    seen.collect()
}

/// The places of the sweep `name` whose models are there, densest first, and the names of the others.
pub(super) fn places<'a>(
    study: &'a Study,
    seen: &'a [Seen],
    name: &'a str,
) -> (Vec<Place<'a>>, Vec<String>) {
    let Some(sweep) = study.sweep(name) else {
        return (Vec::new(), Vec::new());
    };
    let mut places: Vec<Place<'a>> = Vec::new();
    for run in sweep.jobs() {
        let settings = sweep.settings(run).ok();
        let found = seen
            .iter()
            .filter(|s| s.settings.is_some() && s.settings == settings);
        let at = |p: &Place<'_>| (p.density, p.width) == (run.density, run.width);
        match places.iter_mut().find(|p| at(p)) {
            Some(place) => place.models.extend(found),
            None => places.push(Place {
                sweep: name,
                density: run.density,
                width: run.width,
                models: found.collect(),
            }),
        }
    }
    places.sort_by(|a, b| b.density.total_cmp(&a.density).then(a.width.cmp(&b.width)));
    let (trained, open): (Vec<_>, Vec<_>) = places.into_iter().partition(Place::trained);
    let named = |p: &Place<'_>| format!("{name}: width {} at density {}", p.width, p.density);
    (trained, open.iter().map(named).collect())
}
