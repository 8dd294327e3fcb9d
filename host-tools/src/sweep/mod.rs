//! Capability against weight density: many runs from one small file, and the curve they draw.
//!
//! ```text
//! SPEC.toml ─► places on curves ─► jobs 1 … n ─► DIR/runs/NAME/ …, result.json ─┐
//!              (DIR/sweep.json)    here, side by side, or one per machine       └─► DIR/curve.{csv,svg,html}
//! ```
//!
//! What is expected, said before any run (Gao et al., figure 3, and the reproduction's test T1): at fixed total size bits
//! per byte do not fall as the density falls, Spearman's correlation of the two at most −0.9 over the means; at fixed
//! nonzeros, and at fixed flash bytes, a wider and sparser model is better than the dense one. Of models that are pruned
//! after their training ([`After`]): without recovery sparsegpt loses least and magnitude most, all of them more than
//! training sparse from 1/4 on; recovery closes most of that at 1/2 and 1/4, less at 1/16. [`Curve`] says what came out.
//!
//! # Invariants
//! - A finished run is never redone, a killed one goes on where it stood, and neither changes a byte of any result.
//! - A folder holds one sweep: another specification is refused.
//! - Runs depend on nothing but the specification and their number, so a cluster's queue may order them as it likes.
//!
//! # Why
//! A manifest of files instead of a server: any scheduler that can count can run it, and what is missing can be seen.

mod after;
mod curve;
mod page;
mod plan;
mod plot;
mod run;
mod spec;
mod table;
pub(crate) mod workers;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::checkpoint;
use crate::data::{Corpus, Source};
use crate::{export, output, prune, train};
use train::Metrics;
use train::parameters::Layout;

pub use after::After;
pub use curve::{ACCURACY, Curve, LOSS, Mean, Point, TEST, VALIDATION};
pub use plan::{Job, Place};
pub use run::{Answers, Figures, MODEL, Outcome, RESULT};
pub use spec::{EXAMPLE, Fixed, Spec};

/// File of the manifest.
pub const MANIFEST: &str = "sweep.json";
/// Folder of the runs.
pub const RUNS: &str = "runs";

