//! RoPE tables of a trained model: cosines and sines of `t · 10000^(−2i / head_dim)`.

use lacuna::config::Config;

/// The base of the angles that `train` uses.
pub const BASE: f64 = 10_000.0;

/// `(cos, sin)`, each `(seq_len, head_dim / 2)` row-major, computed in f64 and rounded once.
///
/// Source: Su et al., "RoFormer", §3.2.2, with adjacent pairs (2i, 2i+1).
pub fn tables(config: &Config) -> (Vec<f32>, Vec<f32>) {
    let half = config.head_dim / 2;
    let mut cos = Vec::with_capacity(config.seq_len * half);
    let mut sin = Vec::with_capacity(config.seq_len * half);
    for t in 0..config.seq_len {
        for i in 0..half {
            let exponent = 2.0 * i as f64 / config.head_dim as f64;
            let angle = t as f64 * libm::pow(BASE, -exponent);
            cos.push(libm::cos(angle) as f32);
            sin.push(libm::sin(angle) as f32);
        }
    }
    (cos, sin)
}
