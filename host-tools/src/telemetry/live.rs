//! The latest of every device, as a table that is drawn again and again.
//!
//! # Invariants
//! - At most [`DEVICES`] devices and [`SKETCHES`] sketches are kept, and no more lines drawn than the terminal has.
//!
//! # Why
//! A person who has just connected a board wants to see that it speaks, what it says of itself, and what is lost.

use std::collections::BTreeMap;
use std::time::Instant;

use lacuna::probe::record::{Frame, Record};
use lacuna::probe::{Answer, Site, Sketch, Stat};

use super::ledger::{DEVICES, Ledger};
use super::row::hex;
use crate::report::{count, percent, table};

/// Most sketches that are kept.
const SKETCHES: usize = 512;

/// The latest words of one device.
#[derive(Clone, Debug)]
struct Device {
    model: [u8; 8],
    board: String,
    boot: u32,
    uptime_ms: u64,
    answer: Option<Answer>,
    score: Option<f32>,
    fault: Option<String>,
    heard: Instant,
}

/// What is shown.
#[derive(Debug, Default)]
pub struct Live {
    devices: BTreeMap<u64, Device>,
    /// Whose sketches are shown: the first device that sends any.
    watched: Option<u64>,
    sketches: BTreeMap<(u8, u8, Stat), (Site, Sketch)>,
}

impl Live {
    /// Takes note of an accepted frame.
    pub fn note(&mut self, frame: &Frame<'_>) {
        if !self.devices.contains_key(&frame.device) && self.devices.len() >= DEVICES {
            let quiet = self.devices.iter().min_by_key(|(_, d)| d.heard);
            if let Some(device) = quiet.map(|(device, _)| *device) {
                self.devices.remove(&device);
            }
        }
        let new = || Device {
            model: frame.model_id,
            board: String::new(),
            boot: frame.boot,
            uptime_ms: 0,
            answer: None,
            score: None,
            fault: None,
            heard: Instant::now(),
        };
        let device = self.devices.entry(frame.device).or_insert_with(new);
        if device.boot != frame.boot {
            (device.answer, device.score, device.fault) = (None, None, None);
        }
        device.model = frame.model_id;
        device.boot = frame.boot;
        device.uptime_ms = frame.uptime_ms;
        device.heard = Instant::now();
        match frame.record {
            Record::Hello { board, .. } => device.board = printable(board),
            Record::Window { answer, score, .. } => {
                (device.answer, device.score) = (Some(answer), Some(score));
            }
            Record::Monitor { answer, .. } => device.answer = Some(answer),
            Record::Fault { what, .. } => device.fault = Some(printable(what)),
            Record::Sketch { site, stat, sketch } => {
                let watched = *self.watched.get_or_insert(frame.device);
                let key = (site.layer, site.hook as u8, stat);
                let room = self.sketches.len() < SKETCHES || self.sketches.contains_key(&key);
                if watched == frame.device && room {
                    self.sketches.insert(key, (site, sketch));
                }
            }
            _ => {}
        }
    }

    /// The tables, in at most `lines` lines.
    pub fn draw(&self, ledger: &Ledger, lines: usize) -> String {
        let head = [
            "device", "model", "board", "boot", "uptime", "records", "lost", "copies", "answer",
            "score", "heard",
        ];
        let mut devices: Vec<_> = self.devices.iter().collect();
        devices.sort_by_key(|(_, d)| d.heard.elapsed().as_secs());
        let shown = devices.len().min(lines.saturating_sub(4).max(1));
        let rows = devices[..shown].iter().map(|(number, d)| {
            let losses = ledger.of(**number);
            let answer = match (&d.fault, d.answer) {
                (Some(fault), _) => format!("fault: {fault}"),
                (None, Some(answer)) => answer.name().to_owned(),
                (None, None) => "-".to_owned(),
            };
            [
                hex(**number),
                hex(u64::from_be_bytes(d.model)),
                d.board.clone(),
                d.boot.to_string(),
                clock(d.uptime_ms / 1000),
                count(losses.accepted),
                format!("{} ({})", count(losses.lost), percent(losses.share())),
                count(losses.duplicates),
                answer,
                d.score.map_or("-".to_owned(), |s| format!("{s:.4}")),
                format!("{} s ago", d.heard.elapsed().as_secs()),
            ]
        });
        let mut text = table(head, rows);
        if devices.len() > shown {
            text.push_str(&format!("\n… and {} more", devices.len() - shown));
        }
        let left = lines.saturating_sub(text.lines().count() + 3);
        if let (Some(watched), true) = (self.watched, left > 1) {
            text.push_str(&format!("\n\nlatest sketches of {}\n", hex(watched)));
            text.push_str(&self.sketches(left - 1));
        }
        text
    }

    fn sketches(&self, most: usize) -> String {
        let head = ["site", "statistic", "n", "mean", "sd", "min", "max"];
        let rows = self
            .sketches
            .iter()
            .take(most)
            .map(|((_, _, stat), (site, s))| {
                [
                    site.to_string(),
                    stat.name().to_owned(),
                    count(s.n.into()),
                    format!("{:.4}", s.mean),
                    format!("{:.4}", s.sd()),
                    format!("{:.4}", s.min),
                    format!("{:.4}", s.max),
                ]
            });
        table(head, rows)
    }
}

/// Seconds as `1 d 02:03:04`.
fn clock(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days == 0 {
        time
    } else {
        format!("{days} d {time}")
    }
}

/// A device's words without anything that would move the cursor.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Reading;
    use lacuna::probe::Hook;
    use lacuna::probe::record::Encoder;

    #[test]
    fn the_table_shows_who_speaks_what_is_lost_and_never_too_much() {
        let (mut board, mut ledger) = (Live::default(), Ledger::default());
        for device in 0..40 {
            let mut encoder = Encoder::new(device, 2);
            let mut reading = Reading::default();
            let mut say = |record, drop: bool| {
                let bytes = encoder.frame(93_784_000, record).unwrap().to_vec();
                let bytes = if drop { &[][..] } else { &bytes };
                reading.push(bytes, &mut ledger, |frame, _, _| board.note(frame));
            };
            let hello = Record::Hello {
                board: "esc\u{1b}[2J",
                isa: "portable",
                ram: 1,
                flash: 2,
                context: 3,
                ticks_per_second: 4,
            };
            say(hello, false);
            say(hello, true);
            for layer in 0..30 {
                let hook = Hook::MlpPost;
                let sketch = Sketch::EMPTY;
                let site = Site { layer, hook };
                let stat = Stat::Hoyer;
                say(Record::Sketch { site, stat, sketch }, false);
            }
            let answer = Answer::Drifting;
            say(
                Record::Window {
                    index: 1,
                    positions: 2,
                    answer,
                    score: 0.5,
                    p: 0.1,
                    drift: 3.0,
                },
                false,
            );
        }
        for lines in [1, 5, 24, 60, 500] {
            let text = board.draw(&ledger, lines);
            assert!(text.lines().count() <= lines.max(5), "{lines}\n{text}");
            assert!(!text.contains('\u{1b}'));
        }
        let text = board.draw(&ledger, 24) + &board.draw(&ledger, 500);
        let parts = [
            "drifting",
            "1 d 02:03:04",
            "1 (3.0 %)",
            "esc?[2J",
            "… and",
            "hoyer",
        ];
        for part in parts {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
