//! A day of a device over a link that drops, flips, repeats and is cut by resets.

use std::collections::HashMap;

use lacuna::num::Rng;
use lacuna::probe::record::{Encoder, MAX_FRAME, Record, Reset, SelfTest};
use lacuna::probe::{Answer, Site, Sketch, Stat};

use super::*;

const DAY_MS: u64 = 24 * 3600 * 1000;

/// A device, and everything it has ever said by boot and number.
struct Sent {
    device: u64,
    rng: Rng,
    /// Debug text of every record: what must come out, or nothing.
    said: HashMap<(u32, u32), String>,
    /// Frames of each boot.
    count: Vec<u32>,
    frames: u64,
}

impl Sent {
    fn records(&mut self, at: u64, boot_at: u64) -> Vec<Record<'static>> {
        let rng = &mut self.rng;
        let mut records = Vec::new();
        if at == boot_at {
            records.push(Record::Hello {
                board: "simulated",
                isa: "armv7em",
                ram: 40_000,
                flash: 200_000,
                context: 64,
                ticks_per_second: 1_000_000,
            });
            records.push(Record::Health {
                reset: Reset::Watchdog,
                self_test: SelfTest::Passed,
                dropped: 0,
                stack: 3000,
            });
        }
        records.push(Record::Window {
            index: rng.next_u32(),
            positions: 64,
            answer: Answer::ALL[rng.below(4) as usize],
            score: rng.next_f32() * 40.0 - 20.0,
            p: rng.next_f32(),
            drift: rng.next_f32(),
        });
        if at.is_multiple_of(600_000) {
            for site in (0..26).filter_map(|i| Site::from_index(i, 2)) {
                let mut sketch = Sketch::EMPTY;
                for _ in 0..rng.below(30) {
                    sketch.push(Stat::Hoyer, rng.next_f32());
                }
                let stat = Stat::Hoyer;
                records.push(Record::Sketch { site, stat, sketch });
            }
        }
        records
    }

    /// A day of bytes: a window every two seconds, sketches every ten minutes, a reset about twice an hour, half of them
    /// in the middle of a frame.
    fn day(&mut self) -> Vec<u8> {
        let (mut wire, mut boot, mut boot_at) = (Vec::new(), 1, 0);
        let mut encoder = Encoder::new(self.device, boot);
        self.count.push(0);
        for at in (0..DAY_MS).step_by(2000) {
            for record in self.records(at, boot_at) {
                let seq = encoder.seq();
                wire.extend(encoder.frame(at - boot_at, record).expect("it fits"));
                self.said.insert((boot, seq), format!("{record:?}"));
                *self.count.last_mut().expect("a boot") += 1;
                self.frames += 1;
            }
            if self.rng.below(900) == 0 {
                if self.rng.below(2) == 0 {
                    let cut = self.rng.below(40) as usize;
                    wire.truncate(wire.len().saturating_sub(cut));
                }
                boot += 1;
                boot_at = at + 2000;
                encoder = Encoder::new(self.device, boot);
                self.count.push(0);
            }
        }
        wire
    }
}

/// What a link makes of bytes.
#[derive(Clone, Copy)]
struct Damage {
    /// One byte in this many is another.
    flips: u32,
    /// One packet in this many is dropped, and as many come twice.
    packets: u32,
}

fn carry(wire: &[u8], damage: Damage, rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = wire;
    while !rest.is_empty() {
        let (packet, after) = rest.split_at(rest.len().min(1 + rng.below(400) as usize));
        rest = after;
        let fate = if damage.packets == 0 {
            2
        } else {
            rng.below(damage.packets)
        };
        for _ in 0..[0, 2].get(fate as usize).copied().unwrap_or(1) {
            let mut bytes = packet.to_vec();
            for byte in &mut bytes {
                if damage.flips > 0 && rng.below(damage.flips) == 0 {
                    *byte = rng.next_u32() as u8;
                }
            }
            out.push(bytes);
        }
    }
    out
}

