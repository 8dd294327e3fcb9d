//! Windows on activations: read-only, free when absent.
//!
//! ```text
//! forward ──► observe(Site { layer, hook }, &[f32]) ──► statistics in fixed memory ──► record
//! ```
//!
//! # Invariants
//! - A probe sees `&[f32]` after AbsTopK and can change no bit of the run.
//! - [`NoProbe`] compiles to nothing; a test compares the instructions.
//! - Site names are TransformerLens names.
//!
//! # Why
//! One required method, as in a decorator, instead of flags in `forward`; `wants` guards work that exists only for
//! the window and folds away with a constant answer.

mod answer;
mod digest;
mod gini;
mod measure;
mod null;
mod plan;
mod plan_probe;
pub mod record;
mod sketch;
mod sparsity;
mod stat;

pub use answer::Answer;
pub use digest::{LogitDigest, SiteDigests};
pub use measure::{Values, measure};
pub use null::{Null, null};
pub use plan::{HookSet, Layers, MAX_RULES, Positions, ProbePlan, Rule, TooManyRules};
pub use plan_probe::{PlanProbe, TooFewCells};
pub use sketch::{BINS, Bins, Sketch};
pub use sparsity::{
    DEFAULT_EPS, SiteStats, SiteSummary, SparsityProbe, Summary, TooFewSites, hoyer,
};
pub use stat::{Stat, StatSet};

use core::fmt;

use serde::{Deserialize, Serialize};

/// A place in a block or at the model's ends where activations can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Hook {
    /// Token embedding plus position, `hook_embed`, width dim.
    Embed = 0,
    /// Residual stream entering a block, `hook_resid_pre`, width dim.
    ResidPre = 1,
    /// Normalised attention input, `ln1.hook_normalized`, AbsTopK site attn_in.
    AttnIn = 2,
    /// Queries before rotation, `attn.hook_q`, AbsTopK site q.
    Q = 3,
    /// Keys before rotation, `attn.hook_k`, AbsTopK site k.
    K = 4,
    /// Values, `attn.hook_v`, AbsTopK site v.
    V = 5,
    /// Weighted sum of values over all heads, `attn.hook_z`.
    Z = 6,
    /// Attention output before the residual add, `hook_attn_out`, AbsTopK site attn_out.
    AttnOut = 7,
    /// Residual stream between attention and MLP, `hook_resid_mid`.
    ResidMid = 8,
    /// Normalised MLP input, `ln2.hook_normalized`, AbsTopK site mlp_in.
    MlpIn = 9,
    /// MLP neurons after the nonlinearity (and gate), `mlp.hook_post`, AbsTopK site mlp_neuron.
    MlpPost = 10,
    /// MLP output before the residual add, `hook_mlp_out`, AbsTopK site mlp_out.
    MlpOut = 11,
    /// Residual stream after the last block, `hook_resid_final`; never sparsified.
    ResidFinal = 12,
    /// Normalised input of the head, `ln_final.hook_normalized`.
    LnFinal = 13,
    /// Logits, `unembed.hook_logits`, width vocab_size.
    Logits = 14,
}

impl Hook {
    /// Every hook in the order a token meets them.
    pub const ALL: [Hook; 15] = [
        Hook::Embed,
        Hook::ResidPre,
        Hook::AttnIn,
        Hook::Q,
        Hook::K,
        Hook::V,
        Hook::Z,
        Hook::AttnOut,
        Hook::ResidMid,
        Hook::MlpIn,
        Hook::MlpPost,
        Hook::MlpOut,
        Hook::ResidFinal,
        Hook::LnFinal,
        Hook::Logits,
    ];

    /// Hooks that each block has: `ResidPre ..= MlpOut`.
    pub const PER_LAYER: usize = 11;

    /// True if the hook exists once in every block.
    pub const fn in_block(self) -> bool {
        self as u8 >= Hook::ResidPre as u8 && self as u8 <= Hook::MlpOut as u8
    }

    /// The TransformerLens name inside its block, or of the whole where the hook is not in a block.
    pub const fn name(self) -> &'static str {
        match self {
            Hook::Embed => "hook_embed",
            Hook::ResidPre => "hook_resid_pre",
            Hook::AttnIn => "ln1.hook_normalized",
            Hook::Q => "attn.hook_q",
            Hook::K => "attn.hook_k",
            Hook::V => "attn.hook_v",
            Hook::Z => "attn.hook_z",
            Hook::AttnOut => "hook_attn_out",
            Hook::ResidMid => "hook_resid_mid",
            Hook::MlpIn => "ln2.hook_normalized",
            Hook::MlpPost => "mlp.hook_post",
            Hook::MlpOut => "hook_mlp_out",
            Hook::ResidFinal => "hook_resid_final",
            Hook::LnFinal => "ln_final.hook_normalized",
            Hook::Logits => "unembed.hook_logits",
        }
    }

    /// The AbsTopK site of the weight-sparse transformer paper that this hook sees, if it is one.
    pub const fn topk_site(self) -> Option<&'static str> {
        match self {
            Hook::AttnIn => Some("attn_in"),
            Hook::Q => Some("q"),
            Hook::K => Some("k"),
            Hook::V => Some("v"),
            Hook::AttnOut => Some("attn_out"),
            Hook::MlpIn => Some("mlp_in"),
            Hook::MlpPost => Some("mlp_neuron"),
            Hook::MlpOut => Some("mlp_out"),
            _ => None,
        }
    }
}

