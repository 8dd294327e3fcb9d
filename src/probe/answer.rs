//! What a monitor says about a window.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A monitor's answer, from good to bad; numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Answer {
    /// Nothing unusual.
    Ok = 0,
    /// This window scores as few held-out ones do.
    Unfamiliar = 1,
    /// Windows have become unfamiliar over time.
    Drifting = 2,
    /// The machine is not to be trusted: a number that is not finite, or a self-test that failed.
    Faulty = 3,
}

impl Answer {
    /// Every answer by its number.
    pub const ALL: [Answer; 4] = [
        Answer::Ok,
        Answer::Unfamiliar,
        Answer::Drifting,
        Answer::Faulty,
    ];

    /// The answer of a number.
    pub const fn from_id(id: u8) -> Option<Answer> {
        match id {
            0 => Some(Answer::Ok),
            1 => Some(Answer::Unfamiliar),
            2 => Some(Answer::Drifting),
            3 => Some(Answer::Faulty),
            _ => None,
        }
    }

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Answer::Ok => "ok",
            Answer::Unfamiliar => "unfamiliar",
            Answer::Drifting => "drifting",
            Answer::Faulty => "faulty",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn numbers_are_theirs() {
        for answer in Answer::ALL {
            assert_eq!(Answer::from_id(answer as u8), Some(answer));
        }
        assert_eq!(Answer::from_id(4), None);
    }
}
