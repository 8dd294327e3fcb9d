//! Names of blocks.

use core::fmt;

/// Four ASCII letters that name a block. A lower-case first letter says: optional, skip it if you do not know it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tag(pub [u8; 4]);

impl Tag {
    /// What is familiar to the model, [`super::Calibration`].
    pub const CALIBRATION: Self = Self(*b"cali");
    /// Which weights belong to which task. Reserved.
    pub const CIRCUITS: Self = Self(*b"circ");
    /// Inputs and the digests they must give, [`super::Golden`].
    pub const GOLDEN: Self = Self(*b"gold");
    /// Names of classes, [`super::Names`].
    pub const LABELS: Self = Self(*b"labl");
    /// What a probe measures unless somebody chooses otherwise, [`crate::probe::ProbePlan`].
    pub const PLAN: Self = Self(*b"plan");
    /// How the model came to be: JSON text.
    pub const PROVENANCE: Self = Self(*b"prov");
    /// What the windows of a classifier are made of, [`super::Sensor`].
    pub const SENSOR: Self = Self(*b"sens");
    /// A signature over everything before it. Reserved.
    pub const SIGNATURE: Self = Self(*b"sign");
    /// Token strings, [`super::TokenizerBlock`].
    pub const TOKENIZER: Self = Self(*b"tokn");
    /// Changes to another model's weights; the file is a patch, not a model. Reserved, critical.
    pub const DELTA: Self = Self(*b"Delt");

    /// True if a reader that does not know the tag may skip the block.
    pub const fn is_optional(self) -> bool {
        self.0[0].is_ascii_lowercase()
    }

    pub(crate) const fn is_wellformed(self) -> bool {
        let [a, b, c, d] = self.0;
        a.is_ascii_alphabetic()
            && b.is_ascii_alphabetic()
            && c.is_ascii_alphabetic()
            && d.is_ascii_alphabetic()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}
