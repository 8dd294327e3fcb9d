//! Text made strange by degrees, the same way each time.
//!
//! # Invariants
//! - No byte 0, which begins a document, comes in.
//! - What is changed depends on the text and the seed alone.

use std::collections::BTreeMap;

use lacuna::num::Rng;

/// Shares of bytes that are replaced.
pub const RATES: [f64; 4] = [0.01, 0.03, 0.1, 0.3];
/// Shares of identifiers whose letters are shuffled.
pub const RENAMED: [f64; 3] = [0.25, 0.5, 1.0];
/// How much of the grammar is another's.
pub const DIALECTS: [&str; 3] = ["no semicolons", "colons for braces", "other keywords"];
/// Blocks around a piece of text.
pub const DEPTHS: [usize; 3] = [2, 4, 8];

/// Each byte replaced with probability `rate` by any other but 0.
pub fn corrupted(text: &[u8], rate: f64, rng: &mut Rng) -> Vec<u8> {
    let each = text.iter().map(|byte| {
        if f64::from(rng.next_f32()) < rate {
            1 + rng.below(255) as u8
        } else {
            *byte
        }
    });
    each.collect()
}

const KEYWORDS: [&str; 44] = [
    "as", "bool", "break", "char", "const", "continue", "crate", "else", "enum", "extern", "f32",
    "f64", "false", "fn", "for", "i32", "i64", "if", "impl", "in", "let", "loop", "match", "mod",
    "move", "mut", "pub", "ref", "return", "self", "Self", "static", "str", "struct", "super",
    "trait", "true", "type", "u32", "u64", "u8", "use", "usize", "while",
];

/// A share of the identifiers with their letters shuffled, each the same way wherever it stands; keywords stay.
pub fn renamed(text: &[u8], share: f64, rng: &mut Rng) -> Vec<u8> {
    let mut names: BTreeMap<&[u8], Vec<u8>> = BTreeMap::new();
    let inside = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let mut out = Vec::with_capacity(text.len());
    for word in text.chunk_by(|a, b| inside(a) && inside(b)) {
        let name = word
            .first()
            .is_some_and(|b| inside(b) && !b.is_ascii_digit());
        let keyword = core::str::from_utf8(word).is_ok_and(|w| KEYWORDS.contains(&w));
        if !name || keyword {
            out.extend_from_slice(word);
            continue;
        }
        let new = names.entry(word).or_insert_with(|| {
            let mut new = word.to_vec();
            if f64::from(rng.next_f32()) < share {
                shuffle(&mut new, rng);
            }
            new
        });
        out.extend_from_slice(new);
    }
    out
}

fn shuffle(word: &mut [u8], rng: &mut Rng) {
    for i in (1..word.len()).rev() {
        word.swap(i, rng.below(i as u32 + 1) as usize);
    }
}

/// Rust written a little more like Python, from level 0 to 2.
pub fn dialect(text: &[u8], level: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.strip_suffix(';').unwrap_or(line).to_owned();
        if level >= 1 {
            if matches!(line.trim(), "}" | "})" | "}," | "};") {
                continue;
            }
            if let Some(head) = line.strip_suffix('{') {
                line = format!("{}:", head.trim_end());
            }
        }
        if level >= 2 {
            for (rust, other) in [
                ("pub fn ", "def "),
                ("fn ", "def "),
                ("let mut ", ""),
                ("let ", ""),
                ("//", "#"),
                ("::", "."),
                ("self.", "this."),
                ("&", ""),
                ("->", "=>"),
                ("struct ", "class "),
                ("None", "null"),
                ("true", "True"),
                ("false", "False"),
            ] {
                line = line.replace(rust, other);
            }
        }
        out.push_str(&line);
        out.push('\n');
    }
    out.into_bytes()
}

/// Every few lines put into `depth` blocks, one in the other, and indented as far.
pub fn nested(text: &[u8], depth: usize) -> Vec<u8> {
    const OPENERS: [&str; 4] = ["loop {", "while z {", "if x {", "match y {"];
    const LINES: usize = 12;
    let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
    let mut out = Vec::new();
    let mut put = |indent: usize, line: &[u8]| {
        out.resize(out.len() + 4 * indent, b' ');
        out.extend_from_slice(line);
        out.push(b'\n');
    };
    for piece in lines.chunks(LINES) {
        for i in 0..depth {
            put(i, OPENERS[i % OPENERS.len()].as_bytes());
        }
        piece.iter().for_each(|line| put(depth, line));
        (0..depth).rev().for_each(|i| put(i, b"}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] =
        b"pub fn norm(x: &[f32]) -> f32 {\n    let norm_sq = sum(x);\n    norm_sq\n}\n";

    #[test]
    fn as_many_bytes_are_replaced_as_was_asked() {
        let text = vec![b'a'; 20_000];
        let changed = corrupted(&text, 0.1, &mut Rng::new(1));
        let n = changed.iter().filter(|b| **b != b'a').count();
        assert!((1800..2200).contains(&n), "{n}");
        assert!(!changed.contains(&0));
        assert_eq!(corrupted(TEXT, 0.0, &mut Rng::new(1)), TEXT);
    }

    #[test]
    fn names_are_shuffled_alike_everywhere_and_keywords_stay() {
        let changed = renamed(TEXT, 1.0, &mut Rng::new(3));
        let text = String::from_utf8(changed).unwrap();
        assert!(text.starts_with("pub fn ") && text.contains("f32 {\n    let "));
        let name = text.split("let ").nth(1).unwrap();
        let name = name.split(' ').next().unwrap();
        assert!(
            name != "norm_sq" && text.matches(name).count() == 2,
            "{text}"
        );
        assert_eq!(renamed(TEXT, 0.0, &mut Rng::new(3)), TEXT);
    }

    #[test]
    fn dialects_go_further_by_level() {
        let at = |level| String::from_utf8(dialect(TEXT, level)).unwrap();
        assert!(at(0).contains("sum(x)\n") && at(0).contains("f32 {\n"));
        assert!(at(1).contains("f32:\n") && !at(1).contains('}'));
        assert!(at(2).starts_with("def norm(x: [f32]) => f32:\n    norm_sq = sum(x)\n"));
    }

    #[test]
    fn blocks_close_as_often_as_they_open() {
        let text = String::from_utf8(nested(TEXT, 4)).unwrap();
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(text.contains("                pub fn norm"));
    }
}
