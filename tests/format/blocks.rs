//! Tokenizer and golden run as parts, before they are in a file.

use lacuna::format::tokenizer::{Bpe, Kind, Vocabulary};
use lacuna::format::{Golden, TokenizerBlock, golden};
use proptest::prelude::*;

use crate::models::{STARTS, STRINGS, configs, order};

#[test]
fn tokens_are_found_the_lowest_of_equals() {
    let (scores, sorted) = order();
    let bpe = Bpe::new(&STARTS, &scores, &sorted, STRINGS, false, true).expect("sorted");
    assert_eq!(bpe.find(b"a"), Some(4));
    assert_eq!(bpe.find(b"ab"), Some(8));
    assert_eq!(bpe.find(b"</s>"), Some(2));
    for absent in [&b""[..], b"c", b"abb", b"zzzz"] {
        assert_eq!(bpe.find(absent), None);
    }
    assert_eq!(
        (bpe.string(11), bpe.score(11), bpe.string(u32::MAX)),
        (None, None, None)
    );
    assert_eq!((bpe.longest(), bpe.tokens()), (5, 11));
    assert!(!bpe.dummy_prefix && bpe.byte_fallback);
}

#[test]
fn wrong_parts() {
    let (scores, sorted) = order();
    let refused = |starts: &[u32], scores: &[f32], sorted: &[u16], strings: &[u8]| {
        Bpe::new(starts, scores, sorted, strings, false, false)
            .map_err(|e| (e.kind, e.at))
            .map(drop)
    };
    assert_eq!(refused(&[], &[], &[], &[]), Err((Kind::Length, 0)));
    assert_eq!(
        refused(&STARTS, &scores, &sorted[1..], STRINGS),
        Err((Kind::Length, 12))
    );
    assert_eq!(
        refused(&STARTS, &scores, &sorted, &STRINGS[1..]),
        Err((Kind::Starts, 11))
    );
    let mut twice = sorted.clone();
    twice[1] = twice[0];
    assert_eq!(
        refused(&STARTS, &scores, &twice, STRINGS),
        Err((Kind::Order, 1))
    );
    let special = TokenizerBlock::new(Vocabulary::Bytes, Some(256), None);
    assert_eq!(
        special.map_err(|e| (e.kind, e.at)).map(drop),
        Err((Kind::Special, 256))
    );
    assert_eq!(TokenizerBlock::BYTES.tokens(), 256);
}

#[test]
fn golden_runs() {
    let [plain, ..] = configs();
    let layers = [7u64.to_le_bytes(), 9u64.to_le_bytes()];
    let wrong = |prompt: &[u32], expected: &[u32], layers: &[[u8; 8]]| {
        Golden::new(&plain, prompt, expected, 0, layers)
            .map_err(|e| (e.kind, e.at))
            .map(drop)
    };
    use golden::Kind;
    assert_eq!(wrong(&[], &[1], &layers), Err((Kind::Empty, 0)));
    assert_eq!(wrong(&[1], &[1], &layers[..1]), Err((Kind::Layers, 1)));
    assert_eq!(wrong(&[1], &[2, 3, 11], &layers), Err((Kind::Token, 3)));
    assert_eq!(
        wrong(&[1, 2, 3], &[4, 5, 6, 7], &layers),
        Err((Kind::Context, 6))
    );
    assert_eq!(
        wrong(&[1, 2, 3], &[4, 5, 6], &layers),
        Ok(()),
        "the last token is not fed"
    );
    let run = Golden::new(&plain, &[1, 2], &[], 5, &layers).expect("a prompt alone");
    assert_eq!((run.positions(), run.logits()), (2, 5));
    assert_eq!(
        [run.layer(0), run.layer(1), run.layer(2)],
        [Some(7), Some(9), None]
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_vocabulary_sorts_and_finds(strings in prop::collection::vec(prop::collection::vec(0u8..4, 0..5), 1..40)) {
        let mut starts = vec![0];
        for string in &strings {
            starts.push(starts[starts.len() - 1] + string.len() as u32);
        }
        let mut sorted: Vec<u16> = (0..strings.len() as u16).collect();
        sorted.sort_by_key(|&t| (&strings[usize::from(t)], t));
        let (all, scores) = (strings.concat(), vec![0.0; strings.len()]);
        let bpe = Bpe::new(&starts, &scores, &sorted, &all, false, false).expect("sorted");
        for string in &strings {
            let first = strings.iter().position(|s| s == string).map(|t| t as u32);
            prop_assert_eq!(bpe.find(string), first);
        }
        prop_assert_eq!(bpe.find(&[4]), None);
        for i in 1..sorted.len() {
            let mut swapped = sorted.clone();
            swapped.swap(i - 1, i);
            prop_assert!(Bpe::new(&starts, &scores, &swapped, &all, false, false).is_err());
        }
    }
}
