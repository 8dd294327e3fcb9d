//! Text in which the twenty idioms occur, for training.
//!
//! ```text
//! document n of (seed, split) ─► Python-like: 3…8 snippets, tasks and filler      (4 of 5)
//!                             └► Rust-like:   `use …;` and 2…5 snippets           (1 of 5)
//! ```
//!
//! # Invariants
//! - Document n depends on seed, split and n alone; no byte is 0.
//! - Both cues of a task are equally frequent.
//! - A Rust-like document says so in its first word, because Rust lets a space follow a condition.

use lacuna::num::{Fnv64, Rng};

use super::table::TABLE;
use super::{Split, template, templates};

/// Python that no task asks for.
const FILLER: [&str; 9] = [
    "$v = $f($w)",
    "import $f",
    "# $s $t",
    "print($v, $w)",
    "$v += $n",
    "$v = [[$L], [$M]]",
    "$v = \"$s $t\"",
    "del $v[$n]",
    "$v = $w[$n]",
];

/// Snippets of Rust, the last two held out; most are twins of an idiom.
const RUST: [&str; 14] = [
    "let «mut ¦»$v = $n;",
    "fn $f($a: u32) -> u32 {\n    $a + $n\n}",
    "if $v == $n {\n    $f($v);\n} else {\n    $f($w);\n}",
    "for $i in 0..$n {\n    $f($i);\n}",
    "for ($i, $j) in $v.iter().enumerate() {\n    $f($i, $j);\n}",
    "let $v = «\"$s\"¦'x'»;",
    "let $v = [«¦[»$L]«¦]»;",
    "core::mem::swap(&mut $v, &mut $w);",
    "impl $C {\n    fn new($a: u32, $b: u32) -> Self {\n        Self { $a, $b }\n    }\n}",
    "while let Some($i) = $v.pop() {\n    $f($i);\n}",
    "let $v = |$i| $i + $n;",
    "match $v {\n    $n => $f($w),\n    _ => {}\n}",
    "let $v: Vec<u32> = $w.iter().map(|$i| $i + $n).collect();",
    "println!(\"$s {$v}\");",
];
const RUST_HELD_OUT: usize = 2;

/// A stream of random numbers of its own for every purpose, seed and number.
pub(super) fn stream(purpose: &str, split: Split, seed: u64, number: u64) -> Rng {
    let mut hash = Fnv64::new();
    hash.update(purpose.as_bytes());
    hash.update(&[split as u8]);
    hash.update(&seed.to_le_bytes());
    hash.update(&number.to_le_bytes());
    Rng::new(hash.finish())
}

/// One of `from`.
pub(super) fn choose<T: Copy>(from: &[T], rng: &mut Rng) -> T {
    from[rng.below(from.len() as u32) as usize]
}

/// Python-like and Rust-like documents without end, deterministic by seed.
///
/// With [`Split::HeldOut`] they are made of the templates and names that [`Split::Train`] never shows.
pub fn documents(seed: u64, split: Split) -> impl Iterator<Item = Vec<u8>> {
    (0..).map(move |number| {
        let mut rng = stream("document", split, seed, number);
        let text = match rng.below(5) {
            0 => rust(split, &mut rng),
            _ => python(split, &mut rng),
        };
        text.into_bytes()
    })
}

/// A whole snippet of `template` with either cue.
fn snippet(template: &str, split: Split, rng: &mut Rng) -> String {
    let cue = rng.below(2) as usize;
    let [a, b] = template::both(template, split, rng);
    let text = if cue == 0 { a } else { b };
    text.before + text.after.trim_end() + "\n"
}

fn python(split: Split, rng: &mut Rng) -> String {
    let count = 3 + rng.below(6);
    let snippets = (0..count).map(|_| {
        let template = match rng.below(6) {
            0 => choose(&FILLER, rng),
            _ => choose(
                templates(TABLE[rng.below(20) as usize].templates, split),
                rng,
            ),
        };
        snippet(template, split, rng)
    });
    snippets.collect::<Vec<_>>().join("\n")
}

fn rust(split: Split, rng: &mut Rng) -> String {
    let (train, held_out) = RUST.split_at(RUST.len() - RUST_HELD_OUT);
    let from = match split {
        Split::Train => train,
        Split::HeldOut => held_out,
    };
    let mut text = snippet("use core::$f;", split, rng);
    for _ in 0..2 + rng.below(4) {
        text.push('\n');
        text.push_str(&snippet(choose(from, rng), split, rng));
    }
    text
}
