//! The inputs of a model of windows: the golden window's samples again and again, streamed one by one.
//!
//! ```text
//! golden window ─ sample, sample, … (in a loop) ─► Stream ─ every hop ─► a window
//! ```
//!
//! # Invariants
//! - The first window is the golden one, so the digest of one window is the golden digest.
//!
//! # Why
//! A command line has no room for samples, and a board needs nothing but the file to show that it streams.

use lacuna::probe::Probe;
use lacuna::session::{Error, Session, Stream, TestError};

use super::{Failed, Input, Run, Turn};
use crate::board::Firmware;

impl<F: Firmware> Run<'_, F> {
    /// Shows the windows of the job to `turn`; returns how many there were.
    pub(super) fn stream<'s, P: Probe>(
        &self,
        session: &mut Session<'s, P>,
        ring: &mut [f32],
        mut turn: impl FnMut(&mut Session<'s, P>, Turn<'_>) -> Result<(), Error>,
    ) -> Result<u32, Failed> {
        let (file, config) = (self.model.file(), self.model.config());
        let golden = file.golden().ok_or(TestError::NoGolden.into());
        let golden = golden.map_err(Failed::at(0))?;
        let hop = file.sensor().map_or(1, |sensor| sensor.hop as usize);
        let mut stream = Stream::new(config, hop, ring)?;
        let mut index = 0;
        let samples = golden.window().chunks_exact(config.channels());
        for sample in samples.cycle() {
            if index >= self.job.tokens {
                break;
            }
            if let Some(window) = stream.push(sample)? {
                let this = Turn {
                    index,
                    input: Input::Window(window),
                    prompt: false,
                    feed: true,
                };
                turn(session, this).map_err(Failed::at(index as usize))?;
                index += 1;
            }
        }
        Ok(index)
    }
}
