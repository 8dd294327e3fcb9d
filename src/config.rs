//! The blueprint of a model: every size and switch that decides which tensors exist and what `forward` does.
//!
//! ```text
//! token ─► embed (+ position) ─► [ norm ─ attention ─+─ norm ─ mlp ─+ ] × n_layers ─► norm ─► head (+ bigram) ─► logits
//! window ─► linear patches (+ position) ─► the same blocks, all positions at once ─► norm ─► mean ─► head ─► classes
//! ```
//!
//! # Invariants
//! - A `Config` that passed [`Config::check`] has consistent, bounded sizes; everything below relies on it.
//! - Names are the field's: llama2.c and Hugging Face for sizes, the weight-sparse transformer paper for AbsTopK sites.
//!
//! # Why
//! Plain public fields and no builder: a configuration is data that a file, a trainer and a const evaluator all
//! write down. Everything is `const`, so firmware sizes its RAM at compile time.

use crate::probe::Hook;

/// Where positions enter the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Position {
    /// No position signal besides the causal mask.
    None,
    /// A learned row per position is added to the embedding.
    Learned,
    /// Rotary embedding of q and k, pairs (2i, 2i+1), by the `rope` tables in the file.
    Rope,
}

/// The nonlinearity of the MLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Activation {
    /// tanh form of GELU.
    Gelu,
    /// max(x, 0)
    Relu,
    /// max(x, 0)²
    Relu2,
    /// x · sigmoid(x)
    Silu,
}

/// AbsTopK at each site: how many of the largest |x| stay; 0 means the site is not sparsified.
///
/// Ties go to the lower index. Sites of Gao et al., "Weight-sparse transformers have interpretable circuits".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TopK {
    /// Normalised input of attention, of `dim`.
    pub attn_in: usize,
    /// Queries over all heads, of `n_heads · head_dim`.
    pub q: usize,
    /// Keys over all heads, of `n_kv_heads · head_dim`.
    pub k: usize,
    /// Values over all heads, of `n_kv_heads · head_dim`.
    pub v: usize,
    /// Output of attention before the residual add, of `dim`.
    pub attn_out: usize,
    /// Normalised input of the MLP, of `dim`.
    pub mlp_in: usize,
    /// MLP neurons after the nonlinearity, of `hidden_dim`.
    pub mlp_neuron: usize,
    /// Output of the MLP before the residual add, of `dim`.
    pub mlp_out: usize,
}

impl TopK {
    /// Nowhere.
    pub const NONE: TopK = TopK {
        attn_in: 0,
        q: 0,
        k: 0,
        v: 0,
        attn_out: 0,
        mlp_in: 0,
        mlp_neuron: 0,
        mlp_out: 0,
    };
}

/// What enters the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Input {
    /// Tokens, one a position, looked up in an embedding.
    #[default]
    Tokens,
    /// A window of sensor samples, cut into patches: position p is a linear map of the normalised samples
    /// `p · len .. (p + 1) · len`, all channels. Dosovitskiy et al., "ViT", 2021, §3.1; Nie et al., "PatchTST", 2023.
    Patches {
        /// Numbers in a sample.
        channels: usize,
        /// Samples in a patch.
        len: usize,
    },
}

/// What leaves the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Output {
    /// Logits of the next token at every position, `vocab_size` of them.
    #[default]
    Lm,
    /// Logits of so many classes, from the mean of the final normalised stream over all positions.
    Classes(usize),
}

