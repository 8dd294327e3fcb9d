//! THE function: one token in, logits out.
//!
//! ```text
//! x = E[token] (+ P[position])
//! for each block:  x += Wo · attend(Wq n, Wk n, Wv n),  n = norm(x)        each vector AbsTopK'd at its site,
//!                  x += W2 · act(W1 n) (⊙ W3 n),        n = norm(x)        and seen by the probe after that
//! logits = H · norm(x) (+ B[token])
//! ```
//!
//! # Invariants
//! - Every vector that enters a product, the cache or the hands of the caller is checked: one that is not finite ends the
//!   token with [`Error::NonFinite`] at its site, before a probe sees it, and the position does not advance.
//! - The probe's calls all go through [`Pass::see`], which the private `cfg(lacuna_no_probe_calls)` empties, so that a
//!   test can show that [`crate::probe::NoProbe`] costs no instruction.
//!
//! # Why
//! Sites of AbsTopK are those of Gao et al., "Weight-sparse transformers have interpretable circuits": after the norms,
//! on q, k and v before rotation, on neurons after the gate, and on both outputs before they join the residual stream.

use super::cache::{Blocks, Cache, Element};
use super::state::State;
use super::{Error, Layer, Model, WhenFull};
use crate::config::{Activation, Config};
use crate::kernels::{Input, Isa};
use crate::nn::{self, Heads, Rope};
use crate::probe::{Hook, Probe, Site};

/// Runs one token: its keys and values join the cache, its logits are [`State::logits`].
///
/// # Errors
/// [`Error::OtherModel`], [`Error::TokenOutOfRange`], [`Error::ContextFull`], [`Error::NonFinite`]; the state is then where
/// it was, and its logits are zero if it was they that were not finite.
pub fn forward<P: Probe>(
    isa: Isa,
    model: &Model<'_>,
    state: &mut State<'_>,
    token: u32,
    probe: &mut P,
) -> Result<(), Error> {
    let config = model.config();
    if state.config != *config {
        return Err(Error::OtherModel);
    }
    let vocab = config.vocab_size;
    if token as usize >= vocab {
        return Err(Error::TokenOutOfRange { token, vocab });
    }
    let window = state.window()?;
    let mut pass = Pass {
        isa,
        config,
        probe,
        layer: 0,
    };

    let positions = model.positions();
    let position = positions.as_ref().map(|p| (p, window.len - 1));
    nn::embed(&model.embedding(), token as usize, position, state.x);
    pass.see(Hook::Embed, state.x);
    let rope = model.rope();
    for layer in 0..config.n_layers {
        pass.layer = layer;
        let weights = model.layer(layer);
        pass.see(Hook::ResidPre, state.x);
        pass.attention(&weights, rope, window, state)?;
        pass.see(Hook::ResidMid, state.x);
        pass.mlp(&weights, state)?;
    }
    pass.layer = 0;
    pass.see(Hook::ResidFinal, state.x);
    pass.head(model, token as usize, state)?;
    state.advance();
    Ok(())
}

/// The positions that the current token attends to, itself the last.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// Slot of the first position.
    pub(super) start: usize,
    /// Slot of the current token.
    pub(super) slot: usize,
    /// Number of positions.
    pub(super) len: usize,
}

impl State<'_> {
    fn window(&self) -> Result<Window, Error> {
        let (context, slot) = (self.limits.context, self.place.next);
        if self.place.filled < context {
            let len = self.place.filled + 1;
            return Ok(Window {
                start: 0,
                slot,
                len,
            });
        }
        match self.when_full {
            WhenFull::Error => Err(Error::ContextFull { context }),
            WhenFull::Slide => Ok(Window {
                start: if slot + 1 == context { 0 } else { slot + 1 },
                slot,
                len: context,
            }),
        }
    }

    fn advance(&mut self) {
        let (context, place) = (self.limits.context, &mut self.place);
        place.position = place.position.saturating_add(1);
        place.filled = context.min(place.filled + 1);
        place.next += 1;
        if place.next == context && self.when_full == WhenFull::Slide {
            place.next = 0;
        }
    }
}

/// What stays the same from site to site.
struct Pass<'a, P> {
    isa: Isa,
    config: &'a Config,
    probe: &'a mut P,
    layer: usize,
}

