//! Sessions: what they refuse, how they go on after it, and that saving, generating and testing change no bit.

mod tiny;

use core::ops::ControlFlow;

use lacuna::config::{Config, Position};
use lacuna::format::schema::Id;
use lacuna::format::{Extra, Golden};
use lacuna::kernels::{Isa, IsaName};
use lacuna::model::{CacheType, Error as Refused, Limits, State, forward};
use lacuna::num::Fnv64;
use lacuna::probe::{Hook, NoProbe, Probe, Site};
use lacuna::session::{Error, Options, Sampler, Session, TestError, WhenFull};
use tiny::{Form, Memory, PLAIN, RICH, Tiny, bits, options, tokens};

fn fixed(config: &Config) -> Options {
    options(config, CacheType::F32, WhenFull::Error)
}

#[test]
fn memory_is_what_was_said_to_the_byte() {
    let tiny = Tiny::new(RICH, 1);
    let file = tiny.file(Form::PLAIN);
    for cache in CacheType::ALL {
        let options = options(&RICH, cache, WhenFull::Error);
        let needed = State::len(&RICH, &options.limits);
        let mut memory = Memory::new(&RICH, &options.limits);
        let arena = memory.get();
        assert_eq!(arena.len(), needed);
        let given = needed - 1;
        assert_eq!(
            Session::new(file.model(), &mut arena[..given], options).unwrap_err(),
            Error::Model(Refused::ArenaTooSmall { needed, given })
        );
        assert!(Session::new(file.model(), arena, options).is_ok());
    }
    let mut words = vec![0u64; 4096];
    let arena = &mut zerocopy::IntoBytes::as_mut_bytes(&mut words[..])[1..];
    assert_eq!(
        Session::new(file.model(), arena, fixed(&RICH)).unwrap_err(),
        Error::Model(Refused::ArenaMisaligned)
    );
}

#[test]
fn limits_that_cannot_be_are_refused() {
    let limits = Limits::new(&RICH);
    let refused = |config: &Config, limits: Limits| {
        let mut arena = lacuna::model::Arena::<100_000>::new();
        State::new(config, &limits, &mut arena.0).err()
    };
    for context in [0, 10, usize::MAX] {
        let seq_len = 9;
        let expected = Refused::Context { context, seq_len };
        assert_eq!(refused(&RICH, Limits { context, ..limits }), Some(expected));
    }
    let prefill = 0;
    let expected = Refused::Prefill { prefill };
    assert_eq!(refused(&RICH, Limits { prefill, ..limits }), Some(expected));
    // Without position tables any context will do, up to memory; no size wraps around.
    let longer = |context| refused(&PLAIN, Limits { context, ..limits });
    assert_eq!(longer(50), None);
    assert!(matches!(
        longer(usize::MAX),
        Some(Refused::ArenaTooSmall {
            needed: usize::MAX,
            ..
        })
    ));
    let learned = Config {
        position: Position::Learned,
        ..RICH
    };
    let file = Tiny::new(learned, 1).file(Form::PLAIN);
    let options = options(&learned, CacheType::F32, WhenFull::Slide);
    let mut memory = Memory::new(&learned, &options.limits);
    assert_eq!(
        Session::new(file.model(), memory.get(), options).unwrap_err(),
        Error::Model(Refused::SlideLearned)
    );
}

#[test]
fn steps_that_cannot_be_are_refused_and_change_nothing() {
    let tiny = Tiny::new(RICH, 2);
    let file = tiny.file(Form::PLAIN);
    let options = fixed(&RICH);
    let mut memory = Memory::new(&RICH, &options.limits);
    let mut session = Session::new(file.model(), memory.get(), options).unwrap();
    let vocab = RICH.vocab_size;
    for token in [37, u32::MAX] {
        assert_eq!(
            session.step(token).unwrap_err(),
            Error::Model(Refused::TokenOutOfRange { token, vocab })
        );
    }
    assert_eq!(session.position(), 0);
    let last = bits(session.prompt(&tokens(&RICH, 9, 1)).unwrap());
    for _ in 0..2 {
        assert_eq!(
            session.step(0).unwrap_err(),
            Error::Model(Refused::ContextFull { context: 9 })
        );
    }
    assert_eq!((session.position(), bits(session.logits())), (9, last));

    let other = Tiny::new(PLAIN, 2).file(Form::PLAIN);
    let mut memory = Memory::new(&RICH, &options.limits);
    let mut state = State::new(&RICH, &options.limits, memory.get()).unwrap();
    assert_eq!(
        forward(Isa::Portable, &other.model(), &mut state, 0, &mut NoProbe),
        Err(Refused::OtherModel)
    );
}

/// Refuses to see anything that is not finite.
struct OnlyFinite;

