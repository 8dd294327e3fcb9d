//! What is shown to a model: windows of known origin, in families of graded shifts.
//!
//! ```text
//! family 0 known    ─ fit: what scores are standardised and fitted on ─ test: what is not to be alarmed
//! family 1 same     ─ test only: more of the same, which nothing can tell apart
//! family 2 … shifts ─ level 0 (least) … level n (most) ─ fit and test, of different files
//! ```

/// What is not to be alarmed.
pub const KNOWN: usize = 0;
/// More of it: the control.
pub const SAME: usize = 1;

/// A kind of shift.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// What it does, one phrase.
    pub what: String,
    /// Grades by name, least shifted first.
    pub levels: Vec<String>,
}

impl Family {
    /// A family of these grades.
    pub fn new<T: Into<String>>(
        name: &str,
        what: &str,
        levels: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            what: what.to_owned(),
            levels: levels.into_iter().map(Into::into).collect(),
        }
    }

    /// The two that every study begins with.
    pub fn familiar() -> Vec<Family> {
        vec![
            Family::new("known", "like what was trained on, not trained on", ["0"]),
            Family::new("same", "more of it, of other units: a control", ["0"]),
        ]
    }
}

/// What a window is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Standardising and fitting.
    Fit,
    /// Every figure that is reported.
    Test,
}

impl Side {
    /// Fit and test in turn.
    pub const fn in_turn(i: usize) -> Side {
        if i.is_multiple_of(2) {
            Side::Fit
        } else {
            Side::Test
        }
    }
}

/// What a model runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    /// BOS and tokens; each but the first is predicted.
    Tokens(Vec<u32>),
    /// Samples, and the model's number of the class, if it has one.
    Samples(Vec<f32>, Option<usize>),
}

/// One window of known origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Number of its family.
    pub family: usize,
    /// Its grade.
    pub level: usize,
    /// What it is used for.
    pub side: Side,
    /// Units that are drawn among each other.
    pub stratum: u32,
    /// File or person.
    pub unit: String,
    /// Recording of a person, 0 for files.
    pub part: u32,
    /// The window.
    pub window: Window,
}
