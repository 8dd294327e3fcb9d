//! Which windows a step sees, and how they are changed: a function of the seed and the step alone.
//!
//! ```text
//! window ─► x · (1 + j·g) + j·o + ½·j·n      g, o normal per channel, n per sample, j the jitter
//! ```
//!
//! # Why
//! A few people wear, mount and move a sensor in a few ways; a model that saw others does better on the next person.
//! Um et al., "Data augmentation of wearable sensor data", 2017: scaling, offset and jitter.

use core::ops::Range;

use lacuna::num::Rng;

use super::window_samples;
use crate::data::mix;
use crate::data::series::{Error, Scale, Set};
use crate::train::Settings;
use crate::train::graph::{Batch, Inputs};
use crate::train::parameters::normal;
use crate::train::step::Lessons;

/// A normalised recording.
struct Recording {
    samples: Vec<f32>,
    class: u32,
    /// Numbers of its first window and of the first that is not its own.
    windows: Range<u64>,
}

/// Windows of recordings from any sample on, all equally likely.
pub(super) struct Windows {
    recordings: Vec<Recording>,
    channels: usize,
    seq: usize,
    /// Numbers in a window.
    len: usize,
    seed: u64,
    jitter: f32,
}

impl Windows {
    pub(super) fn new(
        set: &Set,
        files: &[usize],
        scale: &Scale,
        settings: &Settings,
        jitter: f32,
    ) -> Result<Windows, Error> {
        let config = &settings.model.config;
        let (channels, samples) = (set.channels, window_samples(config));
        let mut next = 0;
        let mut recordings = Vec::new();
        for (_, series) in set.recordings(files) {
            let there = (series.samples.len() / channels + 1).saturating_sub(samples) as u64;
            recordings.push(Recording {
                samples: scale.apply(&series.samples).collect(),
                class: series.class as u32,
                windows: next..next + there,
            });
            next += there;
        }
        if next == 0 {
            return Err(Error::Short(samples));
        }
        Ok(Windows {
            recordings,
            channels,
            seq: config.seq_len,
            len: config.window_len(),
            seed: settings.seed,
            jitter,
        })
    }

    /// The window of a row of a step, and its class.
    fn window(&self, step: u64, row: u64) -> (&[f32], u32) {
        let all = self.recordings.last().map_or(0, |r| r.windows.end);
        let lot = mix(mix(mix(self.seed) ^ step) ^ row);
        let number = ((u128::from(lot) * u128::from(all)) >> 64) as u64;
        let place = self.recordings.partition_point(|r| r.windows.end <= number);
        let recording = &self.recordings[place];
        let start = (number - recording.windows.start) as usize * self.channels;
        (&recording.samples[start..start + self.len], recording.class)
    }
}

impl Windows {
    /// Gain, offset and noise of one window.
    fn change(&self, window: &mut [f32], step: u64, row: u64) {
        if self.jitter == 0.0 {
            return;
        }
        let mut rng = Rng::new(mix(mix(mix(!self.seed) ^ step) ^ row));
        let mut draw = |by: f32| by * normal(&mut rng);
        for c in 0..self.channels {
            let (gain, offset) = (1.0 + draw(self.jitter), draw(self.jitter));
            for x in window.iter_mut().skip(c).step_by(self.channels) {
                *x = *x * gain + offset + draw(0.5 * self.jitter);
            }
        }
    }
}

impl Lessons for Windows {
    fn batch(&self, step: u64, rows: Range<usize>) -> Batch {
        let (mut patches, mut targets) = (Vec::new(), Vec::new());
        for row in rows {
            let (window, class) = self.window(step, row as u64);
            let from = patches.len();
            patches.extend_from_slice(window);
            self.change(&mut patches[from..], step, row as u64);
            targets.push(class);
        }
        Batch {
            seq: self.seq,
            inputs: Inputs::Patches(patches.into()),
            targets: targets.into(),
            soft: None,
        }
    }
}
