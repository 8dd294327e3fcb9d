//! Windows of samples: later parts of recordings whose beginnings were trained on, and what is strange to them.
//!
//! ```text
//! recording ─► first half ─► training (but of one person and one activity)
//!           ├► third quarter ─► fit:  known, activity, swap, gain, noise, drop
//!           └► last quarter  ─► test: known and same in turn, the same shifts; of the person left out: subject
//! ```
//!
//! # Invariants
//! - The unit is the person, its parts are recordings: a draw takes people, and of each as many recordings.
//! - Seed s leaves out person s and activity s, so that as many seeds as people show each once.
//!
//! # Why
//! A person who was never seen is a shift and not more of the same, so what is known must come from people that were.

pub mod change;

use lacuna::num::Rng;

use super::trial::{Family, KNOWN, SAME, Side, Trial, Window};
use crate::data::mix;
use crate::data::series::{File, Scale, Series, Set, windows};

/// Recordings by what they are for.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What is trained on.
    pub training: Set,
    /// Third quarters.
    fit: Set,
    /// Last quarters.
    test: Set,
    /// Number of the file that is left out.
    person: usize,
    /// Number of the class that is left out.
    class: usize,
}

/// Why recordings cannot be parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not enough of them.
    #[error(
        "a study needs two people and three classes at least, and there are {people} and {classes}"
    )]
    TooFew {
        /// Files.
        people: usize,
        /// Classes.
        classes: usize,
    },
    /// Too short.
    #[error("no recording is as long as four windows of {0} samples")]
    Short(usize),
}

/// The part of every series from `from` to `to` quarters.
fn quarters(set: &Set, (from, to): (usize, usize)) -> Set {
    let cut = |s: &Series| {
        let n = s.samples.len() / set.channels;
        let place = |quarter: usize| n * quarter / 4 * set.channels;
        Series {
            samples: s.samples[place(from)..place(to)].to_vec(),
            class: s.class,
        }
    };
    let file = |f: &File| File {
        name: f.name.clone(),
        series: f.series.iter().map(cut).collect(),
    };
    Set {
        files: set.files.iter().map(file).collect(),
        ..set.clone()
    }
}

impl Parts {
    /// `set` parted for seed number `turn`, windows being of `len` samples.
    ///
    /// # Errors
    /// [`Error`].
    pub fn new(set: &Set, turn: usize, len: usize) -> Result<Parts, Error> {
        let (people, classes) = (set.files.len(), set.classes.len());
        if people < 2 || classes < 3 {
            return Err(Error::TooFew { people, classes });
        }
        let (person, class) = (turn % people, turn % classes);
        let longest = set.files.iter().flat_map(|f| &f.series);
        let longest = longest.map(|s| s.samples.len() / set.channels).max();
        if longest.unwrap_or(0) < 4 * len {
            return Err(Error::Short(len));
        }
        let mut training = quarters(set, (0, 2));
        training.files.remove(person);
        training.classes.remove(class);
        for file in &mut training.files {
            file.series.retain(|s| s.class != class);
            file.series
                .iter_mut()
                .for_each(|s| s.class -= usize::from(s.class > class));
        }
        training.id = format!("{}:study:{person}:{class}", set.id);
        Ok(Parts {
            training,
            fit: quarters(set, (2, 3)),
            test: quarters(set, (3, 4)),
            person,
            class,
        })
    }

    /// The model's number of a class; none for the one that is left out.
    fn number(&self, class: usize) -> Option<usize> {
        (class != self.class).then(|| class - usize::from(class > self.class))
    }
}

/// Families of a study of sensors, in the order of their numbers.
pub fn families() -> Vec<Family> {
    let mut all = Family::familiar();
    let words = |x: &[f32]| x.iter().map(|x| x.to_string()).collect::<Vec<_>>();
    all.extend([
        Family::new("subject", "a person who was not trained on", ["unseen"]),
        Family::new("activity", "a class that was not trained on", ["unseen"]),
        Family::new("swap", "channels exchanged", change::SWAPS),
        Family::new("gain", "factor of every channel", words(&change::GAINS)),
        Family::new("noise", "added deviations", words(&change::NOISES)),
        Family::new("drop", "share of samples lost", words(&change::DROPS)),
    ]);
    all
}

