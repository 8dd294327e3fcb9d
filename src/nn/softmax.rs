//! The exponentials of a softmax, before its division.

use crate::num;

/// `scores[t] ← exp(scores[t] − m)`, m the maximum (the sink included); returns `Σ scores + exp(sink − m)`.
///
/// Shape: `scores (n,)`, n ≥ 1. The sum is the eight-lane sum; the sink joins it last and has no value of its own (Xiao
/// et al., "Efficient Streaming Language Models with Attention Sinks", as a learned logit per head). The caller divides
/// once, after its weighted sum.
pub fn exp_sum(scores: &mut [f32], sink: Option<f32>) -> f32 {
    let mut max = sink.unwrap_or(f32::NEG_INFINITY);
    for s in scores.iter() {
        if *s > max {
            max = *s;
        }
    }
    for s in scores.iter_mut() {
        *s = num::exp(*s - max);
    }
    let sum = num::sum8(scores);
    match sink {
        Some(sink) => sum + num::exp(sink - max),
        None => sum,
    }
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
