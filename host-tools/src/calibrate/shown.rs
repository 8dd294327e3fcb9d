//! What a monitor is shown: documents or recordings by unit, cut into the windows that a device would run.
//!
//! ```text
//! documents  ─ unit ─► contexts of tokens, BOS first ─► full windows in a row ─┐
//! recordings ─ unit ─► windows of samples, a hop apart ────────────────────────┴─► Shown { unit, windows }
//! ```
//!
//! # Invariants
//! - Only full windows; those of a recording are the ones that [`lacuna::session::Stream`] gives, and none spans two.
//! - Units are in the order of their names, windows in the order of time.
//!
//! # Why
//! Calibrating and watching differ in what they do with a window, and in nothing that comes before it.

use std::collections::BTreeMap;
use std::path::Path;

use lacuna::format::calibration::Unit;
use lacuna::model::Model;
use lacuna::probe::Probe;
use lacuna::session::{Error, Session, Tokenizer};

use crate::data::Document;
use crate::data::series::{Set, windows};
use crate::train::classify::window_samples;

/// What is exchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitKind {
    /// A file.
    File,
    /// A person: a directory of texts, or one file of recordings.
    Person,
    /// One recording of a file of recordings.
    Recording,
    /// So many consecutive windows of a file or recording.
    Stretch(usize),
}

impl UnitKind {
    /// As the block names it.
    pub const fn unit(self) -> Unit {
        match self {
            UnitKind::File => Unit::File,
            UnitKind::Person => Unit::Person,
            UnitKind::Recording | UnitKind::Stretch(_) => Unit::Stretch,
        }
    }

    /// Whether a file may give several units, so that what is promised is promised for these files alone.
    pub const fn within_files(self) -> bool {
        matches!(self, UnitKind::Recording | UnitKind::Stretch(_))
    }
}

/// One window.
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    /// Tokens that follow those before, or begin a context.
    Tokens {
        /// A context begins here.
        starts: bool,
        /// BOS stands before a context.
        tokens: Vec<u32>,
    },
    /// Samples of all channels, `(window_len,)`.
    Samples(Vec<f32>),
}

impl Window {
    /// Runs it; the session's probe sees all of it.
    ///
    /// # Errors
    /// What the session meets.
    pub fn run<P: Probe>(&self, session: &mut Session<'_, P>) -> Result<(), Error> {
        match self {
            Window::Tokens { starts, tokens } => {
                if *starts {
                    session.clear();
                }
                session.prompt(tokens).map(drop)
            }
            Window::Samples(samples) => session.classify(samples).map(drop),
        }
    }
}

/// The windows of a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Name of the unit.
    pub name: String,
    /// In order.
    pub windows: Vec<Window>,
}

/// Documents by unit, at most `most` windows of `window` tokens each, contexts of at most `context` tokens.
pub fn texts(
    tokenizer: &Tokenizer<'_>,
    documents: Vec<Document>,
    kind: UnitKind,
    (window, context): (usize, usize),
    most: usize,
) -> Vec<Shown> {
    let mut units: BTreeMap<String, Vec<Window>> = BTreeMap::new();
    for document in documents {
        let name = match (kind, Path::new(&document.name).parent()) {
            (UnitKind::Person, Some(person)) if person != Path::new("") => {
                person.display().to_string()
            }
            _ => document.name,
        };
        let all = units.entry(name).or_default();
        let left = most.saturating_sub(all.len());
        let new = cut(tokenizer, &document.bytes, window, context, left);
        all.extend(
            new.into_iter()
                .map(|(starts, tokens)| Window::Tokens { starts, tokens }),
        );
    }
    let named = units
        .into_iter()
        .map(|(name, windows)| Shown { name, windows });
    named.collect()
}

/// Recordings of these files by unit, at most `most` windows each, as far apart as the model's file says.
pub fn recordings(
    model: &Model<'_>,
    set: &Set,
    files: &[usize],
    kind: UnitKind,
    most: usize,
) -> Vec<Shown> {
    let len = window_samples(model.config());
    let hop = model.file().sensor().map_or(1, |s| s.hop as usize);
    let mut units = Vec::new();
    for file in files.iter().filter_map(|i| set.files.get(*i)) {
        let each = file.series.iter().map(|series| {
            let some = windows(series, set.channels, len.max(1), hop.max(1));
            some.map(|w| Window::Samples(w.to_vec()))
                .collect::<Vec<_>>()
        });
        if kind.within_files() {
            units.extend(each.enumerate().map(|(i, windows)| Shown {
                name: format!("{}:{}", file.name, i + 1),
                windows,
            }));
        } else {
            units.push(Shown {
                name: file.name.clone(),
                windows: each.flatten().collect(),
            });
        }
    }
    for unit in &mut units {
        unit.windows.truncate(most);
    }
    units
}

/// Full windows of a text in order, and whether each begins a context of its own: BOS stands before a context.
pub(crate) fn cut(
    tokenizer: &Tokenizer<'_>,
    text: &[u8],
    window: usize,
    context: usize,
    most: usize,
) -> Vec<(bool, Vec<u32>)> {
    let mut tokens = vec![0; text.len() + 2];
    let n = tokenizer.encode(text, false, &mut tokens).unwrap_or(0);
    tokens.truncate(n);
    let whole = (context / window).max(1) * window;
    let mut windows = Vec::new();
    for context in tokens.chunks(whole - 1) {
        let bos = tokenizer.bos().unwrap_or(0);
        let context = [&[bos], context].concat();
        let full = context.chunks_exact(window).enumerate();
        windows.extend(full.map(|(i, w)| (i == 0, w.to_vec())));
    }
    windows.truncate(most);
    windows
}
