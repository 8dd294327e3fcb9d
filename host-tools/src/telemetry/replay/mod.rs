//! What a device has computed, computed again here, and the first place where the two part.
//!
//! ```text
//! recording: Input or Token … SiteDigest, Logits … End   ─► Case { tokens, digests }    of a language model
//!            Samples … SiteDigest, Logits                ─► Case { samples, digests }   of a classifier, a window each
//!                                      Case + model ─► device::observe ─► Observation ─► first difference
//! ```
//!
//! # Invariants
//! - Only what was surely said about a window is compared with it: behind a lost frame nothing is, until a window begins.
//! - A case holds at most [`POSITIONS`] tokens or samples and [`DIGESTS`] digests.
//!
//! # Why
//! A frame that is lost may have begun another window, and a digest that is compared with the wrong one would accuse a
//! device that is right.

use std::collections::HashMap;

use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model};
use lacuna::probe::Site;
use lacuna::probe::record::{Frame, Record, floats, tokens};
use lacuna::session::{self, WhenFull};

use super::ledger::DEVICES;
use crate::device::{Difference, Job, Observation, Step, observe, observe_with};

/// Most tokens or values of samples of a window.
pub const POSITIONS: usize = 1 << 16;
/// Most digests of a window.
pub const DIGESTS: usize = 1 << 20;

/// A window of input and what a device made of it.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// The device.
    pub device: u64,
    /// The model that it ran.
    pub model_id: [u8; 8],
    /// Its boot.
    pub boot: u32,
    /// Number of the window; nothing for a run of [`Record::Token`]s.
    pub window: Option<u32>,
    /// What was fed, from position 0 on.
    pub tokens: Vec<u32>,
    /// What a sensor gave, the values of a sample one after the other; where there are any, there are no tokens.
    pub samples: Vec<f32>,
    /// What was seen at each position, or once of a window of samples.
    pub steps: Vec<Step>,
    /// Digest of all logits, if the run was heard to its end without a gap.
    pub digest: Option<(u64, usize)>,
    /// Records that cannot be placed, because of a gap before them.
    pub skipped: u64,
    digests: usize,
    gap: bool,
}

impl Case {
    /// Digests and logits that can be compared.
    pub fn compared(&self) -> usize {
        let known = self.steps.iter().take(self.inputs());
        known.map(|s| s.sites.len() + s.logits.len()).sum()
    }

    /// Inputs that were fed: tokens, or one window of samples.
    fn inputs(&self) -> usize {
        self.tokens.len() + usize::from(!self.samples.is_empty())
    }

    fn step(&mut self, position: u32) -> Option<&mut Step> {
        let at = match (self.samples.is_empty(), self.window == Some(position)) {
            (true, _) => position as usize,
            (false, true) => 0,
            (false, false) => POSITIONS,
        };
        if self.gap || at >= POSITIONS || self.digests >= DIGESTS {
            self.skipped += 1;
            return None;
        }
        self.digests += 1;
        if self.steps.len() <= at {
            self.steps.resize_with(at + 1, Step::default);
        }
        self.steps.get_mut(at)
    }

    fn feed(&mut self, start: u32, tokens: impl Iterator<Item = u32>) {
        if self.gap || start as usize != self.tokens.len() {
            self.skipped += 1;
            return;
        }
        let room = POSITIONS - self.tokens.len();
        self.tokens.extend(tokens.take(room));
    }

    fn sample(&mut self, start: u32, values: impl ExactSizeIterator<Item = f32>) {
        let room = POSITIONS - self.samples.len();
        if self.gap || start as usize != self.samples.len() || values.len() > room {
            self.skipped += 1;
            return;
        }
        self.samples.extend(values);
    }

    fn take(&mut self, record: Record<'_>) {
        match record {
            Record::Samples { start, bits, .. } => self.sample(start, floats(bits)),
            // The class that was told of a window of samples follows from its logits.
            Record::Token { .. } if !self.samples.is_empty() => {}
            Record::Token { index, token, .. } => self.feed(index, [token].into_iter()),
            Record::Input { start, bits, .. } => self.feed(start, tokens(bits)),
            Record::SiteDigest {
                position,
                site,
                digest,
            } => {
                if let Some(step) = self.step(position) {
                    step.sites.push((site, digest));
                }
            }
            Record::Logits {
                position,
                start,
                bits,
            } => {
                if let Some(step) = self.step(position) {
                    if step.logits.len() == start as usize {
                        step.logits.extend(floats(bits));
                    } else {
                        self.skipped += 1;
                    }
                }
            }
            Record::End {
                digest, positions, ..
            } if !self.gap => self.digest = Some((digest, positions as usize)),
            _ => {}
        }
    }
}

/// Cases as they come out of a recording.
#[derive(Debug, Default)]
pub struct Cases {
    open: HashMap<u64, (u32, u32, Option<Case>)>,
}

