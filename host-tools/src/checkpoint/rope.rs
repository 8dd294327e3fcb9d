//! RoPE tables of a trained model: cosines and sines of `t · 10000^(−2i / head_dim)`.

use lacuna::config::{Config, Position};

use super::Checkpoint;

/// The base of the angles that `train` uses.
pub const BASE: f64 = 10_000.0;

/// `(cos, sin)`, each `(seq_len, head_dim / 2)` row-major, computed in f64 and rounded once.
///
/// Source: Su et al., "RoFormer", §3.2.2, with adjacent pairs (2i, 2i+1).
pub fn tables(config: &Config) -> (Vec<f32>, Vec<f32>) {
    turning(config, &frequencies(config.head_dim, BASE))
}

/// Radians a position that pair i turns, `base^(−2i / head_dim)`; `(head_dim / 2,)`.
pub fn frequencies(head_dim: usize, base: f64) -> Vec<f64> {
    let exponents = (0..head_dim / 2).map(|i| 2.0 * i as f64 / head_dim as f64);
    exponents.map(|e| libm::pow(base, -e)).collect()
}

/// [`tables`] of pairs that turn by these `frequencies`, `(head_dim / 2,)`.
pub fn turning(config: &Config, frequencies: &[f64]) -> (Vec<f32>, Vec<f32>) {
    let positions = (0..config.seq_len).map(|t| t as f64);
    let angles = positions.flat_map(|t| frequencies.iter().map(move |f| t * f));
    angles
        .map(|angle| (libm::cos(angle) as f32, libm::sin(angle) as f32))
        .unzip()
}

/// Whether `checkpoint` turns by [`tables`], as all that is trained here does, or not at all.
pub fn usual(checkpoint: &Checkpoint) -> bool {
    let is = |name: &str, table: Vec<f32>| {
        let found = checkpoint.tensors.get(name);
        found.is_some_and(|found| found.data == table)
    };
    let (cos, sin) = tables(&checkpoint.config);
    checkpoint.config.position != Position::Rope || is("rope.cos", cos) && is("rope.sin", sin)
}
