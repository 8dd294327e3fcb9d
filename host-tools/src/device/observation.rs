//! What was seen of a run, wherever it ran: the two sides of a comparison.
//!
//! ```text
//! step 0: token ─ site, site, … ─ logits      step 1: …      statistics      digest
//! ```
//!
//! # Invariants
//! - Everything is kept as bits, and equal means equal bits; every NaN counts as one.
//! - [`Observation::first_difference`] walks in the order in which a token meets the sites, so it names the cause and not
//!   a consequence.

use core::fmt;

use lacuna::monitor::MonitorState;
use lacuna::probe::{Answer, Site, SiteSummary, Sketch, Stat};
use serde::{Serialize, Serializer};

/// One position of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Digest of every site, in the order a token meets them.
    pub sites: Vec<(Site, u64)>,
    /// The logits.
    pub logits: Vec<f32>,
}

/// What the monitor said of a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Window {
    /// Its number since the monitor was first started.
    pub index: u32,
    /// Its positions.
    pub positions: u32,
    /// The verdict.
    #[serde(serialize_with = "name")]
    pub answer: Answer,
    /// How unfamiliar it is.
    pub score: f32,
    /// Share of windows of a new unit that score as high, at most.
    pub p: f32,
    /// Evidence of drift; an alarm from 1 on.
    pub drift: f32,
}

fn name<S: Serializer>(answer: &Answer, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(answer.name())
}

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// The prompt.
    pub prompt: Vec<u32>,
    /// Generated tokens.
    pub tokens: Vec<u32>,
    /// Every position computed.
    pub steps: Vec<Step>,
    /// Statistics over the run, in the order a token meets the sites.
    pub stats: Vec<(Site, SiteSummary)>,
    /// Sketches of the plan, in the order in which they were reported.
    pub sketches: Vec<(Site, Stat, Sketch)>,
    /// What the monitor said.
    pub windows: Vec<Window>,
    /// What the monitor kept for the next boot, without number and checksum of the save; empty where nothing was kept.
    pub state: Vec<u8>,
    /// Digest of all logits.
    pub digest: u64,
}

/// The bytes of a monitor's state that do not tell how often it was saved.
pub(super) fn remembered(state: &[u8; MonitorState::LEN]) -> Vec<u8> {
    [&state[..20], &state[24..MonitorState::LEN - 4]].concat()
}

/// What the newest state in `flash` remembers; nothing where there is none.
pub(super) fn newest(flash: &[u8]) -> Vec<u8> {
    // States lie at multiples of the largest flash word.
    let places = flash.windows(MonitorState::LEN).step_by(32);
    let states = places.filter_map(|b| MonitorState::from_bytes(b.try_into().ok()?).ok());
    let newest = states.max_by_key(MonitorState::sequence);
    newest.map_or_else(Vec::new, |state| remembered(&state.to_bytes()))
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The position, unless the difference is about the whole run.
    pub step: Option<usize>,
    /// The site, where it is about one.
    pub site: Option<Site>,
    /// What differs, and both values.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = self.step {
            write!(f, "step {step}, ")?;
        }
        if let Some(site) = self.site {
            if site.hook.in_block() {
                write!(f, "layer {}, ", site.layer)?;
            }
            write!(f, "site {site}, ")?;
        }
        f.write_str(&self.what)
    }
}

fn differ(step: Option<usize>, site: Option<Site>, what: String) -> Difference {
    Difference { step, site, what }
}

/// Bits by which a value is compared.
fn bits(x: f32) -> u32 {
    if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }
}

impl Step {
    fn first_difference(&self, other: &Step, step: usize) -> Option<Difference> {
        let at = Some(step);
        if self.sites.len() != other.sites.len() {
            let what = format!("{} sites and {}", self.sites.len(), other.sites.len());
            return Some(differ(at, None, what));
        }
        for (&(site, a), &(other_site, b)) in self.sites.iter().zip(&other.sites) {
            if site != other_site || a != b {
                let what = format!("activations {a:016x} and {b:016x}");
                return Some(differ(at, Some(site), what));
            }
        }
        if self.logits.len() != other.logits.len() {
            let what = format!("{} logits and {}", self.logits.len(), other.logits.len());
            return Some(differ(at, None, what));
        }
        let pairs = self.logits.iter().zip(&other.logits).enumerate();
        for (i, (&a, &b)) in pairs {
            if bits(a) != bits(b) {
                let (x, y) = (bits(a), bits(b));
                let what = format!("logit {i} is {a:e} ({x:08x}) and {b:e} ({y:08x})");
                return Some(differ(at, None, what));
            }
        }
        None
    }
}

