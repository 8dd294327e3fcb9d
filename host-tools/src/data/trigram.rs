//! The model to beat: the next byte from the two before it, by counting.
//!
//! ```text
//! P(c | a b) = (n(abc) + t(ab) · P(c | b)) / (n(ab) + t(ab))      t(h): how many different bytes followed h
//! P(c | b), P(c) alike; below them 1/256
//! ```
//!
//! # Why
//! Interpolated Witten–Bell smoothing needs no tuning and is hard to beat for bytes at this order, so a neural model
//! that wins against it has learned more than digrams. Source: Witten and Bell, "The zero-frequency problem", 1991.

use core::ops::Range;

/// Counts of all byte triples of a text.
pub struct Trigram {
    triples: Vec<u32>,
    pairs: Vec<u32>,
    singles: Vec<u32>,
    total: u64,
    /// Different successors of each pair, each byte, and of nothing.
    followers: (Vec<u16>, Vec<u16>, u16),
}

impl core::fmt::Debug for Trigram {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Trigram")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

fn distinct(counts: &[u32]) -> Vec<u16> {
    counts
        .chunks_exact(256)
        .map(|c| c.iter().filter(|&&n| n > 0).count() as u16)
        .collect()
}

impl Trigram {
    /// Counts `text`.
    pub fn train(text: &[u8]) -> Trigram {
        let mut triples = vec![0u32; 1 << 24];
        let mut pairs = vec![0u32; 1 << 16];
        let mut singles = vec![0u32; 1 << 8];
        let mut history = 0usize;
        for (i, &c) in text.iter().enumerate() {
            history = (history << 8 | usize::from(c)) & 0xff_ffff;
            singles[history & 0xff] += 1;
            if i >= 1 {
                pairs[history & 0xffff] += 1;
            }
            if i >= 2 {
                triples[history] += 1;
            }
        }
        let followers = (distinct(&triples), distinct(&pairs), distinct(&singles)[0]);
        Trigram {
            triples,
            pairs,
            singles,
            total: text.len() as u64,
            followers,
        }
    }

    /// P(c | a b).
    pub fn probability(&self, a: u8, b: u8, c: u8) -> f64 {
        let (a, b, c) = (usize::from(a), usize::from(b), usize::from(c));
        let (of_pair, of_byte, of_none) = &self.followers;
        let blend = |count: u32, seen: f64, followers: u16, below: f64| {
            let t = f64::from(followers);
            if t == 0.0 {
                below
            } else {
                (f64::from(count) + t * below) / (seen + t)
            }
        };
        let sum = |counts: &[u32]| counts.iter().map(|&n| f64::from(n)).sum::<f64>();
        let p = blend(self.singles[c], self.total as f64, *of_none, 1.0 / 256.0);
        let p = blend(
            self.pairs[b << 8 | c],
            sum(&self.pairs[b << 8..][..256]),
            of_byte[b],
            p,
        );
        let pair = a << 8 | b;
        blend(
            self.triples[pair << 8 | c],
            sum(&self.triples[pair << 8..][..256]),
            of_pair[pair],
            p,
        )
    }

    /// Mean −log2 P of the bytes of `windows` in `text`, except the first of each; history is read across borders.
    pub fn bits_per_byte(&self, text: &[u8], windows: &[Range<usize>]) -> f64 {
        let (mut bits, mut n) = (0.0, 0usize);
        let before = |i: usize, back: usize| i.checked_sub(back).map_or(0, |i| text[i]);
        for i in windows.iter().flat_map(|w| w.start + 1..w.end) {
            bits -= self.probability(before(i, 2), before(i, 1), text[i]).log2();
            n += 1;
        }
        bits / n.max(1) as f64
    }
}
