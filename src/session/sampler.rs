//! From logits to a token.
//!
//! ```text
//! logits ──► top-k: rank ≥ that of the k-th ──► draw i by exp((l − max)/T) ──► top-p: is Σ weight above i < p·total? ─► i
//!                                                   ▲                                            no: only tokens above i │
//!                                                   └────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! # Invariants
//! - Logits are only read, nothing is sorted and no memory is taken; the same seed gives the same tokens everywhere.
//! - Tokens rank by logit, ties by the lower id; argmax, the k-th and the nucleus all use this one order.
//!
//! # Why
//! llama2.c sorts an array of (probability, id) for top-p: eight bytes a token that a microcontroller lacks. Drawing from
//! all tokens and rejecting what lies outside the nucleus has exactly the nucleus' distribution; each rejection proves
//! that everything below the drawn token is outside too, so the candidates shrink as in quickselect: about
//! 1 + log(1/p) rounds of two passes are expected.

use crate::num::{self, Rng};

/// How to choose a token, and the generator that chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sampler {
    /// Divides the logits; zero, negative or NaN is greedy.
    pub temperature: f32,
    /// Keep the `top_k` best tokens; 0 keeps all.
    pub top_k: usize,
    /// Then keep the fewest best tokens whose probabilities sum to `top_p`; outside (0, 1) keeps all.
    pub top_p: f32,
    /// Source of randomness; its state is what a saved session needs to go on alike.
    pub rng: Rng,
}

impl Sampler {
    /// The best token, always.
    pub const fn greedy() -> Self {
        Self::new(0.0, 0, 1.0, 0)
    }

    /// Temperature, top-k, top-p and seed.
    pub const fn new(temperature: f32, top_k: usize, top_p: f32, seed: u64) -> Self {
        Self {
            temperature,
            top_k,
            top_p,
            rng: Rng::new(seed),
        }
    }

    /// A token by these logits, `(vocab_size,)`. Empty logits give 0; logits that are not finite may give any token.
    pub fn sample(&mut self, logits: &[f32]) -> u32 {
        let best = argmax(logits);
        let Some(&max) = logits.get(best as usize) else {
            return best;
        };
        if self.temperature.is_nan() || self.temperature <= 0.0 {
            return best;
        }
        let temperature = self.temperature;
        let weight = |l: f32| num::exp((l - max) / temperature);
        // Rank, weight and id of the tokens that rank at least `floor`.
        let from = |floor: u64| {
            ranked(logits)
                .filter(move |(rank, _)| *rank >= floor)
                .map(move |(rank, id)| (rank, weight(logits[id as usize]), id))
        };
        let mass = |floor| from(floor).fold(0.0f32, |sum, (_, w, _)| sum + w);

        let mut floor = kth(logits, self.top_k);
        let mut total = mass(floor);
        let nucleus = if self.top_p > 0.0 && self.top_p < 1.0 {
            self.top_p * total
        } else {
            f32::INFINITY
        };
        loop {
            let target = self.rng.next_f32() * total;
            let mut sum = 0.0;
            let drawn = from(floor).find(|(_, w, _)| {
                sum += w;
                sum > target
            });
            // No candidate only where rounding, or a logit that is not finite, leaves the sum short.
            let Some((rank, _, id)) = drawn else {
                return best;
            };
            total = mass(rank + 1);
            if total < nucleus || id == best {
                return id;
            }
            floor = rank + 1;
        }
    }
}

/// The id of the largest logit, the lowest of equals; 0 where there is none.
pub fn argmax(logits: &[f32]) -> u32 {
    // The first of them that is not below any other; lanes of their own, so that a compiler can use vectors.
    let (chunks, rest) = logits.as_chunks::<8>();
    let mut largest = [f32::NEG_INFINITY; 8];
    for chunk in chunks {
        for (m, l) in largest.iter_mut().zip(chunk) {
            *m = if *l > *m { *l } else { *m };
        }
    }
    let all = largest.iter().chain(rest);
    let max = all.fold(f32::NEG_INFINITY, |m, l| if *l > m { *l } else { m });
    logits.iter().position(|l| *l == max).unwrap_or(0) as u32
}

/// Bits that order as floats do; both zeros are one.
fn key(l: f32) -> u32 {
    let bits = (l + 0.0).to_bits();
    if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    }
}

/// Every token with its rank: a better logit is larger, then a lower id.
fn ranked(logits: &[f32]) -> impl Iterator<Item = (u64, u32)> + '_ {
    (0u32..)
        .zip(logits)
        .map(|(id, l)| (u64::from(key(*l)) << 32 | u64::from(u32::MAX - 1 - id), id))
}

