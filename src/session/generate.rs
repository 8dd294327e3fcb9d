use core::ops::ControlFlow;

use super::{Error, Sampler, Session};
use crate::probe::Probe;

impl<P: Probe> Session<'_, P> {
    /// Runs `prompt`, then samples up to `max_new` tokens, each handed to `each` and then run; returns how many.
    ///
    /// `each` ends it with `ControlFlow::Break`, at an end-of-text token for instance. The last token is not run: nobody
    /// asked for its logits; a later call, whose prompt starts with it, goes on as if there had been one call. So the
    /// run has `prompt.len() + max_new − 1` positions, and a full context stops it only if it is shorter than that.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`] if there is neither prompt nor history; otherwise as [`Session::step`].
    pub fn generate(
        &mut self,
        prompt: &[u32],
        max_new: usize,
        sampler: &mut Sampler,
        mut each: impl FnMut(u32) -> ControlFlow<()>,
    ) -> Result<usize, Error> {
        if prompt.is_empty() && self.position() == 0 {
            return Err(Error::EmptyPrompt);
        }
        self.prompt(prompt)?;
        for n in 1..=max_new {
            let token = self.sample(sampler);
            if each(token).is_break() || n == max_new {
                return Ok(n);
            }
            self.step(token)?;
        }
        Ok(0)
    }
}
