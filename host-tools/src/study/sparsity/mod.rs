//! Whether weight sparsity makes small circuits: the tests T1–T7 of a reproduction of Gao et al., "Weight-sparse transformers
//! have interpretable circuits", at the size of a desk.
//!
//! ```text
//! DIR/study.json                        specification and numbered jobs
//! DIR/models/SWEEP/                     a folder of `lacuna sweep` each         job: train
//! DIR/looks/SWEEP/RUN/result.json       statistics of its activations           job: look
//! DIR/circuits/SWEEP/RUN/TASK--KIND/    result.json, and where it is a model's  job: find
//!                                       own circuit its view and checkpoint
//! DIR/answers.json, DIR/circuits.csv, DIR/report.html
//! ```
//!
//! # Expectations, stated before anything was run
//! Limits are those of the paper's claims as a small model can show them. A test passes where all of its parts do.
//! - T1: at fixed total size, Spearman's correlation of density with validation bits per byte is below −0.9, and with the
//!   accuracy on tasks above 0.9, over the means of seeds.
//! - T2: there, the correlation of density with the geometric mean of edges at the target is above 0.9; nodes likewise
//!   (T2n), because edges fall with density where nodes do not.
//! - T3: at fixed nonzeros, 4 and 16 times the weights: the loss on tasks and the edges both fall, over seeds and tasks, by
//!   a sign test. FAIL if only one of them moves.
//! - T4: of a dense and a sparse model of equal bits per byte (within 2 %), the sparse one has less than a third of the
//!   edges; and it has fewer nodes (T4n). The pair is chosen by bits per byte alone, density at most 1/8, the nearest.
//! - T5: alone, circuits of sparse models lose at most the target on unseen templates, logits scaled; without them models
//!   lose at least 0.5; without as many random nodes outside them the loss moves by less than 0.05.
//! - T6: kurtosis of the final residual rises as density falls: correlation below −0.9.
//! - T7: learned masks need less than half the edges of attribution at the same loss.
//! - C1–C3: nonsense, shuffled weights and initial weights need more than twice the nodes of the real task; if not, small
//!   circuits say little about models (Drori, 2026, found them for nonsense).
//! - C4: the masks of two seeds share more than half of their nodes. C5: with zeros for means circuits are smaller.
//!   C6: on unseen templates the circuit's loss is less than 0.05 above that on the templates that chose it.
//! - E1: the engine runs every carved circuit with the same bits on all instruction sets, and with the graph's loss.
//!
//! What is not met: a search that ends above the target has no size. T2 is over the tasks whose circuits are met in every
//! seed at every density; while these are fewer than half, the sparsest density is left out and named. T2c, beside
//! it, leaves out nothing: what is not met counts as the whole model, which is a lower bound. Ratios are over tasks met on
//! both sides, but a control that is not met counts as its whole model, a lower bound as well.
//!
//! # Invariants
//! - A finished job is never redone; a job depends on the specification, its number and its model alone.
//! - Bits per byte, accuracies and kurtosis are the engine's. Losses of circuits are the graph's, and the engine's beside
//!   them (E1).
//! - Seeds of training are the unit of intervals; where tasks vary within a seed, tasks are drawn within seeds.
//!
//! # Why
//! With three seeds a bootstrap is short of what it needs, so its intervals are the least that can be said; each answer
//! says how many seeds would have 80 % power at the spread that was seen.

mod answer;
mod claims;
mod controls;
mod job;
mod outcome;
mod page;
mod plan;
mod sample;
mod seen;
mod spec;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::{Corpus, Source};
use crate::sweep::{self, Event, Sweep, workers};
use crate::train::Metrics;
use crate::{checkpoint, circuit, data, train};

pub use answer::Answer;
pub use job::{Circuit, Engine, Look};
pub use outcome::{Answers, Row, Test};
pub use plan::{Job, Kind, Model, NONSENSE, Plan, Work};
pub use spec::{Controls, EXAMPLE, NONZEROS, QUICK, Search, Spec, TOTAL};

