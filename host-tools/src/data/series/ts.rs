//! One `.ts` file: the text format of the UEA archive, aeon and sktime.
//!
//! ```text
//! # a comment
//! @problemName NAME      @timeStamps false    @missing false   @univariate false
//! @dimensions 6          @equalLength false   @seriesLength n  @classLabel true A B C
//! @data
//! 1.0,2.0,3.0:4.0,5.0,6.0:A          channels between `:`, samples between `,`, the class last
//! ```
//!
//! # Invariants
//! - Whatever the bytes are, they give a [`Table`] or an [`Error`] that names the line; nothing panics.
//! - Every number of a table is finite, every channel of a series as long as the others.
//!
//! # Why
//! Series come out sample by sample, channels within, as a sensor gives them and as the engine takes them. A missing value is
//! the one before it (the first that is known at the beginning), which is what a device could have done.

use core::str;

/// A series and its class.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Number of the class; 0 where there are no classes.
    pub class: usize,
    /// Samples one after the other, `channels` numbers each.
    pub samples: Vec<f32>,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the classes in the order of the header; empty where series have none.
    pub classes: Vec<String>,
    /// Numbers in a sample.
    pub channels: usize,
    /// The series in the order of the file.
    pub series: Vec<Series>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Wrong {
    #[error("the text is not UTF-8")]
    Utf8,
    #[error("`{0}` is neither true nor false")]
    Switch(String),
    #[error("`{0}` is not a number above 0")]
    Count(String),
    #[error("series with time stamps are not read; write them at a fixed rate")]
    TimeStamps,
    #[error("targets that are numbers are not read; a class is needed")]
    Target,
    #[error("@classLabel true names no class")]
    NoClasses,
    #[error("class `{0}` is named twice")]
    Twice(String),
    #[error("there is text before @data that is neither comment nor `@`")]
    Header,
    #[error("there is no @data")]
    NoData,
    #[error("there is no series")]
    Empty,
    #[error("class `{0}` is not in the header")]
    Class(String),
    #[error("{found} channels, where {expected} are expected")]
    Channels { found: usize, expected: usize },
    #[error("{found} samples in channel {channel}, where {expected} are expected")]
    Length {
        channel: usize,
        found: usize,
        expected: usize,
    },
    #[error("`{0}` is not a finite number")]
    Number(String),
    #[error("a value is missing, and the header says @missing false")]
    Missing,
    #[error("channel {0} has no value at all")]
    AllMissing(usize),
}

/// What is wrong, and in which line, from 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("line {line}: {wrong}")]
pub struct Error {
    /// The line.
    pub line: usize,
    /// What is wrong there.
    pub wrong: Wrong,
}

/// What the header says.
#[derive(Default)]
struct Header {
    missing: bool,
    classes: Option<Vec<String>>,
    channels: Option<usize>,
    length: Option<usize>,
}

