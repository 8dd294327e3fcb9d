//! `sensor.json`: what the numbers of a window and the logits of its classes are called.

use lacuna::config::Config;
use serde::{Deserialize, Serialize};

/// What the windows of a classifier are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// Names of the classes, in the order of the logits.
    pub classes: Vec<String>,
    /// Names of the channels, in the order of a sample.
    pub channels: Vec<String>,
    /// Samples a second; 0 where nobody said.
    pub rate: f32,
    /// Samples from one window to the next.
    pub hop: usize,
}

impl Sensor {
    /// Checks against the configuration.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self, config: &Config) -> Result<(), &'static str> {
        match () {
            () if config.window_len() == 0 => Err("the model takes tokens"),
            () if self.classes.len() != config.n_logits() => Err("not one name a class"),
            () if self.channels.len() != config.channels() => Err("not one name a channel"),
            () if self.hop == 0 || u32::try_from(self.hop).is_err() => {
                Err("the hop is zero or huge")
            }
            () if !(self.rate.is_finite() && self.rate >= 0.0) => Err("the rate is no number"),
            () => Ok(()),
        }
    }
}
