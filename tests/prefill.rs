//! Several tokens at once: the bits of one after the other, in logits, cache, probes and refusals.

mod tiny;

use lacuna::config::{Activation, Config, Position, TopK};
use lacuna::format::schema::Id;
use lacuna::kernels::Isa;
use lacuna::model::{CacheType, Limits, State};
use lacuna::probe::{Hook, Probe, Site};
use lacuna::session::{Error, Options, Session, WhenFull};
use tiny::{Bytes, Form, Memory, PLAIN, RICH, Tiny, Values, bits, options, tokens};

/// More positions than a batch has rows at a time.
const LONG: Config = Config {
    seq_len: 41,
    ..RICH
};

/// All that was seen, by site and then in order.
#[derive(Default)]
struct Seen(Vec<(Site, Vec<Vec<u32>>)>);

impl Probe for Seen {
    fn observe(&mut self, site: Site, x: &[f32]) {
        let at = self.0.iter().position(|(s, _)| *s == site);
        let at = at.unwrap_or_else(|| {
            self.0.push((site, Vec::new()));
            self.0.len() - 1
        });
        self.0[at].1.push(bits(x));
    }
}

/// Everything that a run leaves.
#[derive(PartialEq)]
struct Left {
    seen: Vec<(Site, Vec<Vec<u32>>)>,
    saved: Vec<u8>,
    logits: Vec<u32>,
    refused: Option<Error>,
}

/// Runs `tokens` by prompts of `piece` at `prefill`; after a refusal, the token behind the refused one is next.
fn run(file: &Bytes, options: Options, tokens: &[u32], prefill: usize, piece: usize) -> Left {
    let model = file.model();
    let limits = Limits {
        prefill,
        ..options.limits
    };
    let mut memory = Memory::new(model.config(), &limits);
    let options = Options { limits, ..options };
    let mut session = Session::with_probe(model, memory.get(), options, Seen::default()).unwrap();
    let mut refused = None;
    for piece in tokens.chunks(piece) {
        if let Err(e) = session.prompt(piece) {
            refused = Some(e);
            break;
        }
    }
    let mut saved = vec![0; session.save_len()];
    session.save(&mut saved).unwrap();
    Left {
        saved,
        logits: bits(session.logits()),
        refused,
        seen: core::mem::take(&mut session.probe_mut().0),
    }
}

fn check(file: &Bytes, options: Options, tokens: &[u32]) {
    let expected = run(file, options, tokens, 1, tokens.len());
    for (prefill, piece) in [(2, 100), (3, 7), (8, 100), (16, 23), (17, 100), (100, 100)] {
        for isa in Isa::available() {
            let options = Options { isa, ..options };
            let found = run(file, options, tokens, prefill, piece);
            assert_eq!(found.refused, expected.refused);
            let what = format!("{isa} {prefill} {piece} {options:?}");
            for ((site, found), (other, expected)) in found.seen.iter().zip(&expected.seen) {
                assert_eq!(site, other);
                assert!(found == expected, "{site} {what}");
            }
            assert!(found == expected, "{what}");
        }
    }
}

fn configs() -> [Config; 5] {
    let dense = Config {
        topk: TopK::default(),
        activation: Activation::Gelu,
        ..LONG
    };
    [
        LONG,
        dense,
        Config {
            position: Position::Learned,
            gated: false,
            activation: Activation::Relu2,
            ..LONG
        },
        Config {
            position: Position::None,
            n_kv_heads: 1,
            activation: Activation::Relu,
            ..dense
        },
        Config {
            seq_len: 41,
            ..PLAIN
        },
    ]
}

#[test]
fn every_model_and_cache_gives_the_bits_of_single_tokens() {
    for (seed, config) in configs().into_iter().enumerate() {
        let tiny = Tiny::new(config, seed as u64);
        let tokens = tokens(&config, 41, 1);
        for values in [Values::F32, Values::F16, Values::I8] {
            let forms: Vec<Form> = Form::all(values).collect();
            let file = tiny.file(forms[seed % forms.len()]);
            for cache in CacheType::ALL {
                check(&file, options(&config, cache, WhenFull::Error), &tokens);
            }
        }
    }
}

#[test]
fn a_sliding_window_fills_in_batches_and_slides_token_by_token() {
    for config in [LONG, configs()[3]] {
        let file = Tiny::new(config, 3).file(Form::PLAIN);
        let tokens = tokens(&config, 100, 2);
        for cache in CacheType::ALL {
            check(&file, options(&config, cache, WhenFull::Slide), &tokens);
        }
    }
}

#[test]
fn logits_come_after_every_token() {
    let file = Tiny::new(LONG, 4).file(Form::PLAIN);
    let all = tokens(&LONG, 30, 3);
    let mut options = options(&LONG, CacheType::F32, WhenFull::Error);
    options.limits.prefill = 16;
    let mut memory = Memory::new(&LONG, &options.limits);
    let mut session = Session::new(file.model(), memory.get(), options).unwrap();
    let mut found = Vec::new();
    session.prompt_each(&all, |l| found.push(bits(l))).unwrap();
    session.clear();
    let expected: Vec<_> = all
        .iter()
        .map(|t| bits(session.step(*t).unwrap()))
        .collect();
    assert!(found == expected && found.len() == 30);
}

