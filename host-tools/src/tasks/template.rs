//! A template: text with slots, two alternatives, and the place where they part.
//!
//! ```text
//! $v = «set()¦""»\n$v§«.add($n)¦ += $n»      cue 0: total = set()⏎total │ .add(7)
//!      └─ cue ──┘    └─ what follows ─┘      cue 1: total = ""⏎total    │  += 7
//! ```
//!
//! # Invariants
//! - Both alternatives are filled with the same words: the two texts differ only where the template says so.

use lacuna::num::Rng;

use super::words::Words;
use super::{Pair, Split};

/// A text before and after the place where the cue decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) before: String,
    pub(super) after: String,
}

/// Both texts of `template`, filled with words of `split`.
pub(super) fn both(template: &str, split: Split, rng: &mut Rng) -> [Text; 2] {
    let mut words = Words::new(split);
    // One after the other: a slot that only the second alternative has is filled last.
    [0, 1].map(|cue| fill(template, cue, &mut words, rng))
}

fn fill(template: &str, cue: usize, words: &mut Words, rng: &mut Rng) -> Text {
    let mut text = Text {
        before: String::new(),
        after: String::new(),
    };
    let (mut inside, mut decided) = (None, false);
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        match c {
            '«' => inside = Some(0),
            '¦' => inside = Some(1),
            '»' => inside = None,
            '§' => decided = true,
            _ if inside.is_some_and(|alternative| alternative != cue) => {}
            _ => {
                let side = if decided {
                    &mut text.after
                } else {
                    &mut text.before
                };
                match c {
                    '$' => side.push_str(chars.next().map_or("", |slot| words.of(slot, rng))),
                    c => side.push(c),
                }
            }
        }
    }
    text
}

/// The two texts as prompts and the byte that follows each.
pub(super) fn pair(texts: [Text; 2]) -> Pair {
    let answer = [0, 1].map(|cue: usize| texts[cue].after.bytes().next().unwrap_or(b'\n'));
    let prompt = texts.map(|text| text.before.into_bytes());
    Pair { prompt, answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_share_their_words() {
        let template = "$v = «set()¦\"\"»\n$v§«.add($n)¦ += $n»";
        let [set, string] = both(template, Split::Train, &mut Rng::new(1));
        let name = set.before.split(' ').next().unwrap_or("");
        assert_eq!(set.before, format!("{name} = set()\n{name}"));
        assert_eq!(string.before, format!("{name} = \"\"\n{name}"));
        let number = string.after.trim_start_matches(" += ");
        assert_eq!(set.after, format!(".add({number})"));
        assert_eq!(pair([set, string]).answer, [b'.', b' ']);
    }
}
