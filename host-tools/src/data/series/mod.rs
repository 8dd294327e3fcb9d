//! Recordings of sensors to learn from: files of series, whole people held out, windows, and what makes channels alike.
//!
//! ```text
//! DIR/*.ts, sorted by name ─► files (a person each) ─┬► training: mean and 1/deviation of each channel ─► windows
//!                                                    └► held out: the same mean and scale            ─► windows
//! ```
//!
//! # Invariants
//! - Order, split and [`Set::id`] depend on names and bytes, never on the file system.
//! - A file is on one side of a split as a whole; what is held out has no say in mean and scale.
//!
//! # Why
//! Windows of one person are far more alike than those of two, so only people that were never seen say how well a model
//! does on the next one.

pub mod generate;
pub mod nearest;
#[cfg(test)]
mod tests;
pub mod ts;

use std::fs;
use std::path::{Path, PathBuf};

pub use ts::Series;

use super::{Document, content_hash};

/// What can be wrong with a set.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("no .ts file in {}", .0.display())]
    NoFiles(PathBuf),
    #[error("{} is not a .ts file that can be read", path.display())]
    Text { path: PathBuf, source: ts::Error },
    #[error("series of {} have no classes", .0.display())]
    NoClasses(PathBuf),
    #[error("{} has {found} channels, and the files before it have {expected}", path.display())]
    Channels {
        path: PathBuf,
        found: usize,
        expected: usize,
    },
    #[error("`{asked}` is none of the {} files: {}", files.len(), files.join(", "))]
    Fold { asked: String, files: Vec<String> },
    #[error("no series is as long as a window of {0} samples")]
    Short(usize),
    #[error("nothing is left to learn from")]
    AllHeldOut,
}

/// The series of one file, as a rule those of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its name without `.ts`.
    pub name: String,
    /// Its series, with classes numbered as in the set.
    pub series: Vec<Series>,
}

/// Some files with the same channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// Files in the order of their names.
    pub files: Vec<File>,
    /// Names of the classes, in the order they are met.
    pub classes: Vec<String>,
    /// Numbers in a sample.
    pub channels: usize,
    /// 16 hex digits over names and bytes of all files.
    pub id: String,
}

/// What makes channels alike: `(x − mean) · scale`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// One over its deviation; 0 for a channel that never moves.
    pub scale: Vec<f32>,
}

impl Scale {
    /// `window` as the model sees it: rounded as the engine rounds it.
    pub fn apply<'a>(&'a self, window: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        let channels = self.mean.iter().zip(&self.scale).cycle();
        window.iter().zip(channels).map(|(x, (m, s))| (x - m) * s)
    }
}

impl Set {
    /// Reads every `.ts` file in `dir`, or the one file that `dir` is.
    ///
    /// # Errors
    /// A file that is unreadable or refused, or files that do not fit together.
    pub fn load(dir: &Path) -> Result<Set, Error> {
        let set = Set::unlabelled(dir)?;
        match set.classes.is_empty() {
            true => Err(Error::NoClasses(dir.to_owned())),
            false => Ok(set),
        }
    }

