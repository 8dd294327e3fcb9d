//! Whole windows: what a classifier of sensor samples runs.

use super::{Error, Session};
use crate::model::classify;
use crate::probe::Probe;

impl<P: Probe> Session<'_, P> {
    /// Runs one window and gives the logits of its classes, `(classes,)`.
    ///
    /// `window` holds [`Config::window_len`](crate::config::Config::window_len) numbers, sample after sample as they came,
    /// in the units the model was trained in: the engine normalises them. [`super::Stream`] makes windows of single
    /// samples. Every window starts anew; the class is the [`super::argmax`] of the logits.
    ///
    /// # Errors
    /// [`Error::Model`]: the model takes tokens, a window of another length, a sample or an activation that is not finite.
    pub fn classify(&mut self, window: &[f32]) -> Result<&[f32], Error> {
        let (model, probe) = (&self.model, &mut self.probe);
        classify(self.isa, model, &mut self.state, window, probe)?;
        Ok(self.state.logits())
    }
}
