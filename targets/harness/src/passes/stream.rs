//! The inputs of a model of windows, streamed sample by sample: recordings that came with the model, or the golden window.
//!
//! ```text
//! block `strm`:  u32 samples · f32 × samples·channels   u32 samples · …      a recording each, behind which samples are lost
//!                recording ─ sample, sample, … ─► Stream ─ every hop ─► a window
//! golden window ─ sample, sample, … (in a loop) ─┘
//! ```
//!
//! # Invariants
//! - Without recordings the first window is the golden one, so the digest of one window is the golden digest.
//! - No window spans two recordings.
//!
//! # Why
//! A command line has no room for samples, but a model file has room for a block that other engines skip: it changes
//! neither the model nor its id.

use heapless::Vec;
use lacuna::format::Tag;
use lacuna::probe::Probe;
use lacuna::probe::record::floats;
use lacuna::session::{Error, Session, Stream, StreamError, TestError};

use super::{Failed, Input, Run, Turn};
use crate::board::Firmware;

/// Recordings to stream in the place of the golden window.
const RECORDINGS: Tag = Tag(*b"strm");
/// Most channels of a recording.
const CHANNELS: usize = 64;

/// The first recording of a block, its samples as bits, and what follows it; `None` at the end or where it is cut off.
fn recording(block: &[u8], channels: usize) -> Option<(&[u8], &[u8])> {
    let (samples, rest) = block.split_first_chunk()?;
    let bytes = u32::from_le_bytes(*samples) as usize;
    rest.split_at_checked(bytes.checked_mul(4 * channels)?)
}

impl<F: Firmware> Run<'_, F> {
    /// Shows the windows of the job to `turn`; returns how many there were.
    pub(super) fn stream<'s, P: Probe>(
        &self,
        session: &mut Session<'s, P>,
        ring: &mut [f32],
        mut turn: impl FnMut(&mut Session<'s, P>, Turn<'_>) -> Result<(), Error>,
    ) -> Result<u32, Failed> {
        let (file, config) = (self.model.file(), self.model.config());
        let hop = file.sensor().map_or(1, |sensor| sensor.hop as usize);
        let mut stream = Stream::new(config, hop, ring)?;
        let mut index = 0;
        let mut push = |stream: &mut Stream<'_>, sample: &[f32]| {
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
            Ok::<bool, Failed>(index < self.job.tokens)
        };
        if self.job.tokens == 0 {
            return Ok(0);
        }
        if let Some(mut block) = file.block(RECORDINGS) {
            let channels = config.channels();
            let mut sample = Vec::<f32, CHANNELS>::new();
            'all: while let Some((bits, rest)) = recording(block, channels) {
                block = rest;
                stream.clear();
                for value in floats(bits) {
                    let full = || StreamError::Channels {
                        needed: channels,
                        given: CHANNELS,
                    };
                    sample.push(value).map_err(|_| full())?;
                    if sample.len() == channels {
                        if !push(&mut stream, &sample)? {
                            break 'all;
                        }
                        sample.clear();
                    }
                }
            }
            return Ok(index);
        }
        let golden = file.golden().ok_or(TestError::NoGolden.into());
        let golden = golden.map_err(Failed::at(0))?;
        let samples = golden.window().chunks_exact(config.channels());
        for sample in samples.cycle() {
            if !push(&mut stream, sample)? {
                break;
            }
        }
        Ok(index)
    }
}
