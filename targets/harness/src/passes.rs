//! The three passes of a run, each over the same tokens from an empty cache.
//!
//! ```text
//! count    NoProbe      Cost of every token, stack
//! layers   LayerClock   Cost of every block
//! observe  statistics   Token, SiteDigest, Logits, Stat, digest
//! ```
//!
//! # Invariants
//! - The clock runs only around `step`: nothing that is said is counted.
//! - All passes generate the same tokens, because a probe can change no bit.
//!
//! # Why
//! One pass that did everything would count its own windows.

use core::fmt;

use lacuna::model::Model;
use lacuna::probe::record::{LOGITS_PER_FRAME, Record};
use lacuna::probe::{
    DEFAULT_EPS, Hook, LogitDigest, NoProbe, Probe, Site, SiteDigests, SiteStats, SparsityProbe,
    TooFewSites,
};
use lacuna::session::{Error, Options, Session, StreamError};

use crate::Board;
use crate::job::Job;
use crate::wire::Wire;

/// An error and the position where it was met.
pub(crate) struct Failed {
    pub(crate) position: usize,
    pub(crate) error: Trouble,
}

/// What can go wrong once a run has started.
pub(crate) enum Trouble {
    Session(Error),
    Memory(TooFewSites),
    Stream(StreamError),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Session(error) => error.fmt(f),
            Trouble::Memory(error) => error.fmt(f),
            Trouble::Stream(error) => error.fmt(f),
        }
    }
}

impl Failed {
    pub(crate) fn at(position: usize) -> impl FnOnce(Error) -> Failed {
        move |error| Failed {
            position,
            error: Trouble::Session(error),
        }
    }
}

impl From<TooFewSites> for Failed {
    fn from(error: TooFewSites) -> Failed {
        Failed {
            position: 0,
            error: Trouble::Memory(error),
        }
    }
}

/// What every pass runs.
pub(crate) struct Run<'a> {
    pub(crate) job: Job<'a>,
    pub(crate) model: Model<'a>,
    pub(crate) options: Options,
}

/// A token of the run.
struct Turn {
    index: u32,
    token: u32,
    prompt: bool,
    /// False for the last generated token, which nothing follows.
    feed: bool,
}

