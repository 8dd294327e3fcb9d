//! One job other than training: statistics of a model's activations, or a circuit.
//!
//! # Invariants
//! - A job is done when its `result.json` is there, which is written last.
//! - Two processes that do the same job write the same bytes.
//!
//! # Why
//! Circuits are searched with one seed a job, so that a job takes seconds and any scheduler can order them.

use std::path::{Path, PathBuf};

use lacuna::probe::{Hook, Probe, Site, Stat, StatSet, Values, measure, null};
use serde::{Deserialize, Serialize};

use super::plan::{Job, Kind, Model, NONSENSE, Work};
use super::{Error, Study, folder as make};
use crate::checkpoint::{self, Checkpoint};
use crate::circuit::cases::Cases;
use crate::circuit::constants::{self, Stand};
use crate::circuit::learn::Learning;
use crate::circuit::record::{self, Record};
use crate::circuit::study::{self, Material, Method, Request};
use crate::circuit::{self, carve, check, subject};
use crate::data::Corpus;
use crate::export;
use crate::sweep::RESULT;
use crate::tasks::Task;

/// Seed of pairs, masks and draws; [`Kind::Again`] has the next one.
const SEED: u64 = 0;
/// Stretches of held-out text that a look is at.
const WINDOWS: usize = 32;

/// A look at a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Tokens of held-out text.
    pub tokens: u64,
    /// Mean over tokens of the kurtosis of the final residual.
    pub kurtosis: f64,
    /// That of Gaussian vectors as wide.
    pub gaussian: f64,
    /// The deviation of one of those.
    pub deviation: f64,
}

/// A carved circuit on the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Engine {
    /// Its loss on the pairs that judge.
    pub loss: f64,
    /// That of the graph.
    pub graph: f64,
    /// Whether all instruction sets gave the same bits.
    pub same_bits: bool,
    /// Instruction sets.
    pub isas: Vec<String>,
    /// Bytes of the file, and of the whole model's.
    pub flash: [usize; 2],
}

impl Engine {
    /// The same bits everywhere, and the graph's loss up to rounding.
    pub fn agrees(&self) -> bool {
        self.same_bits && (self.loss - self.graph).abs() <= check::ROUNDING
    }
}

/// A circuit that was searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Circuit {
    /// Its model.
    pub model: String,
    /// Its task.
    pub task: String,
    /// What was searched.
    pub kind: Kind,
    /// What was found.
    pub record: Record,
    /// The same by the engine.
    pub engine: Engine,
}

/// The folder of the result of `work` on `model`.
pub(super) fn folder(dir: &Path, model: &Model, work: &Work) -> PathBuf {
    match work {
        Work::Find { task, kind } => {
            let name = format!("{task}--{}", kind.name());
            dir.join("circuits").join(&model.name).join(name)
        }
        _ => dir.join("looks").join(&model.name),
    }
}

