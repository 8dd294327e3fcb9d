//! Windows of samples: every switch against an f64 reference, the same bits whatever holds and runs them.

mod tiny;

use lacuna::config::{Activation, Config, Position, TopK};
use lacuna::format::schema::Id;
use lacuna::format::{Extra, Golden};
use lacuna::kernels::{Isa, IsaName};
use lacuna::model::{CacheType, Error as Refused, Limits, State};
use lacuna::num::{Fnv64, Rng};
use lacuna::probe::{Hook, NoProbe, Probe, Site};
use lacuna::session::{Error, Options, Session, TestError, WhenFull, argmax};
use tiny::reference::Reference;
use tiny::{Bytes, Form, Memory, RICH, SENSOR, Tiny, Values, bits, options};

/// Samples of all channels, one after the other.
fn samples(config: &Config, n: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    let n = n * config.channels();
    (0..n).map(|_| rng.next_f32() * 3.0 - 1.5).collect()
}

fn window(config: &Config, seed: u64) -> Vec<f32> {
    samples(config, config.window_len() / config.channels(), seed)
}

fn fixed(config: &Config) -> Options {
    options(config, CacheType::F32, WhenFull::Error)
}

/// Logits of each window.
fn run(file: &Bytes, options: Options, windows: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut memory = Memory::new(file.model().config(), &options.limits);
    let mut session = Session::new(file.model(), memory.get(), options).unwrap();
    let logits = |w: &Vec<f32>| session.classify(w).unwrap().to_vec();
    windows.iter().map(logits).collect()
}

fn configs() -> [Config; 5] {
    let dense = Config {
        topk: TopK::default(),
        activation: Activation::Gelu,
        ..SENSOR
    };
    [
        SENSOR,
        dense,
        Config {
            position: Position::Learned,
            gated: false,
            activation: Activation::Relu,
            ..dense
        },
        Config {
            position: Position::None,
            n_kv_heads: 1,
            causal: true,
            ..dense
        },
        Config {
            seq_len: 1,
            sink: false,
            attn_bias: false,
            mlp_bias: false,
            ..dense
        },
    ]
}

#[test]
fn logits_are_those_of_the_reference() {
    for (seed, config) in configs().into_iter().enumerate() {
        for (values, share) in [(Values::F32, 2e-5), (Values::I8, 3e-2)] {
            // A rounding may decide otherwise which activations stay or how they are quantised, and then all is else.
            if values == Values::I8 && config.topk != TopK::default() {
                continue;
            }
            let tiny = Tiny::new(config, seed as u64);
            let form = Form {
                values,
                ..Form::PLAIN
            };
            let windows: Vec<_> = (0..4).map(|i| window(&config, i)).collect();
            let found = run(&tiny.file(form), fixed(&config), &windows);
            let mut reference = Reference::new(&tiny, values, CacheType::F32, WhenFull::Error);
            for (window, found) in windows.iter().zip(found) {
                let expected = reference.classify(window);
                let largest = expected.iter().fold(0.0f64, |m, v| m.max(v.abs()));
                assert!(largest > 0.1, "the model says something");
                for (e, f) in expected.iter().zip(&found) {
                    let off = (e - f64::from(*f)).abs() / largest;
                    assert!(off <= share, "{values:?} {off} {config:?}");
                }
            }
        }
    }
}

#[test]
fn kernels_forms_and_batches_change_no_bit() {
    for (seed, config) in configs().into_iter().enumerate() {
        let tiny = Tiny::new(config, seed as u64);
        let windows = [window(&config, 7), window(&config, 8)];
        for values in [Values::F32, Values::F16, Values::I8] {
            let plain = Form {
                values,
                ..Form::PLAIN
            };
            for cache in CacheType::ALL {
                let plain_options = options(&config, cache, WhenFull::Error);
                let expected = run(&tiny.file(plain), plain_options, &windows);
                let forms = Form::all(values).step_by(3);
                for (form, isa) in forms.flat_map(|f| Isa::available().map(move |isa| (f, isa))) {
                    let prefill = config.seq_len + [0, 1, 30][form.encoding as usize % 3];
                    let limits = Limits {
                        prefill,
                        ..plain_options.limits
                    };
                    let options = Options {
                        limits,
                        isa,
                        ..plain_options
                    };
                    let found = run(&tiny.file(form), options, &windows);
                    let same = found.iter().zip(&expected).all(|(f, e)| bits(f) == bits(e));
                    assert!(same, "{isa} {form:?} {cache:?} {prefill} {config:?}");
                }
            }
        }
    }
}

