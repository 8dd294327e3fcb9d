//! What every block costs.
//!
//! # Why
//! The residual stream enters a block where it leaves the one before, so one window and one clock are enough. Tokens that
//! run at once show it one after the other: the clock starts anew with each, and a block is theirs together.

use lacuna::probe::{Hook, Site};

use super::meter::{idle, say_cost};
use super::observe::Watch;
use super::{Failed, Run};
use crate::board::{Board, Firmware};
use crate::wire::Wire;

impl<F: Firmware> Run<'_, F> {
    /// Says the cost of every block at every position.
    #[inline(never)]
    pub(crate) fn layers<B: Board>(
        &self,
        wire: &mut Wire<B>,
        arena: &mut [u8],
    ) -> Result<(), Failed> {
        let clock = Clock {
            idle: idle(&mut wire.board),
            position: 0,
            tokens: 1,
            block: None,
        };
        let mut made = self.session(arena, Watch::timing(wire, clock));
        let session = made.as_mut().map_err(|e| Failed::at(0)(*e))?;
        self.tokens(session, |session, turn| {
            if turn.feed {
                if let Some(clock) = &mut session.probe_mut().clock {
                    (clock.position, clock.tokens) = (turn.index, turn.input.len());
                }
                Self::feed(session, turn.input)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Reads the time where the residual stream enters a block and where it leaves the last one.
pub(super) struct Clock {
    idle: u64,
    /// The first of the tokens that run, and how many they are.
    position: u32,
    tokens: u32,
    /// The block that is running, and since when.
    block: Option<(u8, u64)>,
}

impl Clock {
    /// Whether a block begins or ends at `hook`.
    pub(super) fn wants(hook: Hook) -> bool {
        matches!(hook, Hook::ResidPre | Hook::ResidFinal)
    }

    /// Says what the block that ends at `site` has cost, and starts for the one that begins there.
    #[inline(never)]
    pub(super) fn border<B: Board>(&mut self, wire: &mut Wire<B>, site: Site) {
        let now = wire.board.ticks();
        let enters = site.hook == Hook::ResidPre;
        let again = |(layer, _): &(u8, u64)| enters && *layer == site.layer;
        if let Some((layer, since)) = self.block.take_if(|block| !again(block)) {
            let ticks = now.saturating_sub(since + self.idle);
            say_cost(wire, self.position, self.tokens, Some(layer), ticks);
        }
        if enters {
            self.block = Some((site.layer, wire.board.ticks()));
        }
    }
}