/// Windows of `len` samples for a model that was trained on `parts.training`, at most `most` of a recording's part.
pub fn trials(parts: &Parts, scale: &Scale, len: usize, most: usize, seed: u64) -> Vec<Trial> {
    let channels = parts.training.channels;
    let mut trials = Vec::new();
    for (side, set) in [(Side::Fit, &parts.fit), (Side::Test, &parts.test)] {
        let (mut turn, mut familiar) = (0, 0);
        for (who, file) in set.files.iter().enumerate() {
            for (part, series) in (0..).zip(&file.series) {
                for window in windows(series, channels, len, len).take(most) {
                    turn += 1;
                    let class = parts.number(series.class);
                    let mut put = |family, level, stratum, window: Vec<f32>| {
                        trials.push(Trial {
                            family,
                            level,
                            side,
                            stratum,
                            unit: file.name.clone(),
                            part,
                            window: Window::Samples(window, class),
                        });
                    };
                    let (seen, known) = (who != parts.person, class.is_some());
                    familiar += usize::from(seen && known);
                    match (seen, known) {
                        (true, true) if side == Side::Test && familiar % 2 == 0 => {
                            put(SAME, 0, 0, window.to_vec());
                            continue;
                        }
                        (true, true) => put(KNOWN, 0, 0, window.to_vec()),
                        // The fit side of a shift is the test side of no other: one person has one half of each.
                        (false, true) => {
                            put(SAME + 1, 0, 1, window.to_vec());
                            continue;
                        }
                        (true, false) => {
                            put(SAME + 2, 0, 0, window.to_vec());
                            continue;
                        }
                        (false, false) => continue,
                    }
                    let lot = mix(mix(seed) ^ (turn * 2 + usize::from(side == Side::Fit)) as u64);
                    changed(window, channels, scale, lot, &mut put);
                }
            }
        }
    }
    trials
}

fn changed(
    window: &[f32],
    channels: usize,
    scale: &Scale,
    lot: u64,
    put: &mut dyn FnMut(usize, usize, u32, Vec<f32>),
) {
    let mut rng = Rng::new(lot);
    for level in 0..change::SWAPS.len() {
        put(SAME + 3, level, 0, change::swapped(window, channels, level));
    }
    for (level, gain) in change::GAINS.into_iter().enumerate() {
        put(SAME + 4, level, 0, change::scaled(window, scale, gain));
    }
    for (level, by) in change::NOISES.into_iter().enumerate() {
        put(
            SAME + 5,
            level,
            0,
            change::noisy(window, scale, by, &mut rng),
        );
    }
    for (level, share) in change::DROPS.into_iter().enumerate() {
        put(
            SAME + 6,
            level,
            0,
            change::dropped(window, channels, share, &mut rng),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Set {
        let series = |class| Series {
            samples: (0..400).map(|i| i as f32 + 1000.0 * class as f32).collect(),
            class,
        };
        let file = |i: usize| File {
            name: format!("p{i}"),
            series: (0..3).map(series).collect(),
        };
        Set {
            files: (0..3).map(file).collect(),
            classes: ["a", "b", "c"].map(String::from).into(),
            channels: 2,
            id: "x".to_owned(),
        }
    }

    #[test]
    fn nothing_that_was_trained_on_is_shown() {
        let parts = Parts::new(&set(), 1, 10).unwrap();
        assert_eq!(parts.training.classes, ["a", "c"]);
        assert_eq!(parts.training.files.len(), 2);
        let trained = parts.training.files.iter().flat_map(|f| &f.series);
        assert!(
            trained
                .clone()
                .all(|s| s.samples.len() == 200 && s.class < 2)
        );
        let scale = parts.training.scale(&[]);
        let trials = trials(&parts, &scale, 10, 9, 1);
        for trial in &trials {
            let Window::Samples(x, class) = &trial.window else {
                panic!("tokens");
            };
            assert_eq!(x.len(), 20);
            assert_eq!(class.is_none(), trial.family == 3, "{trial:?}");
            assert_eq!(trial.unit == "p1", trial.family == 2);
            if trial.family == KNOWN {
                let first = x[0] % 1000.0;
                assert!(first >= 200.0 && (first >= 300.0) == (trial.side == Side::Test));
            }
        }
        let of = |family, side| {
            let its = |t: &&Trial| t.family == family && t.side == side;
            trials.iter().filter(its).count()
        };
        assert_eq!(
            (of(SAME, Side::Fit), of(SAME, Side::Test)),
            (0, of(KNOWN, Side::Test))
        );
        assert_eq!(families().len(), 8);
        assert!(trials.iter().any(|t| t.family == 7 && t.level == 2));
        assert_eq!(Parts::new(&set(), 0, 60).unwrap_err(), Error::Short(60));
    }
}
