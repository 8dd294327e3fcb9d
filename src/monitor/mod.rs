//! Is what the model sees familiar, has that changed, and is the machine to be trusted?
//!
//! ```text
//! activations ─► statistics ─► mean over a window ─► map ─► score ─► p against calibration ─► ok │ unfamiliar
//!                                                             └─► mean over a block ─► drift test ─► drifting
//! self-test at boot, numbers that are not finite ──────────────────────────────────────────────────► faulty
//! ```
//!
//! # Invariants
//! - No heap; the monitor borrows [`Monitor::memory_len`] floats, keeps 160 bytes of [`MonitorState`] beside them, and
//!   reads everything else from the calibration block in place.
//! - The same bits on every machine, whether tokens run one by one or at once, if windows end behind the same tokens.
//! - A window that ends is forgotten; a drift alarm stays until it is acknowledged, and a fault until a self-test passes.
//!
//! # Why
//! The answer to "unfamiliar?" is a p-value among held-out units, so its rate of false alarms is stated rather than
//! tuned. Drift is another question, of many windows at once, with its own test. What neither can tell from a broken
//! machine, the self-test can: it repeats a run whose every bit is known.

mod drift;
mod score;
mod self_test;
mod state;
mod store;

pub use drift::Drift;
pub use score::score;
pub use self_test::{Passed, self_test, self_test_tokens};
pub use state::{MonitorState, StateError};
pub use store::{Store, StoreError};

use core::fmt;

pub use crate::probe::Answer;

use crate::format::Calibration;
use crate::format::calibration::{Input, MAX_SITES};
use crate::probe::{At, Hook, Probe, Site, Stat, StatSet, Values, measure};

/// Why a machine is not to be trusted; numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Fault {
    /// An activation, a logit or a score is not finite.
    NonFinite = 1,
    /// The golden run gives other bits, by any kernels: memory, flash or the floating-point unit.
    Machine = 2,
    /// The fast kernels give other bits and the portable ones do not: go on with the portable ones.
    Kernels = 3,
}

impl Fault {
    /// The fault of a number.
    pub const fn from_id(id: u8) -> Option<Fault> {
        match id {
            1 => Some(Fault::NonFinite),
            2 => Some(Fault::Machine),
            3 => Some(Fault::Kernels),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NonFinite => "a number is not finite",
            Fault::Machine => "the golden run gives other bits",
            Fault::Kernels => "the fast kernels give other bits than the portable ones",
        })
    }
}

impl core::error::Error for Fault {}

/// What a monitor has counted since it was first started; a count stays at its largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Starts, the first included.
    pub boots: u32,
    /// Windows ended.
    pub windows: u32,
    /// Windows that were unfamiliar.
    pub unfamiliar: u32,
    /// Drift alarms raised.
    pub drifts: u32,
    /// Faults found.
    pub faults: u32,
}

/// The input of the score that is furthest from its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Evidence {
    /// Where.
    pub site: Site,
    /// Number of the statistic, or of the channel where the score is made of activations.
    pub what: u16,
    /// Standard deviations from the mean.
    pub z: f32,
}

/// What is said of one window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Verdict {
    /// The gravest of what holds: faulty, drifting, unfamiliar, ok.
    pub answer: Answer,
    /// Number of the window since the monitor was first started.
    pub window: u32,
    /// How unfamiliar it is; NaN where it could not be scored.
    pub score: f32,
    /// Share of windows of a new unit that score as high, at most.
    pub p: f32,
    /// Whether `p` is at most the stated rate, whatever the answer.
    pub unfamiliar: bool,
    /// Evidence of the drift test against its run length, 1 or more being an alarm.
    pub drift: f32,
    /// What stands out most.
    pub evidence: Option<Evidence>,
    /// Why the answer is faulty.
    pub fault: Option<Fault>,
}