impl Observation {
    /// The first place where two runs differ in any bit; `None` if they are equal.
    pub fn first_difference(&self, other: &Observation) -> Option<Difference> {
        if self.prompt != other.prompt {
            let what = format!("the prompt is {:?} and {:?}", self.prompt, other.prompt);
            return Some(differ(None, None, what));
        }
        for (i, (a, b)) in self.steps.iter().zip(&other.steps).enumerate() {
            if let Some(difference) = a.first_difference(b, i) {
                return Some(difference);
            }
        }
        if self.steps.len() != other.steps.len() {
            let what = format!("{} steps and {}", self.steps.len(), other.steps.len());
            return Some(differ(None, None, what));
        }
        let tokens = self.tokens.iter().zip(&other.tokens);
        if let Some((i, (a, b))) = tokens.enumerate().find(|(_, (a, b))| a != b) {
            let what = format!("generated token {i} is {a} and {b}");
            return Some(differ(None, None, what));
        }
        if self.tokens.len() != other.tokens.len() {
            let what = format!("{} tokens and {}", self.tokens.len(), other.tokens.len());
            return Some(differ(None, None, what));
        }
        let field = || {
            self.first_sketch(other)
                .or_else(|| self.first_window(other))
                .or_else(|| self.first_kept(other))
        };
        self.first_statistic(other).or_else(field).or_else(|| {
            (self.digest != other.digest).then(|| {
                let what = format!("digest {:016x} and {:016x}", self.digest, other.digest);
                differ(None, None, what)
            })
        })
    }

    fn first_statistic(&self, other: &Observation) -> Option<Difference> {
        if self.stats.len() != other.stats.len() {
            let (a, b) = (self.stats.len(), other.stats.len());
            let what = format!("statistics of {a} sites and of {b}");
            return Some(differ(None, None, what));
        }
        for ((site, a), (other_site, b)) in self.stats.iter().zip(&other.stats) {
            for ((name, a), (_, b)) in a.named().into_iter().zip(b.named()) {
                let words = |s: lacuna::probe::Summary| (s.n, [s.mean, s.min, s.max].map(bits));
                if site != other_site || words(a) != words(b) {
                    let what = format!("{name} is {a:?} and {b:?}");
                    return Some(differ(None, Some(*site), what));
                }
            }
        }
        None
    }

    fn first_sketch(&self, other: &Observation) -> Option<Difference> {
        let (a, b) = (self.sketches.len(), other.sketches.len());
        if a != b {
            return Some(differ(None, None, format!("{a} sketches and {b}")));
        }
        let words = |s: &Sketch| (s.n, [s.mean, s.m2, s.min, s.max].map(bits), s.histogram);
        let mut pairs = self.sketches.iter().zip(&other.sketches);
        let (a, b) = pairs.find(|(a, b)| (a.0, a.1, words(&a.2)) != (b.0, b.1, words(&b.2)))?;
        let what = format!("{} is {:?} and {:?}", a.1, a.2, b.2);
        Some(differ(None, Some(a.0), what))
    }

    fn first_window(&self, other: &Observation) -> Option<Difference> {
        let (a, b) = (self.windows.len(), other.windows.len());
        if a != b {
            return Some(differ(None, None, format!("{a} windows and {b}")));
        }
        let words = |w: &Window| {
            (
                w.index,
                w.positions,
                w.answer,
                [w.score, w.p, w.drift].map(bits),
            )
        };
        let mut pairs = self.windows.iter().zip(&other.windows);
        let (a, b) = pairs.find(|(a, b)| words(a) != words(b))?;
        Some(differ(
            None,
            None,
            format!("the verdict is {a:?} and {b:?}"),
        ))
    }

    /// What is kept, where both sides kept something.
    fn first_kept(&self, other: &Observation) -> Option<Difference> {
        let both = !self.state.is_empty() && !other.state.is_empty();
        let mut pairs = self.state.iter().zip(&other.state);
        let at = pairs.position(|(a, b)| a != b).filter(|_| both)?;
        let what = format!("byte {at} of what the monitor keeps through a reset");
        Some(differ(None, None, what))
    }

