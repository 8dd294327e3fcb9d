//! THE function: tokens in, logits out.
//!
//! ```text
//! x = E[token] (+ P[position])
//! for each block:  x += Wo · attend(Wq n, Wk n, Wv n),  n = norm(x)        each vector AbsTopK'd at its site,
//!                  x += W2 · act(W1 n) (⊙ W3 n),        n = norm(x)        and seen by the probe after that
//! logits = H · norm(x) (+ B[token])
//! ```
//!
//! [`classify`] begins with patches of a window and ends with the mean of all positions instead.
//!
//! # Invariants
//! - Every vector that enters a product, the cache or the hands of the caller is checked: one that is not finite ends the
//!   token with [`Error::NonFinite`] at its site, before a probe sees it, and the position does not advance.
//! - The probe's calls all go through [`pass`] and [`head`], where the private `cfg(lacuna_no_probe_calls)` empties
//!   them, so that a test can show that [`crate::probe::NoProbe`] costs no instruction.
//! - Several tokens give the bits of one after the other: logits, cache, and every vector at every site.
//!
//! # Why
//! Sites of AbsTopK are those of Gao et al., "Weight-sparse transformers have interpretable circuits": after the norms,
//! on q, k and v before rotation, on neurons after the gate, and on both outputs before they join the residual stream.

mod many;
mod one;
mod pass;
mod tokens;
mod window;

pub(in crate::model) use many::GROUP;
pub(in crate::model) use tokens::heads;

pub use self::window::classify;

use self::many::{Many, Source};
use self::one::{One, Window};
use self::pass::Pass;
use self::tokens::{Room, Tokens};
use super::state::State;
use super::{Error, Model, WhenFull};
use crate::kernels::{Isa, Lanes};
use crate::probe::{At, Hook, Probe, Site};

/// Runs one token: its keys and values join the cache, its logits are [`State::logits`]. To a probe it is no prompt's last;
/// [`prefill`] of one token is.
///
/// # Errors
/// [`Error::OtherModel`], [`Error::TokenOutOfRange`], [`Error::TakesWindows`], [`Error::ContextFull`],
/// [`Error::NonFinite`]; the state is then where it was, and its logits are zero if it was they that were not finite.
pub fn forward<P: Probe>(
    isa: Isa,
    model: &Model<'_>,
    state: &mut State<'_>,
    token: u32,
    probe: &mut P,
) -> Result<(), Error> {
    forward_at(isa, model, state, token, false, probe)
}

/// [`forward`], which also says whether the token is the last of a prompt.
fn forward_at<P: Probe>(
    isa: Isa,
    model: &Model<'_>,
    state: &mut State<'_>,
    token: u32,
    ends_prompt: bool,
    probe: &mut P,
) -> Result<(), Error> {
    admit(model, state, token)?;
    let window = state.window()?;
    let at = state.at(ends_prompt);
    let mut one = One { token, window, at };
    run(isa, model, state, &mut one, probe)?;
    let input = &state.norm[..model.config().dim];
    let (q, logits) = (&mut *state.quantised, &mut *state.logits);
    head(isa, model, token, input, q, logits, at, probe)?;
    state.advance(1);
    Ok(())
}

/// Runs all of `tokens`, up to `Limits::prefill` at once, with the bits of one [`forward`] after the other.
///
/// A probe sees site by site: of up to `prefill` tokens the first site, token by token, then the next site. Logits of
/// tokens before the last of a batch are computed only if the probe [wants](Probe::wants) them; if it does not, neither
/// are they checked. The last of `tokens` is the prompt's last ([`At::ends_prompt`]).
///
/// # Errors
/// As [`forward`]. Tokens before the one that failed have been run, and the logits are those of the last of these; a
/// probe may have seen the first sites of tokens behind it.
pub fn prefill<P: Probe>(
    isa: Isa,
    model: &Model<'_>,
    state: &mut State<'_>,
    mut tokens: &[u32],
    probe: &mut P,
) -> Result<(), Error> {
    while let Some(&first) = tokens.first() {
        let room = state.limits.context - state.place.filled;
        let wanted = tokens.len().min(state.limits.prefill).min(room);
        let vocab = model.config().vocab_size;
        let batch = tokens[..wanted]
            .iter()
            .take_while(|t| (**t as usize) < vocab);
        let n = batch.count();
        if n < 2 {
            forward_at(isa, model, state, first, tokens.len() == 1, probe)?;
            tokens = &tokens[1..];
        } else {
            let (batch, rest) = tokens.split_at(n);
            forward_many(isa, model, state, batch, rest.is_empty(), probe)?;
            tokens = rest;
        }
    }
    Ok(())
}

fn forward_many<P: Probe>(
    isa: Isa,
    model: &Model<'_>,
    state: &mut State<'_>,
    tokens: &[u32],
    ends_prompt: bool,
    probe: &mut P,
) -> Result<(), Error> {
    if state.config != *model.config() {
        return Err(Error::OtherModel);
    }
    let mut many = Many {
        source: Source::Tokens(tokens),
        all: tokens.len(),
        causal: true,
        lanes: Lanes::of(tokens.len()),
        base: state.place.filled,
        position: state.place.position as u32,
        ends_prompt,
        rows: core::mem::take(&mut state.rows),
        fault: None,
    };
    let done = run(isa, model, state, &mut many, probe)
        .and_then(|()| heads_of(isa, model, state, tokens, &mut many, probe));
    let fault = many.fault;
    state.rows = many.rows;
    state.advance(done?);
    fault.map_or(Ok(()), Err)
}

