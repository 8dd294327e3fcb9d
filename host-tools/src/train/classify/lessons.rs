//! Which windows a step sees: a function of the seed and the step alone.

use core::ops::Range;

use lacuna::config::Config;

use super::window_samples;
use crate::data::mix;
use crate::data::series::{Error, Scale, Set};
use crate::train::graph::{Batch, Inputs};
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
}

impl Windows {
    pub(super) fn new(
        set: &Set,
        files: &[usize],
        scale: &Scale,
        config: &Config,
        seed: u64,
    ) -> Result<Windows, Error> {
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
            seed,
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

impl Lessons for Windows {
    fn batch(&self, step: u64, rows: Range<usize>) -> Batch {
        let (mut patches, mut targets) = (Vec::new(), Vec::new());
        for row in rows {
            let (window, class) = self.window(step, row as u64);
            patches.extend_from_slice(window);
            targets.push(class);
        }
        Batch {
            seq: self.seq,
            inputs: Inputs::Patches(patches.into()),
            targets: targets.into(),
        }
    }
}
