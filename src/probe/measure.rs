//! The statistics of one vector, in fixed memory.
//!
//! ```text
//! x ──► max|x| ──► 2⁻ᵉ·|x| < 2 ──► sums of a, a², a⁴ ──► counts about the mean ──► logs ──► selection ──► ranks
//!          └─ not finite: nothing is measured        each pass only if a statistic asks for it
//! ```
//!
//! # Invariants
//! - The same bits on every machine: sums are eight-lane sums, exp, ln and √ are those of `num`.
//! - No finite vector overflows or loses its small elements, since sums are of elements scaled by a power of two.
//! - A vector of zeros is as sparse as one can be: it has the values of a vector with one nonzero element, but `rms` 0
//!   and `zero_share` 1.

use super::gini::gini;
use super::{Stat, StatSet};
use crate::num;

/// What [`measure`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Values {
    set: StatSet,
    values: [f32; Stat::COUNT],
}

impl Values {
    /// Nothing measured.
    pub const EMPTY: Values = Values {
        set: StatSet::EMPTY,
        values: [0.0; Stat::COUNT],
    };

    /// The statistics that were measured.
    pub const fn set(&self) -> StatSet {
        self.set
    }

    /// The value of `stat`, if it was measured.
    pub const fn get(&self, stat: Stat) -> Option<f32> {
        if self.set.has(stat) {
            Some(self.values[stat as usize])
        } else {
            None
        }
    }

    /// Every statistic that was measured, by ascending number.
    pub fn iter(&self) -> impl Iterator<Item = (Stat, f32)> + '_ {
        self.set.iter().map(|s| (s, self.values[s as usize]))
    }

    fn put(&mut self, wanted: StatSet, stat: Stat, value: f32) {
        if wanted.has(stat) {
            self.values[stat as usize] = value;
            self.set = self.set.with(stat);
        }
    }
}

/// Measures the statistics `set` of `x` with ε = `eps`; false, and nothing measured, if `x` is empty or not finite.
///
/// Shape: `x (d,)`.
#[inline(never)]
pub fn measure(x: &[f32], set: StatSet, eps: f32, values: &mut Values) -> bool {
    *values = Values::EMPTY;
    let top = x.iter().fold(0, |top, v| num::magnitude(*v).max(top)) >> 1;
    if x.is_empty() || top >= f32::INFINITY.to_bits() {
        return false;
    }
    counts(x, set, eps, values);
    if !set.meets(SHAPE) {
        // Nothing asks for sums.
    } else if top == 0 {
        zeros(x.len(), set, values);
    } else {
        shape(x, f32::from_bits(top), set, values);
    }
    if set.meets(StatSet::OF_LOGITS) {
        logits(x, set, values);
    }
    true
}

/// What asks for the sums of a and a².
const SHAPE: StatSet = StatSet::ANYWHERE.without(StatSet::of(&[Stat::ZeroShare, Stat::LeEpsShare]));

/// The power of two that brings the float of these bits into 1 ≤ v < 2, or below where no float is large enough.
fn scale(top: u32) -> f32 {
    match top >> 23 {
        254 => f32::MIN_POSITIVE / 2.0,
        exponent => f32::from_bits((254 - exponent) << 23),
    }
}

fn counts(x: &[f32], set: StatSet, eps: f32, values: &mut Values) {
    let d = x.len() as f32;
    if set.has(Stat::ZeroShare) {
        let n = x.iter().filter(|v| **v == 0.0).count();
        values.put(set, Stat::ZeroShare, n as f32 / d);
    }
    if set.has(Stat::LeEpsShare) {
        let n = x.iter().filter(|v| v.abs() <= eps).count();
        values.put(set, Stat::LeEpsShare, n as f32 / d);
    }
}

/// The values of one nonzero element among `d`.
fn zeros(d: usize, set: StatSet, values: &mut Values) {
    let one = 1.0 / d as f32;
    // Of one element a = 1 among d: mean p, m₂ = p(1 − p), m₄ = p(1 − p)(1 − 3p + 3p²), p = 1/d.
    let kurtosis = match d {
        1 => 1.0,
        _ => (1.0 - 3.0 * one + 3.0 * (one * one)) / (one * (1.0 - one)),
    };
    let above = if d < 3 { 0.0 } else { one };
    for (stat, value) in [
        (Stat::AboveShare, above),
        (Stat::L1, num::sqrt(one)),
        (Stat::Rms, 0.0),
        (Stat::Hoyer, 1.0),
        (Stat::Gini, 1.0 - one),
        (Stat::Top1, 1.0),
        (Stat::Top5, 1.0),
        (Stat::Top10, 1.0),
        (Stat::Participation, one),
        (Stat::Kurtosis, kurtosis),
        (Stat::EffRankEnergy, one),
        (Stat::EffRankMagnitude, one),
    ] {
        values.put(set, stat, value);
    }
}