    /// The same of files whose series may have no classes, which are then all of number 0.
    ///
    /// # Errors
    /// As [`Set::load`]; files of which only some have classes.
    pub fn unlabelled(dir: &Path) -> Result<Set, Error> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| Error::Read { path, source }
        };
        let mut paths = vec![dir.to_owned()];
        if !dir.is_file() {
            let entries = fs::read_dir(dir).map_err(failed(dir))?;
            let listed = entries.map(|e| e.map(|e| e.path()));
            paths = listed.collect::<Result<_, _>>().map_err(failed(dir))?;
            paths.retain(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("ts")));
        }
        paths.sort();
        let mut set = Set {
            files: Vec::new(),
            classes: Vec::new(),
            channels: 0,
            id: String::new(),
        };
        let mut documents = Vec::new();
        for path in paths {
            let bytes = fs::read(&path).map_err(failed(&path))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = name.into_owned();
            set.add(&path, name.clone(), &bytes)?;
            let part = None;
            documents.push(Document { name, bytes, part });
        }
        if set.files.is_empty() {
            return Err(Error::NoFiles(dir.to_owned()));
        }
        set.id = content_hash(&documents);
        Ok(set)
    }

    fn add(&mut self, path: &Path, name: String, bytes: &[u8]) -> Result<(), Error> {
        let path = || path.to_owned();
        let mut table = ts::parse(bytes).map_err(|source| Error::Text {
            path: path(),
            source,
        })?;
        // Files with classes and files without would share number 0.
        if !self.files.is_empty() && table.classes.is_empty() != self.classes.is_empty() {
            return Err(Error::NoClasses(path()));
        }
        let (found, expected) = (table.channels, self.channels);
        if !self.files.is_empty() && found != expected {
            return Err(Error::Channels {
                path: path(),
                found,
                expected,
            });
        }
        self.channels = found;
        let numbers: Vec<usize> = table.classes.iter().map(|c| self.class(c)).collect();
        for series in &mut table.series {
            series.class = numbers.get(series.class).copied().unwrap_or(0);
        }
        let series = table.series;
        self.files.push(File { name, series });
        Ok(())
    }

    /// The number of a class, a new one if need be.
    fn class(&mut self, name: &str) -> usize {
        let known = self.classes.iter().position(|c| c == name);
        known.unwrap_or_else(|| {
            self.classes.push(name.to_owned());
            self.classes.len() - 1
        })
    }

    /// The file of that name, with or without `.ts`, or of that number, from 1.
    ///
    /// # Errors
    /// [`Error::Fold`].
    pub fn fold(&self, asked: &str) -> Result<usize, Error> {
        let name = Path::new(asked).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        let stem = name.strip_suffix(".ts").unwrap_or(&name);
        let named = self.files.iter().position(|f| f.name == stem);
        let number = asked.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let found = named.or(number.filter(|&n| n < self.files.len()));
        found.ok_or_else(|| Error::Fold {
            asked: asked.to_owned(),
            files: self.files.iter().map(|f| f.name.clone()).collect(),
        })
    }

    /// The files that are not in `held_out`.
    pub fn others(&self, held_out: &[usize]) -> Vec<usize> {
        (0..self.files.len())
            .filter(|i| !held_out.contains(i))
            .collect()
    }

    /// Every series of these files, with the number of its file.
    pub fn recordings<'a>(
        &'a self,
        files: &'a [usize],
    ) -> impl Iterator<Item = (usize, &'a Series)> {
        let series = |&i: &usize| self.files[i].series.iter().map(move |s| (i, s));
        files.iter().flat_map(series)
    }

    /// Mean and deviation of every channel over all samples that are not held out, in f64, rounded once.
    pub fn scale(&self, held_out: &[usize]) -> Scale {
        let (files, channels) = (self.others(held_out), self.channels);
        let mut sums = vec![0.0f64; channels];
        let mut n = 0usize;
        let each = |then: &mut dyn FnMut(&[f32])| {
            for (_, series) in self.recordings(&files) {
                series.samples.chunks_exact(channels).for_each(&mut *then);
            }
        };
        each(&mut |sample| {
            n += 1;
            sums.iter_mut()
                .zip(sample)
                .for_each(|(s, x)| *s += f64::from(*x));
        });
        let means: Vec<f64> = sums.iter().map(|s| s / n.max(1) as f64).collect();
        let mut squares = vec![0.0f64; channels];
        each(&mut |sample| {
            for ((s, x), mean) in squares.iter_mut().zip(sample).zip(&means) {
                *s += (f64::from(*x) - mean) * (f64::from(*x) - mean);
            }
        });
        let scale = squares.iter().map(|s| (s / n.max(1) as f64).sqrt());
        let inverse = |d: f64| if d > 1e-12 { (1.0 / d) as f32 } else { 0.0 };
        Scale {
            mean: means.iter().map(|m| *m as f32).collect(),
            scale: scale.map(inverse).collect(),
        }
    }
}

/// Windows of `len` samples, `hop` apart, as long as they fit: those a stream of the series gives.
pub fn windows(
    series: &Series,
    channels: usize,
    len: usize,
    hop: usize,
) -> impl Iterator<Item = &[f32]> {
    let all = series.samples.windows(len * channels);
    all.step_by(hop * channels)
}
