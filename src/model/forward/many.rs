//! A pass of several tokens, which lie in lanes.
//!
//! ```text
//! x (width, stride) ──► products, norms, nonlinearities: all tokens at once
//!         │ ▲
//!  a group ▼ │ of up to 16 tokens as rows (16, widest): AbsTopK, RoPE, the cache, and a probe see one token at a time
//! ```
//!
//! # Invariants
//! - Token t attends to the positions before the batch and to tokens 0 ..= t: the window never wraps within a batch. In an
//!   encoder it attends to all tokens of the batch, whose keys and values are all stored before any is read.
//! - The first token that fails a check ends the batch before it: it and its successors are dropped there and then, and
//!   those before go on. What is left at the end, and the last fault, are what token by token would have left.
//!
//! # Why
//! Dropping tokens as they fail needs no second run: a token that is dropped later is an earlier one, so the last
//! fault belongs to the first token that has one, at its first site.

use super::tokens::{Attend, Room, Tokens};
use crate::format::Product;
use crate::kernels::{Batch, Isa, Lanes, Quantised};
use crate::model::cache::{Blocks, Element};
use crate::model::{Error, Model, State};
use crate::nn::{self, Queries};
use crate::probe::{At, Hook, Probe, Site};
use crate::sparse::Matrix;

/// Tokens that lie in rows at a time.
pub(in crate::model) const GROUP: usize = 16;

/// What the positions of a batch are made of.
#[derive(Clone, Copy)]
pub(super) enum Source<'t> {
    /// A token each.
    Tokens(&'t [u32]),
    /// A patch each: a whole window, sample after sample.
    Window(&'t [f32]),
}

/// Consecutive tokens, where the first goes, and what became of them.
pub(super) struct Many<'t, 's> {
    pub(super) source: Source<'t>,
    /// Number of tokens, those that were dropped included.
    pub(super) all: usize,
    /// A token attends to positions up to its own; otherwise to all.
    pub(super) causal: bool,
    /// The tokens that are left, and their stride.
    pub(super) lanes: Lanes,
    /// Positions before the first token.
    pub(super) base: usize,
    /// Position of the first token, as a probe is told of it.
    pub(super) position: u32,
    /// Whether the last token is the last of a prompt.
    pub(super) ends_prompt: bool,
    /// Scratch `(GROUP, widest)`.
    pub(super) rows: &'s mut [f32],
    pub(super) fault: Option<Error>,
}

/// What a probe is told of consecutive tokens.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    first: u32,
    /// Number of the prompt's last token.
    last: Option<usize>,
}

impl Stretch {
    /// Token `t` of them.
    pub(super) fn at(self, t: usize) -> At {
        At {
            position: self.first.wrapping_add(t as u32),
            ends_prompt: self.last == Some(t),
        }
    }
}

impl Many<'_, '_> {
    /// All tokens of the batch, as a probe is told of them.
    pub(super) fn stretch(&self) -> Stretch {
        let last = self.ends_prompt.then_some(self.all - 1);
        let first = self.position;
        Stretch { first, last }
    }

    /// Drops token `first` and all behind it; of a window nothing can be dropped.
    fn drop_from(&mut self, first: usize, site: Site) -> Result<(), Error> {
        let fault = Error::NonFinite { site };
        if let Source::Window(_) = self.source {
            return Err(fault);
        }
        self.fault = Some(fault);
        self.lanes = Lanes::with_stride(first, self.lanes.stride()).ok_or(fault)?;
        Ok(())
    }

    /// First tokens of the groups.
    pub(super) fn groups(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.lanes.tokens()).step_by(GROUP)
    }

    /// The tokens of the group from `first` on as rows of `x`, each with its number.
    pub(super) fn rows<'r>(
        &'r mut self,
        isa: Isa,
        x: &[f32],
        first: usize,
    ) -> impl Iterator<Item = (usize, &'r mut [f32])> + use<'r> {
        let (stride, n) = (self.lanes.stride(), self.lanes.tokens() - first);
        let width = x.len() / stride;
        let rows = &mut self.rows[..n.min(GROUP) * width];
        nn::to_rows(isa, x, stride, first, rows, width);
        (first..).zip(rows.chunks_exact_mut(width))
    }

    /// Puts the rows of that group back.
    pub(super) fn put(&mut self, isa: Isa, x: &mut [f32], first: usize) {
        let (stride, n) = (self.lanes.stride(), self.lanes.tokens() - first);
        let width = x.len() / stride;
        let rows = &self.rows[..n.min(GROUP) * width];
        nn::from_rows(isa, rows, width, x, stride, first);
    }

    /// Stores the rows of `x` in block `block`, turned if there is a table.
    fn store<T: Element>(
        &mut self,
        how: Attend<'_>,
        cache: &mut Blocks<'_, T>,
        hook: Hook,
        x: &[f32],
    ) -> Result<(), Error> {
        let block = 2 * how.layer + usize::from(hook == Hook::V);
        let turn = how.rope.filter(|_| hook == Hook::K && !how.turn_on_read);
        let base = self.base;
        let mut failed = None;
        for first in self.groups() {
            for (t, row) in self.rows(how.isa, x, first) {
                if let Some(rope) = turn {
                    let (cos, sin) = rope.row(base + t);
                    nn::rotate(row, cos, sin);
                }
                if failed.is_none() && !cache.store(block, base + t, row) {
                    failed = Some(t);
                }
            }
        }
        let layer = how.layer as u8;
        failed.map_or(Ok(()), |t| self.drop_from(t, Site { layer, hook }))
    }

    /// Attention of one token after the other: where lanes do not pay, or keys are turned as they are read.
    fn attend_rows<T: Element>(
        &mut self,
        how: Attend<'_>,
        cache: &Blocks<'_, T>,
        q: &mut [f32],
        scores: &mut [f32],
    ) {
        let (keys, values) = (2 * how.layer, 2 * how.layer + 1);
        let (base, causal) = (self.base, self.causal);
        let all = base + self.lanes.tokens();
        for first in self.groups() {
            for (t, q) in self.rows(how.isa, q, first) {
                let len = if causal { base + t + 1 } else { all };
                if let Some(rope) = how.rope {
                    let (cos, sin) = rope.row(base + t);
                    nn::rotate(q, cos, sin);
                }
                nn::attention(
                    how.isa,
                    how.heads,
                    q,
                    cache.rows(keys, 0, len),
                    cache.rows(values, 0, len),
                    how.rope.filter(|_| how.turn_on_read),
                    how.sink,
                    &mut scores[..len],
                );
            }
            self.put(how.isa, q, first);
        }
    }
}

