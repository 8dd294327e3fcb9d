//! One circuit with everything that says what it is worth.
//!
//! ```text
//! search × seeds ─► sizes, overlap of masks       the first seed's: validation, carved, exported
//! the other method · shuffled weights · nonsense ─► sizes beside it
//! ```
//!
//! # Invariants
//! - Controls get the same search, prices, steps and target as the circuit.
//! - Shuffled weights keep which weights are zero and every tensor's values; only their places change.
//! - Nonsense is judged on the pairs that it was searched on: there is nothing to generalise.
//!
//! # Why
//! A fresh draw of initial weights (deviation 0.02) reaches no loss because its logits are near 0, which would make an
//! easy opponent; shuffled weights are as large as those that were trained.

use lacuna::num::Rng;
use serde::{Deserialize, Serialize};

use super::Error;
use super::cases::Cases;
use super::constants::{self, Stand};
use super::curve::Ranking;
use super::learn::{self, Learning};
use super::rank::{self, Cut};
use super::size::{self, Size};
use super::subject::{self, Subject};
use super::validate::{Figure, Validation, jaccard};
use crate::checkpoint::Checkpoint;
use crate::train::parameters::Layout;

/// How nodes are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Masks that are learned
    Learned,
    /// Gradient times activation
    Attribution,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Loss that the circuit alone must meet, in nats.
    pub target: f64,
    /// What stands in for nodes that are off.
    pub stand: Stand,
    /// How nodes are ranked.
    pub method: Method,
    /// The search; its price is one of `prices`.
    pub learning: Learning,
    /// Prices of a node that are tried; the smallest circuit counts.
    pub prices: Vec<f64>,
    /// Searches with seeds that follow each other.
    pub seeds: usize,
    /// Random draws of nodes.
    pub draws: usize,
    /// Whether the other method, shuffled weights and nonsense are searched as well.
    pub controls: bool,
}

impl Request {
    /// Steps of all searches, for a progress bar.
    pub fn steps(&self) -> u64 {
        let learned = match (self.method, self.controls) {
            (Method::Learned, true) => self.seeds + 2,
            (Method::Learned, false) => self.seeds,
            (Method::Attribution, true) => 1,
            (Method::Attribution, false) => 0,
        };
        learned as u64 * self.prices.len() as u64 * self.learning.steps
    }
}

/// What is studied.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// The model.
    pub model: &'a Checkpoint,
    /// Pairs that choose the circuit.
    pub train: &'a Cases,
    /// Pairs that judge it.
    pub held_out: &'a Cases,
    /// Pairs whose answers mean nothing.
    pub nonsense: &'a Cases,
    /// Stretches of the pretraining data.
    pub windows: &'a [&'a [u8]],
}

/// One search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// What was searched: `learned`, `attribution`, `shuffled weights`, `nonsense`.
    pub what: String,
    /// Its seed.
    pub seed: u64,
    /// Price of a node that gave the smallest; none for attribution.
    pub k_coef: Option<f64>,
    /// The cut, on the pairs that chose it.
    pub cut: Cut,
    /// Its size.
    pub size: Size,
    /// Loss of the whole model on the pairs that judge.
    pub whole: f64,
    /// Loss of the circuit alone on the pairs that judge.
    pub alone: Figure,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The nodes of the circuit.
    pub on: Vec<bool>,
    /// What stands in for the others.
    pub constants: Vec<f32>,
    /// Scale of the logits, fitted on the pairs that chose the circuit.
    pub scale: f64,
    /// Size of the whole model.
    pub whole: Size,
    /// The circuit first, then other seeds, then controls.
    pub trials: Vec<Trial>,
    /// Orders of the nodes of this model: those that the circuit was cut from, then the other method's.
    pub rankings: Vec<Ranking>,
    /// What the circuit is worth.
    pub validation: Validation,
    /// Overlap of the masks of every two seeds.
    pub jaccard: Vec<f64>,
}