/// A monitor of one model; give it to a session as its probe, and end windows.
#[derive(Debug)]
pub struct Monitor<'a> {
    calibration: Calibration<'a>,
    memory: &'a mut [f32],
    /// Vectors of this window at each site.
    counted: [u16; MAX_SITES],
    hooks: u16,
    state: MonitorState,
}

/// Fewer floats than [`Monitor::memory_len`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooSmall {
    /// Floats that are needed.
    pub needed: usize,
    /// Floats that were given.
    pub given: usize,
}

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, given } = self;
        write!(f, "the monitor needs {needed} floats and has {given}")
    }
}

impl core::error::Error for TooSmall {}

impl<'a> Monitor<'a> {
    /// Floats that a monitor under `calibration` needs: one an input, and one an output of its map.
    pub fn memory_len(calibration: &Calibration<'_>) -> usize {
        calibration.inputs() + calibration.outputs()
    }

    /// A monitor of the model with this id that has never run. Shape: `memory (memory_len(calibration),)` or longer.
    ///
    /// # Errors
    /// [`TooSmall`] with both numbers.
    pub fn new(
        model: [u8; 8],
        calibration: Calibration<'a>,
        memory: &'a mut [f32],
    ) -> Result<Self, TooSmall> {
        let (needed, given) = (Self::memory_len(&calibration), memory.len());
        let Some(memory) = memory.get_mut(..needed) else {
            return Err(TooSmall { needed, given });
        };
        memory.fill(0.0);
        let sites = calibration.arrays().sites.iter().filter_map(|w| w.site());
        let mut state = MonitorState::new(model, &calibration);
        state.counters.boots = 1;
        Ok(Self {
            hooks: sites.fold(0, |set, site| set | 1 << site.hook as u16),
            calibration,
            memory,
            counted: [0; MAX_SITES],
            state,
        })
    }

    /// Goes on from `saved`, as after a reset, and counts a boot.
    ///
    /// # Errors
    /// [`StateError::OtherModel`], [`StateError::OtherCalibration`]; the monitor stays as it was.
    pub fn resume(&mut self, saved: &MonitorState) -> Result<(), StateError> {
        if saved.model != self.state.model {
            return Err(StateError::OtherModel);
        }
        if saved.calibration != self.state.calibration {
            return Err(StateError::OtherCalibration);
        }
        self.state = *saved;
        count(&mut self.state.counters.boots);
        Ok(())
    }

    /// What is to be kept through a reset.
    pub fn state(&self) -> &MonitorState {
        &self.state
    }

    /// What has been counted.
    pub fn counters(&self) -> Counters {
        self.state.counters
    }