    /// Values compared when two runs are equal: logits, site digests, statistics (summaries, sketches and verdicts).
    pub fn counts(&self) -> [usize; 3] {
        let logits = self.steps.iter().map(|s| s.logits.len()).sum();
        let sites = self.steps.iter().map(|s| s.sites.len()).sum();
        let field = self.sketches.len() + self.windows.len();
        [logits, sites, self.stats.len() * 3 + field]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna::probe::Hook;

    fn site(layer: u8, hook: Hook) -> Site {
        Site { layer, hook }
    }

    fn run() -> Observation {
        let step = Step {
            sites: vec![
                (site(0, Hook::Q), 1),
                (site(1, Hook::Q), 2),
                (site(0, Hook::Logits), 3),
            ],
            logits: vec![0.5, f32::NAN],
        };
        Observation {
            prompt: vec![0],
            tokens: vec![4, 5],
            steps: vec![step.clone(), step],
            stats: vec![(site(1, Hook::Q), SiteSummary::default())],
            sketches: vec![(site(0, Hook::Q), Stat::Hoyer, Sketch::EMPTY)],
            windows: vec![Window {
                index: 0,
                positions: 8,
                answer: Answer::Ok,
                score: 0.5,
                p: 0.25,
                drift: 0.0,
            }],
            state: vec![1, 2, 3],
            digest: 9,
        }
    }

    /// What is said when `change` has been at the second of two equal runs.
    fn said(change: impl FnOnce(&mut Observation)) -> Option<String> {
        let (here, mut there) = (run(), run());
        change(&mut there);
        here.first_difference(&there).map(|d| d.to_string())
    }

    #[test]
    fn equal_runs_have_no_difference_and_nans_are_one() {
        assert_eq!(said(|_| ()), None);
        assert_eq!(said(|r| r.state.clear()), None);
        assert_eq!(said(|r| r.steps[1].logits[1] = -f32::NAN), None);
        assert_eq!(run().counts(), [4, 6, 5]);
    }

    #[test]
    fn the_first_step_layer_and_site_is_named() {
        let activations = said(|r| {
            r.steps[1].sites[1].1 = 7;
            // What follows from it is not the cause.
            r.steps[1].sites[2].1 = 8;
            r.steps[1].logits[0] = 0.25;
            (r.tokens[1], r.digest) = (6, 10);
        });
        assert_eq!(
            activations.as_deref(),
            Some(
                "step 1, layer 1, site blocks.1.attn.hook_q, activations 0000000000000002 and 0000000000000007"
            )
        );
        let logit = said(|r| r.steps[0].logits[0] = -0.5).unwrap();
        assert_eq!(
            logit,
            "step 0, logit 0 is 5e-1 (3f000000) and -5e-1 (bf000000)"
        );
    }

    #[test]
    fn statistics_lengths_tokens_and_digest_count() {
        let words = [
            said(|r| r.stats[0].1.hoyer.mean = -0.0).unwrap(),
            said(|r| r.stats.clear()).unwrap(),
            said(|r| r.sketches[0].2.m2 = 1.0).unwrap(),
            said(|r| r.sketches.clear()).unwrap(),
            said(|r| r.windows[0].answer = Answer::Faulty).unwrap(),
            said(|r| r.windows.clear()).unwrap(),
            said(|r| r.steps.truncate(1)).unwrap(),
            said(|r| r.steps[0].sites.truncate(1)).unwrap(),
            said(|r| r.steps[0].logits.truncate(1)).unwrap(),
            said(|r| r.tokens[1] = 6).unwrap(),
            said(|r| r.prompt[0] = 1).unwrap(),
            said(|r| r.state[2] = 9).unwrap(),
            said(|r| r.digest = 1).unwrap(),
        ];
        let parts = [
            "site blocks.1.attn.hook_q, hoyer is",
            "statistics of 1 sites and of 0",
            "site blocks.0.attn.hook_q, hoyer is",
            "1 sketches and 0",
            "the verdict is",
            "1 windows and 0",
            "2 steps and 1",
            "step 0, 3 sites and 1",
            "step 0, 2 logits and 1",
            "generated token 1 is 5 and 6",
            "the prompt is [0] and [1]",
            "byte 2 of what the monitor keeps",
            "digest 0000000000000009 and 0000000000000001",
        ];
        for (words, part) in words.iter().zip(parts) {
            assert!(words.contains(part), "{words}");
        }
    }
}
