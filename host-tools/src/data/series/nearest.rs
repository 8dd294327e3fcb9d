//! The baseline that a model has to beat: the class of the nearest window, by a few statistics of each channel.
//!
//! ```text
//! window ─► mean, deviation, least, largest, mean |step| of each channel ─► z-score ─► nearest training window
//! ```
//!
//! # Why
//! Cheap enough for any device and hard to beat on few people; a model that does not is not worth its flash.

const STATISTICS: usize = 5;

/// Statistics of every channel of a window, five a channel: mean, deviation, least, largest, mean |step|.
pub fn features(window: &[f32], channels: usize) -> Vec<f64> {
    let of = |c: usize| {
        window
            .iter()
            .skip(c)
            .step_by(channels)
            .map(|&x| f64::from(x))
    };
    let n = (window.len() / channels.max(1)).max(1) as f64;
    let mut found = Vec::with_capacity(channels * STATISTICS);
    for c in 0..channels {
        let mean = of(c).sum::<f64>() / n;
        let square = of(c).map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        let steps = of(c).zip(of(c).skip(1)).map(|(a, b)| (b - a).abs());
        let least = of(c).fold(f64::INFINITY, f64::min);
        let largest = of(c).fold(f64::NEG_INFINITY, f64::max);
        found.extend([mean, square.sqrt(), least, largest, steps.sum::<f64>() / n]);
    }
    found
}

/// Windows of known class.
#[derive(Clone, Debug)]
pub struct Nearest {
    channels: usize,
    mean: Vec<f64>,
    scale: Vec<f64>,
    known: Vec<(Vec<f64>, usize)>,
}

impl Nearest {
    /// Remembers `windows` and their classes.
    pub fn learn<'a>(
        windows: impl Iterator<Item = (&'a [f32], usize)>,
        channels: usize,
    ) -> Nearest {
        let known: Vec<_> = windows
            .map(|(w, class)| (features(w, channels), class))
            .collect();
        let (width, n) = (channels * STATISTICS, known.len().max(1) as f64);
        let average = |f: &dyn Fn(&[f64], usize) -> f64| -> Vec<f64> {
            let one = |i| known.iter().map(|(x, _)| f(x, i)).sum::<f64>() / n;
            (0..width).map(one).collect()
        };
        let mean = average(&|x, i| x[i]);
        let square = average(&|x, i| (x[i] - mean[i]) * (x[i] - mean[i]));
        let inverse = |s: &f64| if *s > 1e-18 { 1.0 / s.sqrt() } else { 0.0 };
        Nearest {
            channels,
            scale: square.iter().map(inverse).collect(),
            mean,
            known,
        }
    }

    /// Class of the nearest; of equals, the one that was learned first. 0 where nothing is known.
    pub fn classify(&self, window: &[f32]) -> usize {
        let x = features(window, self.channels);
        let (mut best, mut class) = (f64::INFINITY, 0);
        for (known, its) in &self.known {
            let apart = x.iter().zip(known).zip(&self.scale);
            let far: f64 = apart.map(|((a, b), s)| (a - b) * (a - b) * s * s).sum();
            if far < best {
                (best, class) = (far, *its);
            }
        }
        class
    }

    /// Numbers that it remembers.
    pub fn len(&self) -> usize {
        self.known.len() * self.mean.len()
    }

    /// True if it knows nothing.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Nearest;

    #[test]
    fn the_nearest_has_the_same_statistics() {
        let slow: Vec<f32> = (0..44).map(|i| 0.1 * (i as f32 / 9.0).sin()).collect();
        let fast: Vec<f32> = (0..44).map(|i| (i as f32).sin()).collect();
        let shifted: Vec<f32> = (0..44).map(|i| (i as f32 + 0.3).sin()).collect();
        let known = [(slow.as_slice(), 3), (fast.as_slice(), 5)];
        let nearest = Nearest::learn(known.into_iter(), 1);
        assert_eq!(nearest.classify(&shifted), 5);
        assert_eq!(nearest.classify(&slow), 3);
        assert_eq!(nearest.len(), 10);
        assert_eq!(Nearest::learn([].into_iter(), 1).classify(&slow), 0);
    }
}
