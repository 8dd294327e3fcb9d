//! The probe plan of a file: what to measure unless somebody chooses otherwise.
//!
//! ```text
//! postcard( ε bits: varint · rules: varint · rules × { hooks varint · first u8 · last u8 · statistics varint · positions } )
//! ```
//!
//! # Invariants
//! - One plan has one form: bytes that mean a plan in more than the fewest bytes are refused.
//! - Hooks and statistics that this version does not know are kept and mean nothing, so that a plan may name later ones.
//!
//! # Why
//! The same bytes travel in records and jobs, so a block is the plan as `postcard` writes it, and nothing more.

use crate::probe::ProbePlan;

/// Most bytes of a block.
const MOST: usize = 128;

/// What is wrong with a probe plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// The bytes are no plan, or one written at length.
    Encoding,
    /// ε is negative or no number.
    Epsilon,
    /// A rule names no hook, no statistic or no block.
    Nothing,
}

impl Kind {
    pub(super) const fn message(self) -> &'static str {
        match self {
            Kind::Encoding => "probe plan is not well formed",
            Kind::Epsilon => "epsilon of the probe plan is negative or no number",
            Kind::Nothing => "rule of the probe plan measures nothing",
        }
    }
}

/// A plan as the bytes of its block.
pub(super) struct Written {
    bytes: [u8; MOST],
    len: usize,
}

impl Written {
    /// The block of `plan`.
    pub(super) fn new(plan: &ProbePlan) -> Self {
        let mut bytes = [0; MOST];
        // The longest plan has 102 bytes; one that had no room would be refused as empty.
        let len = postcard::to_slice(plan, &mut bytes).map_or(0, |used| used.len());
        Self { bytes, len }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What a plan must keep to be stored.
pub(super) fn check(plan: &ProbePlan) -> Result<(), Kind> {
    if !(plan.eps().is_finite() && plan.eps().is_sign_positive()) {
        return Err(Kind::Epsilon);
    }
    for rule in plan.rules() {
        let empty = rule.hooks.0 == 0 || rule.stats.0 == 0;
        if empty || rule.layers.first > rule.layers.last {
            return Err(Kind::Nothing);
        }
    }
    Ok(())
}

/// Reads a block.
pub(super) fn read(bytes: &[u8]) -> Result<ProbePlan, Kind> {
    let (plan, rest) = postcard::take_from_bytes::<ProbePlan>(bytes).map_err(|_| Kind::Encoding)?;
    if !rest.is_empty() || Written::new(&plan).bytes() != bytes {
        return Err(Kind::Encoding);
    }
    check(&plan)?;
    Ok(plan)
}
