//! Every kind there and back, and the bounds.

use lacuna::num::crc32;
use lacuna::probe::record::{
    Error, Frame, MAX_FRAME, MAX_PLAN, Record, VERSION, decode, encode, floats, frames, plan,
    tokens,
};
use lacuna::probe::{HookSet, Layers, MAX_RULES, Positions, ProbePlan, Rule, StatSet};

use super::{BOOT, Said, TEXT, encoder, frame};

fn bits(x: impl Iterator<Item = f32>) -> Vec<u32> {
    x.map(f32::to_bits).collect()
}

#[test]
fn every_record_comes_back_and_frames_are_found_in_noise() {
    assert_eq!(TEXT.len(), 64);
    let said = Said::new();
    let mut noisy = b"boot noise\0\0\0".to_vec();
    noisy.extend(said.recording());
    noisy.extend(b"cut of");
    let found: Vec<_> = frames(&mut noisy).collect();
    let expected = said.records();
    assert_eq!(found.len(), expected.len() + 2);
    assert!(found[0].is_err() && found[expected.len() + 1].is_err());
    for (i, (found, expected)) in found[1..].iter().zip(expected).enumerate() {
        let found = found.unwrap();
        assert_eq!(found, frame(expected, i as u32));
        match found.record {
            Record::Logits { bits: raw, .. } | Record::Samples { bits: raw, .. } => {
                assert_eq!(bits(floats(raw)), bits(said.logits.iter().copied()));
            }
            Record::Input { bits: raw, .. } => assert!(tokens(raw).eq(said.tokens.iter().copied())),
            _ => {}
        }
    }
}

#[test]
fn the_longest_records_fit_and_hold_no_zero() {
    let said = Said::new();
    for (seq, record) in said.records().into_iter().enumerate() {
        let mut buffer = [0xaa; MAX_FRAME];
        let worst = Frame {
            seq: u32::MAX - seq as u32,
            ..frame(record, 0)
        };
        let bytes = encode(&worst, &mut buffer).unwrap();
        let (last, inside) = bytes.split_last().unwrap();
        assert_eq!(*last, 0);
        assert!(!inside.contains(&0));
    }
}

#[test]
fn the_longest_plan_comes_back() {
    let rule = Rule {
        hooks: HookSet(u16::MAX),
        layers: Layers::ALL,
        stats: StatSet(u32::MAX),
        positions: Positions::Every(u16::MAX),
    };
    let longest = ProbePlan::of(&[rule; MAX_RULES]).unwrap();
    let mut memory = [0; MAX_PLAN];
    let Record::Plan { plan: bytes } = Record::plan(&longest, &mut memory) else {
        panic!("a plan");
    };
    assert_eq!(plan(bytes).as_ref(), Some(&longest));
    assert_eq!(plan(&bytes[..bytes.len() - 1]), None);
    assert_eq!(plan(&[bytes, &[0]].concat()), None);
}

#[test]
fn short_buffers_are_refused() {
    let said = Said::new();
    for record in said.records() {
        let mut buffer = [0; MAX_FRAME];
        let len = encode(&frame(record, 0), &mut buffer).unwrap().len();
        for given in 0..len {
            let mut buffer = vec![0; given];
            let refused = encode(&frame(record, 0), &mut buffer);
            assert_eq!(refused, Err(Error::BufferTooSmall { given }));
        }
    }
}

#[test]
fn a_record_that_does_not_fit_leaves_a_gap() {
    let long = "x".repeat(MAX_FRAME);
    let mut encoder = encoder();
    let fault = |what| Record::Fault { position: 0, what };
    let given = MAX_FRAME;
    let refused = encoder.frame(0, fault(&long)).map(<[u8]>::len);
    assert_eq!(refused, Err(Error::BufferTooSmall { given }));
    let mut bytes = encoder.frame(5, fault("short")).unwrap().to_vec();
    let frame = decode(&mut bytes).unwrap();
    assert_eq!((frame.boot, frame.seq, frame.uptime_ms), (BOOT, 1, 5));
}

#[test]
fn other_versions_are_named_and_not_guessed() {
    let token = Record::Token {
        index: 0,
        token: 1,
        prompt: false,
    };
    for version in [0, 3, 255] {
        let other = Frame {
            version,
            ..frame(token, 0)
        };
        assert_eq!(encode(&other, &mut [0; 64]), Err(Error::Version(version)));
        // A well-formed frame of that version, whatever it may hold.
        let mut content = vec![version, 1, 2, 3];
        content.extend(crc32(&content).to_le_bytes());
        let mut bytes = vec![0; 32];
        let len = cobs::encode(&content, &mut bytes);
        assert_eq!(decode(&mut bytes[..len]), Err(Error::Version(version)));
    }
    let words = Error::Version(9).to_string();
    assert!(
        words.contains('9') && words.contains(&VERSION.to_string()),
        "{words}"
    );
}