fn shape(x: &[f32], top: f32, set: StatSet, values: &mut Values) {
    let scale = scale(top.to_bits());
    let d = x.len() as f32;
    let [s1, s2] = sums(x, scale);
    let (l2, root) = (num::sqrt(s2), num::sqrt(d));
    values.put(set, Stat::L1, (s1 / (root * l2)).min(1.0));
    values.put(set, Stat::Rms, l2 / root / scale);
    let hoyer = match x.len() {
        1 => 1.0,
        _ => ((root - s1 / l2) / (root - 1.0)).clamp(0.0, 1.0),
    };
    values.put(set, Stat::Hoyer, hoyer);
    if set.has(Stat::Participation) {
        let s4 = num::sum8_by(x, |v| {
            let square = (v * scale) * (v * scale);
            square * square
        });
        values.put(
            set,
            Stat::Participation,
            (s2 / d * (s2 / s4)).clamp(1.0 / d, 1.0),
        );
    }
    if set.meets(StatSet::of(&[Stat::AboveShare, Stat::Kurtosis])) {
        about_the_mean(x, scale, s1 / d, set, values);
    }
    if set.meets(StatSet::of(&[Stat::EffRankEnergy, Stat::EffRankMagnitude])) {
        effective_ranks(x, scale, [s1, s2], set, values);
    }
    for (stat, hundredths) in [(Stat::Top1, 1), (Stat::Top5, 5), (Stat::Top10, 10)] {
        if set.has(stat) {
            let k = top_count(x.len(), hundredths);
            values.put(set, stat, (top_energy(x, scale, k) / s2).min(1.0));
        }
    }
    if set.has(Stat::Gini) {
        values.put(set, Stat::Gini, gini(x, scale, top * scale, s1));
    }
}

/// Σa and Σa², each as [`num::sum8_by`] has it, in one pass.
fn sums(x: &[f32], scale: f32) -> [f32; 2] {
    let (mut first, mut second) = ([0.0; 8], [0.0; 8]);
    let (chunks, rest) = x.as_chunks::<8>();
    let mut add = |i: usize, v: f32| {
        let a = v * scale;
        first[i] += a.abs();
        second[i] += a * a;
    };
    for chunk in chunks {
        for (i, v) in chunk.iter().enumerate() {
            add(i, *v);
        }
    }
    for (i, v) in rest.iter().enumerate() {
        add(i, *v);
    }
    [num::sum8(&first), num::sum8(&second)]
}

/// max(1, ⌊hundredths·d/100⌋).
pub(super) const fn top_count(d: usize, hundredths: usize) -> usize {
    let k = d / 100 * hundredths + d % 100 * hundredths / 100;
    if k == 0 { 1 } else { k }
}

fn about_the_mean(x: &[f32], scale: f32, mean: f32, set: StatSet, values: &mut Values) {
    let d = x.len() as f32;
    let step = |v: f32| (v * scale).abs() - mean;
    let m2 = num::sum8_by(x, |v| step(v) * step(v)) / d;
    if set.has(Stat::AboveShare) {
        let limit = mean + num::sqrt(m2);
        let n = x.iter().filter(|v| (**v * scale).abs() > limit).count();
        values.put(set, Stat::AboveShare, n as f32 / d);
    }
    if set.has(Stat::Kurtosis) {
        let m4 = num::sum8_by(x, |v| {
            let square = step(v) * step(v);
            square * square
        }) / d;
        let kurtosis = if m2 * m2 > 0.0 { m4 / (m2 * m2) } else { 1.0 };
        values.put(set, Stat::Kurtosis, kurtosis.max(1.0));
    }
}

/// exp(ln W − Σ w ln w / W)/d for w = a² and w = a; one logarithm an element serves both.
fn effective_ranks(x: &[f32], scale: f32, [s1, s2]: [f32; 2], set: StatSet, values: &mut Values) {
    let d = x.len() as f32;
    let log = |a: f32| if a == 0.0 { 0.0 } else { num::ln(a) };
    let share = |entropy: f32| (num::exp(entropy) / d).clamp(1.0 / d, 1.0);
    if set.has(Stat::EffRankMagnitude) {
        let sum = num::sum8_by(x, |v| {
            let a = (v * scale).abs();
            a * log(a)
        });
        values.put(set, Stat::EffRankMagnitude, share(num::ln(s1) - sum / s1));
    }
    if set.has(Stat::EffRankEnergy) {
        let sum = num::sum8_by(x, |v| {
            let a = (v * scale).abs();
            (a * a) * log(a)
        });
        values.put(
            set,
            Stat::EffRankEnergy,
            share(num::ln(s2) - 2.0 * (sum / s2)),
        );
    }
}

/// Σ a² over the k largest a, in the places they have in x; of equal ones the first.
fn top_energy(x: &[f32], scale: f32, k: usize) -> f32 {
    let (floor, mut ties) = num::kth_largest(x, k, num::magnitude);
    let mut sums = [0.0; 8];
    for (i, v) in x.iter().enumerate() {
        let key = num::magnitude(*v);
        let tied = key == floor && ties > 0;
        ties -= usize::from(tied);
        if key > floor || tied {
            sums[i % 8] += (v * scale) * (v * scale);
        }
    }
    num::sum8(&sums)
}

/// Of x as logits: p = softmax(x).
fn logits(x: &[f32], set: StatSet, values: &mut Values) {
    let max = x.iter().fold(f32::NEG_INFINITY, |m, v| v.max(m));
    // Σ p and Σ (x − max)·p before division, each as `num::sum8_by` has it; one exp serves both.
    let (mut first, mut second) = ([0.0; 8], [0.0; 8]);
    for (i, v) in x.iter().enumerate() {
        let below = v - max;
        let p = num::exp(below);
        first[i % 8] += p;
        // Where p is 0, the distance may be infinite.
        second[i % 8] += if p == 0.0 { 0.0 } else { below * p };
    }
    let (sum, lower) = (num::sum8(&first), num::sum8(&second));
    let log = num::ln(sum);
    values.put(set, Stat::MaxSoftmax, 1.0 / sum);
    values.put(set, Stat::EnergyScore, -(max + log));
    values.put(set, Stat::Entropy, (log - lower / sum).max(0.0));
}
