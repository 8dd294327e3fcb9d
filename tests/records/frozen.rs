//! Frames that were written once, of every version: they are read forever.
//!
//! `LACUNA_BLESS=1 cargo test --test records` writes the frames of the current version anew, which is right only as long
//! as no release has written them. Those of older versions cannot be written any more.

use std::fs;
use std::path::PathBuf;

use lacuna::probe::record::{Error, Frame, Record, VERSION, decode, frames};
use lacuna::probe::{Hook, Site, SiteSummary, Summary};

use super::{MODEL, Said, UPTIME, frame};

fn path(version: u8) -> PathBuf {
    let name = format!("tests/golden/frames-v{version}.bin");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What version 1 said.
fn first(logits: &[f32]) -> Vec<Record<'_>> {
    let site = Site {
        layer: 3,
        hook: Hook::MlpPost,
    };
    let seen = |mean| Summary {
        n: 300,
        mean,
        min: 0.0,
        max: 0.75,
    };
    let (position, ticks) = (1, u64::MAX);
    vec![
        Record::Hello {
            board: "qemu-mps2-an386",
            isa: "armv7em",
            ram: 54_321,
            flash: 123_456,
            context: 64,
            ticks_per_second: 25_000_000,
        },
        Record::Token {
            index: 0,
            token: 258,
            prompt: true,
        },
        Record::SiteDigest {
            position: 3,
            site,
            digest: 0x0123_4567_89ab_cdef,
        },
        Record::logits(7, 192, logits),
        Record::Stat {
            site,
            summary: SiteSummary {
                zero_share: seen(0.25),
                le_eps_share: seen(0.5),
                hoyer: seen(0.125),
            },
        },
        Record::Cost {
            position,
            layer: Some(3),
            ticks,
        },
        Record::Cost {
            position,
            layer: None,
            ticks: 0,
        },
        Record::Fault {
            position: 2,
            what: "context of 64 is full",
        },
        Record::End {
            digest: 0xfedc_ba98_7654_3210,
            positions: 9,
            stack: 4096,
        },
    ]
}

#[test]
fn version_1_is_read_with_neither_device_nor_uptime() {
    let logits = [0.5, -0.0, f32::from_bits(0xffc0_0001), -1.5];
    let mut bytes = fs::read(path(1)).unwrap();
    let found: Vec<_> = frames(&mut bytes).map(Result::unwrap).collect();
    let expected: Vec<_> = first(&logits)
        .into_iter()
        .zip(0..)
        .map(|(record, seq)| Frame {
            version: 1,
            model_id: MODEL,
            device: 0,
            boot: 258,
            seq,
            uptime_ms: 0,
            record,
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn version_2_is_read_and_written_byte_for_byte() {
    let said = Said::new();
    let path = path(VERSION);
    if std::env::var_os("LACUNA_BLESS").is_some() {
        fs::write(&path, said.recording()).unwrap();
    }
    let mut bytes = fs::read(&path).unwrap();
    assert!(
        bytes == said.recording(),
        "the bytes of a frame have changed: raise VERSION"
    );
    let found: Vec<_> = frames(&mut bytes).map(Result::unwrap).collect();
    let records = said.records().into_iter();
    let expected: Vec<_> = records.zip(0..).map(|(r, seq)| frame(r, seq)).collect();
    assert_eq!(found, expected);
    assert!(found.iter().all(|f| f.uptime_ms == UPTIME));
}

#[test]
fn every_byte_of_the_frozen_frames_counts() {
    for version in [1, 2] {
        let bytes = fs::read(path(version)).unwrap();
        for frame in bytes.split_inclusive(|b| *b == 0) {
            for at in 0..frame.len() - 1 {
                let mut damaged = frame.to_vec();
                damaged[at] ^= 0x11;
                let read = decode(&mut damaged);
                assert!(
                    matches!(read, Err(Error::Framing | Error::Checksum)),
                    "{at}"
                );
            }
        }
    }
}
