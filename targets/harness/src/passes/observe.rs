//! Everything that can be seen of a run, said as it is seen.
//!
//! ```text
//! token ─► Token      its sites ─► SiteDigest, SiteDigest, … Logits      after the last token ─► Stat, Stat, …
//! ```
//!
//! # Why
//! A digest that is said in its window needs no place to wait in, however many tokens run at once.

use lacuna::num::Fnv64;
use lacuna::probe::record::{LOGITS_PER_FRAME, Record};
use lacuna::probe::{
    At, DEFAULT_EPS, Hook, LogitDigest, Probe, Site, SiteDigests, SiteStats, SparsityProbe,
};

use lacuna::session::argmax;

use super::layers::Clock;
use super::{Failed, Input, Run};
use crate::board::{Board, Firmware};
use crate::wire::Wire;

impl<F: Firmware> Run<'_, F> {
    /// Says tokens, digests, logits and, where there are places for them, statistics; returns the digest of all logits and the number of positions.
    #[inline(never)]
    pub(crate) fn observe<B: Board>(
        &self,
        wire: &mut Wire<B>,
        arena: &mut [u8],
        ring: &mut [f32],
        (stats, digests): (&mut [SiteStats], &mut [u64]),
    ) -> Result<(u64, u32), Failed> {
        let n_layers = self.model.config().n_layers;
        let probe = Watch {
            sites: self.job.sites,
            windows: match self.takes_windows() {
                true => Some((SiteDigests::new(n_layers, digests)?, 0)),
                false => None,
            },
            logits: self.job.logits,
            stats: match stats {
                [] => None,
                stats => Some(SparsityProbe::new(n_layers, DEFAULT_EPS, stats)?),
            },
            ..Watch::blind(wire)
        };
        let mut made = self.session(arena, probe);
        let session = made.as_mut().map_err(|e| Failed::at(0)(*e))?;
        let positions = self.play(session, ring, |session, turn| {
            let watch = session.probe_mut();
            for (index, &token) in (turn.index..).zip(turn.input.tokens()) {
                let prompt = turn.prompt;
                watch.wire.say(Record::Token {
                    index,
                    token,
                    prompt,
                });
            }
            if let Some((_, window)) = &mut watch.windows {
                *window = turn.index;
            }
            if let Input::Window(window) = turn.input {
                watch.say_samples(turn.index, window);
            }
            if turn.feed {
                Self::feed(session, turn.input)?;
            }
            if self.takes_windows() {
                let (index, token) = (turn.index, argmax(session.logits()));
                session.probe_mut().say_window(index, token);
            }
            Ok(())
        })?;
        let Watch {
            wire,
            stats,
            digest,
            ..
        } = session.probe_mut();
        for (site, summary) in stats.iter().flat_map(SparsityProbe::summaries) {
            wire.say(Record::Stat { site, summary });
        }
        Ok((digest.value(), positions))
    }
}

/// Everything that can be seen of a run, or the time of its blocks: one probe, so that one more copy of all layers is in
/// flash and not two.
pub(super) struct Watch<'a, 'w, B> {
    wire: &'w mut Wire<B>,
    /// Time of the blocks, and nothing else then.
    pub(super) clock: Option<Clock>,
    sites: bool,
    logits: bool,
    /// Digests of the window that is seen, and its number; its patches are seen one after the other.
    windows: Option<(SiteDigests<'a>, u32)>,
    stats: Option<SparsityProbe<'a>>,
    digest: LogitDigest,
}

impl<'w, B: Board> Watch<'_, 'w, B> {
    /// Sees the time of the blocks.
    pub(super) fn timing(wire: &'w mut Wire<B>, clock: Clock) -> Self {
        let clock = Some(clock);
        Watch {
            clock,
            ..Watch::blind(wire)
        }
    }

    /// Sees nothing but the digest of all logits.
    fn blind(wire: &'w mut Wire<B>) -> Self {
        Watch {
            wire,
            clock: None,
            sites: false,
            logits: false,
            windows: None,
            stats: None,
            digest: LogitDigest::new(),
        }
    }

    /// Says the samples of a window, so that it can be run again elsewhere.
    fn say_samples(&mut self, index: u32, window: &[f32]) {
        let starts = (0..).step_by(LOGITS_PER_FRAME);
        let pieces = starts.zip(window.chunks(LOGITS_PER_FRAME));
        for (start, values) in pieces.filter(|_| self.sites) {
            self.wire.say(Record::samples(index, start, values));
        }
    }

    /// Says the class of a window, and what its sites showed last.
    fn say_window(&mut self, index: u32, token: u32) {
        let prompt = false;
        self.wire.say(Record::Token {
            index,
            token,
            prompt,
        });
        let windows = self.windows.iter().filter(|_| self.sites);
        for (site, digest) in windows.flat_map(|(digests, _)| digests.iter()) {
            let position = index;
            self.wire.say(Record::SiteDigest {
                position,
                site,
                digest,
            });
        }
    }
}

impl<B: Board> Probe for Watch<'_, '_, B> {
    fn observe(&mut self, site: Site, x: &[f32]) {
        self.observe_at(At::default(), site, x);
    }

    #[inline(never)]
    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        if let Some(clock) = &mut self.clock {
            if Clock::wants(site.hook) {
                clock.border(self.wire, site);
            }
            return;
        }
        if let Some(stats) = &mut self.stats {
            stats.observe(site, x);
        }
        self.digest.observe(site, x);
        let position = self.windows.as_ref().map_or(at.position, |(_, n)| *n);
        if let Some((digests, _)) = &mut self.windows {
            digests.observe(site, x);
        } else if self.sites {
            let mut digest = Fnv64::new();
            digest.update_f32(x);
            let digest = digest.finish();
            self.wire.say(Record::SiteDigest {
                position,
                site,
                digest,
            });
        }
        if self.logits && site.hook == Hook::Logits {
            let starts = (0..).step_by(LOGITS_PER_FRAME);
            for (start, logits) in starts.zip(x.chunks(LOGITS_PER_FRAME)) {
                self.wire.say(Record::logits(position, start, logits));
            }
        }
    }

    fn wants(&self, hook: Hook) -> bool {
        self.clock.is_none() || Clock::wants(hook)
    }
}
