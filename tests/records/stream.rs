//! The streaming decoder: any cuts, damage anywhere, stretches of any length.

use lacuna::num::Rng;
use lacuna::probe::record::{Decoder, Error, MAX_FRAME, frames};
use proptest::prelude::*;

use super::Said;

/// What comes out of `pieces`: the number of a frame, or why it is none.
fn decoded<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<u32, Error>> {
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    for piece in pieces {
        decoder.push(piece, |frame| found.push(frame.map(|f| f.seq)));
    }
    found
}

proptest! {
    #[test]
    fn the_same_frames_however_the_bytes_are_cut(
        cuts in prop::collection::vec(0usize..4000, 0..60),
        damage in prop::collection::vec((0usize..4000, any::<u8>()), 0..6),
    ) {
        let mut bytes = Said::new().recording();
        for (at, value) in damage {
            let len = bytes.len();
            bytes[at % len] = value;
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at % bytes.len()).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = decoded(cuts.windows(2).map(|w| &bytes[w[0]..w[1]]));
        prop_assert_eq!(&decoded(bytes.chunks(1)), &pieces);
        let closed = bytes.last() == Some(&0);
        let mut at_once: Vec<_> = frames(&mut bytes).map(|f| f.ok().map(|f| f.seq)).collect();
        if !closed {
            at_once.pop();
        }
        // A stretch that two frames have grown into is too long for the one and broken for the other.
        let pieces: Vec<_> = pieces.into_iter().map(Result::ok).collect();
        prop_assert_eq!(at_once, pieces);
    }
}

#[test]
fn a_stretch_without_end_is_one_broken_frame() {
    let whole = Said::new().recording();
    for len in [MAX_FRAME, MAX_FRAME + 1, 100_000] {
        let mut bytes = vec![7; len];
        bytes.push(0);
        bytes.extend(&whole);
        let found = decoded(bytes.chunks(64));
        assert_eq!(found[0], Err(Error::Framing));
        assert!(found[1..].iter().all(Result::is_ok));
        assert_eq!(found.len(), 1 + Said::new().records().len());
    }
}

#[test]
fn damage_costs_the_frames_beside_it() {
    let whole = Said::new().recording();
    let count = Said::new().records().len();
    let mut rng = Rng::new(1);
    for _ in 0..2000 {
        let mut damaged = whole.clone();
        let at = rng.below(damaged.len() as u32) as usize;
        damaged[at] = rng.next_u32() as u8;
        let found = decoded([damaged.as_slice()].into_iter());
        let good = found.iter().filter(|f| f.is_ok()).count();
        assert!(good >= count - 2, "{at} {good}");
    }
}

#[test]
fn a_reset_in_the_middle_of_a_frame_costs_that_frame() {
    let whole = Said::new().recording();
    let first = whole.iter().position(|b| *b == 0).unwrap();
    for cut in 1..first {
        // The device starts anew; its first byte after a reset closes what was cut.
        let mut bytes = whole[..cut].to_vec();
        bytes.push(0);
        bytes.extend(&whole);
        let found = decoded([bytes.as_slice()].into_iter());
        assert!(found[0].is_err());
        assert_eq!(found[1], Ok(0));
    }
}

#[test]
fn what_is_pending_can_be_dropped() {
    let whole = Said::new().recording();
    let mut decoder = Decoder::new();
    decoder.push(&whole[..9], |_| panic!("no frame ended"));
    assert_eq!(decoder.pending(), 9);
    assert!(decoder.reset());
    assert!(!decoder.reset());
    let mut first = None;
    decoder.push(&whole, |frame| first = first.or(Some(frame.map(|f| f.seq))));
    assert_eq!(first, Some(Ok(0)));
}
