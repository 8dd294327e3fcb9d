//! Where a run stands, so that a killed one goes on as if it never stopped.
//!
//! ```text
//! DIR/state.safetensors   parameters, m, v (n,)   metadata: { settings, data id, steps done, loss sums }
//! ```
//!
//! # Invariants
//! - One file, replaced whole: parameters, moments and step always belong together.
//! - A state goes on only under the settings and the data that made it.
//! - A state that was read and written again has the same bytes.

use std::path::Path;

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::Error;
use super::optimiser::Moments;
use super::settings::Settings;
use crate::checkpoint::{self, Tensors, Weights};

/// File of the state.
pub const STATE: &str = "state.safetensors";

/// A run between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What does not fit a tensor.
    pub note: Note,
    /// The learned numbers.
    pub parameters: Vec<f32>,
    /// The optimiser's moments.
    pub moments: Moments,
}

/// The part of the state that is not tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Settings of the run.
    pub settings: Settings,
    /// Hash of the data.
    pub data: String,
    /// Steps done.
    pub step: u64,
    /// Bits of the smoothed training loss (bits per byte): a JSON reader may round a decimal.
    pub smoothed: Option<u64>,
}

impl Note {
    /// Whether this note was made by a run with `settings`.
    pub fn is_of(&self, settings: &Settings) -> bool {
        let text = serde_json::to_string(settings);
        let read = text.and_then(|text| serde_json::from_str::<Settings>(&text));
        read.is_ok_and(|read| read == self.settings)
    }
}

impl State {
    /// Writes the state into `dir`.
    ///
    /// # Errors
    /// The file system's.
    pub fn save(&self, dir: &Path) -> Result<(), Error> {
        let vector = |data: &[f32]| Weights {
            shape: vec![data.len()],
            data: data.to_vec(),
        };
        let tensors: Tensors = [
            ("m".to_owned(), vector(&self.moments.m)),
            ("parameters".to_owned(), vector(&self.parameters)),
            ("v".to_owned(), vector(&self.moments.v)),
        ]
        .into();
        let path = dir.join(STATE);
        let note = serde_json::to_string(&self.note).map_err(|source| checkpoint::Error::Json {
            path: path.clone(),
            source,
        })?;
        let bytes = checkpoint::pack(&tensors, Some(note), &path)?;
        Ok(checkpoint::write(&path, &bytes)?)
    }

    /// The state in `dir`, or `None` where there is none.
    ///
    /// # Errors
    /// A state that is damaged.
    pub fn load(dir: &Path) -> Result<Option<State>, Error> {
        let path = dir.join(STATE);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = checkpoint::read(&path)?;
        let damaged = || Error::State { path: path.clone() };
        let file = SafeTensors::deserialize(&bytes).map_err(|_| damaged())?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|_| damaged())?;
        let text = header.metadata().as_ref().and_then(|m| m.get("lacuna"));
        let text = text.ok_or_else(damaged)?;
        let note: Note = serde_json::from_str(text).map_err(|_| damaged())?;
        let mut tensors = checkpoint::unpack(&file)?;
        let mut take = |name: &str| tensors.remove(name).map(|w| w.data).ok_or_else(damaged);
        let (parameters, m, v) = (take("parameters")?, take("m")?, take("v")?);
        if m.len() != parameters.len() || v.len() != parameters.len() {
            return Err(damaged());
        }
        let moments = Moments { m, v };
        Ok(Some(State {
            note,
            parameters,
            moments,
        }))
    }
}