/// The result in `dir`, if it is there.
pub(super) fn result<T: serde::de::DeserializeOwned>(dir: &Path) -> Option<T> {
    let bytes = checkpoint::read(&dir.join(RESULT)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Does `job`; `each` is told of every step of a search.
pub(super) fn run(
    study: &Study,
    job: &Job,
    corpus: &Corpus,
    each: &mut dyn FnMut(),
) -> Result<(), Error> {
    let (model, sweep) = study.of(job)?;
    let place = sweep.folder(&model.run);
    let Some(outcome) = sweep.outcome(&model.run) else {
        return Err(Error::Untrained {
            model: model.name.clone(),
            // Training of the models comes first, in their order.
            job: job.model + 1,
        });
    };
    if outcome.figures.is_none() {
        return Err(Error::Diverged(model.name.clone()));
    }
    let checkpoint = Checkpoint::load(&place)?;
    let dir = folder(study.dir(), model, &job.work);
    make(&dir)?;
    match &job.work {
        Work::Find { task, kind } => {
            let found = find(
                study,
                (task, *kind),
                (&checkpoint, &place),
                corpus,
                &dir,
                each,
            );
            let (record, engine) = found.map_err(|e| e.of(model, task))?;
            let circuit = Circuit {
                model: model.name.clone(),
                task: task.clone(),
                kind: *kind,
                record,
                engine,
            };
            checkpoint::write_json(&dir.join(RESULT), &circuit)?;
        }
        _ => {
            let look = look(&checkpoint, corpus).map_err(|e| e.of(model, ""))?;
            checkpoint::write_json(&dir.join(RESULT), &look)?;
        }
    }
    Ok(())
}

/// What stops a job.
enum Stop {
    Circuit(circuit::Error),
    Data(crate::data::Error),
}

impl Stop {
    fn of(self, model: &Model, task: &str) -> Error {
        let model = model.name.clone();
        match self {
            Stop::Data(source) => Error::Data(source),
            Stop::Circuit(source) if task.is_empty() => Error::Look { model, source },
            Stop::Circuit(source) => Error::Circuit {
                model,
                task: task.to_owned(),
                source,
            },
        }
    }
}

impl From<circuit::Error> for Stop {
    fn from(error: circuit::Error) -> Stop {
        Stop::Circuit(error)
    }
}

impl From<crate::data::Error> for Stop {
    fn from(error: crate::data::Error) -> Stop {
        Stop::Data(error)
    }
}

/// Searches a circuit, carves it and runs it on the engine.
fn find(
    study: &Study,
    (name, kind): (&str, Kind),
    (trained, place): (&Checkpoint, &Path),
    corpus: &Corpus,
    dir: &Path,
    each: &mut dyn FnMut(),
) -> Result<(Record, Engine), Stop> {
    let spec = study.spec();
    let search = &spec.search;
    let other = match kind {
        Kind::Shuffled => Some(study::shuffled(trained, SEED)),
        Kind::Untrained => Some(study::untrained(trained, SEED)),
        _ => None,
    };
    let model = other.as_ref().unwrap_or(trained);
    // Nonsense is the same for every task.
    let task = Task::named(name).unwrap_or(Task::ForWhile);
    let [train, held_out, nonsense] = Cases::of_task(model, task, (SEED, search.pairs))?;
    let (train, held_out) = match name {
        NONSENSE => (&nonsense, &nonsense),
        _ => (&train, &held_out),
    };
    let windows = constants::stretches(&corpus.train, model.config.seq_len, SEED)?;
    let material = Material {
        model,
        train,
        held_out,
        nonsense: &nonsense,
        windows: &windows,
    };
    let request = Request {
        target: spec.target,
        stand: match kind {
            Kind::Zero => Stand::Zero,
            _ => Stand::Mean,
        },
        method: match kind {
            Kind::Attribution => Method::Attribution,
            _ => Method::Learned,
        },
        learning: Learning {
            steps: search.steps,
            pairs: search.batch,
            seed: SEED + u64::from(kind == Kind::Again),
            ..Learning::default()
        },
        prices: search.prices.clone(),
        seeds: 1,
        draws: search.draws,
        controls: false,
    };
    let found = study::study(&material, &request, each)?;
    let record = Record::new((model, place), (name, search.pairs, SEED), &request, &found);
    if kind == Kind::Learned {
        record::save(dir, model, (&record, &found), held_out)?;
    }
    let carved = carve::carve(model, &found.on, &found.constants, found.scale as f32);
    let how = export::Settings {
        golden: 0,
        plan: export::Plan::None,
        ..export::Settings::default()
    };
    let bytes = |model: &Checkpoint| export::export(model, None, &how).map(|file| file.bytes);
    let file = bytes(&carved).map_err(circuit::Error::from)?;
    let (margins, digests) = check::margins(&file, held_out)?;
    let whole = bytes(model).map_err(circuit::Error::from)?;
    let engine = Engine {
        loss: subject::loss(&margins, 1.0),
        graph: found.validation.calibrated.loss,
        same_bits: digests.iter().all(|d| d.digest == digests[0].digest),
        isas: digests.into_iter().map(|d| d.isa).collect(),
        flash: [file.len(), whole.len()],
    };
    Ok((record, engine))
}

/// Kurtosis of the final residual at every token of held-out text.
fn look(model: &Checkpoint, corpus: &Corpus) -> Result<Look, Stop> {
    let seq = model.config.seq_len;
    let windows = corpus.windows(seq, WINDOWS)?;
    let seen = constants::seen(model, Kurtosis::default(), |session| {
        for window in &windows {
            session.clear();
            let tokens: Vec<u32> = (corpus.validation[window.clone()].iter().take(seq))
                .map(|&b| b.into())
                .collect();
            session.prompt(&tokens).map_err(circuit::Error::Session)?;
        }
        Ok(())
    })?;
    let null = null(Stat::Kurtosis, model.config.dim);
    Ok(Look {
        tokens: seen.tokens,
        kurtosis: seen.sum / seen.tokens.max(1) as f64,
        gaussian: null.map_or(f64::NAN, |n| n.mean.into()),
        deviation: null.map_or(f64::NAN, |n| n.sd.into()),
    })
}

/// Sum of the kurtosis of the final residual.
#[derive(Clone, Copy, Debug, Default)]
struct Kurtosis {
    sum: f64,
    tokens: u64,
}

impl Probe for Kurtosis {
    fn observe(&mut self, site: Site, x: &[f32]) {
        if site.hook != Hook::ResidFinal {
            return;
        }
        let mut values = Values::default();
        let finite = measure(x, StatSet::of(&[Stat::Kurtosis]), 0.0, &mut values);
        if let (true, Some(kurtosis)) = (finite, values.get(Stat::Kurtosis)) {
            self.sum += f64::from(kurtosis);
            self.tokens += 1;
        }
    }

    fn wants(&self, hook: Hook) -> bool {
        hook == Hook::ResidFinal
    }
}