impl Cases {
    /// Takes a frame; a case that ends with it goes to `done`.
    pub fn take(&mut self, frame: &Frame<'_>, done: &mut dyn FnMut(Case)) {
        if self.open.len() >= DEVICES && !self.open.contains_key(&frame.device) {
            self.finish(done);
        }
        let fresh = || (frame.boot, frame.seq, None);
        let (boot, next, case) = self.open.entry(frame.device).or_insert_with(fresh);
        let follows = (*boot, *next) == (frame.boot, frame.seq);
        (*boot, *next) = (frame.boot, frame.seq.wrapping_add(1));
        if let (Some(case), false) = (case.as_mut(), follows) {
            case.gap = true;
        }
        // Of a window of samples the class is told in a token of its number.
        let of_samples =
            (case.as_ref()).is_some_and(|c| c.window.is_some() && !c.samples.is_empty());
        let window = match frame.record {
            Record::Input {
                window, start: 0, ..
            }
            | Record::Samples {
                window, start: 0, ..
            } => Some(Some(window)),
            Record::Token { index: 0, .. } if !of_samples => Some(None),
            _ => None,
        };
        if let Some(window) = window {
            let new = Case {
                device: frame.device,
                model_id: frame.model_id,
                boot: frame.boot,
                window,
                ..Case::default()
            };
            case.replace(new).into_iter().for_each(&mut *done);
        }
        if let Some(open) = case {
            open.take(frame.record);
            if matches!(frame.record, Record::End { .. }) {
                case.take().into_iter().for_each(done);
            }
        }
    }

    /// The recording is over: cases that have not ended go to `done`.
    pub fn finish(&mut self, done: &mut dyn FnMut(Case)) {
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_unstable_by_key(|(device, _)| *device);
        open.into_iter()
            .filter_map(|(_, (_, _, case))| case)
            .for_each(done);
    }
}

/// What a replay has found.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every bit that was sent is the bit computed here.
    Equal,
    /// The first place where they part.
    Differs(Difference),
    /// Nothing of the case can be compared.
    Nothing,
    /// The device ran another model.
    OtherModel,
}

/// Runs `case` on this machine with `isa` and compares.
///
/// # Errors
/// What the session meets, such as a context that is too short.
pub fn replay(
    case: &Case,
    isa: Isa,
    model: &Model<'_>,
    limits: Limits,
    when_full: WhenFull,
) -> Result<Verdict, session::Error> {
    if case.model_id != model.id() {
        return Ok(Verdict::OtherModel);
    }
    if !case.samples.is_empty() {
        return replay_samples(case, isa, model, limits);
    }
    // A device that tells classes alone has sent nothing to run.
    if model.config().window_len() > 0 {
        return Ok(Verdict::Nothing);
    }
    let whole = case
        .digest
        .filter(|(_, n)| *n > 0 && *n <= case.tokens.len());
    let seen = case.steps.len().min(case.tokens.len());
    let positions = whole.map_or(seen, |(_, n)| n.max(seen));
    if positions == 0 || (case.compared() == 0 && whole.is_none()) {
        return Ok(Verdict::Nothing);
    }
    let job = Job {
        when_full,
        sites: true,
        logits: true,
        ..Job::new(case.tokens[..positions].to_vec(), 0, limits)
    };
    let mut here = observe(isa, model, &job)?;
    here.stats.clear();
    let mut there = Observation {
        prompt: job.prompt,
        digest: here.digest,
        ..Observation::default()
    };
    if let Some(stranger) = narrow(&mut here, &mut there, case) {
        return Ok(Verdict::Differs(stranger));
    }
    if let Some((digest, n)) = whole
        && n == here.steps.len()
    {
        there.digest = digest;
    }
    Ok(match here.first_difference(&there) {
        Some(difference) => Verdict::Differs(difference),
        None => Verdict::Equal,
    })
}

/// Runs a window of samples and compares.
fn replay_samples(
    case: &Case,
    isa: Isa,
    model: &Model<'_>,
    limits: Limits,
) -> Result<Verdict, session::Error> {
    // A window that was not heard to its end, or is of another shape, cannot be run.
    if case.samples.len() != model.config().window_len() || case.compared() == 0 {
        return Ok(Verdict::Nothing);
    }
    let job = Job {
        sites: true,
        logits: true,
        ..Job::new(Vec::new(), 1, limits)
    };
    let mut here = observe_with(isa, model, &job, core::slice::from_ref(&case.samples))?;
    here.stats.clear();
    let mut there = Observation {
        tokens: here.tokens.clone(),
        digest: here.digest,
        ..Observation::default()
    };
    let difference = narrow(&mut here, &mut there, case).or_else(|| here.first_difference(&there));
    // A window is one step, and has its own number.
    Ok(match difference {
        Some(difference) => Verdict::Differs(Difference {
            step: None,
            ..difference
        }),
        None => Verdict::Equal,
    })
}

/// Leaves of `here` what the device has sent of each step and puts that into `there`, in the order of this machine: a
/// device may send its sites in any. The difference is a site that the model does not have.
fn narrow(here: &mut Observation, there: &mut Observation, case: &Case) -> Option<Difference> {
    for (at, step) in here.steps.iter_mut().enumerate() {
        let said = case.steps.get(at).cloned().unwrap_or_default();
        let order: HashMap<Site, u64> = said.sites.iter().copied().collect();
        let known: Vec<Site> = step.sites.iter().map(|(site, _)| *site).collect();
        step.sites.retain(|(site, _)| order.contains_key(site));
        step.logits.truncate(said.logits.len());
        if let Some((site, _)) = said.sites.iter().find(|(s, _)| !known.contains(s)) {
            return Some(Difference {
                step: Some(at),
                site: Some(*site),
                what: "the model has no such site".to_owned(),
            });
        }
        let sites = step.sites.iter().map(|(site, _)| (*site, order[site]));
        there.steps.push(Step {
            sites: sites.collect(),
            logits: said.logits,
        });
    }
    None
}

#[cfg(test)]
mod tests;
