//! Everything a device can say, one variant a kind.
//!
//! # Invariants
//! - The number of a variant is its place here: new ones go to the end, and so do the variants of the small enums.
//! - Every record of the stated bounds fits a frame.

use serde::{Deserialize, Serialize};
use zerocopy::IntoBytes;

use crate::probe::{Answer, ProbePlan, Site, SiteSummary, Sketch, Stat};

/// Most logits in one [`Record::Logits`], and floats in one [`Record::Samples`].
pub const LOGITS_PER_FRAME: usize = 48;
/// Most tokens in one [`Record::Input`].
pub const TOKENS_PER_FRAME: usize = 48;
/// Most bytes of a text.
pub const MAX_TEXT: usize = 64;
/// Most bytes of the plan in [`Record::Plan`].
pub const MAX_PLAN: usize = 192;

/// One thing a device says. Texts are UTF-8 of at most [`MAX_TEXT`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Record<'a> {
    /// The first record of a run.
    Hello {
        /// Name of the board.
        board: &'a str,
        /// Name of the instructions that the kernels use.
        isa: &'a str,
        /// Arena, bytes.
        ram: u32,
        /// Model file, bytes.
        flash: u32,
        /// Positions the session can hold.
        context: u32,
        /// Ticks of [`Record::Cost`] per second; 0 where they are not time.
        ticks_per_second: u32,
    },
    /// A token of the run, prompt first.
    Token {
        /// Its place in prompt and generated tokens together, from 0.
        index: u32,
        /// The token.
        token: u32,
        /// Whether it was given and not generated.
        prompt: bool,
    },
    /// Digest of one site's activations at one position.
    SiteDigest {
        /// Position of the token, in the window that was begun last.
        position: u32,
        /// Where.
        site: Site,
        /// FNV-1a-64.
        digest: u64,
    },
    /// Some of a position's logits.
    Logits {
        /// Position of the token.
        position: u32,
        /// Number of the first logit here.
        start: u32,
        /// Little-endian bits; see [`Record::logits`] and [`floats`].
        bits: &'a [u8],
    },
    /// Statistics of one site over the run.
    Stat {
        /// Where.
        site: Site,
        /// What was seen.
        summary: SiteSummary,
    },
    /// What a token cost.
    Cost {
        /// Position of the token.
        position: u32,
        /// The block, or all of the token.
        layer: Option<u8>,
        /// Ticks of the board's counter.
        ticks: u64,
    },
    /// Something failed; the run goes on or ends.
    Fault {
        /// Position of the token.
        position: u32,
        /// One phrase.
        what: &'a str,
    },
    /// The last record of a run.
    End {
        /// Digest of all logits.
        digest: u64,
        /// Positions computed.
        positions: u32,
        /// Deepest stack, bytes; 0 where it was not measured.
        stack: u32,
    },
    /// Streaming moments and histogram of one statistic at one site since the last such record. Version 2.
    Sketch {
        /// Where.
        site: Site,
        /// Of what.
        stat: Stat,
        /// What was seen.
        sketch: Sketch,
    },
    /// What the monitor says about one window of input. Version 2.
    Window {
        /// Number of the window since the start.
        index: u32,
        /// Positions of the window.
        positions: u32,
        /// The verdict.
        answer: Answer,
        /// Familiarity score of the window.
        score: f32,
        /// Conformal p-value of the score.
        p: f32,
        /// Statistic of the sequential test after this window.
        drift: f32,
    },
    /// Where the monitor's sequential test stands. Version 2.
    Monitor {
        /// The latest verdict.
        answer: Answer,
        /// Windows judged since calibration, resets included.
        windows: u32,
        /// Of these, unfamiliar ones.
        unfamiliar: u32,
        /// Statistic of the sequential test.
        drift: f32,
        /// Where it raises an alarm.
        threshold: f32,
        /// How often the state was saved.
        saves: u32,
    },
    /// How the device is. Version 2.
    Health {
        /// Why it started.
        reset: Reset,
        /// Replay of the golden block and of kernels against the portable form.
        self_test: SelfTest,
        /// Records that the device itself had no room for since the start; their numbers are not used.
        dropped: u32,
        /// Deepest stack so far, bytes; 0 where it was not measured.
        stack: u32,
    },
    /// The sampling plan in force. Version 2.
    Plan {
        /// The bytes of a file's plan block, at most [`MAX_PLAN`].
        plan: &'a [u8],
    },
    /// Some tokens of a window, to be run again elsewhere; `start` 0 begins the window. Version 2.
    Input {
        /// Number of the window.
        window: u32,
        /// Position of the first token here.
        start: u32,
        /// Little-endian bits; see [`Record::input`] and [`tokens`].
        bits: &'a [u8],
    },
    /// Some values of a window of a sensor, channel by channel within a step; `start` 0 begins the window. Version 2.
    Samples {
        /// Number of the window.
        window: u32,
        /// Number of the first value here.
        start: u32,
        /// Little-endian bits; see [`Record::samples`] and [`floats`].
        bits: &'a [u8],
    },
}