impl Probe for OnlyFinite {
    fn observe(&mut self, site: Site, x: &[f32]) {
        let residual = matches!(
            site.hook,
            Hook::ResidPre | Hook::ResidMid | Hook::ResidFinal | Hook::Embed
        );
        assert!(residual || x.iter().all(|v| v.is_finite()), "{site}");
    }
}

#[test]
fn overflow_is_named_where_it_happens() {
    let config = Config {
        tied: false,
        ..RICH
    };
    let huge = [
        (Id::AttnNorm, Hook::AttnIn),
        (Id::Wq, Hook::Q),
        (Id::Wk, Hook::K),
        (Id::Bv, Hook::V),
        (Id::Wo, Hook::AttnOut),
        (Id::MlpNorm, Hook::MlpIn),
        (Id::W3, Hook::MlpPost),
        (Id::W2, Hook::MlpOut),
        (Id::FinalNorm, Hook::LnFinal),
        (Id::Head, Hook::Logits),
    ];
    for (id, hook) in huge {
        let mut tiny = Tiny::new(config, 3);
        let layer = usize::from(hook.in_block());
        for w in tiny.tensor_mut(id, layer) {
            *w = if *w < 0.0 { -f32::MAX } else { f32::MAX };
        }
        // Biases overflow together with their product only.
        if hook == Hook::V {
            let line = tiny.tensor_mut(Id::Wv, layer);
            line.iter_mut().for_each(|w| *w *= 1e38);
        }
        let file = tiny.file(Form::PLAIN);
        let options = fixed(&config);
        let mut memory = Memory::new(&config, &options.limits);
        let mut session =
            Session::with_probe(file.model(), memory.get(), options, OnlyFinite).unwrap();
        let site = Site {
            layer: layer as u8,
            hook,
        };
        assert_eq!(
            session.step(1).unwrap_err(),
            Error::Model(Refused::NonFinite { site })
        );
        assert_eq!(session.position(), 0);
        assert!(session.logits().iter().all(|l| *l == 0.0));
    }
}

#[test]
fn a_cache_refuses_what_its_type_cannot_hold() {
    let mut tiny = Tiny::new(PLAIN, 4);
    let values = tiny.tensor_mut(Id::Wv, 0);
    values.iter_mut().for_each(|w| *w *= 1e6);
    let file = tiny.file(Form::PLAIN);
    for cache in [CacheType::F32, CacheType::F16] {
        let options = options(&PLAIN, cache, WhenFull::Error);
        let mut memory = Memory::new(&PLAIN, &options.limits);
        let mut session = Session::new(file.model(), memory.get(), options).unwrap();
        let site = Site {
            layer: 0,
            hook: Hook::V,
        };
        match cache {
            CacheType::F16 => assert_eq!(
                session.step(1).unwrap_err(),
                Error::Model(Refused::NonFinite { site })
            ),
            _ => assert!(session.step(1).is_ok()),
        }
    }
}

#[test]
fn a_faulty_token_leaves_no_trace() {
    // The square of token 7's embedding overflows.
    let mut tiny = Tiny::new(RICH, 5);
    tiny.tensor_mut(Id::Embedding, 0)[7 * RICH.dim] = 1e30;
    let file = tiny.file(Form::PLAIN);
    for when_full in [WhenFull::Error, WhenFull::Slide] {
        let options = options(&RICH, CacheType::F32, when_full);
        let (mut one, mut two) = (
            Memory::new(&RICH, &options.limits),
            Memory::new(&RICH, &options.limits),
        );
        let mut straight = Session::new(file.model(), one.get(), options).unwrap();
        let mut disturbed = Session::new(file.model(), two.get(), options).unwrap();
        let n = if when_full == WhenFull::Slide { 25 } else { 9 };
        for token in tokens(&RICH, n, 5).into_iter().map(|t| t % 7) {
            assert!(matches!(
                disturbed.step(7),
                Err(Error::Model(Refused::NonFinite { site }))
                    if site.hook == Hook::AttnIn && site.layer == 0
            ));
            let expected = bits(straight.step(token).unwrap());
            assert_eq!(bits(disturbed.step(token).unwrap()), expected);
        }
    }
}

