//! Rotary position embedding by tables.
//!
//! ```text
//! head:  x0 x1 │ x2 x3 │ …        pair i of position p turns by the angle whose cos, sin lie at row p, column i
//! ```
//!
//! # Why
//! The exporter computed the tables, so no machine needs trigonometry and all machines turn by the same bits. Pairs are
//! (2i, 2i+1) as in the paper and in llama2.c; a checkpoint with split halves is permuted when it is imported.

/// Cosines and sines of all positions. Shapes: both `(seq_len, head_dim / 2)`.
#[derive(Clone, Copy, Debug)]
pub struct Rope<'a> {
    /// Cosines.
    pub cos: &'a [f32],
    /// Sines.
    pub sin: &'a [f32],
    /// `head_dim / 2`.
    pub half: usize,
}

impl<'a> Rope<'a> {
    /// Cosines and sines of one position, each `(head_dim / 2,)`.
    ///
    /// # Panics
    /// If `position` is not in the tables.
    #[inline(always)]
    pub fn row(&self, position: usize) -> (&'a [f32], &'a [f32]) {
        let range = position * self.half..(position + 1) * self.half;
        (&self.cos[range.clone()], &self.sin[range])
    }
}

/// `(a, b) ↦ (a·c − b·s, a·s + b·c)`, each product rounded.
#[inline(always)]
pub(super) fn turn(a: f32, b: f32, c: f32, s: f32) -> (f32, f32) {
    (a * c - b * s, a * s + b * c)
}

/// Turns every head of `x` to one position (Su et al., "RoFormer", 2021).
///
/// Shapes: `x (n · head_dim,)`, `cos` and `sin (head_dim / 2,)`.
pub fn rotate(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    for head in x.chunks_exact_mut(2 * cos.len()) {
        let (pairs, _) = head.as_chunks_mut::<2>();
        for ((pair, c), s) in pairs.iter_mut().zip(cos).zip(sin) {
            (pair[0], pair[1]) = turn(pair[0], pair[1], *c, *s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Rope, rotate};

    #[test]
    fn quarter_turn_of_every_head() {
        let rope = Rope {
            cos: &[1.0, 1.0, 0.0, 1.0],
            sin: &[0.0, 0.0, 1.0, 0.0],
            half: 2,
        };
        let mut x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let (cos, sin) = rope.row(1);
        rotate(&mut x, cos, sin);
        assert_eq!(x, [-2.0, 1.0, 3.0, 4.0, -6.0, 5.0, 7.0, 8.0]);
        let before = x;
        let (cos, sin) = rope.row(0);
        rotate(&mut x, cos, sin);
        assert_eq!(x, before);
    }
}