impl Tokens for Many<'_, '_> {
    const PRODUCT: Product = Product::Many;

    type Input<'x> = Batch<'x>;

    fn stride(&self) -> usize {
        self.lanes.stride()
    }

    fn embed(&mut self, isa: Isa, model: &Model<'_>, s: &mut State<'_>) -> Result<(), Error> {
        let tokens = match self.source {
            Source::Tokens(tokens) => tokens,
            Source::Window(window) => return self.embed_window(isa, model, s, window),
        };
        let (table, positions) = (model.embedding(), model.positions());
        let (stride, width) = (self.lanes.stride(), model.config().dim);
        for (t, token) in tokens.iter().enumerate() {
            let position = positions.as_ref().map(|p| (p, self.base + t));
            let row = &mut self.rows[..width];
            nn::embed(&table, *token as usize, position, row);
            for (x, row) in s.x[t..].iter_mut().step_by(stride).zip(row) {
                *x = *row;
            }
        }
        Ok(())
    }

    fn see<P: Probe>(&mut self, isa: Isa, probe: &mut P, site: Site, x: &[f32]) {
        if !probe.wants(site.hook) {
            return;
        }
        let stretch = self.stretch();
        for first in self.groups() {
            let mut group = first..self.lanes.tokens().min(first + GROUP);
            if !group.any(|t| probe.wants_at(stretch.at(t), site.hook)) {
                continue;
            }
            for (t, row) in self.rows(isa, x, first) {
                probe.observe_at(stretch.at(t), site, row);
            }
        }
    }

    fn keep(&mut self, isa: Isa, x: &mut [f32], k: usize) {
        if k == 0 || k >= x.len() / self.lanes.stride() {
            return;
        }
        for first in self.groups() {
            for (_, row) in self.rows(isa, x, first) {
                nn::abs_top_k(isa, row, k);
            }
            self.put(isa, x, first);
        }
    }

    fn input<'x>(
        &mut self,
        isa: Isa,
        site: Site,
        x: &'x [f32],
        room: Room<'x>,
        int8: bool,
    ) -> Result<Batch<'x>, Error> {
        let mut checked = isa.batch(x, self.lanes, None);
        while let Err(found) = checked {
            self.drop_from(found.token, site)?;
            checked = isa.batch(x, self.lanes, None);
        }
        if int8 {
            let Room { q, scales } = room;
            checked = isa.batch(x, self.lanes, Some(Quantised { q, scales }));
        }
        checked.map_err(|_| Error::NonFinite { site })
    }

    fn product(isa: Isa, w: &Matrix<'_>, x: &Batch<'_>, bias: Option<&[f32]>, y: &mut [f32]) {
        isa.matmul(w, x, bias, y);
    }

    fn norm(&self, isa: Isa, x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
        nn::rms_norm_lanes(isa, x, self.lanes.stride(), gain, eps, out);
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
        self.store(how, cache, Hook::K, k)?;
        self.store(how, cache, Hook::V, v)?;
        let (keys, values) = (2 * how.layer, 2 * how.layer + 1);
        let base = self.base;
        if how.turn_on_read && how.rope.is_some() || how.isa.lanes() == 1 {
            self.attend_rows(how, cache, q, scores);
            return Ok(());
        }
        if let Some(rope) = how.rope {
            for first in self.groups() {
                for (t, q) in self.rows(how.isa, q, first) {
                    let (cos, sin) = rope.row(base + t);
                    nn::rotate(q, cos, sin);
                }
                self.put(how.isa, q, first);
            }
        }
        let (n, stride) = (self.lanes.tokens(), self.lanes.stride());
        nn::attention_lanes(
            how.isa,
            how.heads,
            Queries {
                n,
                base,
                causal: self.causal,
                stride,
            },
            q,
            cache.rows(keys, 0, base + n).older,
            cache.rows(values, 0, base + n).older,
            how.sink,
            scores,
        );
        Ok(())
    }
}