/// What can go wrong in a sweep.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("this is not the description of a sweep")]
    Toml(#[from] toml::de::Error),
    #[error("setting cannot be: {0}")]
    Spec(#[from] train::settings::Invalid),
    #[error("cannot use {}", path.display())]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} holds another sweep; give another directory, or remove this one to begin again", .0.display())]
    Other(PathBuf),
    #[error("{} is being run by another process", .0.display())]
    Busy(PathBuf),
    #[error("the dense model of this run is not there yet: run {0} first")]
    Dense(usize),
    #[error("there is no dense model among the runs")]
    NoDense,
    #[error("the dense model cannot be pruned")]
    Prune(#[from] prune::Error),
    #[error("there is no run {number}; they are numbered 1 to {last}")]
    Number { number: usize, last: usize },
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Train(#[from] train::Error),
    #[error("the model cannot be exported")]
    Export(#[from] export::Error),
    #[error("the exported model cannot be read")]
    Model(#[from] lacuna::format::Error),
    #[error("the exported model cannot be run")]
    Session(#[from] lacuna::session::Error),
    #[error("the exported model has no tokenizer")]
    Tokenizer,
    #[error("the exported model cannot be repacked")]
    Repack(#[from] lacuna::model::repack::Error),
    #[error(transparent)]
    Write(#[from] output::Error),
    #[error("the curve cannot be drawn: {0}")]
    Plot(String),
}

/// What is written once for a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Manifest {
    spec: Spec,
    places: Vec<Place>,
    jobs: Vec<Job>,
}

/// A sweep in its folder.
#[derive(Clone, Debug)]
pub struct Sweep {
    manifest: Manifest,
    dir: PathBuf,
}

/// What happens during a sweep; runs are known by their number.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A step of a run.
    Step(&'a Job, &'a Metrics),
    /// A run is done.
    Done(&'a Outcome),
}

impl Sweep {
    /// The sweep of `spec` in `dir`, begun or gone on with.
    ///
    /// # Errors
    /// A folder with another sweep, or one that cannot be written.
    pub fn open(spec: &Spec, dir: &Path) -> Result<Sweep, Error> {
        let path = dir.join(MANIFEST);
        let dir = dir.to_owned();
        if path.exists() {
            let bytes = checkpoint::read(&path)?;
            let manifest: Manifest =
                serde_json::from_slice(&bytes).map_err(|_| Error::Other(dir.clone()))?;
            // As a reader sees it: a decimal may be rounded on the way.
            let text = serde_json::to_string(spec).unwrap_or_default();
            let read = serde_json::from_str::<Spec>(&text);
            if read.ok().as_ref() != Some(&manifest.spec) {
                return Err(Error::Other(dir));
            }
            return Ok(Sweep { manifest, dir });
        }
        let places = plan::places(spec)?;
        let manifest = Manifest {
            jobs: plan::jobs(spec, &places),
            places,
            spec: spec.clone(),
        };
        fs::create_dir_all(&dir).map_err(|source| Error::Folder {
            path: dir.clone(),
            source,
        })?;
        checkpoint::write_json(&path, &manifest)?;
        Ok(Sweep { manifest, dir })
    }

    /// What was asked for.
    pub fn spec(&self) -> &Spec {
        &self.manifest.spec
    }

    /// The runs, by number.
    pub fn jobs(&self) -> &[Job] {
        &self.manifest.jobs
    }

    /// The places of the curves.
    pub fn places(&self) -> &[Place] {
        &self.manifest.places
    }

    /// The run of that number.
    ///
    /// # Errors
    /// There is none.
    pub fn job(&self, number: usize) -> Result<&Job, Error> {
        let last = self.jobs().len();
        let found = number.checked_sub(1).and_then(|i| self.jobs().get(i));
        found.ok_or(Error::Number { number, last })
    }

    /// The folder of a run.
    pub fn folder(&self, job: &Job) -> PathBuf {
        self.dir.join(RUNS).join(&job.name)
    }

    /// The result of a run, once it is done.
    pub fn outcome(&self, job: &Job) -> Option<Outcome> {
        run::result(&self.folder(job))
    }

    /// The settings of a run; of one that prunes, of its dense model at the density of the pruned.
    ///
    /// # Errors
    /// None that a checked specification has.
    pub fn settings(&self, job: &Job) -> Result<train::Settings, train::settings::Invalid> {
        self.spec()
            .settings(job.width, job.density, job.lr, job.seed)
    }

    /// Learned numbers of a run's model.
    pub fn parameters(&self, job: &Job) -> u64 {
        let settings = self.settings(job);
        settings.map_or(0, |s| Layout::new(&s.model.config).len as u64)
    }

    /// Steps of a run, at least one.
    pub fn steps(&self, job: &Job) -> u64 {
        let steps = job.after.map_or(self.spec().steps, |after| after.recovery);
        steps.max(1)
    }

    /// What a run costs, steps times learned numbers: the unit of progress.
    pub fn cost(&self, job: &Job) -> u64 {
        self.steps(job) * self.parameters(job)
    }

    /// Runs `jobs`, `at_once` side by side, the most expensive first; results are the same for any number.
    ///
    /// # Errors
    /// The first that a run meets; those that are running then end, no other begins. Divergence is a result.
    pub fn run(
        &self,
        jobs: &[&Job],
        at_once: usize,
        watch: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<Vec<Outcome>, Error> {
        // What is pruned after its training waits for all that is trained.
        let (after, trained): (Vec<&Job>, Vec<&Job>) = jobs.iter().partition(|j| j.after.is_some());
        let mut outcomes = Vec::new();
        for mut order in [trained, after] {
            order.sort_by_key(|job| (core::cmp::Reverse(self.cost(job)), job.number));
            outcomes.extend(self.run_all(&order, at_once, watch)?);
        }
        outcomes.sort_by_key(|o| o.job.number);
        Ok(outcomes)
    }

    /// [`Sweep::run`] in this order.
    fn run_all(
        &self,
        order: &[&Job],
        at_once: usize,
        watch: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<Vec<Outcome>, Error> {
        let corpora = self.corpora(order)?;
        let done = Mutex::new(Vec::new());
        workers::work(order, at_once, |job| {
            let Some(corpus) = corpora.get(&self.corpus_of(job)) else {
                return Ok::<(), Error>(());
            };
            let mut step = |metrics: &Metrics| watch(Event::Step(job, metrics));
            let dense = self.dense(job)?;
            let about = (self.spec(), *job, dense.as_deref());
            let outcome = run::run(about, corpus, &self.folder(job), &mut step)?;
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            watch(Event::Done(&outcome));
            done.push(outcome);
            Ok(())
        })?;
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The folder of the dense model that a run prunes; `None` of a run that trains.
    fn dense(&self, job: &Job) -> Result<Option<PathBuf>, Error> {
        if job.after.is_none() {
            return Ok(None);
        }
        let same = |j: &&Job| (j.width, j.lr, j.seed) == (job.width, job.lr, job.seed);
        let dense = |j: &&Job| j.density == 1.0 && j.after.is_none() && same(j);
        let dense = self.jobs().iter().find(dense).ok_or(Error::NoDense)?;
        match self.outcome(dense) {
            Some(_) => Ok(Some(self.folder(dense))),
            None => Err(Error::Dense(dense.number)),
        }
    }

    /// Which corpus a run learns from: the seed splits files, but not the grammar, which says itself what is held out.
    fn corpus_of(&self, job: &Job) -> u64 {
        match Source::named(&self.spec().data) {
            Source::Grammar => 0,
            _ => job.seed,
        }
    }

    fn corpora(&self, jobs: &[&Job]) -> Result<BTreeMap<u64, Corpus>, Error> {
        let source = Source::named(&self.spec().data);
        let mut corpora = BTreeMap::new();
        for job in jobs {
            let seed = self.corpus_of(job);
            if let Entry::Vacant(place) = corpora.entry(seed) {
                place.insert(Corpus::load(&source, seed).map_err(train::Error::from)?);
            }
        }
        Ok(corpora)
    }

    /// The curves of the runs that are done.
    pub fn curve(&self) -> Curve {
        let outcomes = self.jobs().iter().filter_map(|job| self.outcome(job));
        Curve::new(self.places(), outcomes.collect())
    }

    /// Writes `curve.csv`, `curve.svg` and `curve.html` and gives their paths.
    ///
    /// # Errors
    /// A plot that cannot be drawn, a file that cannot be written.
    pub fn write_curve(&self, curve: &Curve) -> Result<[PathBuf; 3], Error> {
        let svg = plot::svg(curve)?;
        let html = page::html(self, curve, &svg);
        let write = |name: &str, text: &str| -> Result<PathBuf, Error> {
            let path = self.dir.join(name);
            output::write(&path, |file| file.write_all(text.as_bytes()))?;
            Ok(path)
        };
        let csv = write("curve.csv", &curve.csv())?;
        Ok([csv, write("curve.svg", &svg)?, write("curve.html", &html)?])
    }
}
