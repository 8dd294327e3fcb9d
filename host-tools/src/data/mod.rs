//! Text to learn from: documents, split by file into what is trained on and what is only predicted, twice.
//!
//! ```text
//! crates, grammar or PATH ─► documents, sorted by name ─► hash(seed, name) ─┬► train       0 doc 0 doc 0 doc …
//!                                                                           ├► validation  0 doc 0 doc …
//!                                                                           └► test        0 doc …
//! ```
//!
//! # Invariants
//! - The order, the split and the [`Corpus::id`] depend on names, bytes and seed, never on the file system.
//! - Every document is preceded by BOS, byte 0, and holds no byte 0 itself.
//!
//! # Why
//! Split by file, because neighbouring lines of one file are too alike to test on. What is held out is halved: validation
//! may choose between runs, the test is for the figure of the one that was chosen.

mod batch;
mod files;
mod grammar;
pub mod rust_source;
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
/// Share of the documents that is held out, half for validation and half for the test.
pub const HELD_OUT: f64 = 0.1;

/// One file, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Path below its root, with `/`.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// What it is for, where its source says so; otherwise its name and a seed decide.
    pub part: Option<Part>,
}

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is learned from.
    Train,
    /// It is predicted, to choose between runs.
    Validation,
    /// It is predicted once all is chosen.
    Test,
}

/// Where documents come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The sources of the pinned crates in [`CRATES`], found in the local cargo registry.
    RustSource,
    /// Python- and Rust-like text of the idioms that [`crate::tasks`] asks for, made here.
    Grammar,
    /// Files, and directories with everything below them.
    Paths(Vec<PathBuf>),
}

impl Source {
    /// What `paths` say: nothing or `rust-source` and `grammar` are data sets, all else is files and directories.
    pub fn named(paths: &[PathBuf]) -> Source {
        match paths {
            [] => Source::RustSource,
            [one] if one.as_os_str() == "rust-source" => Source::RustSource,
            [one] if one.as_os_str() == "grammar" => Source::Grammar,
            paths => Source::Paths(paths.to_vec()),
        }
    }
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
    /// What is only predicted, to choose between runs.
    pub validation: Vec<u8>,
    /// What is only predicted, once all is chosen; empty where a single document is held out.
    pub test: Vec<u8>,
    /// Number of documents in each.
    pub documents: [usize; 3],
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

    /// Splits at least two documents; train and validation get at least one each.
    fn split(mut documents: Vec<Document>, seed: u64) -> Corpus {
        documents.sort_by(|a, b| a.name.cmp(&b.name));
        let id = content_hash(&documents);
        let parts = parts(&documents, seed);
        let (mut streams, mut counts) = ([Vec::new(), Vec::new(), Vec::new()], [0; 3]);
        for (document, part) in documents.iter().zip(parts) {
            let stream = &mut streams[part as usize];
            stream.push(BOS);
            stream.extend_from_slice(&document.bytes);
            counts[part as usize] += 1;
        }
        let [train, validation, test] = streams;
        Corpus {
            train,
            validation,
            test,
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
        let which = "validation";
        match cut(len, seq, count) {
            none if none.is_empty() => Err(Error::Short { which, len, seq }),
            some => Ok(some),
        }
    }

    /// The same of test data; none where it is shorter than one stretch.
    pub fn test_windows(&self, seq: usize, count: usize) -> Vec<Range<usize>> {
        cut(self.test.len(), seq, count)
    }
}

/// At most `count` ranges of `seq + 1` in `0..len`, evenly spaced, that overlap in an end.
fn cut(len: usize, seq: usize, count: usize) -> Vec<Range<usize>> {
    let there = len.saturating_sub(1) / seq.max(1);
    let count = count.max(1).min(there);
    let start = |i: usize| (i * there / count) * seq;
    (0..count).map(|i| start(i)..start(i) + seq + 1).collect()
}

/// The documents of `source`.
///
/// # Errors
/// Files that are missing, unreadable, changed or not text.
pub fn documents(source: &Source) -> Result<Vec<Document>, Error> {
    match source {
        Source::RustSource => rust_source::documents(),
        Source::Grammar => Ok(grammar::documents()),
        Source::Paths(paths) => files::documents(paths),
    }
}

/// Those of `documents` that [`Corpus::load`] holds out under `seed`.
pub fn held_out(documents: Vec<Document>, seed: u64) -> Vec<Document> {
    let parts = parts(&documents, seed);
    let both = documents.into_iter().zip(parts);
    both.filter_map(|(document, part)| (part != Part::Train).then_some(document))
        .collect()
}

/// What each document is for under `seed`; where there are two or more, some are learned from and some are validated on.
pub fn parts(documents: &[Document], seed: u64) -> Vec<Part> {
    let lots: Vec<u64> = documents.iter().map(|d| lot(seed, &d.name)).collect();
    let limit = (HELD_OUT * u64::MAX as f64) as u64;
    let (least, most) = (
        lots.iter().min().copied().unwrap_or(0),
        lots.iter().max().copied().unwrap_or(0),
    );
    let limit = limit.clamp(least, most.saturating_sub(1).max(least));
    let held_out = lots.iter().copied().filter(|lot| *lot <= limit);
    // The highest lot that is held out is always validated on.
    let test = (limit / 2).min(held_out.max().unwrap_or(0).saturating_sub(1));
    let drawn = lots.into_iter().map(|lot| match lot {
        lot if lot > limit => Part::Train,
        lot if lot > test => Part::Validation,
        _ => Part::Test,
    });
    let said = documents.iter().map(|d| d.part);
    said.zip(drawn)
        .map(|(said, drawn)| said.unwrap_or(drawn))
        .collect()
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
