//! Training text in which some pieces stand more often than others.

use crate::data::{BOS, Corpus, Document, Sampler, documents, held_out, mix};
use crate::study::models;
use crate::train;

use super::Settings;

/// Copies of a piece in the training text.
pub const DOSES: [usize; 5] = [0, 1, 4, 16, 64];

/// A stretch of a held-out file, with its dose.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// File it is from, and where.
    pub name: String,
    /// Its text, of a context and one byte.
    pub bytes: Vec<u8>,
    /// Number of its dose.
    pub dose: usize,
}

/// The doses in their turn: unseen pieces are to be told apart by difficulty, so there are three times as many.
const TURNS: [usize; DOSES.len() + 2] = [0, 1, 2, 3, 4, 0, 0];

/// Text of `settings.base` bytes from the training files with the doses among its documents, that text without them, and
/// the pieces.
pub(super) fn corpus(
    recipe: &train::Settings,
    settings: &Settings,
) -> Result<(Corpus, Vec<u8>, Vec<Piece>), models::Error> {
    let (seed, context) = (recipe.seed, settings.context);
    let all = documents(&recipe.source())?;
    let pieces = pieces(&held_out(all, seed), settings.pieces, context, seed);
    let mut corpus = Corpus::load(&recipe.source(), seed)?;
    let (base, mut at) = (corpus.train.len().min(settings.base), 0);
    // Copies are spread over the text, each between two lines.
    let mut copies: Vec<(u64, &[u8])> = pieces
        .iter()
        .enumerate()
        .flat_map(|(i, p)| {
            (0..DOSES[p.dose]).map(move |n| (mix(mix(seed ^ 77) ^ (i * 1024 + n) as u64), p))
        })
        .map(|(lot, p)| (lot, p.bytes.as_slice()))
        .collect();
    copies.sort();
    let each = base / copies.len().max(1);
    let mut train = Vec::new();
    for (_, copy) in copies {
        let end = (at + each).min(base);
        train.extend_from_slice(&corpus.train[at..end]);
        at = end;
        train.push(BOS);
        train.extend_from_slice(copy);
        train.push(BOS);
    }
    train.extend_from_slice(&corpus.train[at..base]);
    corpus.train.truncate(base);
    let alone = core::mem::replace(&mut corpus.train, train);
    corpus.id = format!("{}:doses:{}:{base}", corpus.id, settings.pieces);
    Ok((corpus, alone, pieces))
}

/// `n` pieces of each dose, three times as many of none, at most one a file and then more of the same files; doses by lot.
fn pieces(files: &[Document], n: usize, context: usize, seed: u64) -> Vec<Piece> {
    let lot = |d: &Document, turn: usize| {
        let name = d.name.bytes().fold(mix(seed), |h, b| mix(h ^ u64::from(b)));
        mix(name ^ turn as u64)
    };
    let mut found: Vec<(usize, u64, Piece)> = Vec::new();
    for file in files {
        for (turn, bytes) in file.bytes.chunks_exact(context + 1).enumerate() {
            let piece = Piece {
                name: format!("{}@{}", file.name, turn * (context + 1)),
                bytes: bytes.to_vec(),
                dose: 0,
            };
            found.push((turn / 4, lot(file, turn), piece));
        }
    }
    // Beginnings of files before their later parts, so that many files are seen.
    found.sort_by_key(|(round, lot, _)| (*round, *lot));
    found.truncate(n * TURNS.len());
    found.sort_by_key(|(_, lot, _)| mix(*lot ^ 5));
    let dosed = found.into_iter().enumerate();
    dosed
        .map(|(i, (_, _, piece))| Piece {
            dose: TURNS[i % TURNS.len()],
            ..piece
        })
        .collect()
}

/// How often each byte of each piece was predicted in training, on average.
pub(super) fn exposures(
    corpus: &Corpus,
    pieces: &[Piece],
    sampler: &Sampler<'_>,
    steps: u64,
    batch: usize,
) -> Vec<f64> {
    // How many sequences predict each byte of the text, as steps up and down.
    let mut turns = vec![0i64; corpus.train.len() + 1];
    let begin = corpus.train.as_ptr() as usize;
    for step in 0..steps {
        for row in 0..batch {
            let sequence = sampler.sequence(step, row as u64);
            let at = sequence.as_ptr() as usize - begin;
            turns[at + 1] += 1;
            turns[at + sequence.len()] -= 1;
        }
    }
    let mut seen = 0;
    let counts: Vec<i64> = turns
        .iter()
        .map(|t| {
            seen += t;
            seen
        })
        .collect();
    let mut sums = vec![0.0; pieces.len()];
    // A copy stands between two BOS, which no piece holds.
    let mut at = 0;
    let places: std::collections::HashMap<&[u8], usize> = (0..)
        .zip(pieces)
        .map(|(i, p)| (p.bytes.as_slice(), i))
        .collect();
    for part in corpus.train.split(|b| *b == BOS) {
        if let Some(i) = places.get(part) {
            let all: i64 = counts[at..at + part.len()].iter().sum();
            sums[*i] += all as f64 / part.len() as f64;
        }
        at += part.len() + 1;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<Document> {
        let file = |i: usize| Document {
            name: format!("f{i}"),
            bytes: (0..400)
                .map(|j| b'a' + ((i * 7 + j * j) % 26) as u8)
                .collect(),
            part: None,
        };
        (0..12).map(file).collect()
    }

    #[test]
    fn doses_are_even_and_by_lot() {
        let found = pieces(&files(), 4, 32, 1);
        assert_eq!(found.len(), 28);
        for (dose, n) in [12, 4, 4, 4, 4].into_iter().enumerate() {
            assert_eq!(found.iter().filter(|p| p.dose == dose).count(), n);
        }
        assert!(found.iter().all(|p| p.bytes.len() == 33));
        assert_ne!(found, pieces(&files(), 4, 32, 2));
    }

    #[test]
    fn exposure_is_what_was_drawn() {
        let found = pieces(&files(), 1, 32, 1);
        let mut train = vec![b'.'; 300];
        for (piece, n) in found.iter().zip([0, 1, 2, 0, 0, 0, 0]) {
            for _ in 0..n {
                train.push(BOS);
                train.extend_from_slice(&piece.bytes);
                train.push(BOS);
            }
        }
        let corpus = Corpus {
            validation: Vec::new(),
            test: Vec::new(),
            documents: [1, 0, 0],
            id: String::new(),
            train,
        };
        let sampler = Sampler::new(&corpus.train, 32, 3).unwrap();
        let steps = 2000;
        let counted = exposures(&corpus, &found, &sampler, steps, 4);
        assert_eq!((counted[0], counted[3]), (0.0, 0.0));
        let each = steps as f64 * 4.0 * 32.0 / corpus.train.len() as f64;
        assert!((counted[1] / each - 1.0).abs() < 0.2, "{counted:?} {each}");
        assert!(counted[2] > 1.3 * each);
    }
}