#[test]
fn a_classifier_of_today_has_the_bits_of_every_day() {
    let file = Tiny::new(SENSOR, 11).file(Form {
        values: Values::I8,
        ..Form::PLAIN
    });
    let windows: Vec<_> = (0..3).map(|i| window(&SENSOR, i)).collect();
    let mut digest = Fnv64::new();
    for logits in run(&file, fixed(&SENSOR), &windows) {
        digest.update_f32(&logits);
    }
    assert_eq!(format!("{:016x}", digest.finish()), "433f50ce0b9f407d");
}

/// How often each site was seen, and how wide it was.
struct Seen(Vec<(Site, usize, usize)>);

impl Probe for Seen {
    fn observe(&mut self, site: Site, x: &[f32]) {
        match self.0.iter_mut().find(|(s, ..)| *s == site) {
            Some((_, times, width)) => {
                *times += 1;
                assert_eq!(*width, x.len());
            }
            None => self.0.push((site, 1, x.len())),
        }
    }
}

#[test]
fn a_probe_sees_every_site_of_every_position_and_the_logits_once() {
    let file = Tiny::new(SENSOR, 1).file(Form::PLAIN);
    let options = fixed(&SENSOR);
    let mut memory = Memory::new(&SENSOR, &options.limits);
    let model = file.model();
    let mut session = Session::with_probe(model, memory.get(), options, Seen(Vec::new())).unwrap();
    let seen = bits(session.classify(&window(&SENSOR, 2)).unwrap());
    let sites = &session.probe().0;
    assert_eq!(sites.len(), Site::count(SENSOR.n_layers));
    for (site, times, width) in sites {
        let (expected, wide) = match site.hook {
            Hook::Logits => (1, 5),
            Hook::ResidPre | Hook::Embed | Hook::ResidFinal | Hook::LnFinal => (19, 20),
            _ => (19, *width),
        };
        assert_eq!((*times, *width), (expected, wide), "{site}");
    }
    let unseen = run(&file, options, &[window(&SENSOR, 2)]);
    assert_eq!(seen, bits(&unseen[0]));
}

#[test]
fn a_window_does_not_remember_the_one_before() {
    let file = Tiny::new(SENSOR, 2).file(Form::PLAIN);
    let (a, b) = (window(&SENSOR, 1), window(&SENSOR, 2));
    let all = run(&file, fixed(&SENSOR), &[a.clone(), b.clone(), a.clone()]);
    assert_eq!(bits(&all[0]), bits(&all[2]));
    assert_eq!(bits(&all[1]), bits(&run(&file, fixed(&SENSOR), &[b])[0]));
    assert_ne!(bits(&all[0]), bits(&all[1]));
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    let file = Tiny::new(SENSOR, 4).file(Form::PLAIN);
    let options = fixed(&SENSOR);
    let mut memory = Memory::new(&SENSOR, &options.limits);
    let mut session = Session::new(file.model(), memory.get(), options).unwrap();
    let good = window(&SENSOR, 1);
    let refused = |e: Refused| Err(Error::Model(e));
    let mut classify = |w: &[f32]| session.classify(w).map(bits);
    let length = |given| refused(Refused::WindowLength { needed: 285, given });
    assert_eq!(classify(&good[1..]), length(284));
    assert_eq!(classify(&[]), length(0));
    for bad in [f32::NAN, f32::INFINITY] {
        let mut broken = good.clone();
        broken[17] = bad;
        assert_eq!(classify(&broken), refused(Refused::Sample { index: 17 }));
    }
    let mut huge = good.clone();
    huge[44] = f32::MAX;
    let found = classify(&huge);
    assert!(
        matches!(found, Err(Error::Model(Refused::NonFinite { .. }))),
        "{found:?}"
    );
    assert!(classify(&good).is_ok(), "the next window is run");
    assert_eq!(session.step(0).map(bits), refused(Refused::TakesWindows));
    assert_eq!(
        session.prompt(&[1, 2, 3]).map(bits),
        refused(Refused::TakesWindows)
    );
    assert_eq!(session.position(), 0);

    let decoder = Tiny::new(RICH, 4).file(Form::PLAIN);
    let options = fixed(&RICH);
    let mut memory = Memory::new(&RICH, &options.limits);
    let mut session = Session::new(decoder.model(), memory.get(), options).unwrap();
    assert_eq!(
        session.classify(&good).map(bits),
        refused(Refused::TakesTokens)
    );

    let limits = Limits::new(&SENSOR);
    for (context, prefill) in [(19, 18), (18, 19), (19, 1)] {
        let limits = Limits {
            context,
            prefill,
            ..limits
        };
        let mut arena = vec![0; 1 << 20];
        assert_eq!(
            State::new(&SENSOR, &limits, &mut arena).map(drop),
            Err(Refused::Window {
                positions: 19,
                context,
                prefill
            })
        );
    }
}