/// A hook of one block; `layer` is 0 for hooks outside the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Site {
    /// Block number, from 0.
    pub layer: u8,
    /// Where in the block.
    pub hook: Hook,
}

impl Site {
    /// Number of sites of a model with `n_layers` blocks.
    pub const fn count(n_layers: usize) -> usize {
        n_layers * Hook::PER_LAYER + Hook::ALL.len() - Hook::PER_LAYER
    }

    /// Dense number of this site among [`Site::count`], in the order a token meets them.
    pub const fn index(self, n_layers: usize) -> usize {
        match self.hook {
            Hook::Embed => 0,
            h if h.in_block() => 1 + self.layer as usize * Hook::PER_LAYER + (h as usize - 1),
            h => 1 + n_layers * Hook::PER_LAYER + (h as usize - Hook::ResidFinal as usize),
        }
    }

    /// The site of a number below [`Site::count`]; inverse of [`Site::index`].
    pub const fn from_index(index: usize, n_layers: usize) -> Option<Site> {
        let per = Hook::PER_LAYER;
        if index == 0 {
            Some(Site {
                layer: 0,
                hook: Hook::Embed,
            })
        } else if index <= n_layers * per {
            let i = index - 1;
            Some(Site {
                layer: (i / per) as u8,
                hook: Hook::ALL[1 + i % per],
            })
        } else if index < Site::count(n_layers) {
            let i = index - 1 - n_layers * per;
            Some(Site {
                layer: 0,
                hook: Hook::ALL[Hook::ResidFinal as usize + i],
            })
        } else {
            None
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hook.in_block() {
            write!(f, "blocks.{}.{}", self.layer, self.hook.name())
        } else {
            f.write_str(self.hook.name())
        }
    }
}

/// Which token of a run a vector belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct At {
    /// Tokens run before it since the session was new or cleared, modulo 2³².
    pub position: u32,
    /// Whether it is the last token of a prompt: of one call of [`Session::prompt`](crate::session::Session::prompt) or
    /// [`prefill`](crate::model::prefill). A token given to `step` is not.
    pub ends_prompt: bool,
}

/// A window on activations.
pub trait Probe {
    /// Sees the activations `x` at `site`, after AbsTopK; called once per site and token.
    ///
    /// Tokens that run one by one show all their sites in turn; tokens that run at once show each site in turn, there
    /// token by token. At any one site the calls are the same.
    fn observe(&mut self, site: Site, x: &[f32]);

    /// [`Probe::observe`], with the token that `x` belongs to; this is what a run calls.
    #[inline(always)]
    fn observe_at(&mut self, _at: At, site: Site, x: &[f32]) {
        self.observe(site, x);
    }

    /// Whether this probe looks at `hook` at all; spares tokens that run at once being laid out one by one there, and the
    /// logits of all but the last.
    #[inline(always)]
    fn wants(&self, _hook: Hook) -> bool {
        true
    }

    /// Whether this probe looks at `hook` of this token; never true where [`Probe::wants`] is not. Spares the same work
    /// token by token. A vector may be shown all the same.
    #[inline(always)]
    fn wants_at(&self, _at: At, hook: Hook) -> bool {
        self.wants(hook)
    }
}

/// No window: costs no instruction.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProbe;

impl Probe for NoProbe {
    #[inline(always)]
    fn observe(&mut self, _: Site, _: &[f32]) {}

    #[inline(always)]
    fn wants(&self, _: Hook) -> bool {
        false
    }
}

impl<P: Probe + ?Sized> Probe for &mut P {
    #[inline(always)]
    fn observe(&mut self, site: Site, x: &[f32]) {
        (**self).observe(site, x);
    }

    #[inline(always)]
    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        (**self).observe_at(at, site, x);
    }

    #[inline(always)]
    fn wants_at(&self, at: At, hook: Hook) -> bool {
        (**self).wants_at(at, hook)
    }

    #[inline(always)]
    fn wants(&self, hook: Hook) -> bool {
        (**self).wants(hook)
    }
}

impl<A: Probe, B: Probe> Probe for (A, B) {
    #[inline(always)]
    fn observe(&mut self, site: Site, x: &[f32]) {
        self.0.observe(site, x);
        self.1.observe(site, x);
    }

    #[inline(always)]
    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        self.0.observe_at(at, site, x);
        self.1.observe_at(at, site, x);
    }

    #[inline(always)]
    fn wants_at(&self, at: At, hook: Hook) -> bool {
        self.0.wants_at(at, hook) || self.1.wants_at(at, hook)
    }

    #[inline(always)]
    fn wants(&self, hook: Hook) -> bool {
        self.0.wants(hook) || self.1.wants(hook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_from_index_are_inverse() {
        for n_layers in [1, 2, 7, 255] {
            for i in 0..Site::count(n_layers) {
                let site = Site::from_index(i, n_layers).unwrap();
                assert_eq!(site.index(n_layers), i);
            }
            assert_eq!(Site::from_index(Site::count(n_layers), n_layers), None);
        }
    }
}
