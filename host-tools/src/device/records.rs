//! From the bytes of a record channel to a run.
//!
//! # Invariants
//! - Any bytes give a [`Report`] or a typed error; nothing a device says can panic the host.
//! - A broken frame, a missing one or a missing end is an error: what is printed was said completely.

use lacuna::probe::record::{self, Record};

use super::observation::{Observation, Step};

/// What a device said about one run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Name of the board, in its own words.
    pub board: String,
    /// The instructions that its kernels use.
    pub isa: String,
    /// Id of the model that ran.
    pub model_id: [u8; 8],
    /// Bytes of the session's arena.
    pub ram: u32,
    /// Positions the session held.
    pub context: u32,
    /// What it saw.
    pub seen: Observation,
    /// Ticks of each position, without a probe.
    pub token_ticks: Vec<u64>,
    /// Ticks of each block, by position.
    pub layer_ticks: Vec<Vec<u64>>,
    /// Deepest stack of a step without a probe, bytes.
    pub stack: u32,
}

/// Why a recording is not a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A frame cannot be read.
    #[error("frame {number} of the record channel is broken")]
    Frame {
        /// Number of the frame, from 0.
        number: usize,
        /// What is wrong with it.
        source: record::Error,
    },
    /// A frame is not the one that had to follow.
    #[error("frame {number} of the record channel is missing, frame {found} follows")]
    Gap {
        /// The number expected.
        number: u32,
        /// The number found.
        found: u32,
    },
    /// A record is about a position or a size that cannot be.
    #[error("the device says something impossible about {0}")]
    Impossible(&'static str),
    /// The device met an error of its own.
    #[error("the device stopped at position {position}: {what}")]
    Fault {
        /// The position.
        position: u32,
        /// In its words.
        what: String,
    },
    /// The recording stops before the end of the run.
    #[error("the device fell silent after {0} frames")]
    Silent(usize),
}

/// Positions that a recording may speak of.
const MAX_POSITIONS: u32 = 1 << 20;

impl Report {
    /// Reads a recording; the bytes are decoded in place.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(recording: &mut [u8]) -> Result<Report, Error> {
        let mut report = Report::default();
        let mut ended = false;
        let mut count = 0;
        for (number, frame) in record::frames(recording).enumerate() {
            let frame = frame.map_err(|source| Error::Frame { number, source })?;
            if frame.seq as usize != number {
                return Err(Error::Gap {
                    number: number as u32,
                    found: frame.seq,
                });
            }
            report.model_id = frame.model_id;
            ended |= matches!(frame.record, Record::End { .. });
            report.take(frame.record)?;
            count = number + 1;
        }
        if ended {
            Ok(report)
        } else {
            Err(Error::Silent(count))
        }
    }

    fn take(&mut self, record: Record<'_>) -> Result<(), Error> {
        match record {
            Record::Hello {
                board,
                isa,
                ram,
                context,
                ..
            } => {
                self.board = board.to_owned();
                self.isa = isa.to_owned();
                (self.ram, self.context) = (ram, context);
            }
            Record::Token {
                token,
                prompt: true,
                ..
            } => self.seen.prompt.push(token),
            Record::Token { token, .. } => self.seen.tokens.push(token),
            Record::SiteDigest {
                position,
                site,
                digest,
            } => {
                self.step(position)?.sites.push((site, digest));
            }
            Record::Logits {
                position,
                start,
                bits,
            } => {
                let logits = &mut self.step(position)?.logits;
                if logits.len() != start as usize {
                    return Err(Error::Impossible("logits"));
                }
                logits.extend(record::floats(bits));
            }
            Record::Stat { site, summary } => self.seen.stats.push((site, summary)),
            Record::Cost {
                position,
                layer: None,
                ticks,
            } => {
                grow(&mut self.token_ticks, position)?;
                self.token_ticks[position as usize] = ticks;
            }
            Record::Cost {
                position,
                layer: Some(layer),
                ticks,
            } => {
                grow(&mut self.layer_ticks, position)?;
                let layers = &mut self.layer_ticks[position as usize];
                grow(layers, layer.into())?;
                layers[usize::from(layer)] = ticks;
            }
            Record::Fault { position, what } => {
                let what = what.to_owned();
                return Err(Error::Fault { position, what });
            }
            Record::End {
                digest,
                stack,
                positions,
            } => {
                let steps = self.seen.steps.len();
                if steps != 0 && steps != positions as usize {
                    return Err(Error::Impossible("the number of positions"));
                }
                (self.seen.digest, self.stack) = (digest, stack);
            }
            _ => {}
        }
        Ok(())
    }

    fn step(&mut self, position: u32) -> Result<&mut Step, Error> {
        grow(&mut self.seen.steps, position)?;
        Ok(&mut self.seen.steps[position as usize])
    }
}

/// Makes room up to and including `index`.
fn grow<T: Default + Clone>(list: &mut Vec<T>, index: u32) -> Result<(), Error> {
    if index >= MAX_POSITIONS {
        return Err(Error::Impossible("a position"));
    }
    if list.len() <= index as usize {
        list.resize(index as usize + 1, T::default());
    }
    Ok(())
}
