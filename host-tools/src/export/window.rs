//! What a classifier's file has besides tensors: names, and the window that every device repeats.

use lacuna::config::Config;
use lacuna::format::{Names, Sensor, names};
use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model, State, classify};
use lacuna::num::Rng;
use lacuna::probe::LogitDigest;
use lacuna::session::argmax;

use super::golden::{Error, Run, Stream};
use crate::checkpoint;
use crate::memory::Buffer;

/// Names as a file stores them.
#[derive(Debug)]
pub(super) struct Block {
    labels: Vec<u8>,
    channels: Vec<u8>,
    rate: f32,
    hop: u32,
}

fn names(of: &[String]) -> Vec<u8> {
    let mut bytes = (of.len() as u32).to_le_bytes().to_vec();
    let mut end = 0u32;
    bytes.extend(end.to_le_bytes());
    for name in of {
        end += name.len() as u32;
        bytes.extend(end.to_le_bytes());
    }
    of.iter().for_each(|name| bytes.extend(name.as_bytes()));
    bytes
}

impl Block {
    pub(super) fn new(sensor: &checkpoint::Sensor) -> Block {
        Block {
            labels: names(&sensor.classes),
            channels: names(&sensor.channels),
            rate: sensor.rate,
            hop: sensor.hop as u32,
        }
    }

    pub(super) fn labels(&self) -> Result<Names<'_>, names::Error> {
        Names::new(&self.labels)
    }

    pub(super) fn sensor(&self) -> Result<Sensor<'_>, names::Error> {
        Ok(Sensor {
            rate: self.rate,
            hop: self.hop,
            channels: Names::new(&self.channels)?,
        })
    }
}

/// A window that nobody recorded: slow waves of every channel's own size about its own mean.
pub(crate) fn window(model: &Model<'_>) -> Vec<f32> {
    let config = model.config();
    let Some(patches) = model.patches() else {
        return Vec::new();
    };
    let mut rng = Rng::new(1);
    let spread = |scale: f32| if scale == 0.0 { 0.0 } else { 1.0 / scale };
    let mut walk = vec![0.0f32; config.channels()];
    let mut window = Vec::with_capacity(config.window_len());
    while window.len() < config.window_len() {
        for (c, at) in walk.iter_mut().enumerate() {
            *at = 0.9 * *at + rng.next_f32() - 0.5;
            window.push(patches.mean[c] + *at * spread(patches.scale[c]));
        }
    }
    window
}

/// Runs the model in `bytes` on [`window`], on the portable back-end.
pub(super) fn record(bytes: &[u8]) -> Result<Run, Error> {
    let model = Model::new(bytes)?;
    let config: &Config = model.config();
    let limits = Limits::new(config);
    let mut arena = Buffer::zeroed(State::len(config, &limits));
    let mut state = State::new(config, &limits, &mut arena)?;
    let mut probe = (LogitDigest::new(), Stream::new(config));
    let window = window(&model);
    classify(Isa::Portable, &model, &mut state, &window, &mut probe)?;
    Ok(Run {
        prompt: window.iter().map(|x| x.to_bits()).collect(),
        expected: vec![argmax(state.logits())],
        logits: probe.0.value(),
        layers: probe.1.digests(),
    })
}