/// The model with a golden window.
fn golden(tiny: &Tiny, seed: u64) -> Bytes {
    let config = tiny.config;
    let (bare, window) = (tiny.file(Form::PLAIN), window(&config, seed));
    let options = fixed(&config);
    let mut memory = Memory::new(&config, &options.limits);
    let mut session = Session::new(bare.model(), memory.get(), options).unwrap();
    let class = argmax(session.classify(&window).unwrap());
    let mut logits = Fnv64::new();
    logits.update_f32(session.logits());
    let layers = stream_digests(&bare, &window);
    let prompt = bits(&window);
    let expected = [class];
    let block = Golden::new(&config, &prompt, &expected, logits.finish(), &layers).unwrap();
    tiny.file_with(
        Form::PLAIN,
        &Extra {
            golden: Some(block),
            ..Extra::new(0, IsaName::Portable)
        },
    )
}

/// Digests of the stream into each block and out of the last.
fn stream_digests(file: &Bytes, window: &[f32]) -> Vec<[u8; 8]> {
    struct Streams(Vec<Fnv64>);
    impl Probe for Streams {
        fn observe(&mut self, site: Site, x: &[f32]) {
            let last = self.0.len() - 1;
            match site.hook {
                Hook::ResidPre => self.0[usize::from(site.layer)].update_f32(x),
                Hook::ResidFinal => self.0[last].update_f32(x),
                _ => {}
            }
        }
    }
    let config = *file.model().config();
    let options = fixed(&config);
    let mut memory = Memory::new(&config, &options.limits);
    let streams = Streams(vec![Fnv64::new(); config.n_layers + 1]);
    let mut session = Session::with_probe(file.model(), memory.get(), options, streams).unwrap();
    session.classify(window).unwrap();
    let digests = session.probe().0.iter();
    digests.map(|d| d.finish().to_le_bytes()).collect()
}

#[test]
fn a_golden_window_is_repeated_on_every_machine_and_a_damaged_model_is_found() {
    let mut tiny = Tiny::new(SENSOR, 6);
    let file = golden(&tiny, 3);
    let test = |file: &Bytes, isa| {
        let options = Options {
            isa,
            ..fixed(&SENSOR)
        };
        let mut memory = Memory::new(&SENSOR, &options.limits);
        let model = file.model();
        Session::with_probe(model, memory.get(), options, NoProbe)
            .unwrap()
            .self_test()
    };
    for isa in Isa::available() {
        assert_eq!(test(&file, isa), Ok(()), "{isa}");
    }
    tiny.tensor_mut(Id::Patch, 0)[3] += 1.0;
    let (block, other) = (
        file.model().file().golden().unwrap(),
        Extra::new(0, IsaName::Portable),
    );
    let with = |tiny: &Tiny| {
        tiny.file_with(
            Form::PLAIN,
            &Extra {
                golden: Some(block),
                ..other
            },
        )
    };
    let found = test(&with(&tiny), Isa::Portable);
    assert_eq!(found, Err(TestError::Layer { layer: 0 }.into()));
    let mut tiny = Tiny::new(SENSOR, 6);
    tiny.tensor_mut(Id::HeadBias, 0)[0] += 1.0;
    let found = test(&with(&tiny), Isa::Portable);
    assert_eq!(found, Err(TestError::Logits.into()));
}
