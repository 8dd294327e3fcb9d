//! What a board streams through a model of windows: recordings in a block of its file, or the golden window in a loop.
//!
//! ```text
//! block `strm`:  u32 samples · f32 × samples·channels   u32 samples · …      read by targets/harness/src/passes/stream.rs
//! ```
//!
//! # Invariants
//! - The windows given here are those that the harness streams, bit for bit and in its order.
//! - The block is no part of a model that is kept: it travels with a run.

use lacuna::format::Tag;
use lacuna::model::Model;
use lacuna::probe::record::floats;

/// The block of recordings.
pub const RECORDINGS: Tag = Tag(*b"strm");
/// Most channels of a recording that the harness streams.
pub const CHANNELS: usize = 64;

/// The block of `recordings`, samples of all channels one after the other.
pub fn block<'a>(channels: usize, recordings: impl Iterator<Item = &'a [f32]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for recording in recordings {
        let samples = recording.len() / channels.max(1);
        bytes.extend((samples as u32).to_le_bytes());
        let whole = recording.iter().take(samples * channels);
        bytes.extend(whole.flat_map(|x| x.to_le_bytes()));
    }
    bytes
}

/// Recordings of a block, as far as it goes.
fn recordings(mut block: &[u8], channels: usize) -> Vec<Vec<f32>> {
    let mut found = Vec::new();
    while let Some((samples, rest)) = block.split_first_chunk() {
        let bytes = u32::from_le_bytes(*samples) as usize;
        let Some((bits, rest)) = rest.split_at_checked(bytes.saturating_mul(4 * channels)) else {
            break;
        };
        found.push(floats(bits).collect());
        block = rest;
    }
    found
}

/// The first `n` windows that a device with `model` streams; none where it has neither recordings nor a golden window.
pub fn windows(model: &Model<'_>, n: usize) -> Vec<Vec<f32>> {
    let (file, config) = (model.file(), model.config());
    let (len, channels) = (config.window_len(), config.channels());
    if channels == 0 {
        return Vec::new();
    }
    let hop = file.sensor().map_or(1, |sensor| sensor.hop as usize).max(1);
    if let Some(block) = file.block(RECORDINGS) {
        let all = recordings(block, channels);
        let each = all
            .iter()
            .flat_map(|r| r.windows(len).step_by(hop * channels));
        return each.take(n).map(<[f32]>::to_vec).collect();
    }
    let Some(golden) = file.golden() else {
        return Vec::new();
    };
    let window = |i: usize| {
        let start = (i * hop % (len / channels)) * channels;
        let samples = golden.window().iter().cycle().skip(start);
        samples.take(len).copied().collect()
    };
    (0..n).map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_gives_its_recordings_back_and_a_torn_one_what_is_whole() {
        let all = [vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0]];
        let bytes = block(2, all.iter().map(Vec::as_slice));
        assert_eq!(bytes.len(), 4 * (2 + 6));
        assert_eq!(recordings(&bytes, 2), all);
        for cut in 0..bytes.len() {
            let whole = recordings(&bytes[..cut], 2);
            assert_eq!(whole, all[..usize::from(cut >= 20)], "{cut}");
        }
        assert!(recordings(&[255; 9], 2).is_empty());
    }
}
