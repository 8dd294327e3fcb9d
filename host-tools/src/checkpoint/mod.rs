//! A trained model on the desktop: a directory that every tool reads and writes.
//!
//! ```text
//! DIR/model.safetensors   f32, named as `lacuna::format::schema` prints them, (rows, cols) or (n,)
//!    /config.json         the fields of `Config`, plus the kind of tokenizer
//!    /train.json          where it came from: settings, seed, data, figures (optional, free JSON)
//!    /tokenizer.bin       only with the tokenizer `llama2c`
//!    /sensor.json         only of a classifier: names of classes and channels, sampling rate, hop
//! ```
//!
//! # Invariants
//! - A loaded checkpoint has passed `Config::check` and holds exactly the tensors of the schema, in shape, all finite.
//! - Saving the same checkpoint twice gives the same bytes; files are replaced whole ([`crate::output`]), the tensors last.
//!
//! # Why
//! safetensors because every tool of the field reads it without running code. RoPE tables are tensors like any other,
//! so the engine, the exporter and the training graph cannot disagree about an angle.

mod blueprint;
pub mod int8;
pub mod rope;
mod sensor;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use blake2::{Blake2s256, Digest};
use lacuna::config::Config;
use lacuna::format::schema::{self, Id, Kind};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use zerocopy::IntoBytes;

use crate::output;

pub use blueprint::{ACTIVATIONS, Blueprint, POSITIONS, Tokenizer};
pub use sensor::Sensor;

/// File of the weights.
pub const MODEL: &str = "model.safetensors";
/// File of the blueprint.
pub const CONFIG: &str = "config.json";
/// File of the provenance.
pub const TRAIN: &str = "train.json";
/// File of what windows are made of.
pub const SENSOR: &str = "sensor.json";
/// File of a BPE tokenizer, in llama2.c's format.
pub const TOKENIZER: &str = "tokenizer.bin";

/// One tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// `[rows, cols]` or `[n]`.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub data: Vec<f32>,
}

/// Named tensors, in the order of their names.
pub type Tensors = BTreeMap<String, Weights>;

/// A model with everything needed to export it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Shape and switches.
    pub config: Config,
    /// How text becomes tokens.
    pub tokenizer: Tokenizer,
    /// What windows are made of; `None` where the model takes tokens, or where nobody said.
    pub sensor: Option<Sensor>,
    /// The tensors of the schema.
    pub tensors: Tensors,
    /// Where the weights came from; `null` when nobody said.
    pub provenance: serde_json::Value,
}