impl<P: Probe> Pass<'_, P> {
    fn site(&self, hook: Hook) -> Site {
        Site {
            layer: self.layer as u8,
            hook,
        }
    }

    /// Shows `x` to the probe.
    #[inline(always)]
    fn see(&mut self, hook: Hook, x: &[f32]) {
        if cfg!(not(lacuna_no_probe_calls)) {
            self.probe.observe(self.site(hook), x);
        }
    }

    /// Makes `x` ready for products and shows it.
    fn input<'x>(
        &mut self,
        hook: Hook,
        x: &'x [f32],
        scratch: &'x mut [i8],
        int8: bool,
    ) -> Result<Input<'x>, Error> {
        let input = self
            .isa
            .input(x, scratch, int8)
            .map_err(|_| Error::NonFinite {
                site: self.site(hook),
            })?;
        self.see(hook, x);
        Ok(input)
    }

    /// Sparsifies `x`, refuses what is not finite and shows the rest.
    fn finish(&mut self, hook: Hook, keep: usize, x: &mut [f32]) -> Result<(), Error> {
        nn::abs_top_k(self.isa, x, keep);
        self.input(hook, x, &mut [], false).map(|_| ())
    }

    /// `x += Wo · z + bo`, z the attention of `norm(x)` over the window.
    fn attention(
        &mut self,
        w: &Layer<'_>,
        rope: Option<Rope<'_>>,
        window: Window,
        s: &mut State<'_>,
    ) -> Result<(), Error> {
        let (isa, c) = (self.isa, self.config);
        let (q, rest) = s.work.split_at_mut(c.q_dim());
        let (k, rest) = rest.split_at_mut(c.kv_dim());
        let (v, rest) = rest.split_at_mut(c.kv_dim());
        let scores = &mut rest[..window.len];

        nn::rms_norm(isa, s.x, w.attn_norm, c.norm_eps, s.norm);
        nn::abs_top_k(isa, s.norm, c.topk.attn_in);
        let int8 = w.wq.is_i8() || w.wk.is_i8() || w.wv.is_i8();
        let input = self.input(Hook::AttnIn, s.norm, s.quantised, int8)?;
        isa.matvec(&w.wq, &input, w.bq, q);
        isa.matvec(&w.wk, &input, w.bk, k);
        isa.matvec(&w.wv, &input, w.bv, v);
        self.finish(Hook::Q, c.topk.q, q)?;
        self.finish(Hook::K, c.topk.k, k)?;
        self.finish(Hook::V, c.topk.v, v)?;

        // A fixed window stores keys turned; a sliding one turns them as it reads, by their place in the window.
        let mut on_read = None;
        if let Some(rope) = rope {
            let (cos, sin) = rope.row(window.len - 1);
            nn::rotate(q, cos, sin);
            match s.when_full {
                WhenFull::Error => nn::rotate(k, cos, sin),
                WhenFull::Slide => on_read = Some(rope),
            }
        }
        match &mut s.cache {
            Cache::F32(cache) => self.attend(w, cache, on_read, window, q, k, v, scores),
            Cache::F16(cache) => self.attend(w, cache, on_read, window, q, k, v, scores),
        }?;

        let input = self.input(Hook::Z, q, s.quantised, w.wo.is_i8())?;
        isa.matvec(&w.wo, &input, w.bo, s.norm);
        self.finish(Hook::AttnOut, c.topk.attn_out, s.norm)?;
        nn::add(isa, s.x, s.norm);
        Ok(())
    }

    /// Stores k and v, and overwrites q with z.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one formula, borrowed apart"
    )]
    fn attend<T: Element>(
        &self,
        w: &Layer<'_>,
        cache: &mut Blocks<'_, T>,
        rope: Option<Rope<'_>>,
        window: Window,
        q: &mut [f32],
        k: &[f32],
        v: &[f32],
        scores: &mut [f32],
    ) -> Result<(), Error> {
        let (keys, values) = (2 * self.layer, 2 * self.layer + 1);
        for (block, row, hook) in [(keys, k, Hook::K), (values, v, Hook::V)] {
            if !cache.store(block, window.slot, row) {
                return Err(Error::NonFinite {
                    site: self.site(hook),
                });
            }
        }
        let keys = cache.rows(keys, window.start, window.len);
        let values = cache.rows(values, window.start, window.len);
        let heads = Heads {
            n_heads: self.config.n_heads,
            n_kv_heads: self.config.n_kv_heads,
            head_dim: self.config.head_dim,
        };
        nn::attention(self.isa, heads, q, keys, values, rope, w.sink, scores);
        Ok(())
    }

    /// `x += W2 · (act(W1 n + b1) ⊙ (W3 n + b3)) + b2`, n = norm(x), the second factor in a gated MLP only.
    fn mlp(&mut self, w: &Layer<'_>, s: &mut State<'_>) -> Result<(), Error> {
        let (isa, c) = (self.isa, self.config);
        let (h, rest) = s.work.split_at_mut(c.hidden_dim);

        nn::rms_norm(isa, s.x, w.mlp_norm, c.norm_eps, s.norm);
        nn::abs_top_k(isa, s.norm, c.topk.mlp_in);
        let int8 = w.w1.is_i8() || w.w3.is_some_and(|w3| w3.is_i8());
        let input = self.input(Hook::MlpIn, s.norm, s.quantised, int8)?;
        isa.matvec(&w.w1, &input, w.b1, h);
        match c.activation {
            Activation::Gelu => nn::gelu(isa, h),
            Activation::Relu => nn::relu(isa, h),
            Activation::Relu2 => nn::relu2(isa, h),
            Activation::Silu => nn::silu(isa, h),
        }
        if let Some(w3) = &w.w3 {
            let g = &mut rest[..c.hidden_dim];
            isa.matvec(w3, &input, w.b3, g);
            nn::gate(isa, h, g);
        }
        nn::abs_top_k(isa, h, c.topk.mlp_neuron);

        let input = self.input(Hook::MlpPost, h, s.quantised, w.w2.is_i8())?;
        isa.matvec(&w.w2, &input, w.b2, s.norm);
        self.finish(Hook::MlpOut, c.topk.mlp_out, s.norm)?;
        nn::add(isa, s.x, s.norm);
        Ok(())
    }

    /// `logits = H · norm(x) (+ B[token])`.
    fn head(&mut self, model: &Model<'_>, token: usize, s: &mut State<'_>) -> Result<(), Error> {
        let head = model.head();
        nn::rms_norm(
            self.isa,
            s.x,
            model.final_norm(),
            self.config.norm_eps,
            s.norm,
        );
        let input = self.input(Hook::LnFinal, s.norm, s.quantised, head.is_i8())?;
        self.isa.matvec(&head, &input, None, s.logits);
        if let Some(bigram) = model.bigram() {
            bigram.add_row(token, s.logits);
        }
        self.finish(Hook::Logits, 0, s.logits)
            .inspect_err(|_| s.logits.fill(0.0))
    }
}
