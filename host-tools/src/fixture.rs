//! The plainest model, for tests to vary.

use lacuna::config::{Activation, Config, Input, Output, Position, TopK};

/// A byte decoder of one block without positions, biases or anything else that can be left out.
pub(crate) const PLAIN: Config = Config {
    dim: 8,
    hidden_dim: 16,
    n_layers: 1,
    n_heads: 2,
    n_kv_heads: 2,
    head_dim: 4,
    vocab_size: 256,
    seq_len: 16,
    norm_eps: 1e-5,
    position: Position::None,
    activation: Activation::Gelu,
    gated: false,
    attn_bias: false,
    mlp_bias: false,
    sink: false,
    bigram: false,
    tied: false,
    input: Input::Tokens,
    causal: true,
    output: Output::Lm,
    topk: TopK::NONE,
};