impl<'a> Run<'a> {
    pub(crate) fn session<'s, P: Probe>(
        &'s self,
        arena: &'s mut [u8],
        probe: P,
    ) -> Result<Session<'s, P>, Error> {
        Session::with_probe(self.model, arena, self.options, probe)
    }

    /// Shows every token to `turn`, which feeds it to the session.
    fn play<'s, P: Probe>(
        &self,
        session: &mut Session<'s, P>,
        mut turn: impl FnMut(&mut Session<'s, P>, Turn) -> Result<(), Error>,
    ) -> Result<u32, Failed> {
        let mut index = 0;
        let mut next = |session: &mut Session<'s, P>, token, prompt, feed| {
            let this = Turn {
                index,
                token,
                prompt,
                feed,
            };
            turn(session, this).map_err(Failed::at(index as usize))?;
            index += u32::from(feed);
            Ok::<(), Failed>(())
        };
        for token in self.job.prompt() {
            next(session, token, true, true)?;
        }
        let mut sampler = self.job.sampler();
        for left in (0..self.job.tokens).rev() {
            let token = session.sample(&mut sampler);
            let last = left == 0 || self.job.stop == Some(token);
            next(session, token, false, !last)?;
            if last {
                break;
            }
        }
        Ok(index)
    }

    /// Says the cost of every token; returns the deepest stack of a step.
    #[inline(never)]
    pub(crate) fn count<B: Board>(
        &self,
        wire: &mut Wire<B>,
        arena: &mut [u8],
    ) -> Result<usize, Failed> {
        let mut made = self.session(arena, NoProbe);
        let session = made.as_mut().map_err(|e| Failed::at(0)(*e))?;
        let (stack, idle) = (wire.board.stack(), idle(&mut wire.board));
        let mut deepest = 0;
        self.play(session, |session, turn| {
            if turn.feed {
                let painted = stack.paint();
                let start = wire.board.ticks();
                session.step(turn.token)?;
                let ticks = wire.board.ticks() - start - idle;
                deepest = deepest.max(painted.depth());
                let (position, layer) = (turn.index, None);
                wire.say(Record::Cost {
                    position,
                    layer,
                    ticks,
                });
            }
            Ok(())
        })?;
        Ok(deepest)
    }

    /// Says the cost of every block at every position.
    #[inline(never)]
    pub(crate) fn layers<B: Board>(
        &self,
        wire: &mut Wire<B>,
        arena: &mut [u8],
    ) -> Result<(), Failed> {
        let idle = idle(&mut wire.board);
        let clock = LayerClock {
            wire,
            idle,
            position: 0,
            block: None,
        };
        let mut made = self.session(arena, clock);
        let session = made.as_mut().map_err(|e| Failed::at(0)(*e))?;
        self.play(session, |session, turn| {
            if turn.feed {
                session.probe_mut().position = turn.index;
                session.step(turn.token)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Says tokens, digests, logits and statistics; returns the digest of all logits and the number of positions.
    #[inline(never)]
    pub(crate) fn observe<B: Board>(
        &self,
        wire: &mut Wire<B>,
        arena: &mut [u8],
        stats: &mut [SiteStats],
        digests: &mut [u64],
    ) -> Result<(u64, u32), Failed> {
        let n_layers = self.model.config().n_layers;
        let digests = SiteDigests::new(n_layers, digests)?;
        let probe = Seen {
            stats: SparsityProbe::new(n_layers, DEFAULT_EPS, stats)?,
            sites: self.job.sites.then_some(digests),
            digest: LogitDigest::new(),
        };
        let mut made = self.session(arena, probe);
        let session = made.as_mut().map_err(|e| Failed::at(0)(*e))?;
        let positions = self.play(session, |session, turn| {
            let Turn {
                index,
                token,
                prompt,
                feed,
            } = turn;
            wire.say(Record::Token {
                index,
                token,
                prompt,
            });
            if !feed {
                return Ok(());
            }
            session.step(token)?;
            let position = index;
            if let Some(sites) = &session.probe().sites {
                for (site, digest) in sites.iter() {
                    wire.say(Record::SiteDigest {
                        position,
                        site,
                        digest,
                    });
                }
            }
            if self.job.logits {
                let chunks = session.logits().chunks(LOGITS_PER_FRAME);
                for (i, logits) in chunks.enumerate() {
                    wire.say(Record::logits(
                        position,
                        (i * LOGITS_PER_FRAME) as u32,
                        logits,
                    ));
                }
            }
            Ok(())
        })?;
        for (site, summary) in session.probe().stats.summaries() {
            wire.say(Record::Stat { site, summary });
        }
        Ok((session.probe().digest.value(), positions))
    }
}

/// Ticks that reading the clock takes by itself.
pub(crate) fn idle<B: Board>(board: &mut B) -> u64 {
    let start = board.ticks();
    board.ticks() - start
}

/// Reads the clock where the residual stream enters a block and where it leaves the last one.
struct LayerClock<'w, B> {
    wire: &'w mut Wire<B>,
    idle: u64,
    position: u32,
    /// The block that is running, and since when.
    block: Option<(u8, u64)>,
}

impl<B: Board> Probe for LayerClock<'_, B> {
    #[inline(always)]
    fn observe(&mut self, site: Site, _: &[f32]) {
        if self.wants(site.hook) {
            self.border(site);
        }
    }

    #[inline(always)]
    fn wants(&self, hook: Hook) -> bool {
        matches!(hook, Hook::ResidPre | Hook::ResidFinal)
    }
}

impl<B: Board> LayerClock<'_, B> {
    #[inline(never)]
    fn border(&mut self, site: Site) {
        let now = self.wire.board.ticks();
        if let Some((layer, since)) = self.block.take() {
            let ticks = now.saturating_sub(since + self.idle);
            let (position, layer) = (self.position, Some(layer));
            self.wire.say(Record::Cost {
                position,
                layer,
                ticks,
            });
        }
        if site.hook == Hook::ResidPre {
            self.block = Some((site.layer, self.wire.board.ticks()));
        }
    }
}

/// Everything that can be seen of a run.
pub(crate) struct Seen<'a> {
    pub(crate) stats: SparsityProbe<'a>,
    pub(crate) sites: Option<SiteDigests<'a>>,
    pub(crate) digest: LogitDigest,
}

impl Probe for Seen<'_> {
    #[inline(never)]
    fn observe(&mut self, site: Site, x: &[f32]) {
        self.stats.observe(site, x);
        self.digest.observe(site, x);
        if let Some(sites) = &mut self.sites {
            sites.observe(site, x);
        }
    }
}
