//! One run of a model on this machine: tokens as they come, then figures.
//!
//! ```text
//! prompt ─► session (NoProbe, timed) ─► token, token, … ─► digest of all logits
//!                                           └─ replay with probes ─► statistics per site, the same digest
//! ```
//!
//! # Invariants
//! - Only the engine's own session computes; time is that of its steps, without printing and without probes.
//! - A run ends after `tokens` tokens, or after one that begins another document ([`stop`]), which is counted.
//! - The replay must give the digest of the run, or the run is an error: a probe cannot change a bit.
//!
//! # Why
//! Two passes, because one that measured and timed at once would time its own windows.

mod report;

use core::time::Duration;
use std::time::Instant;

use lacuna::model::{Model, State};
use lacuna::probe::{
    DEFAULT_EPS, Hook, LogitDigest, NoProbe, PlanProbe, Probe, ProbePlan, Site, SiteStats,
    SiteSummary, SparsityProbe,
};
use lacuna::session::{self, Options, Sampler, Session, Tokenizer, Transcript};

use crate::memory::Buffer;
use crate::plan::{self, Measured};

pub use report::{Report, Sites};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Tokens to feed, at least one.
    pub prompt: &'a [u32],
    /// Tokens to generate.
    pub tokens: usize,
    /// How to choose them.
    pub sampler: Sampler,
    /// The token after which to stop early.
    pub stop: Option<u32>,
    /// Limits, policy and back-end.
    pub options: Options,
    /// Measure activation sparsity.
    pub probe: bool,
    /// Measure this too.
    pub plan: Option<&'a ProbePlan>,
}

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Generated tokens.
    pub tokens: Vec<u32>,
    /// Positions computed: nothing follows the last token.
    pub positions: usize,
    /// Time of these.
    pub time: Duration,
    /// Digest of all logits.
    pub digest: u64,
    /// Statistics of every site, in the order a token meets them; empty without a probe.
    pub sites: Vec<(Site, SiteSummary)>,
    /// What the plan found.
    pub measured: Option<Measured>,
}

impl Ran {
    /// The run as the text that is the same on every machine.
    pub fn transcript(&self, model: &Model<'_>, prompt: &[u32]) -> String {
        let sites: Vec<SiteSummary> = self.sites.iter().map(|(_, summary)| *summary).collect();
        Transcript {
            model_id: model.id(),
            prompt,
            tokens: &self.tokens,
            tokenizer: Tokenizer::new(model.file()),
            digest: self.digest,
            n_layers: model.config().n_layers,
            sites: &sites,
        }
        .to_string()
    }
}

/// Why a run failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine refused.
    #[error(transparent)]
    Session(#[from] session::Error),
    /// The probed replay computed other logits.
    #[error("the probed run gave digest {probed:016x}, the plain run {plain:016x}")]
    Probe {
        /// Digest with a probe.
        probed: u64,
        /// Digest without.
        plain: u64,
    },
}

/// The token that begins a document, and so ends the one before it.
pub fn stop(tokenizer: Option<&Tokenizer<'_>>) -> Option<u32> {
    tokenizer.and_then(Tokenizer::bos)
}

/// Runs `request`; `each` gets every generated token at once.
///
/// # Errors
/// [`Error`]; tokens handed out before it are good.
pub fn run(
    model: &Model<'_>,
    request: &Request<'_>,
    each: &mut dyn FnMut(u32),
) -> Result<Ran, Error> {
    let config = model.config();
    let mut arena = Buffer::zeroed(State::len(config, &request.options.limits));
    let mut session = Session::new(*model, &mut arena, request.options)?;
    let mut clock = Clock::default();
    let mut sampler = request.sampler;
    let mut tokens = Vec::new();
    for piece in request.prompt.chunks(request.options.limits.prefill) {
        clock.prompt(&mut session, piece)?;
    }
    while tokens.len() < request.tokens {
        let token = session.sample(&mut sampler);
        tokens.push(token);
        each(token);
        if tokens.len() == request.tokens || Some(token) == request.stop {
            break;
        }
        clock.step(&mut session, token)?;
    }
    let mut ran = Ran {
        tokens,
        positions: clock.positions,
        time: clock.time,
        digest: clock.digest.value(),
        sites: Vec::new(),
        measured: None,
    };
    if request.probe || request.plan.is_some() {
        (ran.sites, ran.measured) = probed(model, request, &ran)?;
    }
    Ok(ran)
}

#[derive(Default)]
struct Clock {
    positions: usize,
    time: Duration,
    digest: LogitDigest,
}

impl Clock {
    /// Runs what the session runs at once; logits are only kept while the clock runs.
    fn prompt(&mut self, session: &mut Session<'_, NoProbe>, tokens: &[u32]) -> Result<(), Error> {
        let mut all = Vec::new();
        let start = Instant::now();
        session.prompt_each(tokens, |logits| all.extend_from_slice(logits))?;
        self.time += start.elapsed();
        self.positions += tokens.len();
        self.see(&all);
        Ok(())
    }

    fn step(&mut self, session: &mut Session<'_, NoProbe>, token: u32) -> Result<(), Error> {
        let start = Instant::now();
        session.step(token)?;
        self.time += start.elapsed();
        self.positions += 1;
        self.see(session.logits());
        Ok(())
    }

    fn see(&mut self, logits: &[f32]) {
        let site = Site {
            layer: 0,
            hook: Hook::Logits,
        };
        self.digest.observe(site, logits);
    }
}

/// What a probe keeps of every site, and what a plan asked for.
type Probed = (Vec<(Site, SiteSummary)>, Option<Measured>);

/// Runs the same tokens again and looks, with what was asked for and nothing else.
fn probed(model: &Model<'_>, request: &Request<'_>, ran: &Ran) -> Result<Probed, Error> {
    let n_layers = model.config().n_layers;
    let mut found = (Vec::new(), None);
    if request.probe {
        let mut stats = vec![SiteStats::NEW; Site::count(n_layers)];
        if let Ok(probe) = SparsityProbe::new(n_layers, DEFAULT_EPS, &mut stats) {
            replay(model, request, ran, probe, |probe| {
                found.0 = probe.summaries().collect();
            })?;
        }
    }
    if let Some(plan) = request.plan {
        let mut cells = plan::cells(plan, model.config());
        if let Ok(probe) = PlanProbe::new(plan.clone(), n_layers, &mut cells) {
            replay(model, request, ran, probe, |probe| {
                found.1 = Some(Measured::new(probe, model.config()));
            })?;
        }
    }
    Ok(found)
}

/// Runs the same tokens again under `probe`, which `see` is given; other logits are an error.
fn replay<P: Probe>(
    model: &Model<'_>,
    request: &Request<'_>,
    ran: &Ran,
    probe: P,
    see: impl FnOnce(&P),
) -> Result<(), Error> {
    let mut arena = Buffer::zeroed(State::len(model.config(), &request.options.limits));
    let probe = (probe, LogitDigest::new());
    let mut session = Session::with_probe(*model, &mut arena, request.options, probe)?;
    session.prompt(request.prompt)?;
    for token in ran.tokens.iter().take(ran.positions - request.prompt.len()) {
        session.step(*token)?;
    }
    let (probe, digest) = session.probe();
    if digest.value() != ran.digest {
        return Err(Error::Probe {
            probed: digest.value(),
            plain: ran.digest,
        });
    }
    see(probe);
    Ok(())
}
