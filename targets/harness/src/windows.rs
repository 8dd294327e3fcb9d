//! The passes over a model of windows: the golden window's samples again and again, streamed one by one.
//!
//! ```text
//! golden window ─ sample, sample, … (in a loop) ─► Stream ─ every hop ─► count    NoProbe      Cost of every window, stack
//!                                                                    └─► observe  statistics   Token, Logits, Stat, digest
//! ```
//!
//! # Invariants
//! - The first window is the golden one, so the digest of one window is the golden digest.
//! - The clock runs only around `classify`; the samples that make the window are counted nowhere else but by their board.
//!
//! # Why
//! A command line has no room for samples, and a board needs nothing but the file to show that it streams.

use lacuna::probe::record::{LOGITS_PER_FRAME, Record};
use lacuna::probe::{
    DEFAULT_EPS, LogitDigest, NoProbe, Probe, SiteDigests, SiteStats, SparsityProbe,
};
use lacuna::session::{Error, Session, Stream, StreamError, TestError, argmax};

use crate::Board;
use crate::passes::{Failed, Run, Seen, Trouble, idle};
use crate::wire::Wire;

impl From<StreamError> for Failed {
    fn from(error: StreamError) -> Failed {
        Failed {
            position: 0,
            error: Trouble::Stream(error),
        }
    }
}

impl<'a> Run<'a> {
    /// True if the model takes windows and not tokens.
    pub(crate) fn takes_windows(&self) -> bool {
        self.model.config().window_len() > 0
    }

    /// Shows the windows of the job to `turn`, with their numbers; gives how many there were.
    fn stream<'s, P: Probe>(
        &self,
        session: &mut Session<'s, P>,
        ring: &mut [f32],
        mut turn: impl FnMut(&mut Session<'s, P>, u32, &[f32]) -> Result<(), Error>,
    ) -> Result<u32, Failed> {
        let (file, config) = (self.model.file(), self.model.config());
        let golden = file.golden().ok_or(TestError::NoGolden.into());
        let golden = golden.map_err(Failed::at(0))?;
        let hop = file.sensor().map_or(1, |sensor| sensor.hop as usize);
        let mut stream = Stream::new(config, hop, ring)?;
        let mut index = 0;
        let samples = golden.window().chunks_exact(config.channels());
        for sample in samples.cycle() {
            if index >= self.job.tokens {
                break;
            }
            if let Some(window) = stream.push(sample)? {
                turn(session, index, window).map_err(Failed::at(index as usize))?;
                index += 1;
            }
        }
        Ok(index)
    }

    /// Says the cost of every window; returns the deepest stack of one.
    #[inline(never)]
    pub(crate) fn count_windows<B: Board>(
        &self,
        wire: &mut Wire<B>,
        arena: &mut [u8],
        ring: &mut [f32],
    ) -> Result<usize, Failed> {
        let mut made = self.session(arena, NoProbe);
        let session = made.as_mut().map_err(|e| Failed::at(0)(*e))?;
        let (stack, idle) = (wire.board.stack(), idle(&mut wire.board));
        let mut deepest = 0;
        self.stream(session, ring, |session, position, window| {
            let painted = stack.paint();
            let start = wire.board.ticks();
            session.classify(window)?;
            let ticks = wire.board.ticks() - start - idle;
            deepest = deepest.max(painted.depth());
            let layer = None;
            wire.say(Record::Cost {
                position,
                layer,
                ticks,
            });
            Ok(())
        })?;
        Ok(deepest)
    }

    /// Says classes, digests, logits and statistics; returns the digest of all logits and the number of windows.
    #[inline(never)]
    pub(crate) fn observe_windows<B: Board>(
        &self,
        wire: &mut Wire<B>,
        arena: &mut [u8],
        stats: &mut [SiteStats],
        digests: &mut [u64],
        ring: &mut [f32],
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
        let windows = self.stream(session, ring, |session, index, window| {
            let token = argmax(session.classify(window)?);
            let (position, prompt) = (index, false);
            wire.say(Record::Token {
                index,
                token,
                prompt,
            });
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
                    let start = (i * LOGITS_PER_FRAME) as u32;
                    wire.say(Record::logits(position, start, logits));
                }
            }
            Ok(())
        })?;
        for (site, summary) in session.probe().stats.summaries() {
            wire.say(Record::Stat { site, summary });
        }
        Ok((session.probe().digest.value(), windows))
    }
}