/// Studies one task; `each` is told of every step of a search.
///
/// # Errors
/// A model that the engine does not run.
pub fn study(
    material: &Material<'_>,
    request: &Request,
    each: &mut dyn FnMut(),
) -> Result<Found, Error> {
    let model = material.model;
    let subject = subject(material, request, model)?;
    let judged = [material.train, material.held_out];
    let mut trials = Vec::new();
    let mut masks = Vec::new();
    let mut rankings = Vec::new();
    let main = |seed: u64| match request.method {
        Method::Learned => ("learned", seed),
        Method::Attribution => ("attribution", seed),
    };
    for seed in 0..request.seeds.max(1) as u64 {
        let seed = request.learning.seed + seed;
        let (on, trial, orders) = search(model, &subject, request, main(seed), judged, each);
        if masks.is_empty() {
            rankings = orders;
        }
        masks.push(on);
        trials.push(trial);
        if request.method == Method::Attribution {
            break;
        }
    }
    let seed = request.learning.seed;
    if request.controls {
        let other = match request.method {
            Method::Learned => "attribution",
            Method::Attribution => "learned",
        };
        let (_, trial, orders) = search(model, &subject, request, (other, seed), judged, each);
        trials.push(trial);
        rankings.extend(orders);
        if request.method == Method::Learned {
            let shuffled = shuffled(model, seed);
            let there = self::subject(material, request, &shuffled)?;
            let what = ("shuffled weights", seed);
            trials.push(search(&shuffled, &there, request, what, judged, each).1);
            let judged = [material.nonsense, material.nonsense];
            let what = ("nonsense", seed);
            trials.push(search(model, &subject, request, what, judged, each).1);
        }
    }
    let on = masks[0].clone();
    let scale = subject::calibrated(&subject.margins(&on, material.train));
    let how = (scale, request.draws, seed);
    let mut overlap = Vec::new();
    for (i, a) in masks.iter().enumerate() {
        overlap.extend(masks[..i].iter().map(|b| jaccard(a, b)));
    }
    Ok(Found {
        validation: Validation::new(&subject, material.held_out, &on, how),
        constants: subject.constants().to_vec(),
        whole: size::size(model, &subject.nodes, &vec![true; on.len()]),
        on,
        scale,
        trials,
        rankings,
        jaccard: overlap,
    })
}

/// `model` with the constants that were asked for.
fn subject(
    material: &Material<'_>,
    request: &Request,
    model: &Checkpoint,
) -> Result<Subject, Error> {
    let means = constants::means(model, material.windows.iter().copied())?;
    let stands = match request.stand {
        Stand::Mean => constants::carriable(&model.config, means),
        Stand::Zero => vec![0.0; means.len()],
    };
    Subject::new(model, stands)
}

/// The smallest circuit over all prices, its figures, and the order of each price.
fn search(
    model: &Checkpoint,
    subject: &Subject,
    request: &Request,
    (what, seed): (&str, u64),
    [train, judge]: [&Cases; 2],
    each: &mut dyn FnMut(),
) -> (Vec<bool>, Trial, Vec<Ranking>) {
    let all = subject.nodes.len;
    let mut best: Option<(Vec<bool>, Cut, Option<f64>)> = None;
    let mut rankings = Vec::new();
    let mut offer = |scores: &[f32], start: usize, price: Option<f64>| {
        let order = rank::order(scores);
        let cut = rank::cut(subject, train, &order, start, request.target);
        if best.as_ref().is_none_or(|(_, old, _)| cut.beats(old)) {
            best = Some((rank::first(&order, cut.nodes), cut, price));
        }
        rankings.push(Ranking {
            what: what.to_owned(),
            order,
            start,
        });
    };
    if what == "attribution" {
        offer(&learn::attribution(subject, train), all, None);
    } else {
        for &k_coef in &request.prices {
            let how = Learning {
                k_coef,
                seed,
                ..request.learning
            };
            let tau = learn::learn(subject, train, &how, each);
            let start = tau.iter().filter(|tau| **tau >= 0.0).count();
            offer(&tau, start, Some(k_coef));
        }
    }
    let none = Cut {
        nodes: all,
        loss: f64::NAN,
        met: false,
    };
    let (on, cut, k_coef) = best.unwrap_or((vec![true; all], none, None));
    let trial = Trial {
        what: what.to_owned(),
        seed,
        k_coef,
        cut,
        size: size::size(model, &subject.nodes, &on),
        whole: subject::loss(&subject.margins(&vec![true; all], judge), 1.0),
        alone: Figure::new(&subject.margins(&on, judge), 1.0, seed),
    };
    (on, trial, rankings)
}

/// `model` as it was before training, with zeros where it has them now.
pub fn untrained(model: &Checkpoint, seed: u64) -> Checkpoint {
    let layout = Layout::new(&model.config);
    let initial = layout.tensors(&layout.initial(seed));
    let mut untrained = model.clone();
    for (name, tensor) in &mut untrained.tensors {
        let fresh = initial.get(name).map_or(&[][..], |t| &t.data);
        for (w, fresh) in tensor.data.iter_mut().zip(fresh) {
            *w = if *w == 0.0 { 0.0 } else { *fresh };
        }
    }
    untrained
}

/// `model` with the nonzero values of every learned tensor in other places of it.
pub fn shuffled(model: &Checkpoint, seed: u64) -> Checkpoint {
    let mut rng = Rng::new(seed ^ 0x7368_7566);
    let mut shuffled = model.clone();
    for entry in &Layout::new(&model.config).entries {
        let Some(tensor) = shuffled.tensors.get_mut(&entry.name) else {
            continue;
        };
        let places: Vec<usize> = (0..tensor.data.len())
            .filter(|&i| tensor.data[i] != 0.0)
            .collect();
        for i in (1..places.len()).rev() {
            let other = rng.below(i as u32 + 1) as usize;
            tensor.data.swap(places[i], places[other]);
        }
    }
    shuffled
}
