//! The exponentials of a softmax, before its division.

use crate::num::each::{self, Lanewise};
use crate::num::simd::{MOST, Scalar, Simd};
use crate::num::{self, elementary, sum8_in};

/// `scores[t] ← exp(scores[t] − m)`, m the maximum (the sink included); returns `Σ scores + exp(sink − m)`.
///
/// Shape: `scores (n,)`, n ≥ 1. The sum is the eight-lane sum; the sink joins it last and has no value of its own (Xiao
/// et al., "Efficient Streaming Language Models with Attention Sinks", as a learned logit per head). The caller divides
/// once, after its weighted sum.
pub fn exp_sum(scores: &mut [f32], sink: Option<f32>) -> f32 {
    exp_sum_in(Scalar, scores, sink)
}

/// [`exp_sum`] in vectors.
#[inline(always)]
pub(super) fn exp_sum_in<S: Simd>(s: S, scores: &mut [f32], sink: Option<f32>) -> f32 {
    let max = maximum(s, scores, sink.unwrap_or(f32::NEG_INFINITY));
    let shift = s.splat(max);
    each::map(s, scores, shift, ShiftedExp);
    let sum = sum8_in::<S, false>(s, scores);
    match sink {
        Some(sink) => sum + num::exp(sink - max),
        None => sum,
    }
}

/// `exp(x − shift)`
#[derive(Clone, Copy)]
struct ShiftedExp;

impl Lanewise for ShiftedExp {
    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::F, shift: S::F) -> S::F {
        elementary::exp(s, s.sub(x, shift))
    }
}

/// The largest of `x` and `least`; NaNs are passed over.
#[inline(always)]
fn maximum<S: Simd>(s: S, x: &[f32], least: f32) -> f32 {
    let mut max = s.splat(least);
    let (whole, rest) = x.split_at(x.len() - x.len() % S::N);
    for x in whole.chunks_exact(S::N) {
        max = s.larger(s.load(x), max);
    }
    let mut lanes = [f32::NEG_INFINITY; MOST];
    s.store(max, &mut lanes);
    let mut max = least;
    for v in lanes[..S::N].iter().chain(rest) {
        if *v > max {
            max = *v;
        }
    }
    max
}

#[cfg(test)]
mod tests {
    use super::exp_sum;

    #[test]
    fn largest_is_one_and_sink_only_joins_the_sum() {
        let mut s = [1000.0, 1000.0, 0.0];
        assert_eq!(exp_sum(&mut s, None), 2.0);
        assert_eq!(s, [1.0, 1.0, 0.0]);
        let mut s = [0.0, 0.0];
        assert_eq!(exp_sum(&mut s, Some(0.0)), 3.0);
        let mut s = [0.0];
        assert_eq!(exp_sum(&mut s, Some(1000.0)), 1.0);
        assert_eq!(s, [0.0]);
    }
}
