//! `circuit.json`: what was found, by which settings, and what it is worth.
//!
//! ```text
//! DIR/circuit.json        this record          DIR/model.safetensors, config.json, train.json   the carved checkpoint
//! DIR/circuit.html        the view of it
//! ```
//!
//! # Invariants
//! - Everything needed to search again is in it: checkpoint, digest of its weights, task, settings, seed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cases::Cases;
use super::curve::Point;
use super::size::Size;
use super::study::{Found, Request, Trial};
use super::validate::Validation;
use super::{Error, carve, constants, fires, page};
use crate::checkpoint::{self, Checkpoint};
use crate::train::graph::Nodes;

/// File of the record.
pub const RECORD: &str = "circuit.json";
/// File of the view.
pub const VIEW: &str = "circuit.html";

/// Nodes of one site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// The site, in TransformerLens' words.
    pub site: String,
    /// Channels there.
    pub channels: Vec<usize>,
}

/// A circuit and its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The task.
    pub task: String,
    /// Directory of the model's checkpoint.
    pub checkpoint: PathBuf,
    /// Digest of its weights.
    pub weights: String,
    /// Pairs that chose the circuit, and as many that judged it.
    pub pairs: usize,
    /// Seed of the pairs.
    pub seed: u64,
    /// How it was searched.
    pub request: Request,
    /// Sites where zero stands in for the mean, because no file could carry it.
    pub zeroed: Vec<String>,
    /// Whether the target is met on the pairs that chose it.
    pub met: bool,
    /// Alone, it meets the target on held-out pairs.
    pub sufficient: bool,
    /// Without it the model fails, and does not without random nodes.
    pub necessary: bool,
    /// Nodes and edges of the circuit.
    pub size: Size,
    /// Nodes and edges of the whole model.
    pub whole: Size,
    /// Scale of the logits.
    pub scale: f64,
    /// Its nodes.
    pub nodes: Vec<Channels>,
    /// Losses on held-out pairs.
    pub validation: Validation,
    /// The circuit first, then other seeds and controls.
    pub trials: Vec<Trial>,
    /// Overlap of the masks of every two seeds.
    pub jaccard: Vec<f64>,
    /// The same search cut at several losses; empty where one was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<Point>,
}

impl Record {
    /// The record of `found` in the model `model` of the directory `dir`.
    pub fn new(
        (model, dir): (&Checkpoint, &Path),
        (task, pairs, seed): (&str, usize, u64),
        request: &Request,
        found: &Found,
    ) -> Record {
        let nodes = Nodes::new(&model.config);
        let channels = nodes.sites.iter().map(|s| Channels {
            site: s.site.to_string(),
            channels: (0..s.range.len())
                .filter(|i| found.on[s.range.start + i])
                .collect(),
        });
        let zeroed = match request.stand {
            constants::Stand::Mean => constants::uncarried(&model.config),
            constants::Stand::Zero => Vec::new(),
        };
        let first = found.trials.first();
        Record {
            task: task.to_owned(),
            checkpoint: dir.to_owned(),
            weights: model.digest(),
            pairs,
            seed,
            request: request.clone(),
            zeroed,
            met: first.is_some_and(|t| t.cut.met),
            sufficient: found.validation.sufficient(request.target),
            necessary: found.validation.necessary(),
            size: first.map(|t| t.size).unwrap_or_default(),
            whole: found.whole,
            scale: found.scale,
            nodes: channels.filter(|c| !c.channels.is_empty()).collect(),
            validation: found.validation,
            trials: found.trials.clone(),
            jaccard: found.jaccard.clone(),
            curve: Vec::new(),
        }
    }

    /// Reads the record in the directory `dir`.
    ///
    /// # Errors
    /// No such file, or one that is no record.
    pub fn load(dir: &Path) -> Result<Record, Error> {
        let path = dir.join(RECORD);
        let bytes = checkpoint::read(&path)?;
        let record = serde_json::from_slice(&bytes);
        Ok(record.map_err(|source| checkpoint::Error::Json { path, source })?)
    }

    /// Writes it into the directory `dir`.
    ///
    /// # Errors
    /// The file system's.
    pub fn save(&self, dir: &Path) -> Result<(), Error> {
        Ok(checkpoint::write_json(&dir.join(RECORD), self)?)
    }
}

/// Writes the circuit, its view and its record into the directory `dir`, the record last.
///
/// # Errors
/// The file system's, a model that the engine does not run.
pub fn save(
    dir: &Path,
    model: &Checkpoint,
    (record, found): (&Record, &Found),
    held_out: &Cases,
) -> Result<(), Error> {
    let mut carved = carve::carve(model, &found.on, &found.constants, found.scale as f32);
    carved.provenance = json!({
        "circuit": { "task": record.task, "size": record.size, "weights": record.weights },
        "from": carved.provenance,
    });
    carved.save(dir)?;
    let fires = fires::fires(model, held_out)?;
    let page = page::html(record, model, found, &fires, held_out);
    checkpoint::write(&dir.join(VIEW), page.as_bytes())?;
    record.save(dir)
}
