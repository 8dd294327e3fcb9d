//! The names that templates are filled with, and the rule by which a slot draws one.
//!
//! ```text
//! $v $w $u  variables    $i $j  items       $f $g  functions    $a $b $c  attributes    $C $D  classes
//! $s $t     words        $p     files       $n $m $k  numbers   $L $M     rows of numbers, `3, 14, 7`
//! ```
//!
//! # Invariants
//! - The pools of the two splits share no name.
//! - Two slots of one kind never begin with the same byte, so that the first byte of a copied name decides.
//! - No variable begins with the first letter of `enumerate` or `range`.

use lacuna::num::Rng;

use super::Split;

/// Names of one kind, for training and held out.
struct Pool {
    slots: &'static str,
    names: [&'static [&'static str]; 2],
}

const POOLS: [Pool; 7] = [
    Pool {
        slots: "vwu",
        names: [
            &[
                "total", "count", "names", "data", "value", "level", "queue", "path", "score",
                "index", "buffer", "users", "group", "offset", "handle", "job", "flag", "limit",
            ],
            &[
                "weight", "size", "tokens", "amount", "batch", "nodes", "found", "lines", "output",
                "pairs", "depth", "module",
            ],
        ],
    },
    Pool {
        slots: "ij",
        names: [
            &[
                "i", "x", "item", "node", "key", "part", "word", "step", "cell",
            ],
            &["y", "entry", "field", "char", "unit", "leaf"],
        ],
    },
    Pool {
        slots: "fg",
        names: [
            &[
                "load", "parse", "build", "check", "update", "find", "merge", "apply", "send",
                "next_of",
            ],
            &["clean", "visit", "mark", "split", "insert", "hash_of"],
        ],
    },
    Pool {
        slots: "abc",
        names: [
            &[
                "name", "size", "path", "mode", "color", "left", "top", "kind", "value", "width",
                "owner", "index",
            ],
            &[
                "title", "host", "port", "user", "depth", "state", "group", "right",
            ],
        ],
    },
    Pool {
        slots: "CD",
        names: [
            &["Point", "User", "Cache", "Node", "Shape", "Lexer"],
            &["Server", "Table", "Event", "Widget"],
        ],
    },
    Pool {
        slots: "st",
        names: [
            &[
                "apple", "river", "stone", "cloud", "tiger", "green", "house", "paper", "light",
                "music", "north",
            ],
            &["ocean", "bread", "window", "yellow", "forest", "dance"],
        ],
    },
    Pool {
        slots: "p",
        names: [
            &["notes", "sales", "users", "report", "cities", "events"],
            &["ledger", "photos", "orders", "weather"],
        ],
    },
];

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
        let taken = |name: &str| {
            let others = self.taken.iter().filter(|(s, _)| pool.slots.contains(*s));
            others
                .into_iter()
                .any(|(_, word)| word.as_bytes()[0] == name.as_bytes()[0])
        };
        let names = pool.names[self.split as usize];
        let free: Vec<&str> = names.iter().copied().filter(|n| !taken(n)).collect();
        free[rng.below(free.len() as u32) as usize].to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_splits_share_no_name_and_every_slot_finds_one() {
        for pool in &POOLS {
            let [train, held_out] = pool.names;
            assert!(
                train.iter().all(|n| !held_out.contains(n)),
                "{}",
                pool.slots
            );
            for split in [Split::Train, Split::HeldOut] {
                for seed in 0..200 {
                    let (mut rng, mut words) = (Rng::new(seed), Words::new(split));
                    let mut letters: Vec<u8> = Vec::new();
                    for slot in pool.slots.chars() {
                        letters.push(words.of(slot, &mut rng).as_bytes()[0]);
                    }
                    letters.sort_unstable();
                    letters.dedup();
                    assert_eq!(letters.len(), pool.slots.len());
                }
            }
        }
        let variables = POOLS[0].names.concat();
        assert!(variables.iter().all(|n| !n.starts_with(['e', 'r'])));
    }
}
