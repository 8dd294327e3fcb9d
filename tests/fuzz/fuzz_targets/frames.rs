//! Bytes into the frame decoder, as a stream and as the content of a frame with a good checksum.
#![no_main]

use lacuna::num::crc32;
use lacuna::probe::record::{
    Decoder, MAX_FRAME, Record, decode, encode, floats, frames, plan, tokens,
};
use libfuzzer_sys::fuzz_target;

/// Everything a reader does with a record.
fn touch(record: Record<'_>) {
    match record {
        Record::Logits { bits, .. } | Record::Samples { bits, .. } => {
            assert!(floats(bits).count() <= bits.len() / 4);
        }
        Record::Input { bits, .. } => assert!(tokens(bits).count() <= bits.len() / 4),
        Record::Plan { plan: bytes } => {
            let _ = plan(bytes).map(|p| p.pairs(4).count());
        }
        _ => {}
    }
}

fuzz_target!(|data: &[u8]| {
    // The same frames whether the bytes come at once or one by one.
    let (mut whole, mut pieces) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::new();
    decoder.push(data, |frame| {
        whole.push(frame.map(|f| f.seq));
        if let Ok(frame) = frame {
            touch(frame.record);
        }
    });
    let mut decoder = Decoder::new();
    for byte in data.chunks(1) {
        decoder.push(byte, |frame| pieces.push(frame.map(|f| f.seq)));
    }
    assert_eq!(whole, pieces);
    let good = frames(&mut data.to_vec()).filter(Result::is_ok).count();
    assert!(good <= whole.iter().filter(|f| f.is_ok()).count() + 1);

    // The checksum would hide all but one input in four billion from what lies behind it.
    let mut checked = data.to_vec();
    checked.extend(crc32(data).to_le_bytes());
    let mut sealed = vec![0; cobs::max_encoding_length(checked.len()) + 1];
    let len = cobs::encode(&checked, &mut sealed);
    if let Ok(frame) = decode(&mut sealed[..len]) {
        touch(frame.record);
        let mut buffer = [0; MAX_FRAME];
        if let Ok(bytes) = encode(&frame, &mut buffer) {
            let mut bytes = bytes.to_vec();
            let again = decode(&mut bytes).expect("what was written is read");
            assert_eq!((again.seq, again.boot), (frame.seq, frame.boot));
        }
    }
});