#[test]
fn generating_is_stepping() {
    let tiny = Tiny::new(RICH, 6);
    let file = tiny.file(Form::PLAIN);
    let options = options(&RICH, CacheType::F32, WhenFull::Slide);
    let mut memory = Memory::new(&RICH, &options.limits);
    let mut session = Session::new(file.model(), memory.get(), options).unwrap();
    let sampler = || Sampler::new(0.8, 20, 0.9, 11);

    let mut by_hand = Vec::new();
    let mut s = sampler();
    session.prompt(&[1, 2, 3]).unwrap();
    for _ in 0..30 {
        by_hand.push(session.sample(&mut s));
        session.step(by_hand[by_hand.len() - 1]).unwrap();
    }

    session.clear();
    assert_eq!(
        session.generate(&[], 1, &mut s, |_| ControlFlow::Continue(())),
        Err(Error::EmptyPrompt)
    );
    let mut found = Vec::new();
    let mut s = sampler();
    let mut keep = |t| {
        found.push(t);
        match found.len() {
            20 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    assert_eq!(session.generate(&[1, 2, 3], 12, &mut s, &mut keep), Ok(12));
    assert_eq!(session.position(), 14);
    let next = [by_hand[11]];
    assert_eq!(session.generate(&next, 100, &mut s, &mut keep), Ok(8));
    assert_eq!(found, by_hand[..20]);
    let never = |_| ControlFlow::Break(());
    assert_eq!(session.generate(&[1], 0, &mut s, never), Ok(0));
}

/// Digests of logits and of the stream into each block and out of the last.
struct Recorder(Fnv64, Vec<Fnv64>);

impl Probe for Recorder {
    fn observe(&mut self, site: Site, x: &[f32]) {
        let last = self.1.len() - 1;
        match site.hook {
            Hook::Logits => self.0.update_f32(x),
            Hook::ResidPre => self.1[site.layer as usize].update_f32(x),
            Hook::ResidFinal => self.1[last].update_f32(x),
            _ => {}
        }
    }
}

#[test]
fn the_self_test_passes_everywhere_and_says_what_differs() {
    let tiny = Tiny::new(RICH, 7);
    let plain = tiny.file(Form::PLAIN);
    let mut memory = Memory::new(&RICH, &Limits::new(&RICH));
    let recorder = Recorder(Fnv64::new(), vec![Fnv64::new(); 3]);
    let mut session =
        Session::with_probe(plain.model(), memory.get(), fixed(&RICH), recorder).unwrap();
    assert_eq!(session.self_test(), Err(TestError::NoGolden.into()));
    let (prompt, mut greedy) = ([1, 2, 3], Vec::new());
    let keep = |t| {
        greedy.push(t);
        ControlFlow::Continue(())
    };
    let made = session.generate(&prompt, 6, &mut Sampler::greedy(), keep);
    assert_eq!(made, Ok(6));
    let Recorder(logits, layers) = session.probe();
    let digests = |d: &Fnv64| d.finish().to_le_bytes();
    let (logits, layers) = (logits.finish(), layers.iter().map(digests));
    let layers: Vec<[u8; 8]> = layers.collect();

    let test = |tokens: &[u32], logits, layers: &[[u8; 8]], options| {
        let golden = Golden::new(&RICH, &prompt, tokens, logits, layers).unwrap();
        let extra = Extra {
            golden: Some(golden),
            ..Extra::new(0, IsaName::Portable)
        };
        let file = tiny.file_with(Form::PLAIN, &extra);
        let mut memory = Memory::new(&RICH, &Limits::new(&RICH));
        let mut session = Session::new(file.model(), memory.get(), options).unwrap();
        session.step(5).unwrap();
        let result = session.self_test();
        let untouched = result == Err(TestError::Limits.into());
        assert_eq!(session.position(), u64::from(untouched));
        result.map_err(|e| match e {
            Error::Test(e) => e,
            other => panic!("{other}"),
        })
    };
    for isa in Isa::available() {
        let options = Options {
            isa,
            ..fixed(&RICH)
        };
        assert_eq!(test(&greedy, logits, &layers, options), Ok(()));
        let slide = Options {
            when_full: WhenFull::Slide,
            ..options
        };
        assert_eq!(test(&greedy, logits, &layers, slide), Ok(()));
    }
    let plain = fixed(&RICH);
    assert_eq!(
        test(&greedy, !logits, &layers, plain),
        Err(TestError::Logits)
    );
    for layer in 0..3 {
        let mut wrong = layers.clone();
        wrong[layer][0] ^= 1;
        assert_eq!(
            test(&greedy, !logits, &wrong, plain),
            Err(TestError::Layer { layer })
        );
    }
    let mut wrong = greedy.clone();
    wrong[5] = (wrong[5] + 1) % 37;
    assert_eq!(
        test(&wrong, logits, &layers, plain),
        Err(TestError::Token { index: 5 })
    );
    let mut limited = options(&RICH, CacheType::F16, WhenFull::Error);
    assert_eq!(
        test(&greedy, logits, &layers, limited),
        Err(TestError::Limits)
    );
    limited = plain;
    limited.limits.context = 7;
    assert_eq!(
        test(&greedy, logits, &layers, limited),
        Err(TestError::Limits)
    );
}