impl<'a> Record<'a> {
    /// At most [`LOGITS_PER_FRAME`] logits of `position`, of which the first is number `start`.
    pub fn logits(position: u32, start: u32, logits: &'a [f32]) -> Self {
        Record::Logits {
            position,
            start,
            bits: logits.as_bytes(),
        }
    }

    /// At most [`TOKENS_PER_FRAME`] tokens of a window, of which the first stands at `start`.
    pub fn input(window: u32, start: u32, tokens: &'a [u32]) -> Self {
        Record::Input {
            window,
            start,
            bits: tokens.as_bytes(),
        }
    }

    /// At most [`LOGITS_PER_FRAME`] values of a window, of which the first is number `start`.
    pub fn samples(window: u32, start: u32, values: &'a [f32]) -> Self {
        Record::Samples {
            window,
            start,
            bits: values.as_bytes(),
        }
    }

    /// The plan in force, as bytes in `memory`.
    pub fn plan(plan: &ProbePlan, memory: &'a mut [u8; MAX_PLAN]) -> Self {
        // A plan of the most rules takes 102 bytes.
        let bytes = postcard::to_slice(plan, memory).map_or(&[][..], |bytes| bytes);
        Record::Plan { plan: bytes }
    }

    /// The kind in one snake_case word, as tables and files show it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Record::Hello { .. } => "hello",
            Record::Token { .. } => "token",
            Record::SiteDigest { .. } => "site_digest",
            Record::Logits { .. } => "logits",
            Record::Stat { .. } => "stat",
            Record::Cost { .. } => "cost",
            Record::Fault { .. } => "fault",
            Record::End { .. } => "end",
            Record::Sketch { .. } => "sketch",
            Record::Window { .. } => "window",
            Record::Monitor { .. } => "monitor",
            Record::Health { .. } => "health",
            Record::Plan { .. } => "plan",
            Record::Input { .. } => "input",
            Record::Samples { .. } => "samples",
        }
    }
}

/// The floats of [`Record::Logits`] and [`Record::Samples`]; bytes beyond the last whole float are dropped.
pub fn floats(bits: &[u8]) -> impl ExactSizeIterator<Item = f32> + '_ {
    let (quads, _) = bits.as_chunks::<4>();
    quads.iter().map(|b| f32::from_le_bytes(*b))
}

/// The tokens of [`Record::Input`]; bytes beyond the last whole token are dropped.
pub fn tokens(bits: &[u8]) -> impl ExactSizeIterator<Item = u32> + '_ {
    let (quads, _) = bits.as_chunks::<4>();
    quads.iter().map(|b| u32::from_le_bytes(*b))
}

/// The plan of [`Record::Plan`]; nothing if the bytes are none.
pub fn plan(bytes: &[u8]) -> Option<ProbePlan> {
    match postcard::take_from_bytes(bytes) {
        Ok((plan, [])) => Some(plan),
        _ => None,
    }
}

/// Why a device started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Reset {
    /// The board cannot tell.
    #[default]
    Unknown = 0,
    /// Power came.
    PowerOn = 1,
    /// The reset pin.
    Pin = 2,
    /// The program asked for it.
    Software = 3,
    /// The watchdog.
    Watchdog = 4,
    /// The supply sank too low.
    Brownout = 5,
    /// A processor lock-up or a fault handler.
    Fault = 6,
}

impl Reset {
    /// The reason in snake_case.
    pub const fn name(self) -> &'static str {
        match self {
            Reset::Unknown => "unknown",
            Reset::PowerOn => "power_on",
            Reset::Pin => "pin",
            Reset::Software => "software",
            Reset::Watchdog => "watchdog",
            Reset::Brownout => "brownout",
            Reset::Fault => "fault",
        }
    }
}

/// How the boot self-test ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum SelfTest {
    /// It was not run.
    #[default]
    NotRun = 0,
    /// Every bit as it should be.
    Passed = 1,
    /// The golden block's logits did not come out.
    Golden = 2,
    /// A kernel differs from the portable form.
    Kernels = 3,
    /// The model file's checksum differs.
    Checksum = 4,
}

impl SelfTest {
    /// The result in snake_case.
    pub const fn name(self) -> &'static str {
        match self {
            SelfTest::NotRun => "not_run",
            SelfTest::Passed => "passed",
            SelfTest::Golden => "golden",
            SelfTest::Kernels => "kernels",
            SelfTest::Checksum => "checksum",
        }
    }
}