/// The rank of the `k`-th best token; 0 where all are kept.
fn kth(logits: &[f32], k: usize) -> u64 {
    if k == 0 || k >= logits.len() {
        return 0;
    }
    let (floor, ties) = num::kth_largest(logits, k, key);
    let mut equal = ranked(logits).filter(|(rank, _)| (rank >> 32) as u32 == floor);
    let last = equal.nth(ties - 1);
    last.map_or(u64::from(floor) << 32, |(rank, _)| rank)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use super::*;

    const LOGITS: [f32; 6] = [1.0, 3.0, 2.0, 3.0, -1.0, 0.0];

    fn counts(mut sampler: Sampler, logits: &[f32], n: usize) -> Vec<usize> {
        let mut counts = vec![0; logits.len()];
        for _ in 0..n {
            counts[sampler.sample(logits) as usize] += 1;
        }
        counts
    }

    #[test]
    fn greedy_takes_the_lower_of_equals() {
        assert_eq!(Sampler::greedy().sample(&LOGITS), 1);
        assert_eq!(argmax(&[-0.0, 0.0]), 0);
        assert_eq!(argmax(&[]), 0);
        assert_eq!(Sampler::new(1.0, 0, 1.0, 1).sample(&[]), 0);
    }

    #[test]
    fn shares_follow_the_softmax() {
        let n = 60_000;
        for temperature in [0.5, 1.0, 3.0] {
            let counts = counts(Sampler::new(temperature, 0, 1.0, 1), &LOGITS, n);
            let total: f32 = LOGITS.iter().map(|l| (l / temperature).exp()).sum();
            for (l, count) in LOGITS.iter().zip(counts) {
                let p = (l / temperature).exp() / total;
                assert!((count as f32 / n as f32 - p).abs() < 0.01, "{l} {count}");
            }
        }
    }

    #[test]
    fn top_k_breaks_ties_by_id() {
        let of = |k| counts(Sampler::new(1.0, k, 1.0, 2), &LOGITS, 2000);
        assert_eq!(of(1), [0, 2000, 0, 0, 0, 0]);
        let two = of(2);
        assert!(two[1] > 900 && two[3] > 900 && two[1] + two[3] == 2000);
        assert_eq!(of(3).iter().filter(|n| **n > 0).count(), 3);
    }

    #[test]
    fn the_best_k_are_those_of_sorting() {
        let mut rng = Rng::new(9);
        for n in [1, 2, 63, 64, 65, 300] {
            for spread in [1.0, 8.0, 1e6] {
                // Few values, so that many are equal; both zeros and both signs among them.
                let any = |_| ((rng.next_f32() - 0.5) * spread).round() * 0.5;
                let logits: Vec<f32> = (0..n).map(any).collect();
                let mut order: Vec<(u64, u32)> = ranked(&logits).collect();
                order.sort_unstable_by(|a, b| b.cmp(a));
                for k in 1..n {
                    let floor = kth(&logits, k);
                    assert!(order[..k].iter().all(|(rank, _)| *rank >= floor), "{n} {k}");
                    assert!(order[k].0 < floor, "{n} {k}");
                }
            }
        }
    }

    /// The nucleus by sorting, and its renormalised shares.
    fn nucleus(logits: &[f32], k: usize, p: f32) -> Vec<f32> {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
        order.truncate(if k == 0 { logits.len() } else { k });
        let total: f32 = order.iter().map(|i| logits[*i].exp()).sum();
        let mut shares = vec![0.0; logits.len()];
        let mut above = 0.0;
        for i in order {
            if above < p * total {
                shares[i] = logits[i].exp();
            }
            above += logits[i].exp();
        }
        let kept: f32 = shares.iter().sum();
        shares.iter().map(|s| s / kept).collect()
    }

    #[test]
    fn top_p_is_the_nucleus() {
        let mut rng = Rng::new(5);
        let logits: Vec<f32> = (0..40).map(|_| rng.next_f32() * 4.0).collect();
        let n = 40_000;
        for (k, p) in [(0, 0.9), (0, 0.3), (0, 0.01), (10, 0.5), (3, 0.99)] {
            let counts = counts(Sampler::new(1.0, k, p, 3), &logits, n);
            for (count, share) in counts.iter().zip(nucleus(&logits, k, p)) {
                assert_eq!(*count > 0, share > 0.0, "{k} {p}");
                assert!((*count as f32 / n as f32 - share).abs() < 0.012, "{k} {p}");
            }
        }
    }

    #[test]
    fn faulty_logits_end() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for logits in [[bad; 4], [1.0, bad, 2.0, bad]] {
                assert!(Sampler::new(1.0, 2, 0.5, 1).sample(&logits) < 4);
            }
        }
    }

    #[test]
    fn a_seed_is_a_sequence() {
        let run = |seed| {
            let mut s = Sampler::new(1.0, 0, 0.9, seed);
            (0..50).map(|_| s.sample(&LOGITS)).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
