//! What a token costs, and how deep its stack goes.

use lacuna::probe::NoProbe;

use super::meter::{Meter, say_cost};
use super::{Failed, Run};
use crate::board::{Board, Firmware};
use crate::wire::Wire;

impl<F: Firmware> Run<'_, F> {
    /// Says the cost of every token; returns the deepest stack of a step.
    #[inline(never)]
    pub(crate) fn count<B: Board>(
        &self,
        wire: &mut Wire<B>,
        arena: &mut [u8],
        ring: &mut [f32],
    ) -> Result<usize, Failed> {
        let mut made = self.session(arena, NoProbe);
        let session = made.as_mut().map_err(|e| Failed::at(0)(*e))?;
        let mut meter = Meter::new(&mut wire.board);
        self.play(session, ring, |session, turn| {
            if turn.feed {
                let step = || Self::feed(session, turn.input);
                let ((), ticks) = meter.time(&mut wire.board, step)?;
                say_cost(wire, turn.index, turn.input.len(), None, ticks);
            }
            Ok(())
        })?;
        Ok(meter.deepest)
    }
}
