//! How a step is timed and how deep its stack goes: once, for every pass that counts.
//!
//! ```text
//! paint ─► ticks ─► step ─► ticks ─► depth        ticks − what reading the clock takes ─► Cost of every position
//! ```

use lacuna::probe::record::Record;
use stack_paint::Stack;

use crate::board::Board;
use crate::wire::Wire;

/// A clock around steps.
pub(super) struct Meter {
    stack: Stack,
    idle: u64,
    /// Bytes of the deepest stack so far.
    pub(super) deepest: usize,
}

impl Meter {
    /// A meter on `board`.
    pub(super) fn new<B: Board>(board: &mut B) -> Meter {
        Meter {
            stack: board.stack(),
            idle: idle(board),
            deepest: 0,
        }
    }

    /// What `step` gives, and its ticks.
    ///
    /// # Errors
    /// Those of `step`.
    #[inline(always)]
    pub(super) fn time<B: Board, T, E>(
        &mut self,
        board: &mut B,
        step: impl FnOnce() -> Result<T, E>,
    ) -> Result<(T, u64), E> {
        let painted = self.stack.paint();
        let start = board.ticks();
        let done = step()?;
        let ticks = board.ticks() - start - self.idle;
        self.deepest = self.deepest.max(painted.depth());
        Ok((done, ticks))
    }
}

/// Ticks that reading the clock takes by itself.
pub(super) fn idle<B: Board>(board: &mut B) -> u64 {
    let start = board.ticks();
    board.ticks() - start
}

/// Says what `n` tokens from `position` on cost together: each its share, equal to the tick.
pub(super) fn say_cost<B: Board>(
    wire: &mut Wire<B>,
    position: u32,
    n: u32,
    layer: Option<u8>,
    ticks: u64,
) {
    let upto = |i: u32| ticks * u64::from(i) / u64::from(n.max(1));
    for i in 0..n {
        wire.say(Record::Cost {
            position: position + i,
            layer,
            ticks: upto(i + 1) - upto(i),
        });
    }
}