/// Shape and switches of a model: a decoder of tokens, or a classifier of windows.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    /// Width of the residual stream.
    pub dim: usize,
    /// Number of MLP neurons.
    pub hidden_dim: usize,
    /// Number of blocks.
    pub n_layers: usize,
    /// Number of query heads.
    pub n_heads: usize,
    /// Number of key/value heads; divides `n_heads`.
    pub n_kv_heads: usize,
    /// Width of one head; even with RoPE. `n_heads · head_dim` need not equal `dim`.
    pub head_dim: usize,
    /// Number of tokens; 0 where the input is no tokens.
    pub vocab_size: usize,
    /// Longest context the model was trained for, and rows of position tables; with patches, the positions of a window.
    pub seq_len: usize,
    /// ε inside the root of RMSNorm.
    pub norm_eps: f32,
    /// Where positions enter.
    pub position: Position,
    /// MLP nonlinearity.
    pub activation: Activation,
    /// Gated MLP: `w2(act(w1 x) ⊙ w3 x)` instead of `w2(act(w1 x))`.
    pub gated: bool,
    /// Biases on q, k, v and the attention output.
    pub attn_bias: bool,
    /// Biases on the MLP matrices.
    pub mlp_bias: bool,
    /// One learned sink logit per head, `exp(sink)` joins the softmax sum last.
    pub sink: bool,
    /// A `vocab × vocab` table whose row of the current token is added to the logits.
    pub bigram: bool,
    /// The head is the token embedding.
    pub tied: bool,
    /// What enters.
    pub input: Input,
    /// A position attends to itself and those before it; otherwise to the whole window.
    pub causal: bool,
    /// What leaves.
    pub output: Output,
    /// AbsTopK per site.
    pub topk: TopK,
}

/// A configuration field that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// The field, in the words of [`Config`].
    pub field: &'static str,
    /// What is wrong with it, one lower-case phrase.
    pub what: &'static str,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.field, self.what)
    }
}

impl core::error::Error for Error {}

/// Columns are u16, so no matrix side exceeds this.
pub const MAX_SIDE: usize = 65_536;
/// Largest number of blocks a file may hold.
pub const MAX_LAYERS: usize = 255;

const fn side(field: &'static str, n: usize) -> Result<(), Error> {
    if n == 0 {
        return Err(Error {
            field,
            what: "is zero",
        });
    }
    if n > MAX_SIDE {
        return Err(Error {
            field,
            what: "is over 65536",
        });
    }
    Ok(())
}

const fn kept(field: &'static str, k: usize, of: usize) -> Result<(), Error> {
    if k > of {
        return Err(Error {
            field,
            what: "keeps more than the site has",
        });
    }
    Ok(())
}

/// `?` for const functions.
macro_rules! ok {
    ($e:expr) => {
        if let Err(e) = $e {
            return Err(e);
        }
    };
}

impl Config {
    /// Width of q and z: `n_heads · head_dim`.
    pub const fn q_dim(&self) -> usize {
        self.n_heads * self.head_dim
    }

    /// Width of k and v: `n_kv_heads · head_dim`.
    pub const fn kv_dim(&self) -> usize {
        self.n_kv_heads * self.head_dim
    }

    /// Width of the vectors that a probe sees at `hook`.
    pub const fn width_of(&self, hook: Hook) -> usize {
        match hook {
            Hook::Q | Hook::Z => self.q_dim(),
            Hook::K | Hook::V => self.kv_dim(),
            Hook::MlpPost => self.hidden_dim,
            Hook::Logits => self.n_logits(),
            _ => self.dim,
        }
    }

    /// Numbers in a patch, `channels · len`; 0 where the input is tokens.
    pub const fn patch_dim(&self) -> usize {
        match self.input {
            Input::Tokens => 0,
            Input::Patches { channels, len } => channels * len,
        }
    }

    /// Numbers in a sample; 0 where the input is tokens.
    pub const fn channels(&self) -> usize {
        match self.input {
            Input::Tokens => 0,
            Input::Patches { channels, .. } => channels,
        }
    }

    /// Numbers in a window, sample after sample, `seq_len · channels · len`; 0 where the input is tokens.
    pub const fn window_len(&self) -> usize {
        self.seq_len * self.patch_dim()
    }

    /// Number of logits: the vocabulary, or the classes.
    pub const fn n_logits(&self) -> usize {
        match self.output {
            Output::Lm => self.vocab_size,
            Output::Classes(n) => n,
        }
    }

    /// Longest vector that enters a matrix: max(dim, q_dim, hidden_dim, patch_dim).
    pub const fn widest_input(&self) -> usize {
        let mut n = self.dim;
        if self.patch_dim() > n {
            n = self.patch_dim();
        }
        if self.q_dim() > n {
            n = self.q_dim();
        }
        if self.hidden_dim > n {
            n = self.hidden_dim;
        }
        n
    }