impl Header {
    /// Takes one `@` line; true at `@data`.
    fn take(&mut self, line: &str) -> Result<bool, Wrong> {
        let mut words = line.split_whitespace();
        let key = words.next().unwrap_or_default().to_ascii_lowercase();
        let value = words.next().unwrap_or_default();
        match key.as_str() {
            "@data" => return Ok(true),
            "@timestamps" if switch(value)? => return Err(Wrong::TimeStamps),
            "@targetlabel" if switch(value)? => return Err(Wrong::Target),
            "@missing" => self.missing = switch(value)?,
            "@univariate" if switch(value)? => self.channels = Some(1),
            "@dimensions" | "@dimension" => self.channels = Some(number(value)?),
            "@serieslength" => self.length = Some(number(value)?),
            "@classlabel" if switch(value)? => {
                let classes: Vec<String> = words.map(str::to_owned).collect();
                let mut sorted = classes.clone();
                sorted.sort();
                if classes.is_empty() {
                    return Err(Wrong::NoClasses);
                }
                if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                    return Err(Wrong::Twice(pair[0].clone()));
                }
                self.classes = Some(classes);
            }
            _ => {}
        }
        Ok(false)
    }

    /// Takes one line of data.
    fn series(&mut self, line: &str) -> Result<Series, Wrong> {
        let (line, class) = match &self.classes {
            None => (line, 0),
            Some(classes) => {
                let (rest, name) = line.rsplit_once(':').unwrap_or(("", line));
                let class = classes.iter().position(|c| c == name.trim());
                (rest, class.ok_or_else(|| Wrong::Class(short(name)))?)
            }
        };
        let expected = *self.channels.get_or_insert(line.split(':').count());
        let found = line.split(':').count();
        if found != expected {
            return Err(Wrong::Channels { found, expected });
        }
        let mut channels = Vec::with_capacity(found);
        for (channel, text) in line.split(':').enumerate() {
            let values = self.channel(channel, text)?;
            let len = self.length.or(channels.first().map(Vec::len));
            if let Some(expected) = len.filter(|&n| n != values.len()) {
                return Err(Wrong::Length {
                    channel,
                    found: values.len(),
                    expected,
                });
            }
            channels.push(values);
        }
        let len = channels.first().map_or(0, Vec::len);
        let samples = (0..len).flat_map(|t| channels.iter().map(move |c| c[t]));
        Ok(Series {
            class,
            samples: samples.collect(),
        })
    }

    /// Numbers of one channel; a missing one is the one before it.
    fn channel(&self, channel: usize, text: &str) -> Result<Vec<f32>, Wrong> {
        let mut values: Vec<f32> = Vec::new();
        let mut leading = 0;
        for word in text.split(',').map(str::trim) {
            if word == "?" || word.eq_ignore_ascii_case("nan") {
                if !self.missing {
                    return Err(Wrong::Missing);
                }
                match values.last() {
                    Some(&last) => values.push(last),
                    None => leading += 1,
                }
                continue;
            }
            let value: Option<f32> = word.parse().ok().filter(|v: &f32| v.is_finite());
            let value = value.ok_or_else(|| Wrong::Number(short(word)))?;
            values.extend(core::iter::repeat_n(value, core::mem::take(&mut leading)));
            values.push(value);
        }
        match leading {
            0 => Ok(values),
            _ => Err(Wrong::AllMissing(channel)),
        }
    }
}

fn switch(word: &str) -> Result<bool, Wrong> {
    match word.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Wrong::Switch(short(word))),
    }
}

fn number(word: &str) -> Result<usize, Wrong> {
    let n = word.parse().ok().filter(|&n: &usize| n > 0);
    n.ok_or_else(|| Wrong::Count(short(word)))
}

/// The beginning of a word, fit for a message.
fn short(word: &str) -> String {
    let clean = word
        .trim()
        .chars()
        .map(|c| if c.is_control() { '?' } else { c });
    clean.take(32).collect()
}

/// Reads a whole file.
///
/// # Errors
/// The first thing that is wrong, and in which line.
pub fn parse(bytes: &[u8]) -> Result<Table, Error> {
    let (mut header, mut data, mut series, mut last) = (Header::default(), false, Vec::new(), 0);
    for (i, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let fault = |wrong| Error { line: i + 1, wrong };
        let line = str::from_utf8(line).map_err(|_| fault(Wrong::Utf8))?.trim();
        let line = if i == 0 {
            line.trim_start_matches('\u{feff}')
        } else {
            line
        };
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        last = i + 1;
        match data {
            false if line.starts_with('@') => data = header.take(line).map_err(fault)?,
            false => return Err(fault(Wrong::Header)),
            true => series.push(header.series(line).map_err(fault)?),
        }
    }
    let end = |wrong| Err(Error { line: last, wrong });
    match () {
        () if !data => end(Wrong::NoData),
        () if series.is_empty() => end(Wrong::Empty),
        () => Ok(Table {
            classes: header.classes.unwrap_or_default(),
            channels: header.channels.unwrap_or_default(),
            series,
        }),
    }
}