    /// The calibration.
    pub fn calibration(&self) -> &Calibration<'a> {
        &self.calibration
    }

    /// Takes the outcome of a self-test: a fault makes every answer faulty, a pass takes that back.
    pub fn tested(&mut self, outcome: Result<Passed, Fault>) {
        self.state.fault = None;
        if let Err(fault) = outcome {
            self.fault(fault);
        }
    }

    /// Makes every answer faulty until a self-test passes; what a run is refused for is [`Fault::NonFinite`].
    pub fn fault(&mut self, fault: Fault) {
        if self.state.fault.is_none() {
            count(&mut self.state.counters.faults);
        }
        self.state.fault = Some(fault);
    }

    /// Takes a drift alarm back; the test starts anew from the calibration.
    pub fn acknowledge(&mut self) {
        self.state.drift.acknowledge(&self.calibration);
    }

    /// Vectors of a window that are measured at a site, at most.
    fn most(&self) -> u32 {
        let s = self.calibration.settings();
        (s.window / s.every).max(1)
    }

    /// Whether the window is full: what comes before it is ended is not counted. A prompt longer than
    /// `settings().window` is therefore best run in pieces.
    pub fn full(&self) -> bool {
        u32::from(self.counted[0]) >= self.most()
    }

    /// Ends the window: what its tokens say, or `None` if no token was measured and nothing is faulty.
    pub fn end_window(&mut self) -> Option<Verdict> {
        let sites = self.calibration.arrays().sites.len();
        let seen = self.counted.iter().take(sites).all(|n| *n > 0);
        if !seen && self.state.fault.is_none() {
            return None;
        }
        let window = self.state.counters.windows;
        count(&mut self.state.counters.windows);
        let (score, evidence) = match seen {
            true => self.scored(),
            false => (f32::NAN, None),
        };
        self.clear_window();
        if seen && score.is_nan() {
            self.fault(Fault::NonFinite);
        }
        let settings = *self.calibration.settings();
        let (mut p, mut unfamiliar) = (1.0, false);
        if self.state.fault.is_none() {
            p = self.calibration.p(score);
            unfamiliar = score > settings.threshold;
            let seed = u64::from_le_bytes(self.state.model);
            if self.state.drift.push(&self.calibration, seed, score) {
                count(&mut self.state.counters.drifts);
            }
        }
        if unfamiliar {
            count(&mut self.state.counters.unfamiliar);
        }
        let drift = &self.state.drift;
        Some(Verdict {
            answer: match self.state.fault {
                Some(_) => Answer::Faulty,
                None if drift.alarm() => Answer::Drifting,
                None if unfamiliar => Answer::Unfamiliar,
                None => Answer::Ok,
            },
            window,
            score,
            p,
            unfamiliar,
            drift: drift.evidence() / settings.run_length,
            evidence,
            fault: self.state.fault,
        })
    }

    /// Forgets the tokens of this window, as if none had been seen.
    pub fn clear_window(&mut self) {
        self.memory.fill(0.0);
        self.counted = [0; MAX_SITES];
    }

    #[inline(never)]
    fn look(&mut self, site: Site, x: &[f32]) {
        let sites = self.calibration.arrays().sites;
        let mut first = 0;
        for (watch, counted) in sites.iter().zip(&mut self.counted) {
            let stats = StatSet(watch.stats());
            if !watch.is(site) {
                first += stats.len();
                continue;
            }
            let s = self.calibration.settings();
            if u32::from(*counted) >= (s.window / s.every).max(1) {
                return;
            }
            *counted += 1;
            let sums = self.memory.get_mut(first..).unwrap_or_default();
            match s.input {
                Input::Activations => sums.iter_mut().zip(x).for_each(|(s, x)| *s += x),
                Input::Statistics => {
                    let mut values = Values::EMPTY;
                    if !measure(x, stats, s.eps, &mut values) {
                        // Shows in the score.
                        sums.iter_mut()
                            .take(stats.len())
                            .for_each(|s| *s = f32::NAN);
                    }
                    let values = values.iter().map(|(_, value)| value);
                    sums.iter_mut().zip(values).for_each(|(s, v)| *s += v);
                }
            }
            return;
        }
    }

    /// The site and the statistic or channel of input `i`.
    fn input(&self, i: usize) -> Option<(Site, u16)> {
        let mut first = 0;
        for watch in self.calibration.arrays().sites {
            let stats = StatSet(watch.stats());
            let what = match self.calibration.settings().input {
                Input::Activations => u16::try_from(i).ok(),
                Input::Statistics => {
                    let nth = stats.iter().nth(i - first);
                    nth.map(|s: Stat| s as u16)
                }
            };
            if let Some(what) = what {
                return Some((watch.site()?, what));
            }
            first += stats.len();
        }
        None
    }
}

fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

impl Probe for Monitor<'_> {
    /// A vector of an unknown token is measured whatever its position.
    fn observe(&mut self, site: Site, x: &[f32]) {
        if self.wants(site.hook) {
            self.look(site, x);
        }
    }

    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        if self.wants_at(at, site.hook) {
            self.look(site, x);
        }
    }

    #[inline]
    fn wants(&self, hook: Hook) -> bool {
        self.hooks & 1 << hook as u16 != 0
    }

    #[inline]
    fn wants_at(&self, at: At, hook: Hook) -> bool {
        let every = self.calibration.settings().every;
        self.wants(hook) && at.position % every == every - 1
    }
}
