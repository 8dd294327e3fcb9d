//! Text that no model here was trained on: unseen crates and other languages, ordered by how far they are.
//!
//! # Why
//! Crates that building this program puts on a machine anyway, pinned by version and hash as the training set is, so that
//! nobody downloads anything and every figure can be made again.

use core::fmt::Write;
use std::collections::BTreeMap;
use std::path::Path;

use lacuna::num::Rng;

use crate::data::rust_source::{is_rust, of_crates, pinned};
use crate::data::{Document, Pinned};

/// Crates that are not in the training set; hashes over `*.rs`.
pub const UNSEEN: [Pinned; 6] = [
    pinned("burn-nn", "0.22.1", "79dc65db7b55ebba"),
    pinned("libm", "0.2.16", "2c91886f6f7bb8b7"),
    pinned("nalgebra", "0.35.0", "9c9a1b4f0c718a80"),
    pinned("parquet", "59.3.2", "671ee38b0aba0b94"),
    pinned("regex-syntax", "0.8.11", "3c7f02748a7332af"),
    pinned("statrs", "0.19.1", "653d5d7c0ace3b10"),
];

/// Crates with English prose; hashes over `*.md`.
pub const PROSE: [Pinned; 4] = [
    pinned("burn-flex", "0.22.1", "8201d105bc967a11"),
    pinned("nalgebra", "0.35.0", "7165ab0c669b24e5"),
    pinned("object", "0.36.7", "fb93321a34092bef"),
    pinned("statrs", "0.19.1", "51138810941bacc1"),
];

/// A crate with C; hash over `*.c` and `*.h`.
pub const C: [Pinned; 1] = [pinned("libmimalloc-sys", "0.1.49", "bae19d3bccc17032")];

/// Crates with a manifest as its author wrote it; hashes over `Cargo.toml.orig`.
pub const MANIFESTS: [Pinned; 10] = [
    pinned("burn-flex", "0.22.1", "1e30f11e33618d8e"),
    pinned("burn-nn", "0.22.1", "c1f73e5d6f049924"),
    pinned("libm", "0.2.16", "87c1065eccf54e5a"),
    pinned("nalgebra", "0.35.0", "44bd13877e287e71"),
    pinned("object", "0.36.7", "e3dd205c22b95bb2"),
    pinned("parquet", "59.3.2", "09e1e742b3cdf8f5"),
    pinned("regex-syntax", "0.8.11", "6920dc6dac6d1aba"),
    pinned("statrs", "0.19.1", "d4110b58970d8c29"),
    pinned("syn", "3.0.9", "d6d043eed2ce9153"),
    pinned("half", "2.7.1", "e9f2d11c4f47e386"),
];

/// One grade of a family.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// Its name.
    pub name: String,
    /// Its files.
    pub documents: Vec<Document>,
    /// [`distance`] from the training set.
    pub distance: f64,
}

fn ends(path: &Path, endings: &[&str]) -> bool {
    path.extension()
        .is_some_and(|e| endings.iter().any(|x| e == *x))
}

/// Unseen crates and other languages, each family nearest first, and what is not on this machine.
pub fn load(known: &Bigrams) -> ([Vec<Foreign>; 2], Vec<String>) {
    let mut missing = Vec::new();
    let mut take = |name: &str, crates: &[Pinned], wanted: fn(&Path) -> bool| {
        let found = of_crates(crates, wanted).map_err(|e| missing.push(e.to_string()));
        Foreign {
            name: name.to_owned(),
            documents: found.unwrap_or_default(),
            distance: 0.0,
        }
    };
    let crates = UNSEEN.map(|c| take(c.name, &[c], is_rust)).into();
    let languages = vec![
        take("english", &PROSE, |p| ends(p, &["md"])),
        take("c", &C, |p| ends(p, &["c", "h"])),
        take("toml", &MANIFESTS, |p| ends(p, &["orig"])),
        Foreign {
            name: "json".to_owned(),
            documents: json(24),
            distance: 0.0,
        },
    ];
    let sorted = |mut all: Vec<Foreign>| {
        all.retain(|f| !f.documents.is_empty());
        for one in &mut all {
            let texts = one.documents.iter().map(|d| d.bytes.as_slice());
            one.distance = distance(known, &Bigrams::of(texts));
        }
        all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        all
    };
    ([sorted(crates), sorted(languages)], missing)
}

/// JSON as programs write it, from a seed.
pub fn json(documents: usize) -> Vec<Document> {
    let mut rng = Rng::new(11);
    let one = |i: usize| {
        let mut text = String::new();
        while text.len() < 1200 {
            value(&mut text, 0, &mut rng);
            text.push('\n');
        }
        Document {
            name: format!("json/{i:02}.json"),
            bytes: text.into_bytes(),
            part: None,
        }
    };
    (0..documents).map(one).collect()
}