/// File of the manifest.
pub const MANIFEST: &str = "study.json";
/// Folder of the sweeps.
pub const MODELS: &str = "models";

/// What can go wrong in a study of sparsity.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("this is not the description of a study")]
    Toml(#[from] toml::de::Error),
    #[error("setting cannot be: {0}")]
    Spec(String),
    #[error("setting of a model cannot be: {0}")]
    Settings(#[from] train::settings::Invalid),
    #[error("cannot use {}", path.display())]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} holds another study; give another directory, or remove this one to begin again", .0.display())]
    Other(PathBuf),
    #[error("there is no job {number}; they are numbered 1 to {last}")]
    Number { number: usize, last: usize },
    #[error("model {model} is not trained; job {job} does that")]
    Untrained { model: String, job: usize },
    #[error("training of model {0} diverged; take another seed or learning rate")]
    Diverged(String),
    #[error(transparent)]
    Sweep(#[from] sweep::Error),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Data(#[from] data::Error),
    #[error("the circuit of {task} in {model}")]
    Circuit {
        model: String,
        task: String,
        source: circuit::Error,
    },
    #[error("the engine cannot run {model}")]
    Look {
        model: String,
        source: circuit::Error,
    },
    #[error(transparent)]
    Report(#[from] super::report::Error),
}

/// What is written once for a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Manifest {
    spec: Spec,
    #[serde(flatten)]
    plan: Plan,
}

/// A study in its folder.
#[derive(Clone, Debug)]
pub struct Study {
    manifest: Manifest,
    sweeps: Vec<(String, Sweep)>,
    dir: PathBuf,
}

/// What happens during a study.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A step of training.
    Trained(&'a Metrics),
    /// A step of a search.
    Searched,
    /// A job is done.
    Done(&'a Job),
}

impl Study {
    /// The study of `spec` in `dir`, begun or gone on with; sweeps that are there are taken as they are.
    ///
    /// # Errors
    /// A folder with another study or sweep, or one that cannot be written.
    pub fn open(spec: &Spec, dir: &Path) -> Result<Study, Error> {
        let path = dir.join(MANIFEST);
        let found = match path.exists() {
            true => {
                let read: Option<Manifest> = serde_json::from_slice(&checkpoint::read(&path)?).ok();
                // As a reader sees it: a decimal may be rounded on the way.
                let text = serde_json::to_string(spec).unwrap_or_default();
                let same = serde_json::from_str::<Spec>(&text).ok();
                let read = read.filter(|m| Some(&m.spec) == same.as_ref());
                Some(read.ok_or_else(|| Error::Other(dir.to_owned()))?)
            }
            false => None,
        };
        let open = |(name, sweep): (&String, &sweep::Spec)| {
            let place = dir.join(MODELS).join(name);
            Ok((name.clone(), Sweep::open(sweep, &place)?))
        };
        let sweeps: Vec<_> = spec.models.iter().map(open).collect::<Result<_, Error>>()?;
        let manifest = match found {
            Some(manifest) => manifest,
            None => {
                let manifest = Manifest {
                    plan: plan::plan(spec, &sweeps),
                    spec: spec.clone(),
                };
                checkpoint::write_json(&path, &manifest)?;
                manifest
            }
        };
        Ok(Study {
            manifest,
            sweeps,
            dir: dir.to_owned(),
        })
    }

    /// What was asked for.
    pub fn spec(&self) -> &Spec {
        &self.manifest.spec
    }

    /// Models and jobs.
    pub fn plan(&self) -> &Plan {
        &self.manifest.plan
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The job of that number.
    ///
    /// # Errors
    /// There is none.
    pub fn job(&self, number: usize) -> Result<&Job, Error> {
        let jobs = &self.plan().jobs;
        let last = jobs.len();
        let found = number.checked_sub(1).and_then(|i| jobs.get(i));
        found.ok_or(Error::Number { number, last })
    }

    /// The sweep of that name.
    fn sweep(&self, name: &str) -> Option<&Sweep> {
        let found = self.sweeps.iter().find(|(n, _)| n == name);
        found.map(|(_, sweep)| sweep)
    }

    /// The sweep and the model of a job.
    fn of(&self, job: &Job) -> Result<(&Model, &Sweep), Error> {
        let model = self.plan().models.get(job.model);
        let found = model.and_then(|m| Some((m, self.sweep(&m.sweep)?)));
        found.ok_or_else(|| Error::Other(self.dir.clone()))
    }

    /// Whether a job has its result.
    pub fn done(&self, job: &Job) -> bool {
        match (&job.work, self.of(job)) {
            (_, Err(_)) => false,
            (Work::Train, Ok((model, sweep))) => sweep.outcome(&model.run).is_some(),
            (_, Ok((model, _))) => job::folder(&self.dir, model, &job.work)
                .join(sweep::RESULT)
                .exists(),
        }
    }

    /// Steps of a job, for a progress bar.
    pub fn steps(&self, job: &Job) -> u64 {
        let training = || self.of(job).map_or(1, |(_, sweep)| sweep.spec().steps);
        match &job.work {
            Work::Train => training(),
            Work::Look => 1,
            Work::Find { kind, .. } => match kind {
                Kind::Attribution => 1,
                _ => self.spec().search.steps * self.spec().search.prices.len() as u64,
            },
        }
    }

    /// Does those of `jobs` that are open, `at_once` side by side, models first; results are the same for any number.
    ///
    /// # Errors
    /// The first that a job meets; those that are running then end, no other begins.
    pub fn run(
        &self,
        jobs: &[&Job],
        at_once: usize,
        watch: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<(), Error> {
        let open = jobs.iter().copied().filter(|job| !self.done(job));
        let (train, rest): (Vec<&Job>, Vec<&Job>) = open.partition(|job| job.work == Work::Train);
        for (name, sweep) in &self.sweeps {
            let of_sweep = train
                .iter()
                .filter_map(|job| Some((*job, self.of(job).ok()?.0)));
            let mine: Vec<(&Job, &Model)> = of_sweep.filter(|(_, m)| &m.sweep == name).collect();
            let runs: Vec<&sweep::Job> = mine.iter().map(|(_, model)| &model.run).collect();
            let told = |event: Event<'_>| match event {
                Event::Step(_, metrics) => watch(Progress::Trained(metrics)),
                Event::Done(outcome) => {
                    let done = mine.iter().find(|(_, model)| model.run == outcome.job);
                    done.into_iter()
                        .for_each(|(job, _)| watch(Progress::Done(job)));
                }
            };
            if !runs.is_empty() {
                sweep.run(&runs, at_once, &told)?;
            }
        }
        self.search(&rest, at_once, watch)
    }

    /// Does jobs other than training.
    fn search(
        &self,
        jobs: &[&Job],
        at_once: usize,
        watch: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<(), Error> {
        let mut corpora: Vec<((Vec<PathBuf>, u64), Corpus)> = Vec::new();
        for job in jobs {
            let about = self.about(job)?;
            if !corpora.iter().any(|(of, _)| *of == about) {
                let corpus = Corpus::load(&Source::named(&about.0), about.1)?;
                corpora.push((about, corpus));
            }
        }
        workers::work(jobs, at_once, |job| {
            let about = self.about(job)?;
            let corpus = corpora.iter().find(|(of, _)| *of == about);
            let corpus = corpus.ok_or_else(|| Error::Other(self.dir.clone()))?;
            job::run(self, job, &corpus.1, &mut || watch(Progress::Searched))?;
            watch(Progress::Done(job));
            Ok(())
        })
    }

    /// What the model of a job learned from: paths, and the seed that splits them.
    fn about(&self, job: &Job) -> Result<(Vec<PathBuf>, u64), Error> {
        let (model, sweep) = self.of(job)?;
        let data = &sweep.spec().data;
        let seed = match Source::named(data) {
            Source::Grammar => 0,
            _ => model.run.seed,
        };
        Ok((data.clone(), seed))
    }
}

/// Makes a folder for a result.
fn folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::Folder {
        path: path.to_owned(),
        source,
    })
}
