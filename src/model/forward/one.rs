//! A pass of one token.

use super::tokens::{Attend, Room, Tokens};
use crate::format::Product;
use crate::kernels::{Input, Isa};
use crate::model::cache::{Blocks, Element};
use crate::model::{Error, Model, State};
use crate::nn;
use crate::probe::{At, Hook, Probe, Site};
use crate::sparse::Matrix;

/// The positions that the current token attends to, itself the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Slot of the first position.
    pub(super) start: usize,
    /// Slot of the current token.
    pub(super) slot: usize,
    /// Number of positions.
    pub(super) len: usize,
}

/// One token and where it goes.
pub(super) struct One {
    pub(super) token: u32,
    pub(super) window: Window,
    pub(super) at: At,
}

impl Tokens for One {
    const PRODUCT: Product = Product::One;

    type Input<'x> = Input<'x>;

    #[inline(always)]
    fn stride(&self) -> usize {
        1
    }

    fn embed(&mut self, _: Isa, model: &Model<'_>, s: &mut State<'_>) -> Result<(), Error> {
        let positions = model.positions();
        let position = positions.as_ref().map(|p| (p, self.window.len - 1));
        let x = &mut s.x[..model.config().dim];
        nn::embed(&model.embedding(), self.token as usize, position, x);
        Ok(())
    }

    #[inline(always)]
    fn see<P: Probe>(&mut self, _: Isa, probe: &mut P, site: Site, x: &[f32]) {
        probe.observe_at(self.at, site, x);
    }

    #[inline(always)]
    fn keep(&mut self, isa: Isa, x: &mut [f32], k: usize) {
        nn::abs_top_k(isa, x, k);
    }

    #[inline(always)]
    fn input<'x>(
        &mut self,
        isa: Isa,
        site: Site,
        x: &'x [f32],
        room: Room<'x>,
        int8: bool,
    ) -> Result<Input<'x>, Error> {
        let input = isa.input(x, room.q, int8);
        input.map_err(|_| Error::NonFinite { site })
    }

    #[inline(always)]
    fn product(isa: Isa, w: &Matrix<'_>, x: &Input<'_>, bias: Option<&[f32]>, y: &mut [f32]) {
        isa.matvec(w, x, bias, y);
    }

    #[inline(always)]
    fn norm(&self, isa: Isa, x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
        nn::rms_norm(isa, x, gain, eps, out);
    }

    fn attend<T: Element>(
        &mut self,
        how: Attend<'_>,
        cache: &mut Blocks<'_, T>,
        q: &mut [f32],
        k: &mut [f32],
        v: &[f32],
        scores: &mut [f32],
    ) -> Result<(), Error> {
        let Window { start, slot, len } = self.window;
        if let Some(rope) = how.rope {
            let (cos, sin) = rope.row(len - 1);
            nn::rotate(q, cos, sin);
            if !how.turn_on_read {
                nn::rotate(k, cos, sin);
            }
        }
        let layer = how.layer as u8;
        let (keys, values) = (2 * how.layer, 2 * how.layer + 1);
        for (block, row, hook) in [(keys, &*k, Hook::K), (values, v, Hook::V)] {
            if !cache.store(block, slot, row) {
                let site = Site { layer, hook };
                return Err(Error::NonFinite { site });
            }
        }
        nn::attention(
            how.isa,
            how.heads,
            q,
            cache.rows(keys, start, len),
            cache.rows(values, start, len),
            how.rope.filter(|_| how.turn_on_read),
            how.sink,
            &mut scores[..len],
        );
        Ok(())
    }
}