const KEYS: [&str; 10] = [
    "id", "name", "value", "items", "created", "size", "tags", "owner", "status", "next",
];

fn value(text: &mut String, depth: usize, rng: &mut Rng) {
    let kind = if depth > 2 {
        2 + rng.below(4)
    } else {
        rng.below(6)
    };
    match (kind, depth) {
        (0, _) | (_, 0) => {
            text.push('{');
            for i in 0..2 + rng.below(4) {
                let comma = if i == 0 { "" } else { "," };
                // Writing to a String cannot fail.
                let _ = write!(text, "{comma}\"{}\":", KEYS[rng.below(10) as usize]);
                value(text, depth + 1, rng);
            }
            text.push('}');
        }
        (1, _) => {
            text.push('[');
            for i in 0..1 + rng.below(5) {
                text.push_str(if i == 0 { "" } else { "," });
                value(text, depth + 1, rng);
            }
            text.push(']');
        }
        (2, _) => text.push_str(if rng.below(2) == 0 { "true" } else { "null" }),
        (3, _) => {
            let _ = write!(text, "{:.3}", rng.next_f32() * 1000.0);
        }
        (4, _) => {
            let _ = write!(text, "{}", rng.below(100_000));
        }
        _ => {
            let _ = write!(
                text,
                "\"{}-{:04x}\"",
                KEYS[rng.below(10) as usize],
                rng.below(65_536)
            );
        }
    }
}

/// How often each pair of bytes stands in some text.
#[derive(Clone, Debug, Default)]
pub struct Bigrams {
    counts: BTreeMap<[u8; 2], f64>,
    all: f64,
}

impl Bigrams {
    /// Of these texts.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut counts = vec![0u32; 1 << 16];
        for text in texts {
            for pair in text.array_windows() {
                counts[usize::from(u16::from_be_bytes(*pair))] += 1;
            }
        }
        let seen = (0..=u16::MAX).zip(&counts).filter(|(_, n)| **n > 0);
        Self {
            all: counts.iter().map(|n| f64::from(*n)).sum(),
            counts: seen
                .map(|(pair, n)| (pair.to_be_bytes(), f64::from(*n)))
                .collect(),
        }
    }

    fn share(&self, pair: &[u8; 2]) -> f64 {
        self.counts.get(pair).copied().unwrap_or(0.0) / self.all.max(1.0)
    }
}

/// Jensen–Shannon divergence of two texts' bigrams, bits: 0 for the same shares, 1 where no pair is common.
pub fn distance(a: &Bigrams, b: &Bigrams) -> f64 {
    let half = |own: &Bigrams| -> f64 {
        let each = own.counts.keys().map(|pair| {
            let (p, m) = (own.share(pair), 0.5 * (a.share(pair) + b.share(pair)));
            p * (p / m).log2()
        });
        each.sum()
    };
    0.5 * (half(a) + half(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_ends_and_between() {
        let of = |text: &'static [u8]| Bigrams::of([text]);
        assert_eq!(distance(&of(b"abab"), &of(b"abab")), 0.0);
        assert!((distance(&of(b"aaaa"), &of(b"bbbb")) - 1.0).abs() < 1e-12);
        let some = distance(&of(b"aaab"), &of(b"aaac"));
        assert!(some > 0.2 && some < 0.5, "{some}");
    }

    #[test]
    fn made_json_is_json() {
        for document in json(3) {
            let text = String::from_utf8(document.bytes).unwrap();
            for line in text.lines() {
                serde_json::from_str::<serde_json::Value>(line).unwrap();
            }
        }
    }

    #[test]
    fn foreign_crates_are_those_of_the_lock_file_and_no_crate_was_trained_on() {
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
        let lock = std::fs::read_to_string(lock).unwrap();
        for c in UNSEEN.iter().chain(&PROSE).chain(&C).chain(&MANIFESTS) {
            let entry = format!("name = \"{}\"\nversion = \"{}\"\n", c.name, c.version);
            assert!(lock.contains(&entry), "{} {}", c.name, c.version);
        }
        let trained = |c: &&Pinned| crate::data::CRATES.iter().any(|t| t.name == c.name);
        assert!(UNSEEN.iter().find(trained).is_none());
        let (_, missing) = load(&Bigrams::of([b"fn main() {}".as_slice()]));
        assert!(missing.is_empty(), "{missing:?}");
    }
}
