//! Saved sessions: they go on to the same bits, and nothing else is taken for one.

mod tiny;

use lacuna::model::CacheType;
use lacuna::num::crc32;
use lacuna::session::{Error, Options, SaveError, Session, WhenFull};
use tiny::{Bytes, Form, Memory, PLAIN, RICH, Tiny, bits, options, tokens};

/// Everything a session of `file` would save after `tokens`.
fn saved(file: &Bytes, options: Options, tokens: &[u32]) -> Vec<u8> {
    let model = file.model();
    let mut memory = Memory::new(model.config(), &options.limits);
    let mut session = Session::new(model, memory.get(), options).unwrap();
    session.prompt(tokens).unwrap();
    let mut out = vec![0; session.save_len()];
    assert_eq!(session.save(&mut out), Ok(out.len()));
    out
}

/// Refusal of `bytes` by a session that has run two tokens, and where it then stands.
fn refusal(file: &Bytes, options: Options, bytes: &[u8]) -> (SaveError, u64) {
    let model = file.model();
    let mut memory = Memory::new(model.config(), &options.limits);
    let mut session = Session::new(model, memory.get(), options).unwrap();
    session.prompt(&[1, 2]).unwrap();
    match session.restore(bytes) {
        Err(Error::Save(e)) => (e, session.position()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_position_goes_on_to_the_same_bits() {
    let file = Tiny::new(RICH, 1).file(Form::PLAIN);
    for cache in CacheType::ALL {
        for (when_full, n) in [(WhenFull::Error, 9), (WhenFull::Slide, 30)] {
            let options = options(&RICH, cache, when_full);
            let tokens = tokens(&RICH, n, 1);
            let mut memory = Memory::new(&RICH, &options.limits);
            let mut session = Session::new(file.model(), memory.get(), options).unwrap();
            let all: Vec<_> = tokens
                .iter()
                .map(|t| bits(session.step(*t).unwrap()))
                .collect();
            for at in 0..=n {
                let bytes = saved(&file, options, &tokens[..at]);
                // Into a session that has seen other things.
                session.clear();
                session.prompt(&tokens[..n / 2]).unwrap();
                session.restore(&bytes).unwrap();
                assert_eq!(session.position(), at as u64);
                if at > 0 {
                    assert_eq!(bits(session.logits()), all[at - 1]);
                }
                for (token, expected) in tokens[at..].iter().zip(&all[at..]) {
                    assert_eq!(&bits(session.step(*token).unwrap()), expected);
                }
            }
        }
    }
}

#[test]
fn a_save_is_as_long_as_what_was_used() {
    let file = Tiny::new(RICH, 1).file(Form::PLAIN);
    let options = options(&RICH, CacheType::F16, WhenFull::Slide);
    let a_position = 2 * RICH.n_layers * RICH.kv_dim() * 2;
    for n in [0, 1, 5, 9, 20] {
        let len = saved(&file, options, &tokens(&RICH, n, 2)).len();
        assert_eq!(len, 28 + n.min(9) * a_position + 4 * RICH.vocab_size + 4);
    }
    let int8 = tiny::options(&RICH, CacheType::I8, WhenFull::Slide);
    let a_position = 2 * RICH.n_layers * (RICH.kv_dim() + 4 * RICH.n_kv_heads);
    let len = saved(&file, int8, &tokens(&RICH, 5, 2)).len();
    assert_eq!(len, 28 + 5 * a_position + 4 * RICH.vocab_size + 4);
    let mut memory = Memory::new(&RICH, &options.limits);
    let session = Session::new(file.model(), memory.get(), options).unwrap();
    let needed = session.save_len();
    let given = needed - 1;
    assert_eq!(
        session.save(&mut vec![0; given]),
        Err(SaveError::BufferTooSmall { needed, given }.into())
    );
}

#[test]
fn damage_is_refused_and_changes_nothing() {
    let file = Tiny::new(RICH, 1).file(Form::PLAIN);
    let options = options(&RICH, CacheType::F32, WhenFull::Slide);
    let bytes = saved(&file, options, &tokens(&RICH, 3, 3));
    for cut in 0..bytes.len() {
        assert_eq!(refusal(&file, options, &bytes[..cut]).1, 2);
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert_eq!(refusal(&file, options, &damaged).1, 2);
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(refusal(&file, options, &longer).0, SaveError::Checksum);
}

/// `bytes` after `change`, with a checksum that holds.
fn forged(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut content = bytes[..bytes.len() - 4].to_vec();
    change(&mut content);
    let sum = crc32(&content);
    content.extend(sum.to_le_bytes());
    content
}

#[test]
fn forgery_is_refused() {
    let file = Tiny::new(RICH, 1).file(Form::PLAIN);
    let slide = options(&RICH, CacheType::F32, WhenFull::Slide);
    let fixed = options(&RICH, CacheType::F32, WhenFull::Error);
    let three = tokens(&RICH, 3, 4);
    let bytes = saved(&file, slide, &three);
    let of = |change: fn(&mut Vec<u8>)| refusal(&file, slide, &forged(&bytes, change));

    assert_eq!(of(|b| b[0] = b'X'), (SaveError::Magic, 2));
    assert_eq!(of(|b| b[4] = 2), (SaveError::Magic, 2));
    assert_eq!(of(|b| b[8] ^= 1), (SaveError::OtherModel, 2));
    assert_eq!(of(|b| b[7] = 1), (SaveError::OtherLimits, 2));
    assert_eq!(of(|b| b[24] = 8), (SaveError::OtherLimits, 2));
    for position in [2u64, 4, u64::MAX] {
        let bytes = forged(&bytes, |b| {
            b[16..24].copy_from_slice(&position.to_le_bytes())
        });
        let (refused, at) = refusal(&file, slide, &bytes);
        assert!(matches!(refused, SaveError::Length { .. }) && at == 2);
    }
    for nan in [28, bytes.len() - 8] {
        let bytes = forged(&bytes, |b| {
            b[nan..nan + 4].copy_from_slice(&f32::NAN.to_le_bytes())
        });
        assert_eq!(refusal(&file, slide, &bytes), (SaveError::NonFinite, 0));
    }
    // Nor does an int8 cache take a scale that is not finite: the first lies behind the first layer's keys.
    let int8 = options(&RICH, CacheType::I8, WhenFull::Slide);
    let scale = 28 + three.len() * RICH.kv_dim();
    let bytes = forged(&saved(&file, int8, &three), |b| {
        b[scale..scale + 4].copy_from_slice(&f32::INFINITY.to_le_bytes())
    });
    assert_eq!(refusal(&file, int8, &bytes), (SaveError::NonFinite, 0));
    // A fixed window has no position beyond its context.
    let bytes = saved(&file, fixed, &three);
    let beyond = forged(&bytes, |b| b[16] = 10);
    assert_eq!(refusal(&file, fixed, &beyond), (SaveError::OtherLimits, 2));
}

#[test]
fn other_sessions_are_refused() {
    let file = Tiny::new(RICH, 1).file(Form::PLAIN);
    let here = options(&RICH, CacheType::F32, WhenFull::Slide);
    let mut shorter = here;
    shorter.limits.context = 8;
    let others = [
        options(&RICH, CacheType::F16, WhenFull::Slide),
        options(&RICH, CacheType::F32, WhenFull::Error),
        shorter,
    ];
    for other in others {
        let bytes = saved(&file, other, &[1, 2, 3]);
        assert_eq!(refusal(&file, here, &bytes), (SaveError::OtherLimits, 2));
    }
    let stranger = Tiny::new(RICH, 2).file(Form::PLAIN);
    let bytes = saved(&stranger, here, &[1, 2, 3]);
    assert_eq!(refusal(&file, here, &bytes), (SaveError::OtherModel, 2));
    let plain = Tiny::new(PLAIN, 2).file(Form::PLAIN);
    let bytes = saved(
        &plain,
        options(&PLAIN, CacheType::F32, WhenFull::Slide),
        &[1],
    );
    assert_eq!(refusal(&file, here, &bytes), (SaveError::OtherModel, 2));
}
