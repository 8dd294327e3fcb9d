//! Text to learn from: documents, split by file into what is trained on and what is only predicted.
//!
//! ```text
//! crates or --data PATH ─► documents, sorted by name ─► hash(seed, name) ─┬► train       0 doc 0 doc 0 doc …
//!                                                                         └► validation  0 doc 0 doc …
//! ```
//!
//! # Invariants
//! - The order, the split and the [`Corpus::id`] depend on names, bytes and seed, never on the file system.
//! - Every document is preceded by BOS, byte 0, and holds no byte 0 itself.
//!
//! # Why
//! Split by file, because neighbouring lines of one file are too alike to test on.

mod batch;
mod files;
mod rust_source;
pub mod series;
pub mod trigram;

use core::ops::Range;
use std::path::PathBuf;

use blake2::{Blake2s256, Digest};
use lacuna::num::Fnv64;

pub use batch::{Sampler, mix};
pub use rust_source::{CRATES, Pinned};

/// The byte that begins a document.
pub const BOS: u8 = 0;
/// Share of the documents that is held out for validation.
pub const HELD_OUT: f64 = 0.1;

/// One file, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Path below its root, with `/`.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Where documents come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The sources of the pinned crates in [`CRATES`], found in the local cargo registry.
    RustSource,
    /// Files, and directories with everything below them.
    Paths(Vec<PathBuf>),
}

/// What can be wrong with data.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is not text: byte {at} is NUL", path.display())]
    Binary { path: PathBuf, at: usize },
    #[error("no text found in {0}")]
    Empty(String),
    #[error(
        "the data set `rust-source` needs {missing}, which the local cargo registry lacks; \
         run `cargo fetch --locked` in lacuna's source tree, or give text with --data PATH"
    )]
    Missing { missing: String },
    #[error(
        "{} is not the published source: its hash is {found}, expected {expected}; \
         remove the directory and run `cargo fetch --locked` in lacuna's source tree",
        path.display()
    )]
    Changed {
        path: PathBuf,
        found: String,
        expected: &'static str,
    },
    #[error("{which} data is {len} bytes, which is shorter than one sequence of {seq}")]
    Short {
        which: &'static str,
        len: usize,
        seq: usize,
    },
}

/// Documents split and strung together.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// What is trained on.
    pub train: Vec<u8>,
    /// What is only predicted.
    pub validation: Vec<u8>,
    /// Number of documents in each.
    pub documents: [usize; 2],
    /// 16 hex digits over names and bytes of all documents.
    pub id: String,
}

impl Corpus {
    /// Reads and splits `source`.
    ///
    /// # Errors
    /// Files that are missing, unreadable, changed or not text, or too few to split.
    pub fn load(source: &Source, seed: u64) -> Result<Corpus, Error> {
        Ok(Corpus::split(documents(source)?, seed))
    }

    /// Splits at least two documents; each side gets at least one.
    fn split(mut documents: Vec<Document>, seed: u64) -> Corpus {
        documents.sort_by(|a, b| a.name.cmp(&b.name));
        let id = content_hash(&documents);
        let sides = sides(&documents, seed);
        let (mut streams, mut counts) = ([Vec::new(), Vec::new()], [0, 0]);
        for (document, held_out) in documents.iter().zip(sides) {
            let side = usize::from(held_out);
            streams[side].push(BOS);
            streams[side].extend_from_slice(&document.bytes);
            counts[side] += 1;
        }
        let [train, validation] = streams;
        Corpus {
            train,
            validation,
            documents: counts,
            id,
        }
    }

    /// At most `count` stretches of validation data, `seq + 1` bytes each, evenly spaced: the last `seq` are predicted.
    ///
    /// # Errors
    /// Validation data shorter than one stretch.
    pub fn windows(&self, seq: usize, count: usize) -> Result<Vec<Range<usize>>, Error> {
        let len = self.validation.len();
        let there = len.saturating_sub(1) / seq;
        if there == 0 {
            let which = "validation";
            return Err(Error::Short { which, len, seq });
        }
        let count = count.clamp(1, there);
        let start = |i: usize| (i * there / count) * seq;
        Ok((0..count).map(|i| start(i)..start(i) + seq + 1).collect())
    }
}

/// The documents of `source`.
///
/// # Errors
/// Files that are missing, unreadable, changed or not text.
pub fn documents(source: &Source) -> Result<Vec<Document>, Error> {
    match source {
        Source::RustSource => rust_source::documents(),
        Source::Paths(paths) => files::documents(paths),
    }
}

/// Those of `documents` that [`Corpus::load`] holds out under `seed`.
pub fn held_out(documents: Vec<Document>, seed: u64) -> Vec<Document> {
    let sides = sides(&documents, seed);
    let both = documents.into_iter().zip(sides);
    both.filter_map(|(document, held_out)| held_out.then_some(document))
        .collect()
}

/// Whether each document is held out; where there are two or more, some are and some are not.
fn sides(documents: &[Document], seed: u64) -> Vec<bool> {
    let lots: Vec<u64> = documents.iter().map(|d| lot(seed, &d.name)).collect();
    let limit = (HELD_OUT * u64::MAX as f64) as u64;
    let (least, most) = (
        lots.iter().min().copied().unwrap_or(0),
        lots.iter().max().copied().unwrap_or(0),
    );
    let limit = limit.clamp(least, most.saturating_sub(1).max(least));
    lots.into_iter().map(|lot| lot <= limit).collect()
}

fn lot(seed: u64, name: &str) -> u64 {
    let mut hash = Fnv64::new();
    hash.update(name.as_bytes());
    mix(hash.finish() ^ mix(seed))
}

/// 16 hex digits of BLAKE2s over name, 0, length and bytes of each document in order.
fn content_hash(documents: &[Document]) -> String {
    let mut hash = Blake2s256::new();
    for d in documents {
        hash.update(d.name.as_bytes());
        hash.update([0]);
        hash.update((d.bytes.len() as u64).to_le_bytes());
        hash.update(&d.bytes);
    }
    let digest = hash.finalize();
    digest[..8].iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests;
