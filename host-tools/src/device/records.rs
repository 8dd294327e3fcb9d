//! From the bytes of a record channel to a run.
//!
//! # Invariants
//! - Any bytes give a [`Report`] or a typed error; nothing a device says can panic the host.
//! - A broken frame, a missing one or a missing end is an error: what is printed was said completely.

use lacuna::probe::record::{self, Record, SelfTest};

use super::observation::{Observation, Step, Window};

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
    /// Ticks of each position, with plan and monitor and no other probe.
    pub token_ticks: Vec<u64>,
    /// Ticks of each block, by position.
    pub layer_ticks: Vec<Vec<u64>>,
    /// Deepest stack of a step, bytes; without a probe unless there is a plan or a monitor.
    pub stack: u32,
    /// How often the device has started.
    pub boot: u32,
    /// How its self-test ended.
    pub self_test: SelfTest,
    /// Sketches that the budget had no room for.
    pub dropped: u32,
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
            (report.model_id, report.boot) = (frame.model_id, frame.boot);
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
            Record::Sketch { site, stat, sketch } => self.seen.sketches.push((site, stat, sketch)),
            Record::Window {
                index,
                positions,
                answer,
                score,
                p,
                drift,
            } => self.seen.windows.push(Window {
                index,
                positions,
                answer,
                score,
                p,
                drift,
            }),
            Record::Health {
                self_test, dropped, ..
            } => (self.self_test, self.dropped) = (self_test, dropped),
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

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna::num::Rng;
    use lacuna::probe::record::Encoder;
    use lacuna::probe::{Hook, Site, SiteSummary};

    const SITE: Site = Site {
        layer: 1,
        hook: Hook::MlpPost,
    };

    fn recording(records: &[Record<'_>]) -> Vec<u8> {
        let mut encoder = Encoder::new(5, 1);
        encoder.model_id = [7; 8];
        let frame = |record: &Record<'_>| encoder.frame(9, *record).unwrap().to_vec();
        records.iter().flat_map(frame).collect()
    }

    fn whole() -> Vec<Record<'static>> {
        let (position, ticks) = (0, 40);
        vec![
            Record::Hello {
                board: "b",
                isa: "portable",
                ram: 9,
                flash: 8,
                context: 4,
                ticks_per_second: 0,
            },
            Record::Cost {
                position,
                layer: None,
                ticks,
            },
            Record::Cost {
                position,
                layer: Some(1),
                ticks: 30,
            },
            Record::Token {
                index: 0,
                token: 65,
                prompt: true,
            },
            Record::SiteDigest {
                position,
                site: SITE,
                digest: 5,
            },
            Record::logits(position, 0, &[0.5, -1.0]),
            Record::logits(position, 2, &[2.0]),
            Record::Token {
                index: 1,
                token: 66,
                prompt: false,
            },
            Record::Stat {
                site: SITE,
                summary: SiteSummary::default(),
            },
            Record::End {
                digest: 3,
                positions: 1,
                stack: 700,
            },
        ]
    }

    #[test]
    fn a_whole_recording_is_a_report() {
        let report = Report::read(&mut recording(&whole())).unwrap();
        assert_eq!((report.board.as_str(), report.ram), ("b", 9));
        assert_eq!((report.model_id, report.stack), ([7; 8], 700));
        assert_eq!(report.token_ticks, [40]);
        assert_eq!(report.layer_ticks, [[0, 30]]);
        let seen = report.seen;
        assert_eq!((seen.prompt, seen.tokens), (vec![65], vec![66]));
        assert_eq!(seen.steps[0].sites, [(SITE, 5)]);
        assert_eq!(seen.steps[0].logits, [0.5, -1.0, 2.0]);
        assert_eq!((seen.stats.len(), seen.digest), (1, 3));
    }

    #[test]
    fn loss_and_faults_are_named() {
        let all = whole();
        let cut = recording(&all[..all.len() - 1]);
        assert_eq!(
            Report::read(&mut cut.clone()).unwrap_err(),
            Error::Silent(9)
        );
        let mut broken = cut.clone();
        broken[5] ^= 0x10;
        let error = Report::read(&mut broken).unwrap_err();
        assert!(matches!(error, Error::Frame { number: 0, .. }), "{error}");
        let gap = cut.iter().position(|b| *b == 0).unwrap() + 1;
        let error = Report::read(&mut cut[gap..].to_vec()).unwrap_err();
        let (number, found) = (0, 1);
        assert_eq!(error, Error::Gap { number, found });
        let fault = Record::Fault {
            position: 3,
            what: "no",
        };
        let error = Report::read(&mut recording(&[fault])).unwrap_err();
        assert_eq!(error.to_string(), "the device stopped at position 3: no");
        let far = Record::Cost {
            position: u32::MAX,
            layer: None,
            ticks: 1,
        };
        let error = Report::read(&mut recording(&[far])).unwrap_err();
        assert_eq!(error, Error::Impossible("a position"));
        let twice = Record::logits(0, 5, &[1.0]);
        let error = Report::read(&mut recording(&[twice])).unwrap_err();
        assert_eq!(error, Error::Impossible("logits"));
    }

    #[test]
    fn noise_is_an_error_and_never_a_panic() {
        let whole = recording(&whole());
        let mut rng = Rng::new(1);
        for _ in 0..20_000 {
            let mut noisy = whole.clone();
            for _ in 0..=rng.next_u32() % 3 {
                let at = rng.next_u32() as usize % noisy.len();
                noisy[at] ^= 1 << (rng.next_u32() % 8);
            }
            noisy.truncate(1 + rng.next_u32() as usize % noisy.len());
            if noisy != whole {
                assert!(Report::read(&mut noisy).is_err());
            }
        }
    }
}