    /// Checks what enters and what leaves: tokens go with a language model, windows with classes.
    const fn check_ends(&self) -> Result<(), Error> {
        let (field, what) = match (self.input, self.output) {
            (Input::Tokens, Output::Lm) => {
                ok!(side("vocab_size", self.vocab_size));
                if self.causal {
                    return Ok(());
                }
                (
                    "causal",
                    "is false, and a language model must not see what it predicts",
                )
            }
            (Input::Patches { channels, len }, Output::Classes(classes)) => {
                ok!(side("input.channels", channels));
                ok!(side("input.len", len));
                ok!(side("output.classes", classes));
                // A window has at most 65536 positions of at most 65536 numbers, which a 32-bit usize does not hold.
                let patch = match channels.checked_mul(len) {
                    Some(n) => n,
                    None => usize::MAX,
                };
                ok!(side("input.channels * input.len", patch));
                if self.seq_len.checked_mul(patch).is_none() {
                    return Err(Error {
                        field: "seq_len",
                        what: "makes a window that no memory holds",
                    });
                }
                match () {
                    () if self.vocab_size != 0 => {
                        ("vocab_size", "is not zero, and patches are no tokens")
                    }
                    () if self.bigram => ("bigram", "is set, and patches are no tokens"),
                    () if self.tied => ("tied", "is set, and patches have no embedding"),
                    () => return Ok(()),
                }
            }
            (Input::Patches { .. }, Output::Lm) => {
                ("output", "is a language model, and patches are no tokens")
            }
            (Input::Tokens, Output::Classes(_)) => {
                ("output", "is classes, which need patches as input")
            }
        };
        Err(Error { field, what })
    }

    /// Checks that sizes are nonzero, bounded and consistent.
    ///
    /// # Errors
    /// The first field that cannot be, and why.
    pub const fn check(&self) -> Result<(), Error> {
        ok!(side("dim", self.dim));
        ok!(side("hidden_dim", self.hidden_dim));
        ok!(side("n_heads", self.n_heads));
        ok!(side("n_kv_heads", self.n_kv_heads));
        ok!(side("head_dim", self.head_dim));
        ok!(side("seq_len", self.seq_len));
        ok!(self.check_ends());
        // Both factors may be 65536, whose product a 32-bit usize does not hold.
        ok!(side(
            "n_heads * head_dim",
            match self.n_heads.checked_mul(self.head_dim) {
                Some(n) => n,
                None => usize::MAX,
            }
        ));
        if self.n_layers == 0 || self.n_layers > MAX_LAYERS {
            return Err(Error {
                field: "n_layers",
                what: "is not in 1..=255",
            });
        }
        if !self.n_heads.is_multiple_of(self.n_kv_heads) {
            return Err(Error {
                field: "n_kv_heads",
                what: "does not divide n_heads",
            });
        }
        if matches!(self.position, Position::Rope) && !self.head_dim.is_multiple_of(2) {
            return Err(Error {
                field: "head_dim",
                what: "is odd, RoPE needs pairs",
            });
        }
        if !(self.norm_eps.is_finite() && self.norm_eps >= 0.0) {
            return Err(Error {
                field: "norm_eps",
                what: "is not a finite number of at least zero",
            });
        }
        let t = &self.topk;
        ok!(kept("topk.attn_in", t.attn_in, self.dim));
        ok!(kept("topk.q", t.q, self.q_dim()));
        ok!(kept("topk.k", t.k, self.kv_dim()));
        ok!(kept("topk.v", t.v, self.kv_dim()));
        ok!(kept("topk.attn_out", t.attn_out, self.dim));
        ok!(kept("topk.mlp_in", t.mlp_in, self.dim));
        ok!(kept("topk.mlp_neuron", t.mlp_neuron, self.hidden_dim));
        ok!(kept("topk.mlp_out", t.mlp_out, self.dim));
        Ok(())
    }
}
