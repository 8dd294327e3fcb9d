//! From a specification to numbered jobs: models, a look at each, circuits.
//!
//! ```text
//! sweeps ─► models, each once ─► 1 … m  train      m+1 … 2m  look      then  find: model x task x search
//! ```
//!
//! # Invariants
//! - The same specification gives the same jobs with the same numbers, on every machine.
//! - Models of several sweeps with the same settings are trained once, by the first of them.
//! - What most tests need comes first: circuits of `total`, then of `nonzeros` and the others, then controls.

use serde::{Deserialize, Serialize};

use super::spec::{NONZEROS, Spec, TOTAL};
use crate::sweep::{self, Sweep};

/// A model of the study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// `SWEEP/RUN`: below `models` with `runs` between the two.
    pub name: String,
    /// Its sweep.
    pub sweep: String,
    /// Its run there.
    pub run: sweep::Job,
}

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Learned masks, means outside.
    Learned,
    /// Nodes by gradient times activation.
    Attribution,
    /// Learned masks with another seed.
    Again,
    /// Learned masks, zeros outside.
    Zero,
    /// Learned masks of the model with its weights shuffled.
    Shuffled,
    /// Learned masks of the model before training, with zeros where it has them after.
    Untrained,
    /// Learned masks of a task that means nothing.
    Nonsense,
}

impl Kind {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Learned => "learned",
            Kind::Attribution => "attribution",
            Kind::Again => "again",
            Kind::Zero => "zero",
            Kind::Shuffled => "shuffled",
            Kind::Untrained => "untrained",
            Kind::Nonsense => "nonsense",
        }
    }
}

/// What a job does to its model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Trains it.
    Train,
    /// Takes statistics of its activations.
    Look,
    /// Searches a circuit.
    Find {
        /// Of which task.
        task: String,
        /// And how.
        kind: Kind,
    },
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its number, from 1.
    pub number: usize,
    /// Number of its model in [`Plan::models`].
    pub model: usize,
    /// What it does.
    pub work: Work,
}

/// Models and jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The models, each once.
    pub models: Vec<Model>,
    /// The jobs in order of their numbers.
    pub jobs: Vec<Job>,
}

/// Task of [`Kind::Nonsense`].
pub const NONSENSE: &str = "nonsense";

/// The plan of `spec`, whose sweeps are `sweeps` by name.
pub(super) fn plan(spec: &Spec, sweeps: &[(String, Sweep)]) -> Plan {
    let mut order: Vec<&(String, Sweep)> = sweeps.iter().collect();
    let place = |name: &str| {
        [TOTAL, NONZEROS]
            .iter()
            .position(|n| *n == name)
            .unwrap_or(2)
    };
    order.sort_by_key(|(name, _)| place(name));
    let (mut models, mut known) = (Vec::new(), Vec::new());
    for (name, sweep) in order {
        for run in sweep.jobs() {
            let settings = sweep.settings(run).ok();
            if !known.contains(&settings) {
                known.push(settings);
                models.push(Model {
                    name: format!("{name}/{}", run.name),
                    sweep: name.clone(),
                    run: run.clone(),
                });
            }
        }
    }
    let all = 0..models.len();
    let mut todo: Vec<(usize, Work)> = all.clone().map(|m| (m, Work::Train)).collect();
    todo.extend(all.clone().map(|m| (m, Work::Look)));
    let of_total: Vec<usize> = all.clone().filter(|&m| models[m].sweep == TOTAL).collect();
    let others: Vec<usize> = all.filter(|&m| models[m].sweep != TOTAL).collect();
    let controlled = of_total.iter().copied();
    let controlled =
        controlled.filter(|&m| spec.controls.densities.contains(&models[m].run.density));
    let controlled: Vec<usize> = controlled.collect();
    let mut find = |kinds: &[Kind], tasks: &[String], models: &[usize]| {
        for task in tasks {
            for &kind in kinds {
                let task = task.clone();
                let work = Work::Find { task, kind };
                todo.extend(models.iter().map(|&m| (m, work.clone())));
            }
        }
    };
    let found = [Kind::Learned, Kind::Attribution];
    find(&found, &spec.tasks, &of_total);
    find(&found, &spec.tasks, &others);
    find(&[Kind::Nonsense], &[NONSENSE.to_owned()], &of_total);
    let kinds = [Kind::Again, Kind::Zero, Kind::Shuffled, Kind::Untrained];
    find(&kinds, &spec.controls.tasks, &controlled);
    let jobs = todo
        .into_iter()
        .zip(1..)
        .map(|((model, work), number)| Job {
            number,
            model,
            work,
        });
    Plan {
        jobs: jobs.collect(),
        models,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::sparsity::{EXAMPLE, Study};

    #[test]
    fn models_of_two_sweeps_are_trained_once_and_jobs_ordered() {
        let dir = tempfile::tempdir().unwrap();
        let open = |spec: &Spec, name: &str| Study::open(spec, &dir.path().join(name)).unwrap();
        let mut spec = Spec::parse(EXAMPLE).unwrap();
        let models = open(&spec, "a").plan().models.clone();
        let nonzeros = |m: &&Model| m.sweep == NONZEROS;
        assert_eq!(models.iter().filter(nonzeros).count(), 9);
        // From width 32, a quarter of the weights is the same model as at fixed total size.
        let sweep = spec.models.get_mut(NONZEROS).unwrap();
        (sweep.widths, sweep.densities) = (vec![32], vec![1.0, 0.25]);
        let plan = open(&spec, "b").plan().clone();
        assert_eq!(plan.models.iter().filter(nonzeros).count(), 3);
        let numbers: Vec<usize> = plan.jobs.iter().map(|j| j.number).collect();
        assert_eq!(numbers, (1..=plan.jobs.len()).collect::<Vec<_>>());
        for (model, job) in plan.jobs[..plan.models.len()].iter().enumerate() {
            assert_eq!((&job.work, job.model), (&Work::Train, model));
        }
        let last = plan.jobs.last().unwrap();
        assert!(matches!(
            last.work,
            Work::Find {
                kind: Kind::Untrained,
                ..
            }
        ));
    }
}
