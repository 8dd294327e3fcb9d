//! The tensors of a directory: one safetensors file, or those that an index names.
//!
//! ```text
//! model.safetensors.index.json   { "metadata": …, "weight_map": { "model.norm.weight": "model-00002-of-00002.safetensors", … } }
//! ```
//!
//! # Invariants
//! - A file is opened once; of an index, each tensor is taken from the file that it names.
//! - A name with a path in it is refused: an index must not reach outside its directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

use super::Error;
use crate::checkpoint::{self, Tensors, Weights};

const INDEX: &str = "model.safetensors.index.json";

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Which files hold which tensors.
pub(super) struct Shards {
    dir: PathBuf,
    /// Tensors of each file; `None` is all of them.
    files: BTreeMap<String, Option<Vec<String>>>,
}

impl Shards {
    /// Finds the files of `dir`.
    ///
    /// # Errors
    /// An index that is none, or names what is no file of the directory.
    pub(super) fn open(dir: &Path) -> Result<Shards, Error> {
        let path = dir.join(INDEX);
        let mut files = BTreeMap::new();
        if path.exists() {
            let index: Index = serde_json::from_slice(&checkpoint::read(&path)?)
                .map_err(|source| checkpoint::Error::Json { path, source })?;
            for (tensor, file) in index.weight_map {
                if Path::new(&file).file_name() != Some(file.as_ref()) {
                    return Err(Error::Name(file));
                }
                let of = files.entry(file).or_insert(Some(Vec::new()));
                of.get_or_insert_default().push(tensor);
            }
        } else {
            files.insert(checkpoint::MODEL.to_owned(), None);
        }
        Ok(Shards {
            dir: dir.to_owned(),
            files,
        })
    }

    /// Every tensor, as f32.
    ///
    /// # Errors
    /// A file that cannot be read or lacks a tensor of the index, or a tensor of other numbers.
    pub(super) fn tensors(&self) -> Result<Tensors, Error> {
        let mut tensors = Tensors::new();
        for (file, names) in &self.files {
            let path = self.dir.join(file);
            let bytes = checkpoint::read(&path)?;
            let file = SafeTensors::deserialize(&bytes)
                .map_err(|source| checkpoint::Error::Safetensors { path, source })?;
            let all = || file.names().into_iter().map(String::from).collect();
            for name in names.clone().unwrap_or_else(all) {
                let Ok(view) = file.tensor(&name) else {
                    return Err(Error::Missing(name));
                };
                let weights = weights(&name, &view)?;
                tensors.insert(name, weights);
            }
        }
        Ok(tensors)
    }
}

fn weights(name: &str, view: &TensorView<'_>) -> Result<Weights, Error> {
    let bytes = view.data();
    let pairs = || bytes.as_chunks::<2>().0.iter();
    let data = match view.dtype() {
        Dtype::F32 => {
            let words = bytes.as_chunks::<4>().0.iter();
            words.map(|&w| f32::from_le_bytes(w)).collect()
        }
        Dtype::F16 => pairs().map(|&w| f16::from_le_bytes(w).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|&w| bf16::from_le_bytes(w).to_f32()).collect(),
        found => {
            return Err(Error::Type {
                name: name.to_owned(),
                found,
            });
        }
    };
    Ok(Weights {
        shape: view.shape().to_vec(),
        data,
    })
}
