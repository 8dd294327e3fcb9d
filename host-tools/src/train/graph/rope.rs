//! Rotary positions of the training graph, by the tables that the checkpoint stores.

use lacuna::config::Config;

use crate::checkpoint::rope::tables;

/// Cosines and sines, each (seq_len, head_dim / 2).
#[derive(Clone, Debug)]
pub struct Rope {
    /// Cosines.
    pub cos: Vec<f32>,
    /// Sines.
    pub sin: Vec<f32>,
}

impl Rope {
    /// The tables of `config`.
    pub fn new(config: &Config) -> Rope {
        let (cos, sin) = tables(config);
        Rope { cos, sin }
    }

    /// Turns the pairs (2i, 2i+1) of one head at position `at`; `sign` −1 turns them back.
    #[inline]
    pub fn rotate(&self, x: &mut [f32], at: usize, sign: f32) {
        let half = x.len() / 2;
        let (cos, sin) = (
            &self.cos[at * half..][..half],
            &self.sin[at * half..][..half],
        );
        let (pairs, _) = x.as_chunks_mut::<2>();
        for ((pair, cos), sin) in pairs.iter_mut().zip(cos).zip(sin) {
            let [a, b] = *pair;
            *pair = [a * cos - b * sin * sign, a * sin * sign + b * cos];
        }
    }
}
