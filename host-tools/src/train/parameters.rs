//! All learned numbers as one flat vector, and which tensor lies where in it.
//!
//! ```text
//! schema order:  tok_embeddings │ positions? │ bigram? │ layers.0 … │ norm │ output?        (rope tables, mean and scale are not learned)
//! ```
//!
//! # Invariants
//! - Entries follow the schema without gaps, so one index names the same parameter for optimiser, projection and graph.

use core::ops::Range;

use lacuna::config::Config;
use lacuna::format::schema::{self, Id, Kind, Tensor};
use lacuna::num::Rng;

use crate::checkpoint::{self, Tensors, Weights, rope};

/// Standard deviation of initial weights.
pub const INIT: f32 = 0.02;

/// One learned tensor.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which tensor.
    pub id: Id,
    /// Its block.
    pub layer: usize,
    /// Its name in a checkpoint.
    pub name: String,
    /// Outputs; for vectors 1.
    pub rows: usize,
    /// Inputs, or the vector's length.
    pub cols: usize,
    /// Where it lies in the flat vector, row-major.
    pub range: Range<usize>,
    /// Whether it is pruned and decayed: every matrix except the bigram table.
    pub sparse: bool,
}

impl Entry {
    /// Whether a file may store it rounded: every matrix and every table of rows.
    pub fn stored(&self) -> bool {
        self.sparse || self.id == Id::Bigram
    }
}

/// Where every learned tensor lies.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The tensors in schema order.
    pub entries: Vec<Entry>,
    /// Length of the flat vector.
    pub len: usize,
    config: Config,
}

fn learned(t: &Tensor) -> bool {
    !matches!(
        t.id,
        Id::RopeCos | Id::RopeSin | Id::InputMean | Id::InputScale
    )
}

impl Layout {
    /// The layout of `config`.
    pub fn new(config: &Config) -> Layout {
        let (mut entries, mut len) = (Vec::new(), 0);
        for t in schema::tensors(config).filter(learned) {
            let end = len + t.rows * t.cols;
            entries.push(Entry {
                id: t.id,
                layer: t.layer,
                name: t.to_string(),
                rows: t.rows,
                cols: t.cols,
                range: len..end,
                sparse: t.kind != Kind::Dense && t.id != Id::Bigram,
            });
            len = end;
        }
        let config = *config;
        Layout {
            entries,
            len,
            config,
        }
    }

    /// Initial parameters: N(0, 0.02), outputs of blocks N(0, 0.02/√(2·layers)), gains 1, bigram U(0, 0.02), the rest 0.
    ///
    /// Source: Gao et al., "Weight-sparse transformers have interpretable circuits", released training script.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        let mut flat = vec![0.0; self.len];
        let depth = (2.0 * self.config.n_layers as f32).sqrt();
        for entry in &self.entries {
            let values = &mut flat[entry.range.clone()];
            match entry.id {
                Id::AttnNorm | Id::MlpNorm | Id::FinalNorm => values.fill(1.0),
                Id::Bigram => values.fill_with(|| rng.next_f32() * INIT),
                Id::Wo | Id::W2 => values.fill_with(|| normal(&mut rng) * INIT / depth),
                _ if entry.sparse => values.fill_with(|| normal(&mut rng) * INIT),
                _ => {}
            }
        }
        flat
    }

    /// The tensors of a checkpoint, RoPE tables included.
    pub fn tensors(&self, flat: &[f32]) -> Tensors {
        let mut tensors = self.named(flat);
        let (cos, sin) = rope::tables(&self.config);
        for t in schema::tensors(&self.config) {
            let table = match t.id {
                Id::RopeCos => &cos,
                Id::RopeSin => &sin,
                _ => continue,
            };
            let weights = Weights {
                shape: checkpoint::shape(&t),
                data: table.clone(),
            };
            tensors.insert(t.to_string(), weights);
        }
        tensors
    }

    fn named(&self, flat: &[f32]) -> Tensors {
        let lines = schema::tensors(&self.config).filter(learned);
        let entries = self.entries.iter().zip(lines);
        entries
            .map(|(entry, line)| {
                let shape = checkpoint::shape(&line);
                let data = flat[entry.range.clone()].to_vec();
                (entry.name.clone(), Weights { shape, data })
            })
            .collect()
    }

    /// The flat vector of a checkpoint's tensors; what it lacks is zero (a checked checkpoint lacks nothing).
    pub fn flatten(&self, tensors: &Tensors) -> Vec<f32> {
        let mut flat = vec![0.0; self.len];
        for entry in &self.entries {
            if let Some(w) = tensors.get(&entry.name) {
                let to = &mut flat[entry.range.clone()];
                to.iter_mut()
                    .zip(&w.data)
                    .for_each(|(to, from)| *to = *from);
            }
        }
        flat
    }

    /// Share of nonzero values among the sparse tensors.
    pub fn density(&self, flat: &[f32]) -> f64 {
        let sparse = || self.entries.iter().filter(|e| e.sparse);
        let all: usize = sparse().map(|e| e.range.len()).sum();
        let stored: usize = sparse()
            .map(|e| flat[e.range.clone()].iter().filter(|w| **w != 0.0).count())
            .sum();
        stored as f64 / all.max(1) as f64
    }
}

/// A standard normal number (Box–Muller).
pub fn normal(rng: &mut Rng) -> f32 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - f64::from(rng.next_f32())));
    let angle = core::f64::consts::TAU * f64::from(rng.next_f32());
    (radius * libm::cos(angle)) as f32
}
