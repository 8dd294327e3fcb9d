//! How well classifiers tell what people do whom they never saw, computed by the engine.
//!
//! ```text
//! file of a person ─► windows, hop apart ─► Session::classify ─► windows told rightly
//!                          │                      └─ mean logits of a recording ─► recordings told rightly
//!                          └─ nearest training window by statistics ─► the baseline
//! ```
//!
//! # Invariants
//! - Logits are the engine's; the baseline learns from the files that the model learned from, and no others.
//!
//! # Why
//! People are the unit: windows of one person are nearly copies, so an interval over windows would be far too narrow.

use lacuna::config::Config;
use lacuna::model::{Model, State};
use lacuna::session::{Error as Refused, Options, Session, argmax};
use serde::Serialize;

use crate::data::series::nearest::Nearest;
use crate::data::series::{Set, windows};
use crate::memory::Buffer;
use crate::train::classify::window_samples;

/// Why a model cannot be scored on a set.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("the model takes tokens, and recordings have none")]
    TakesTokens,
    #[error("the model has {model} channels, the recordings {data}")]
    Channels { model: usize, data: usize },
    #[error("the recordings have a class `{0}` that the model does not know")]
    Class(String),
    #[error("the model has no names of classes, and not as many as the recordings")]
    NoLabels,
    #[error(transparent)]
    Session(#[from] Refused),
}

/// How one file was told.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Person {
    /// Name of the file.
    pub file: String,
    /// Its windows.
    pub windows: usize,
    /// Those told rightly.
    pub right: usize,
    /// Those that the nearest training window tells rightly.
    pub nearest_right: usize,
    /// Its recordings of at least a window.
    pub recordings: usize,
    /// Those whose mean logits tell them rightly.
    pub recordings_right: usize,
}

impl Person {
    /// Share of windows told rightly.
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.windows.max(1) as f64
    }

    /// The same of the baseline.
    pub fn nearest(&self) -> f64 {
        self.nearest_right as f64 / self.windows.max(1) as f64
    }
}

/// The model's number of each class of `set`.
fn classes(model: &Model<'_>, set: &Set) -> Result<Vec<usize>, Error> {
    let config = model.config();
    let (data, channels) = (set.channels, config.channels());
    if channels == 0 {
        return Err(Error::TakesTokens);
    }
    if channels != data {
        return Err(Error::Channels {
            model: channels,
            data,
        });
    }
    let Some(labels) = model.file().labels() else {
        return match config.n_logits() == set.classes.len() {
            true => Ok((0..set.classes.len()).collect()),
            false => Err(Error::NoLabels),
        };
    };
    let number = |class: &String| {
        let found = labels.iter().position(|label| label == class);
        found.ok_or_else(|| Error::Class(class.clone()))
    };
    set.classes.iter().map(number).collect()
}

/// Windows of these files of `set`; none for a model that takes tokens.
pub fn count(set: &Set, files: &[usize], config: &Config, hop: usize) -> usize {
    let len = window_samples(config);
    if len == 0 {
        return 0;
    }
    let each = set.recordings(files);
    each.map(|(_, s)| windows(s, set.channels, len, hop).count())
        .sum()
}

/// Scores `model` on `files` of `set`, person by person; `each` is told of every window.
///
/// # Errors
/// A model that does not fit the recordings, or what a session meets.
pub fn score(
    model: &Model<'_>,
    set: &Set,
    files: &[usize],
    hop: usize,
    options: Options,
    each: &mut dyn FnMut(),
) -> Result<Vec<Person>, Error> {
    let (config, number) = (model.config(), classes(model, set)?);
    let (len, others) = (window_samples(config), set.others(files));
    let known = set.recordings(&others).flat_map(|(_, s)| {
        let class = number[s.class];
        windows(s, set.channels, len, hop).map(move |w| (w, class))
    });
    let nearest = Nearest::learn(known, set.channels);
    let mut arena = Buffer::zeroed(State::len(config, &options.limits));
    let mut session = Session::new(*model, &mut arena, options)?;
    let mut people = Vec::new();
    for &file in files {
        let mut person = Person {
            file: set.files[file].name.clone(),
            ..Person::default()
        };
        for series in &set.files[file].series {
            let (class, mut sums, mut any) =
                (number[series.class], vec![0.0f64; config.n_logits()], false);
            for window in windows(series, set.channels, len, hop) {
                let logits = session.classify(window)?;
                sums.iter_mut()
                    .zip(logits)
                    .for_each(|(s, l)| *s += f64::from(*l));
                person.windows += 1;
                person.right += usize::from(argmax(logits) as usize == class);
                person.nearest_right += usize::from(nearest.classify(window) == class);
                any = true;
                each();
            }
            let best = (0..sums.len()).max_by(|&a, &b| sums[a].total_cmp(&sums[b]).then(b.cmp(&a)));
            person.recordings += usize::from(any);
            person.recordings_right += usize::from(any && best == Some(class));
        }
        people.push(person);
    }
    Ok(people)
}

/// Mean of a few people and the 95 % interval of that mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// People.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Half the width of the interval by Student's t; `null` of a single one.
    pub half: Option<f64>,
}

/// 97.5 % points of Student's t with 1 … 30 degrees of freedom.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// The mean of `values`, one a person.
pub fn interval(values: &[f64]) -> Interval {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n.max(1) as f64;
    let half = (n > 1).then(|| {
        let square: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        let t = T.get(n - 2).copied().unwrap_or(1.96);
        t * (square / (n - 1) as f64 / n as f64).sqrt()
    });
    Interval { n, mean, half }
}

#[cfg(test)]
mod tests {
    use super::interval;

    #[test]
    fn an_interval_is_students() {
        let one = interval(&[0.5]);
        assert_eq!((one.n, one.mean, one.half), (1, 0.5, None));
        let some = interval(&[0.6, 0.7, 0.8, 0.9]);
        assert!((some.mean - 0.75).abs() < 1e-12);
        let half = some.half.unwrap();
        assert!(
            (half - 3.182 * 0.129_099_444_9 / 2.0).abs() < 1e-9,
            "{half}"
        );
    }
}
