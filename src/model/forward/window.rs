//! A window of samples in, logits of classes out.
//!
//! ```text
//! samples ─ (x − mean) · scale, by channel ─► patches in lanes ─ P · + bias (+ position) ─► the blocks, all positions
//!                                                                                            at once
//! logits = H · mean over positions of norm(x) + bias
//! ```
//!
//! # Invariants
//! - A window is one batch that starts at position 0: nothing of an earlier window is read, and what this one leaves in
//!   the cache is never read either.
//! - Subtraction and multiplication are rounded one after the other, so a device normalises to the desktop's bits.
//!
//! # Why
//! Patches lie in the window as the samples came, so a patch is a slice and no sample is copied twice.

use super::many::{Many, Source};
use super::tokens::{Room, Tokens};
use super::{give, run};
use crate::kernels::{Isa, Lanes};
use crate::model::{Error, Model, State};
use crate::nn;
use crate::probe::{At, Hook, Probe, Site};

/// Runs one window, `(window_len,)`, sample after sample: [`State::logits`] are then those of its classes.
///
/// A probe sees every site of every position, site by site, and the logits once, at the last position, which it is told
/// is a prompt's last.
///
/// # Errors
/// [`Error::OtherModel`], [`Error::TakesTokens`], [`Error::WindowLength`], [`Error::Sample`], [`Error::NonFinite`]; the
/// logits are then zero.
pub fn classify<P: Probe>(
    isa: Isa,
    model: &Model<'_>,
    state: &mut State<'_>,
    window: &[f32],
    probe: &mut P,
) -> Result<(), Error> {
    let config = model.config();
    if state.config != *config {
        return Err(Error::OtherModel);
    }
    state.clear();
    let (needed, given) = (config.window_len(), window.len());
    if needed == 0 {
        return Err(Error::TakesTokens);
    }
    if needed != given {
        return Err(Error::WindowLength { needed, given });
    }
    if let Some(index) = window.iter().position(|sample| !sample.is_finite()) {
        return Err(Error::Sample { index });
    }
    let (n, dim) = (config.seq_len, config.dim);
    let mut many = Many {
        source: Source::Window(window),
        all: n,
        causal: config.causal,
        lanes: Lanes::of(n),
        base: 0,
        position: 0,
        ends_prompt: true,
        rows: core::mem::take(&mut state.rows),
        fault: None,
    };
    let (done, stride) = (run(isa, model, state, &mut many, probe), many.stride());
    state.rows = many.rows;
    done?;
    let pooled = &mut state.x[..dim];
    nn::mean_of_lanes(&state.norm[..dim * stride], stride, n, pooled);
    let head = model.head();
    let site = Site {
        layer: 0,
        hook: Hook::LnFinal,
    };
    let input = isa.input(pooled, state.quantised, head.is_i8());
    let input = input.map_err(|_| Error::NonFinite { site })?;
    isa.matvec(&head, &input, model.head_bias(), state.logits);
    let at = At {
        position: n as u32 - 1,
        ends_prompt: true,
    };
    give(isa, at, state.logits, probe)
}

impl Many<'_, '_> {
    /// `x = P · (window − mean) · scale + bias (+ position)`
    pub(super) fn embed_window(
        &mut self,
        isa: Isa,
        model: &Model<'_>,
        s: &mut State<'_>,
        window: &[f32],
    ) -> Result<(), Error> {
        let Some(patches) = model.patches() else {
            return Err(Error::TakesTokens);
        };
        let (stride, width) = (self.stride(), patches.weight.cols());
        let samples = &mut s.work[..width * stride];
        for (t, patch) in window.chunks_exact(width).enumerate() {
            let channels = patches.mean.iter().zip(patches.scale).cycle();
            let to = samples[t..].iter_mut().step_by(stride);
            for ((x, sample), (mean, scale)) in to.zip(patch).zip(channels) {
                *x = (sample - mean) * scale;
            }
        }
        let room = Room {
            q: s.quantised,
            scales: s.scales,
        };
        let site = Site {
            layer: 0,
            hook: Hook::Embed,
        };
        let input = self.input(isa, site, samples, room, patches.weight.is_i8())?;
        let x = &mut s.x[..model.config().dim * stride];
        Self::product(isa, &patches.weight, &input, Some(patches.bias), x);
        if let Some(positions) = model.positions() {
            for first in self.groups() {
                for (t, row) in self.rows(isa, x, first) {
                    positions.add_row(t, row);
                }
                self.put(isa, x, first);
            }
        }
        Ok(())
    }
}
