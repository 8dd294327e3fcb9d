//! Windows of text: files a language model was not trained on, as they are and made strange by degrees.
//!
//! ```text
//! held-out files ─┬► known (fit, test), same                     one unit a file
//!                 └► bytes, identifiers, dialect, nesting        of the files of known, fit of fit and test of test
//! unseen crates, other languages ─► fit, test by file
//! ```
//!
//! # Invariants
//! - A file is on one side as a whole, with all that is made of it.
//! - No window holds a byte that the model was trained on.
//!
//! # Why
//! Changes of known files differ from them in nothing but the change, so that what a detector sees is the shift and not
//! another topic.

pub mod change;
pub mod foreign;

use lacuna::num::Rng;
use lacuna::session::Tokenizer;

use super::trial::{Family, KNOWN, SAME, Side, Trial, Window};
use crate::calibrate::cut;
use crate::data::{Document, mix};
use foreign::Foreign;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Sizes {
    /// Held-out files at most.
    pub files: usize,
    /// Windows of each.
    pub windows: usize,
    /// Windows of each under every change, and of each foreign file.
    pub changed: usize,
    /// Foreign files of a grade at most.
    pub foreign: usize,
}

type Change = Box<dyn Fn(&[u8], &mut Rng) -> Vec<u8>>;

/// Families of changes, the grades of each as functions.
fn changes() -> Vec<(Family, Vec<Change>)> {
    let percent = |x: f64| format!("{} %", x * 100.0);
    let change = |f: Change| f;
    vec![
        (
            Family::new(
                "bytes",
                "share of bytes replaced by any other",
                change::RATES.map(percent),
            ),
            change::RATES
                .map(|rate| change(Box::new(move |t, rng| change::corrupted(t, rate, rng))))
                .into(),
        ),
        (
            Family::new(
                "identifiers",
                "share of identifiers with shuffled letters",
                change::RENAMED.map(percent),
            ),
            change::RENAMED
                .map(|share| change(Box::new(move |t, rng| change::renamed(t, share, rng))))
                .into(),
        ),
        (
            Family::new("dialect", "grammar more like Python's", change::DIALECTS),
            (0..change::DIALECTS.len())
                .map(|level| change(Box::new(move |t, _| change::dialect(t, level))))
                .collect(),
        ),
        (
            Family::new(
                "nesting",
                "blocks around every twelve lines",
                change::DEPTHS.map(|d| d.to_string()),
            ),
            change::DEPTHS
                .map(|depth| change(Box::new(move |t, _| change::nested(t, depth))))
                .into(),
        ),
    ]
}

/// Families of a study of text, in the order of their numbers, with `foreign` ones last.
pub fn families(foreign: &[Vec<Foreign>; 2]) -> Vec<Family> {
    let mut all = Family::familiar();
    all.extend(changes().into_iter().map(|(family, _)| family));
    let names = [
        ("crates", "unseen Rust crates, by distance of bigrams"),
        ("languages", "other languages, by distance of bigrams"),
    ];
    for ((name, what), levels) in names.into_iter().zip(foreign) {
        let levels = levels.iter().map(|f| f.name.clone());
        all.push(Family::new(name, what, levels));
    }
    all
}

/// Windows of `held_out` and of `foreign` for a model of this tokenizer and context, drawn by `seed`.
pub fn trials(
    tokenizer: &Tokenizer<'_>,
    context: usize,
    held_out: &[Document],
    foreign: &[Vec<Foreign>; 2],
    sizes: Sizes,
    seed: u64,
) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut put =
        |(family, level): (usize, usize), side, stratum, name: &str, text: &[u8], most| {
            let all = cut(tokenizer, text, context, context, usize::MAX);
            for i in 0..all.len().min(most) {
                trials.push(Trial {
                    family,
                    level,
                    side,
                    stratum,
                    unit: name.to_owned(),
                    part: 0,
                    window: Window::Tokens(all[i * all.len() / all.len().min(most)].1.clone()),
                });
            }
        };
    let mut files: Vec<&Document> = held_out
        .iter()
        .filter(|d| d.bytes.len() >= context)
        .collect();
    files.sort_by_key(|d| (name_lot(seed, &d.name), d.name.clone()));
    for (i, file) in files.into_iter().take(sizes.files).enumerate() {
        let text = &file.bytes;
        if i % 5 == 4 {
            put((SAME, 0), Side::Test, 1, &file.name, text, sizes.windows);
            continue;
        }
        let side = Side::in_turn(i % 5);
        put((KNOWN, 0), side, 0, &file.name, text, sizes.windows);
        for (family, (_, grades)) in (SAME + 1..).zip(changes()) {
            for (level, change) in grades.iter().enumerate() {
                let mut rng = Rng::new(mix(
                    name_lot(seed, &file.name) ^ (family * 64 + level) as u64
                ));
                let text = change(text, &mut rng);
                put((family, level), side, 0, &file.name, &text, sizes.changed);
            }
        }
    }
    for (family, grades) in (SAME + 1 + changes().len()..).zip(foreign) {
        for (level, grade) in grades.iter().enumerate() {
            let long = grade.documents.iter().filter(|d| d.bytes.len() >= context);
            let mut files: Vec<&Document> = long.collect();
            files.sort_by_key(|d| (name_lot(seed, &d.name), d.name.clone()));
            for (i, file) in files.into_iter().take(sizes.foreign).enumerate() {
                let (side, stratum) = (Side::in_turn(i), (family * 64 + level) as u32);
                put(
                    (family, level),
                    side,
                    stratum,
                    &file.name,
                    &file.bytes,
                    sizes.changed,
                );
            }
        }
    }
    trials
}

fn name_lot(seed: u64, name: &str) -> u64 {
    name.bytes().fold(mix(seed), |h, b| mix(h ^ u64::from(b)))
}