/// What can be wrong with a checkpoint.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Write(#[from] output::Error),
    #[error("cannot create {}", path.display())]
    Create {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is not the JSON expected here", path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("{} is not a safetensors file", path.display())]
    Safetensors {
        path: PathBuf,
        source: SafeTensorError,
    },
    #[error("configuration cannot be: {0}")]
    Config(#[from] lacuna::config::Error),
    #[error("sensor.json does not fit the configuration: {0}")]
    Sensor(&'static str),
    #[error("tensor `{0}` is missing")]
    Missing(String),
    #[error("tensor `{0}` is not part of this configuration")]
    Unknown(String),
    #[error("tensor `{name}` has shape {found:?}, the configuration says {expected:?}")]
    Shape {
        name: String,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    #[error("tensor `{name}` is {found:?}, only F32 is read")]
    Type { name: String, found: Dtype },
    #[error("tensor `{name}` holds a non-finite value at {index}")]
    NonFinite { name: String, index: usize },
}

/// Shape of a tensor of the schema in a checkpoint: `[rows, cols]`, or `[n]` for a vector.
pub fn shape(tensor: &schema::Tensor) -> Vec<usize> {
    if tensor.kind == Kind::Dense && tensor.rows == 1 {
        vec![tensor.cols]
    } else {
        vec![tensor.rows, tensor.cols]
    }
}

/// True for the tensors that pruning and its density speak of.
pub fn prunable(id: Id) -> bool {
    matches!(
        id,
        Id::Embedding
            | Id::Patch
            | Id::Wq
            | Id::Wk
            | Id::Wv
            | Id::Wo
            | Id::W1
            | Id::W3
            | Id::W2
            | Id::Head
    )
}

impl Checkpoint {
    /// 16 hex digits of BLAKE2s over names and values of all tensors.
    pub fn digest(&self) -> String {
        let mut hash = Blake2s256::new();
        for (name, weights) in &self.tensors {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(weights.data.as_bytes());
        }
        let digest = hash.finalize();
        digest[..8].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Reads the directory `dir`.
    ///
    /// # Errors
    /// An unreadable file, or the first thing in one that is not as the module says.
    pub fn load(dir: &Path) -> Result<Checkpoint, Error> {
        let Blueprint { config, tokenizer } = read_json(&dir.join(CONFIG))?;
        config.check()?;
        let provenance = match fs::exists(dir.join(TRAIN)) {
            Ok(true) => read_json(&dir.join(TRAIN))?,
            _ => serde_json::Value::Null,
        };
        let sensor = match fs::exists(dir.join(SENSOR)) {
            Ok(true) => Some(read_json(&dir.join(SENSOR))?),
            _ => None,
        };
        let path = dir.join(MODEL);
        let bytes = read(&path)?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|source| Error::Safetensors { path, source })?;
        let tensors = unpack(&file)?;
        let checkpoint = Checkpoint {
            config,
            tokenizer,
            sensor,
            tensors,
            provenance,
        };
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// Writes the directory `dir`, creating it; files already there are replaced whole.
    ///
    /// # Errors
    /// A checkpoint that [`Checkpoint::check`] refuses, or the file system.
    pub fn save(&self, dir: &Path) -> Result<(), Error> {
        self.check()?;
        fs::create_dir_all(dir).map_err(|source| Error::Create {
            path: dir.to_owned(),
            source,
        })?;
        let blueprint = Blueprint {
            config: self.config,
            tokenizer: self.tokenizer,
        };
        if !self.provenance.is_null() {
            write_json(&dir.join(TRAIN), &self.provenance)?;
        }
        if let Some(sensor) = &self.sensor {
            write_json(&dir.join(SENSOR), sensor)?;
        }
        write_json(&dir.join(CONFIG), &blueprint)?;
        let path = dir.join(MODEL);
        write(&path, &pack(&self.tensors, None, &path)?)
    }

    /// Checks that the tensors are those of the schema, in shape and finite.
    ///
    /// # Errors
    /// The first tensor that is not.
    pub fn check(&self) -> Result<(), Error> {
        self.config.check()?;
        if let Some(sensor) = &self.sensor {
            sensor.check(&self.config).map_err(Error::Sensor)?;
        }
        let mut known = 0;
        for line in schema::tensors(&self.config) {
            let (name, expected) = (line.to_string(), shape(&line));
            let Some(found) = self.tensors.get(&name) else {
                return Err(Error::Missing(name));
            };
            known += 1;
            if found.shape != expected || found.data.len() != expected.iter().product::<usize>() {
                let found = found.shape.clone();
                return Err(Error::Shape {
                    name,
                    found,
                    expected,
                });
            }
            if let Some(index) = found.data.iter().position(|v| !v.is_finite()) {
                return Err(Error::NonFinite { name, index });
            }
        }
        if known == self.tensors.len() {
            return Ok(());
        }
        let names: Vec<String> = schema::tensors(&self.config)
            .map(|t| t.to_string())
            .collect();
        match self.tensors.keys().find(|name| !names.contains(name)) {
            Some(name) => Err(Error::Unknown(name.clone())),
            None => Ok(()),
        }
    }

    /// The values of `tensor`, row-major.
    pub fn values(&self, tensor: &schema::Tensor) -> Option<&[f32]> {
        self.tensors
            .get(&tensor.to_string())
            .map(|w| w.data.as_slice())
    }
}

/// Bytes of a safetensors file; `note` is stored as its one metadata entry, `lacuna`.
///
/// # Errors
/// A tensor whose shape and length disagree.
pub fn pack(tensors: &Tensors, note: Option<String>, path: &Path) -> Result<Vec<u8>, Error> {
    let wrong = |source| Error::Safetensors {
        path: path.to_owned(),
        source,
    };
    let views = tensors
        .iter()
        .map(|(name, w)| {
            TensorView::new(Dtype::F32, w.shape.clone(), w.data.as_bytes()).map(|v| (name, v))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    let note = note.map(|text| [("lacuna".to_owned(), text)].into());
    safetensors::serialize(views, note).map_err(wrong)
}

/// The tensors of a safetensors file.
///
/// # Errors
/// A tensor that is not f32.
pub fn unpack(file: &SafeTensors<'_>) -> Result<Tensors, Error> {
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(Error::Type {
                name,
                found: view.dtype(),
            });
        }
        let shape = view.shape().to_vec();
        let (words, _) = view.data().as_chunks::<4>();
        let data = words.iter().map(|&w| f32::from_le_bytes(w)).collect();
        tensors.insert(name, Weights { shape, data });
    }
    Ok(tensors)
}

/// Reads a whole file.
///
/// # Errors
/// The file system's, with the path.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// Replaces a whole file.
///
/// # Errors
/// The file system's, with the path.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Ok(output::write(path, |file| file.write_all(bytes))?)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    serde_json::from_slice(&read(path)?).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
}

/// Replaces a whole file by indented JSON and a line end.
///
/// # Errors
/// The file system's, with the path.
pub fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })?;
    text.push(b'\n');
    write(path, &text)
}

#[cfg(test)]
mod tests;
