//! Bits per byte of a model on held-out text, in the graph.

use core::ops::Range;

use super::graph::{Graph, Tokens};

/// Stretches predicted at once.
const AT_ONCE: usize = 16;

/// Mean −log2 P of every byte of `windows` except the first of each, which is only read.
pub fn bits_per_byte(
    graph: &Graph,
    parameters: &[f32],
    text: &[u8],
    windows: &[Range<usize>],
    vocabulary: usize,
) -> f64 {
    let (mut nats, mut n) = (0.0, 0usize);
    for some in windows.chunks(AT_ONCE) {
        let seq = some[0].len() - 1;
        let all = some.iter().flat_map(|w| &text[w.start..w.end - 1]);
        let tokens: Tokens = all.map(|&b| u32::from(b)).collect();
        let logits = graph.logits(parameters, &tokens, seq);
        let targets = some.iter().flat_map(|w| &text[w.start + 1..w.end]);
        for (logits, &target) in logits.chunks_exact(vocabulary).zip(targets) {
            nats += surprise(logits, usize::from(target));
            n += 1;
        }
    }
    nats / n.max(1) as f64 / core::f64::consts::LN_2
}

/// −ln softmax(logits)[target]
fn surprise(logits: &[f32], target: usize) -> f64 {
    let peak = logits.iter().fold(f32::NEG_INFINITY, |m, x| m.max(*x));
    let total: f64 = logits.iter().map(|x| f64::from(x - peak).exp()).sum();
    total.ln() - f64::from(logits[target] - peak)
}
