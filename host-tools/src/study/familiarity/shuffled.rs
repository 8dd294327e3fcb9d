//! The control's text: the same bytes, nothing to learn from their order.

use lacuna::num::Rng;

use crate::data::BOS;

/// `text` with the bytes of every stretch of at most `len`, which ends before a BOS, in an order by lot.
///
/// # Why
/// Every copy of a piece is a stretch of its own and gets an order of its own, so that copies teach no more than which
/// bytes there are.
pub(super) fn shuffled(text: &[u8], len: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut text = text.to_vec();
    for part in text.split_mut(|b| *b == BOS) {
        for stretch in part.chunks_mut(len.max(1)) {
            // Fisher and Yates.
            for i in (1..stretch.len()).rev() {
                stretch.swap(i, rng.below(i as u32 + 1) as usize);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_in_their_stretch_and_copies_differ() {
        let piece: Vec<u8> = (1..=40).collect();
        let text = [&[BOS], &piece[..], &[BOS], &piece, &[BOS], &[7; 100]].concat();
        let found = shuffled(&text, 50, 3);
        assert_eq!(found, shuffled(&text, 50, 3));
        let sorted = |x: &[u8]| {
            let mut x = x.to_vec();
            x.sort_unstable();
            x
        };
        let copies = [&found[1..41], &found[42..82]];
        assert!(copies.iter().all(|c| *c != piece && sorted(c) == piece));
        assert_ne!(copies[0], copies[1]);
        assert_eq!([found[0], found[41], found[82]], [BOS; 3]);
        let small = shuffled(&piece, 4, 3);
        assert!(
            small
                .chunks(4)
                .zip(piece.chunks(4))
                .all(|(a, b)| sorted(a) == b)
        );
    }
}
