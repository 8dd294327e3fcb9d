//! The names that templates are filled with, and the rule by which a slot draws one.
//!
//! ```text
//! $v $w $u  variables    $i $j  items       $f $g  functions    $a $b $c  attributes    $C $D  classes
//! $s $t     words        $p     files       $n $m $k  numbers   $L $M     rows of numbers, `3, 14, 7`
//!
//! listed, such as `total` (half of training)     made, such as `bako` (half of training, all that is held out)
//! ```
//!
//! # Invariants
//! - The splits share no name: a made name belongs to one of them, by its hash.
//! - Two slots of one kind never begin with the same byte, so that the first byte of a copied name decides.
//! - No variable begins with the first letter of `enumerate` or `range`.
//!
//! # Why
//! A few dozen names can be learned by heart, and then a new one says nothing about the rule. Made names are too many for
//! that, and those held out look like those learned from.

use lacuna::num::{Fnv64, Rng};

use super::Split;

/// Names of one kind.
struct Pool {
    slots: &'static str,
    listed: &'static [&'static str],
}

const POOLS: [Pool; 7] = [
    Pool {
        slots: "vwu",
        listed: &[
            "total", "count", "names", "data", "value", "level", "queue", "path", "score", "index",
            "buffer", "users", "group", "offset", "handle", "job", "flag", "limit",
        ],
    },
    Pool {
        slots: "ij",
        listed: &["i", "x", "item", "node", "key", "part", "word", "step"],
    },
    Pool {
        slots: "fg",
        listed: &[
            "load", "parse", "build", "check", "update", "find", "merge", "apply", "send",
        ],
    },
    Pool {
        slots: "abc",
        listed: &[
            "name", "size", "path", "mode", "color", "left", "top", "kind", "value", "width",
            "owner", "index",
        ],
    },
    Pool {
        slots: "CD",
        listed: &["Point", "User", "Cache", "Node", "Shape", "Lexer"],
    },
    Pool {
        slots: "st",
        listed: &[
            "apple", "river", "stone", "cloud", "tiger", "green", "house", "paper", "light",
            "music", "north",
        ],
    },
    Pool {
        slots: "p",
        listed: &["notes", "sales", "users", "report", "cities", "events"],
    },
];

/// Letters of made names: one of each, twice.
const CONSONANTS: &[u8; 14] = b"bcdfghklmnpstv";
const VOWELS: &[u8; 5] = b"aeiou";
/// One in so many made names is held out.
const HELD_OUT: u64 = 4;

/// The split that a name belongs to.
fn split_of(name: &str) -> Split {
    let listed = |pool: &Pool| pool.listed.iter().any(|n| n.eq_ignore_ascii_case(name));
    if POOLS.iter().any(listed) {
        return Split::Train;
    }
    let mut hash = Fnv64::new();
    hash.update(name.to_ascii_lowercase().as_bytes());
    // The low bits of FNV depend on little.
    match (hash.finish() >> 20) % HELD_OUT {
        0 => Split::HeldOut,
        _ => Split::Train,
    }
}

/// Four letters, consonants and vowels in turn.
fn made(rng: &mut Rng) -> String {
    let mut letter = |from: &[u8]| char::from(from[rng.below(from.len() as u32) as usize]);
    (0..2)
        .flat_map(|_| [letter(CONSONANTS), letter(VOWELS)])
        .collect()
}

/// Words that fill slots.
#[derive(Debug)]
pub(super) struct Words {
    split: Split,
    taken: Vec<(char, String)>,
}

impl Words {
    /// No slot filled yet.
    pub(super) fn new(split: Split) -> Words {
        let taken = Vec::new();
        Words { split, taken }
    }

    /// The word of `slot`, drawn when it is first asked for.
    pub(super) fn of(&mut self, slot: char, rng: &mut Rng) -> &str {
        let at = match self.taken.iter().position(|(s, _)| *s == slot) {
            Some(at) => at,
            None => {
                let word = self.draw(slot, rng);
                self.taken.push((slot, word));
                self.taken.len() - 1
            }
        };
        &self.taken[at].1
    }

    fn draw(&self, slot: char, rng: &mut Rng) -> String {
        let Some(pool) = POOLS.iter().find(|p| p.slots.contains(slot)) else {
            return numbers(slot, rng);
        };
        let others: Vec<u8> = (self.taken.iter())
            .filter(|(s, _)| pool.slots.contains(*s))
            .filter_map(|(_, word)| word.bytes().next())
            .collect();
        let free = |name: &str| name.bytes().next().is_some_and(|b| !others.contains(&b));
        let listed: Vec<&str> = pool.listed.iter().copied().filter(|n| free(n)).collect();
        if self.split == Split::Train && rng.below(2) == 0 {
            return listed[rng.below(listed.len() as u32) as usize].to_owned();
        }
        // One in four or more of the made names fits, so this ends.
        loop {
            let mut name = made(rng);
            if slot.is_ascii_uppercase() {
                name[..1].make_ascii_uppercase();
            }
            if split_of(&name) == self.split && free(&name) {
                return name;
            }
        }
    }
}

/// A number below 100, or in `$L` and `$M` one to five of them.
fn numbers(slot: char, rng: &mut Rng) -> String {
    let count = match slot {
        'L' | 'M' => 1 + rng.below(5),
        _ => 1,
    };
    let numbers: Vec<String> = (0..count).map(|_| rng.below(100).to_string()).collect();
    numbers.join(", ")
}

/// Whether a slot could have been filled with `word`.
#[cfg(test)]
pub(super) fn is_name(word: &str) -> bool {
    let one_of = |letters: &[u8], b: &u8| letters.contains(&b.to_ascii_lowercase());
    let made = match word.as_bytes() {
        [a, b, c, d] => {
            one_of(CONSONANTS, a) && one_of(VOWELS, b) && one_of(CONSONANTS, c) && one_of(VOWELS, d)
        }
        _ => false,
    };
    made || POOLS.iter().any(|pool| pool.listed.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_splits_share_no_name_and_every_slot_finds_one() {
        let (mut seen, mut letters) = ([Vec::new(), Vec::new()], Vec::new());
        for pool in &POOLS {
            for split in [Split::Train, Split::HeldOut] {
                for seed in 0..300 {
                    let (mut rng, mut words) = (Rng::new(seed), Words::new(split));
                    letters.clear();
                    for slot in pool.slots.chars() {
                        let word = words.of(slot, &mut rng);
                        letters.push(word.as_bytes()[0]);
                        seen[split as usize].push(word.to_owned());
                    }
                    assert!(pool.slots != "vwu" || !letters.iter().any(|b| b"er".contains(b)));
                    letters.sort_unstable();
                    letters.dedup();
                    assert_eq!(letters.len(), pool.slots.len());
                }
            }
        }
        let [train, held_out] = seen;
        assert!(train.iter().all(|name| !held_out.contains(name)));
        assert!(train.iter().any(|name| name == "total") && held_out.len() == train.len());
    }

    #[test]
    fn a_quarter_of_the_made_names_is_held_out() {
        let mut rng = Rng::new(1);
        let held_out = (0..4000).filter(|_| split_of(&made(&mut rng)) == Split::HeldOut);
        let n = held_out.count();
        assert!((850..1150).contains(&n), "{n}");
    }
}