/// Carries a day over the link and compares the books with the truth.
fn day(seed: u64, damage: Damage) -> (Losses, u64, u64) {
    let mut sent = Sent {
        device: 0x1234_5678_9abc_def0 ^ seed,
        rng: Rng::new(seed),
        said: HashMap::new(),
        count: Vec::new(),
        frames: 0,
    };
    let wire = sent.day();
    let mut rng = Rng::new(seed + 1000);
    let (mut ledger, mut reading) = (Ledger::default(), Reading::default());
    let mut heard: HashMap<(u32, u32), u32> = HashMap::new();
    for packet in carry(&wire, damage, &mut rng) {
        reading.push(&packet, &mut ledger, |frame, _, _| {
            let key = (frame.boot, frame.seq);
            assert_eq!(frame.device, sent.device);
            let said = sent.said.get(&key).map(String::as_str);
            assert_eq!(
                said,
                Some(format!("{:?}", frame.record).as_str()),
                "a wrong record"
            );
            *heard.entry(key).or_default() += 1;
        });
    }
    reading.end(&mut ledger);
    assert!(
        heard.values().all(|n| *n == 1),
        "a record was accepted twice"
    );

    let found = ledger.of(sent.device);
    let boots = sent.count.len() as u32;
    let last = |boot: u32| {
        (0..sent.count[boot as usize - 1])
            .rev()
            .find(|s| heard.contains_key(&(boot, *s)))
    };
    let (mut lost, mut tails, mut silent) = (0, 0, 0);
    let heard_boots: Vec<u32> = (1..=boots).filter(|b| last(*b).is_some()).collect();
    for boot in 1..=boots {
        let count = sent.count[boot as usize - 1];
        let known = last(boot).map_or(0, |s| s + 1);
        lost += (0..known)
            .filter(|s| !heard.contains_key(&(boot, *s)))
            .count() as u64;
        tails += u64::from(count - known);
        let between = heard_boots.first() < Some(&boot) && Some(&boot) < heard_boots.last();
        silent += u64::from(between && last(boot).is_none());
    }
    let expected = Losses {
        accepted: heard.len() as u64,
        lost,
        duplicates: found.duplicates,
        boots: heard_boots.len() as u64,
        silent_boots: silent,
        unknown: heard_boots.len() as u64 - 1,
    };
    assert_eq!(found, expected);
    assert_eq!(sent.frames, found.accepted + found.lost + tails);
    (found, ledger.broken, sent.frames)
}

#[test]
fn a_day_at_one_per_cent_of_bytes_is_counted_exactly() {
    for seed in 1..=3 {
        let damage = Damage {
            flips: 100,
            packets: 200,
        };
        let (losses, broken, frames) = day(seed, damage);
        assert!(frames > 40_000 && losses.boots > 20, "{losses:?}");
        // A frame of some 60 bytes survives with 0.99⁶⁰.
        assert!(losses.share() > 0.2 && losses.share() < 0.8, "{losses:?}");
        assert!(
            losses.duplicates > 20 && broken > 10_000,
            "{losses:?} {broken}"
        );
    }
}

#[test]
fn a_clean_day_loses_what_resets_cut() {
    let clean = Damage {
        flips: 0,
        packets: 0,
    };
    let (losses, broken, frames) = day(9, clean);
    assert!(losses.duplicates == 0 && broken < losses.boots);
    assert!(losses.accepted + 2 * losses.boots >= frames);
}

#[test]
fn devices_share_a_link_and_the_oldest_makes_room() {
    let (mut ledger, mut reading) = (Ledger::default(), Reading::default());
    let token = Record::Token {
        index: 0,
        token: 0,
        prompt: true,
    };
    for device in 0..DEVICES as u64 + 10 {
        let mut encoder = Encoder::new(device, 1);
        for _ in 0..3 {
            let bytes = encoder.frame(1, token).unwrap().to_vec();
            reading.push(&bytes, &mut ledger, |_, _, _| ());
        }
    }
    assert_eq!(ledger.lines().len(), DEVICES + 1);
    assert_eq!(ledger.of(3), Losses::default());
    let total = ledger.total();
    assert_eq!(
        (total.accepted, total.boots),
        (3 * (DEVICES as u64 + 10), DEVICES as u64 + 10)
    );
    let json = serde_json::to_value(&ledger).unwrap();
    assert_eq!(json["devices"][DEVICES]["device"], "all");
    assert_eq!(json["devices"][DEVICES]["accepted"], total.accepted);
}

#[test]
fn versions_that_are_not_known_are_counted_apart() {
    let mut encoder = Encoder::new(1, 1);
    let token = Record::Token {
        index: 0,
        token: 0,
        prompt: true,
    };
    let mut bytes = encoder.frame(0, token).unwrap().to_vec();
    let len = bytes.len();
    assert!(len < MAX_FRAME);
    // The first byte behind the COBS code is the version; the checksum does not hold then.
    bytes[1] = 9;
    let (mut ledger, mut reading) = (Ledger::default(), Reading::default());
    reading.push(&bytes, &mut ledger, |_, _, _| panic!("no frame"));
    reading.push(&[4, 4, 4], &mut ledger, |_, _, _| panic!("no frame"));
    reading.end(&mut ledger);
    assert_eq!(
        (ledger.broken, ledger.newer, ledger.bytes),
        (2, 0, len as u64 + 3)
    );
    assert!(ledger.table().contains("2 broken frames"));
}
