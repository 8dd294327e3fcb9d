//! Windows of samples made strange by degrees, in units of the training data's deviations.

use lacuna::num::Rng;

use crate::data::series::Scale;
use crate::train::parameters::normal;

/// Channels that are exchanged: the first two, then every channel with its neighbour.
pub const SWAPS: [&str; 2] = ["first two", "all by one"];
/// Factors of every channel's distance from its mean.
pub const GAINS: [f32; 4] = [1.25, 1.5, 2.0, 4.0];
/// Deviations of added noise, in deviations of the channel.
pub const NOISES: [f32; 4] = [0.1, 0.3, 1.0, 3.0];
/// Shares of samples that repeat the one before.
pub const DROPS: [f32; 3] = [0.1, 0.3, 0.6];

/// Channels exchanged, as by a sensor mounted the wrong way.
pub fn swapped(window: &[f32], channels: usize, level: usize) -> Vec<f32> {
    let mut out = window.to_vec();
    for sample in out.chunks_exact_mut(channels.max(1)) {
        match (level, sample) {
            (0, [a, b, ..]) => core::mem::swap(a, b),
            (_, sample) => sample.rotate_left(1.min(sample.len())),
        }
    }
    out
}

fn deviation(scale: f32) -> f32 {
    if scale > 0.0 { 1.0 / scale } else { 0.0 }
}

/// Every channel's distance from its training mean times `gain`.
pub fn scaled(window: &[f32], scale: &Scale, gain: f32) -> Vec<f32> {
    let means = scale.mean.iter().cycle();
    let each = window.iter().zip(means);
    each.map(|(x, mean)| mean + gain * (x - mean)).collect()
}

/// Normal noise of `by` deviations of each channel.
pub fn noisy(window: &[f32], scale: &Scale, by: f32, rng: &mut Rng) -> Vec<f32> {
    let each = window.iter().zip(scale.scale.iter().cycle());
    each.map(|(x, s)| x + by * deviation(*s) * normal(rng))
        .collect()
}

/// Samples lost with probability `share`: the one before stands in their place.
pub fn dropped(window: &[f32], channels: usize, share: f32, rng: &mut Rng) -> Vec<f32> {
    let mut out = window.to_vec();
    for at in (channels..out.len()).step_by(channels.max(1)) {
        if rng.next_f32() < share {
            out.copy_within(at - channels..at, at);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_by_hand() {
        let window = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        assert_eq!(swapped(&window, 2, 0), [10.0, 1.0, 20.0, 2.0, 30.0, 3.0]);
        assert_eq!(swapped(&[1.0, 2.0, 3.0], 3, 1), [2.0, 3.0, 1.0]);
        let scale = Scale {
            mean: vec![1.0, 10.0],
            scale: vec![1.0, 0.0],
        };
        assert_eq!(
            scaled(&window, &scale, 2.0),
            [1.0, 10.0, 3.0, 30.0, 5.0, 50.0]
        );
        let mut rng = Rng::new(1);
        assert_eq!(
            dropped(&window, 2, 1.0, &mut rng),
            [1.0, 10.0, 1.0, 10.0, 1.0, 10.0]
        );
        assert_eq!(dropped(&window, 2, 0.0, &mut rng), window);
        // A channel that never moved in training gets no noise.
        let noise = noisy(&window, &scale, 1.0, &mut rng);
        assert!(noise[0] != 1.0 && noise[1] == 10.0 && noise[3] == 20.0);
    }
}
