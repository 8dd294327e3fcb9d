//! AbsTopK: keep the k largest magnitudes, in place.
//!
//! ```text
//! key bits, 32:  [ 6 ][ 6 ][ 6 ][ 6 ][ 6 ][2]      one histogram of 64 counts a digit, highest first,
//!                 ▲ stops as soon as a digit's whole bucket is kept (two or three passes are usual)
//! ```
//!
//! # Why
//! Magnitudes of floats order as their bits do, so selecting the k-th largest is a radix descent: linear time, 256 bytes
//! of stack, no copy of the vector, and no dependence on the order of comparisons. Heaps and quickselect need either k
//! words of memory or a permuted vector.

use super::simd::{MOST, Simd};

const DIGITS: [(u32, u32); 6] = [(26, 6), (20, 6), (14, 6), (8, 6), (2, 6), (0, 2)];

/// Bits of |x| without the sign's, which order as magnitudes do; at the top of the word, so that no digit is spent on a
/// bit that is always zero.
pub(crate) fn magnitude(x: f32) -> u32 {
    x.to_bits() << 1
}

/// Zeroes (+0.0) all but the `k` largest |x|, ties to the lower index. `k == 0` or `k >= x.len()` leaves `x` alone.
///
/// Shape: `x (n,)`. Kept elements keep their bits. A NaN counts as larger than every number.
pub fn abs_top_k(x: &mut [f32], k: usize) {
    if k == 0 || k >= x.len() {
        return;
    }
    // Keys from `floor` up are kept; of those equal to `floor`, the first `ties`.
    let (floor, mut ties) = kth_largest(x, k, magnitude);
    for x in x.iter_mut() {
        let key = magnitude(*x);
        if key > floor {
            continue;
        }
        if key == floor && ties > 0 {
            ties -= 1;
        } else {
            *x = 0.0;
        }
    }
}

/// Of the `k` largest by `key`, 1 ≤ k ≤ n: a key below which none is, and how many of the elements equal to it are at most.
pub(crate) fn kth_largest(x: &[f32], k: usize, key: impl Fn(f32) -> u32) -> (u32, usize) {
    let mut prefix = 0u32;
    let mut wanted = k;
    for (shift, width) in DIGITS {
        let mut counts = [0u32; 64];
        for &x in x {
            let key = key(x);
            // Above this digit, the key must match what is already decided; at the top that is nothing.
            if (key >> shift) >> width == prefix >> width {
                counts[((key >> shift) & ((1 << width) - 1)) as usize] += 1;
            }
        }
        let mut digit = (1usize << width) - 1;
        while digit > 0 && (counts[digit] as usize) < wanted {
            wanted -= counts[digit] as usize;
            digit -= 1;
        }
        prefix |= digit as u32;
        if counts[digit] as usize == wanted {
            // The whole bucket is kept: its lowest possible key is a floor, and ties at it cannot exceed `wanted`.
            return (prefix << shift, wanted);
        }
        if let Some(&(next, _)) = DIGITS.iter().find(|d| d.0 < shift) {
            prefix <<= shift - next;
        }
    }
    (prefix, wanted)
}

/// [`abs_top_k`] in vectors: the floor is found bit by bit, each of which counts all keys at once.
#[inline(always)]
pub(crate) fn abs_top_k_in<S: Simd>(s: S, x: &mut [f32], k: usize) {
    if S::N == 1 {
        return abs_top_k(x, k);
    }
    if k == 0 || k >= x.len() {
        return;
    }
    let mask = s.word(0x7fff_ffff);
    let (mut floor, mut kept) = (0u32, x.len());
    for bit in (0..31).rev() {
        let higher = s.word(floor | 1 << bit);
        let mut counts = s.word(0);
        for x in x.chunks(S::N) {
            // Lanes without an element have the key 0, which is below every `higher`.
            let keys = s.and(s.bits(s.load_some(x)), mask);
            counts = s.word_sub(counts, s.at_least(keys, higher));
        }
        let mut lanes = [0.0; MOST];
        s.store(s.float(counts), &mut lanes);
        let count = lanes[..S::N].iter().map(|n| n.to_bits() as usize).sum();
        if count >= k {
            (floor, kept) = (floor | 1 << bit, count);
        }
        if kept == k {
            break;
        }
    }
    let words = s.word(floor);
    for x in x.chunks_mut(S::N) {
        let bits = s.bits(s.load_some(x));
        let keep = s.at_least(s.and(bits, mask), words);
        s.store_some(s.float(s.and(bits, keep)), x);
    }
    // Too many are equal to the floor: the last of them go.
    let ties = x.iter_mut().rev().filter(|x| magnitude(**x) == floor << 1);
    ties.take(kept - k).for_each(|x| *x = 0.0);
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::*;

    use super::abs_top_k;

    /// By sorting: magnitude descending, then index ascending.
    fn oracle(x: &[f32], k: usize) -> Vec<u32> {
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by_key(|&i| (core::cmp::Reverse(x[i].to_bits() & 0x7fff_ffff), i));
        let mut out: Vec<u32> = x.iter().map(|v| v.to_bits()).collect();
        if k != 0 && k < x.len() {
            order[k..].iter().for_each(|&i| out[i] = 0);
        }
        out
    }

    fn check(x: &[f32], k: usize) {
        let mut found = x.to_vec();
        abs_top_k(&mut found, k);
        let found: Vec<u32> = found.iter().map(|v| v.to_bits()).collect();
        assert_eq!(found, oracle(x, k), "{x:?} {k}");
    }

    #[test]
    fn ties_go_to_the_lower_index_and_minus_zero_is_cleared() {
        check(&[1.0, -1.0, 1.0, -0.0], 2);
        check(&[0.0, -0.0, 0.0, -0.0], 3);
        check(&[f32::MAX, -f32::INFINITY, f32::NAN, 1e-45, -1e-45], 4);
        check(&[2.0; 9], 5);
        for k in 0..5 {
            check(&[3.0, -4.0, 0.5], k);
        }
        check(&[], 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 512 }, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bits(x in prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..300), k in 0usize..310) {
            check(&x, k);
        }

        #[test]
        fn many_ties(x in prop::collection::vec((-3i8..=3).prop_map(|v| f32::from(v) * 0.25), 0..100), k in 0usize..100) {
            check(&x, k);
        }

        #[test]
        fn neighbours_differ_in_the_last_bits(x in prop::collection::vec((0u32..5, any::<bool>()).prop_map(|(d, s)| f32::from_bits((0x3f80_0000 + d) | (u32::from(s) << 31))), 0..100), k in 0usize..100) {
            check(&x, k);
        }
    }
}