#[test]
fn what_is_refused_leaves_what_single_tokens_leave() {
    let config = Config {
        tied: false,
        ..LONG
    };
    // Token 7 overflows in the first norm; token 8 where queries, or logits, meet its size.
    let mut tiny = Tiny::new(config, 5);
    tiny.tensor_mut(Id::Embedding, 0)[7 * config.dim] = 1e30;
    let early = tiny.file(Form::PLAIN);
    tiny.tensor_mut(Id::Bigram, 0)[8 * config.vocab_size] = f32::MAX;
    tiny.tensor_mut(Id::Head, 0).fill(3e38);
    let late = tiny.file(Form::PLAIN);
    let good: Vec<u32> = tokens(&config, 41, 6).into_iter().map(|t| t % 7).collect();
    let options = options(&config, CacheType::F32, WhenFull::Error);
    for at in [0, 1, 5, 15, 16, 17, 30] {
        for token in [7, config.vocab_size as u32] {
            let mut bad = good.clone();
            bad[at] = token;
            for file in [&early, &late] {
                refusals(file, options, &bad);
            }
        }
    }
    let longer = [&good[..], &good].concat();
    refusals(&early, options, &longer);
}

/// What probes saw of tokens behind the refused one is not compared.
fn refusals(file: &Bytes, options: Options, tokens: &[u32]) {
    let expected = run(file, options, tokens, 1, tokens.len());
    assert!(expected.refused.is_some());
    for (prefill, piece) in [(2, 100), (5, 9), (16, 100), (41, 100)] {
        let found = run(file, options, tokens, prefill, piece);
        assert_eq!(found.refused, expected.refused);
        assert_eq!(found.logits, expected.logits, "{prefill}");
        assert!(found.saved == expected.saved, "{prefill}");
        for ((site, found), (_, expected)) in found.seen.iter().zip(&expected.seen) {
            assert!(found.starts_with(expected), "{site}");
        }
    }
}

#[test]
fn a_cache_that_cannot_hold_a_token_ends_the_batch_before_it() {
    let mut tiny = Tiny::new(LONG, 4);
    let values = tiny.tensor_mut(Id::Wv, 0);
    values.iter_mut().for_each(|w| *w *= 4e4);
    let file = tiny.file(Form::PLAIN);
    let options = options(&LONG, CacheType::F16, WhenFull::Error);
    // Where a row overflows half precision depends on the token.
    let mut kinds = Vec::new();
    for seed in 0..40 {
        let tokens = tokens(&LONG, 20, seed);
        let expected = run(&file, options, &tokens, 1, 20);
        for prefill in [2, 8, 20] {
            let found = run(&file, options, &tokens, prefill, 20);
            assert_eq!(found.refused, expected.refused);
            assert!(found.saved == expected.saved && found.logits == expected.logits);
        }
        if let Some(Error::Model(lacuna::model::Error::NonFinite { site })) = expected.refused {
            kinds.push((site.hook, expected.saved.len()));
        }
    }
    kinds.sort_by_key(|k| k.1);
    kinds.dedup();
    assert!(kinds.iter().all(|k| k.0 == Hook::V), "{kinds:?}");
    assert!(
        kinds.len() > 1,
        "some batches lose their end only: {kinds:?}"
    );
}

#[test]
fn a_long_context_is_the_same_at_once_and_in_small_caches() {
    let config = Config {
        n_layers: 1,
        ..configs()[3]
    };
    let file = Tiny::new(config, 6).file(Form::PLAIN);
    let all = tokens(&config, 4200, 4);
    for cache in [CacheType::F32, CacheType::I8] {
        let mut options = options(&config, cache, WhenFull::Error);
        options.isa = Isa::detect();
        options.limits.context = 4200;
        let mut last = |prefill| {
            options.limits.prefill = prefill;
            let mut memory = Memory::new(&config, &options.limits);
            let mut session = Session::new(file.model(), memory.get(), options).unwrap();
            bits(session.prompt(&all).unwrap())
        };
        assert_eq!(last(1), last(128), "{cache:?}");
    }
}

#[test]
fn memory_of_a_batch_is_what_was_said_to_the_byte() {
    let one = Limits::new(&LONG);
    for prefill in [2, 8, 9, 16, 40] {
        let limits = Limits { prefill, ..one };
        let lanes = lacuna::kernels::Lanes::of(prefill).stride();
        let c = &LONG;
        let work = |n: usize| {
            let attention = (c.q_dim() + 2 * c.kv_dim()) * n + one.context * n.min(16);
            attention.max(2 * c.hidden_dim * n)
        };
        let floats = 2 * c.dim * (lanes - 1) + work(lanes) - work(1);
        let rows = prefill + prefill.min(16) * c.widest_input();
        let more = 4 * (floats + rows) + c.widest_input() * (lanes - 1);
        assert_eq!(State::len(c, &limits), State::len(c, &one) + more);
    }
    let most = Limits {
        prefill: usize::MAX,
        ..one
    };
    assert_eq!(State::len(&LONG, &most), usize::MAX);
}
