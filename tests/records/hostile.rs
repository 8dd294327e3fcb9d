//! Bytes that no device has sent.

use lacuna::num::{Rng, crc32};
use lacuna::probe::record::{Decoder, MAX_FRAME, Record, decode, encode, floats, frames, tokens};
use proptest::prelude::*;

use super::{Said, frame};

/// `content` as a frame with a good checksum, so that damage reaches what lies behind it.
fn sealed(content: &[u8]) -> Vec<u8> {
    let mut checked = content.to_vec();
    checked.extend(crc32(content).to_le_bytes());
    let mut bytes = vec![0; cobs::max_encoding_length(checked.len()) + 1];
    let len = cobs::encode(&checked, &mut bytes);
    bytes.truncate(len);
    bytes
}

fn content(record: Record<'_>) -> Vec<u8> {
    let mut buffer = [0; MAX_FRAME];
    let len = encode(&frame(record, 7), &mut buffer).unwrap().len();
    let len = cobs::decode_in_place(&mut buffer[..len - 1]).unwrap();
    buffer[..len - 4].to_vec()
}

/// Everything a reader does with a record.
fn touch(record: Record<'_>) -> usize {
    let kind = record.kind().len();
    match record {
        Record::Logits { bits, .. } | Record::Samples { bits, .. } => kind + floats(bits).count(),
        Record::Input { bits, .. } => kind + tokens(bits).count(),
        other => format!("{other:?}").len(),
    }
}

proptest! {
    #[test]
    fn noise_is_never_a_record(noise in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(frames(&mut noise.clone()).all(|f| f.is_err()));
        let mut decoder = Decoder::new();
        decoder.push(&noise, |frame| assert!(frame.is_err()));
    }

    #[test]
    fn sealed_nonsense_is_refused_or_read_without_harm(
        kind in 0usize..15,
        version in 0u8..4,
        cut in 0usize..300,
        flips in prop::collection::vec((0usize..300, any::<u8>()), 0..5),
    ) {
        let said = Said::new();
        let mut content = content(said.records()[kind]);
        content[0] = version;
        content.truncate(cut.max(1));
        for (at, value) in flips {
            let len = content.len();
            content[at % len] = value;
        }
        if let Ok(frame) = decode(&mut sealed(&content)) {
            prop_assert!(matches!(frame.version, 1 | 2));
            prop_assert!(touch(frame.record) > 0);
        }
    }
}

#[test]
fn damaged_frames_are_refused() {
    let whole = Said::new().recording();
    for bytes in whole.split_inclusive(|b| *b == 0) {
        for cut in 0..bytes.len() - 1 {
            assert!(decode(&mut bytes[..cut].to_vec()).is_err());
        }
        for at in 0..bytes.len() - 1 {
            for bit in 0..8 {
                let mut damaged = bytes.to_vec();
                damaged[at] ^= 1 << bit;
                assert!(decode(&mut damaged).is_err());
            }
        }
    }
}

#[test]
fn a_frame_with_more_than_its_record_is_refused() {
    let mut long = content(Record::Token {
        index: 1,
        token: 2,
        prompt: true,
    });
    assert!(decode(&mut sealed(&long)).is_ok());
    long.push(0);
    assert!(decode(&mut sealed(&long)).is_err());
    assert!(decode(&mut sealed(&[])).is_err());
    let mut rng = Rng::new(3);
    for len in 1..200 {
        let noise: Vec<u8> = (0..len).map(|_| rng.next_u32() as u8).collect();
        if let Ok(frame) = decode(&mut sealed(&noise)) {
            assert!(touch(frame.record) > 0);
        }
    }
}
