//! The data set `grammar`: text of the idioms that [`crate::tasks`] asks for, made here.
//!
//! ```text
//! train 8 MiB, validation 512 KiB   templates and names of Split::Train, other documents
//! test 512 KiB                      templates and names of Split::HeldOut
//! ```
//!
//! # Invariants
//! - Every machine makes the same bytes; the seed of a run decides their order in training, not the bytes.
//!
//! # Why
//! Validation asks whether the model learned this text and may choose a learning rate; the test asks about templates and
//! names that no choice has seen.

use super::{Document, Part};
use crate::tasks::{self, Split};

/// Each part: its name, its templates, the seed of its documents, and how many bytes it has at least.
const PARTS: [(Part, &str, Split, u64, usize); 3] = [
    (Part::Train, "train", Split::Train, 0, 8 << 20),
    (Part::Validation, "validation", Split::Train, 1, 512 << 10),
    (Part::Test, "test", Split::HeldOut, 2, 512 << 10),
];

/// The documents of all parts.
pub(super) fn documents() -> Vec<Document> {
    let mut all = Vec::new();
    for (part, name, split, seed, least) in PARTS {
        let mut len = 0;
        let enough = |bytes: &Vec<u8>| {
            let wanted = len < least;
            len += bytes.len();
            wanted
        };
        let texts = tasks::documents(seed, split).take_while(enough);
        all.extend(texts.enumerate().map(|(i, bytes)| Document {
            name: format!("{name}/{i:06}"),
            bytes,
            part: Some(part),
        }));
    }
    all
}