/// Logits of the last token, and of those that a probe wants; the number of tokens that have been run.
fn heads_of<P: Probe>(
    isa: Isa,
    model: &Model<'_>,
    state: &mut State<'_>,
    tokens: &[u32],
    many: &mut Many<'_, '_>,
    probe: &mut P,
) -> Result<usize, Error> {
    let all = cfg!(not(lacuna_no_probe_calls)) && probe.wants(Hook::Logits);
    let (n, stretch) = (many.lanes.tokens(), many.stretch());
    let mut fault = None;
    let mut done = if all { 0 } else { n - 1 };
    while done < n && fault.is_none() {
        let norm = &state.norm[..model.config().dim * many.stride()];
        for (t, row) in many.rows(isa, norm, done) {
            let at = stretch.at(t);
            if all && t + 1 < n && !probe.wants_at(at, Hook::Logits) {
                done = t + 1;
                continue;
            }
            let (q, logits) = (&mut *state.quantised, &mut *state.logits);
            if let Err(e) = head(isa, model, tokens[t], row, q, logits, at, probe) {
                fault = Some(e);
                break;
            }
            done = t + 1;
        }
    }
    many.fault = fault.or(many.fault);
    Ok(done)
}

fn admit(model: &Model<'_>, state: &State<'_>, token: u32) -> Result<(), Error> {
    let config = model.config();
    if state.config != *config {
        return Err(Error::OtherModel);
    }
    let vocab = config.vocab_size;
    if token as usize >= vocab {
        if vocab == 0 {
            return Err(Error::TakesWindows);
        }
        return Err(Error::TokenOutOfRange { token, vocab });
    }
    Ok(())
}

impl State<'_> {
    /// The next token, as a probe is told of it.
    fn at(&self, ends_prompt: bool) -> At {
        let position = self.place.position as u32;
        At {
            position,
            ends_prompt,
        }
    }

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

    /// `n` tokens have been run; more than one only where no slot is used again.
    fn advance(&mut self, n: usize) {
        let (context, place) = (self.limits.context, &mut self.place);
        place.position = place.position.saturating_add(n as u64);
        place.filled = context.min(place.filled + n);
        place.next += n;
        if place.next == context && self.when_full == WhenFull::Slide {
            place.next = 0;
        }
    }
}

/// Everything up to the normalised input of the head, which is left in `state.norm`.
fn run<W: Tokens, P: Probe>(
    isa: Isa,
    model: &Model<'_>,
    state: &mut State<'_>,
    tokens: &mut W,
    probe: &mut P,
) -> Result<(), Error> {
    let config = model.config();
    let mut pass = Pass {
        isa,
        config,
        probe,
        tokens,
        layer: 0,
    };
    let x = pass.rows(config.dim);
    pass.tokens.embed(isa, model, state)?;
    pass.see(Hook::Embed, &state.x[..x]);
    let rope = model.rope();
    for layer in 0..config.n_layers {
        pass.layer = layer;
        let weights = model.layer_for(W::PRODUCT, layer);
        pass.see(Hook::ResidPre, &state.x[..x]);
        pass.attention(&weights, rope, state)?;
        pass.see(Hook::ResidMid, &state.x[..x]);
        pass.mlp(&weights, state)?;
    }
    pass.layer = 0;
    pass.see(Hook::ResidFinal, &state.x[..x]);
    let (from, norm) = (&state.x[..x], &mut state.norm[..x]);
    pass.tokens
        .norm(isa, from, model.final_norm(), config.norm_eps, norm);
    let room = Room {
        q: &mut [],
        scales: &mut [],
    };
    pass.input(Hook::LnFinal, norm, room, false).map(|_| ())
}

/// `logits = H x (+ B[token])` of one token, x the normalised stream `(dim,)`.
#[expect(
    clippy::too_many_arguments,
    reason = "each is another part of the state"
)]
fn head<P: Probe>(
    isa: Isa,
    model: &Model<'_>,
    token: u32,
    x: &[f32],
    room: &mut [i8],
    logits: &mut [f32],
    at: At,
    probe: &mut P,
) -> Result<(), Error> {
    let (head, hook) = (model.head(), Hook::LnFinal);
    let site = Site { layer: 0, hook };
    let faulty = |_| Error::NonFinite { site };
    let input = isa.input(x, room, head.is_i8()).map_err(faulty)?;
    isa.matvec(&head, &input, None, logits);
    if let Some(bigram) = model.bigram() {
        bigram.add_row(token as usize, logits);
    }
    give(isa, at, logits, probe)
}

/// Refuses logits that are not finite and shows the others.
#[inline(always)]
fn give<P: Probe>(isa: Isa, at: At, logits: &mut [f32], probe: &mut P) -> Result<(), Error> {
    let site = Site {
        layer: 0,
        hook: Hook::Logits,
    };
    if isa.input(logits, &mut [], false).is_err() {
        logits.fill(0.0);
        return Err(Error::NonFinite { site });
    }
    if cfg!(not(lacuna_no_probe_calls)) {
        probe.observe_at(at, site, logits);
    }
    Ok(())
}
