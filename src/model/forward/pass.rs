//! The blocks of a pass, site by site.
//!
//! # Invariants
//! - The probe's calls all go through [`Pass::see`], which the private `cfg(lacuna_no_probe_calls)` empties.

use super::tokens::{Attend, Room, Tokens, heads};
use crate::config::{Activation, Config};
use crate::kernels::Isa;
use crate::model::cache::Cache;
use crate::model::state::State;
use crate::model::{Error, Layer, WhenFull};
use crate::nn;
use crate::probe::{Hook, Probe, Site};

/// What stays the same from site to site.
pub(super) struct Pass<'a, W, P> {
    pub(super) isa: Isa,
    pub(super) config: &'a Config,
    pub(super) probe: &'a mut P,
    pub(super) tokens: &'a mut W,
    pub(super) layer: usize,
}

impl<W: Tokens, P: Probe> Pass<'_, W, P> {
    /// Floats of vectors of `width`.
    #[inline(always)]
    pub(super) fn rows(&self, width: usize) -> usize {
        width * self.tokens.stride()
    }

    fn site(&self, hook: Hook) -> Site {
        Site {
            layer: self.layer as u8,
            hook,
        }
    }

    /// Shows `x` to the probe.
    #[inline(always)]
    pub(super) fn see(&mut self, hook: Hook, x: &[f32]) {
        if cfg!(not(lacuna_no_probe_calls)) {
            let site = self.site(hook);
            self.tokens.see(self.isa, self.probe, site, x);
        }
    }

    /// Makes `x` ready for products and shows it.
    pub(super) fn input<'x>(
        &mut self,
        hook: Hook,
        x: &'x [f32],
        room: Room<'x>,
        int8: bool,
    ) -> Result<W::Input<'x>, Error> {
        let site = self.site(hook);
        let input = self.tokens.input(self.isa, site, x, room, int8)?;
        self.see(hook, x);
        Ok(input)
    }

    /// Sparsifies `x`, refuses what is not finite and shows the rest.
    fn finish(&mut self, hook: Hook, keep: usize, x: &mut [f32]) -> Result<(), Error> {
        self.tokens.keep(self.isa, x, keep);
        let room = Room {
            q: &mut [],
            scales: &mut [],
        };
        self.input(hook, x, room, false).map(|_| ())
    }

    /// `x += Wo · z + bo`, z the attention of `norm(x)` over the window.
    pub(super) fn attention(
        &mut self,
        w: &Layer<'_>,
        rope: Option<nn::Rope<'_>>,
        s: &mut State<'_>,
    ) -> Result<(), Error> {
        let (isa, c) = (self.isa, self.config);
        let (x, norm) = (
            &mut s.x[..self.rows(c.dim)],
            &mut s.norm[..self.rows(c.dim)],
        );
        let (q, rest) = s.work.split_at_mut(self.rows(c.q_dim()));
        let (k, rest) = rest.split_at_mut(self.rows(c.kv_dim()));
        let (v, scores) = rest.split_at_mut(self.rows(c.kv_dim()));

        self.tokens.norm(isa, x, w.attn_norm, c.norm_eps, norm);
        self.tokens.keep(isa, norm, c.topk.attn_in);
        let int8 = w.wq.is_i8() || w.wk.is_i8() || w.wv.is_i8();
        let room = Room {
            q: s.quantised,
            scales: s.scales,
        };
        let input = self.input(Hook::AttnIn, norm, room, int8)?;
        W::product(isa, &w.wq, &input, w.bq, q);
        W::product(isa, &w.wk, &input, w.bk, k);
        W::product(isa, &w.wv, &input, w.bv, v);
        self.finish(Hook::Q, c.topk.q, q)?;
        self.finish(Hook::K, c.topk.k, k)?;
        self.finish(Hook::V, c.topk.v, v)?;

        // A fixed window stores keys turned; a sliding one turns them as it reads, by their place in the window.
        let how = Attend {
            isa,
            heads: heads(c),
            layer: self.layer,
            rope,
            turn_on_read: s.when_full == WhenFull::Slide,
            sink: w.sink,
        };
        match &mut s.cache {
            Cache::F32(cache) => self.tokens.attend(how, cache, q, k, v, scores),
            Cache::F16(cache) => self.tokens.attend(how, cache, q, k, v, scores),
            Cache::I8(cache) => self.tokens.attend(how, cache, q, k, v, scores),
        }?;

        let room = Room {
            q: s.quantised,
            scales: s.scales,
        };
        let input = self.input(Hook::Z, q, room, w.wo.is_i8())?;
        W::product(isa, &w.wo, &input, w.bo, norm);
        self.finish(Hook::AttnOut, c.topk.attn_out, norm)?;
        nn::add(isa, x, norm);
        Ok(())
    }

    /// `x += W2 · (act(W1 n + b1) ⊙ (W3 n + b3)) + b2`, n = norm(x), the second factor in a gated MLP only.
    pub(super) fn mlp(&mut self, w: &Layer<'_>, s: &mut State<'_>) -> Result<(), Error> {
        let (isa, c) = (self.isa, self.config);
        let (h, rest) = s.work.split_at_mut(self.rows(c.hidden_dim));
        let (x, norm) = (
            &mut s.x[..self.rows(c.dim)],
            &mut s.norm[..self.rows(c.dim)],
        );

        self.tokens.norm(isa, x, w.mlp_norm, c.norm_eps, norm);
        self.tokens.keep(isa, norm, c.topk.mlp_in);
        let int8 = w.w1.is_i8() || w.w3.is_some_and(|w3| w3.is_i8());
        let room = Room {
            q: s.quantised,
            scales: s.scales,
        };
        let input = self.input(Hook::MlpIn, norm, room, int8)?;
        W::product(isa, &w.w1, &input, w.b1, h);
        match c.activation {
            Activation::Gelu => nn::gelu(isa, h),
            Activation::Relu => nn::relu(isa, h),
            Activation::Relu2 => nn::relu2(isa, h),
            Activation::Silu => nn::silu(isa, h),
        }
        if let Some(w3) = &w.w3 {
            let g = &mut rest[..h.len()];
            W::product(isa, w3, &input, w.b3, g);
            nn::gate(isa, h, g);
        }
        self.tokens.keep(isa, h, c.topk.mlp_neuron);

        let room = Room {
            q: s.quantised,
            scales: s.scales,
        };
        let input = self.input(Hook::MlpPost, h, room, w.w2.is_i8())?;
        W::product(isa, &w.w2, &input, w.b2, norm);
        self.finish(Hook::MlpOut, c.topk.mlp_out, norm)?;
        nn::add(isa, x, norm);
        Ok(())
    }
}
