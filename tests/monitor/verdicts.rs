//! What a window is called, and what is remembered of it.

use lacuna::format::calibration::{Arrays, Calibration, Input, Rule, Settings, Watch};
use lacuna::kernels::Isa;
use lacuna::model::Model;
use lacuna::monitor::{Answer, Fault, Monitor, Passed, StateError, TooSmall, self_test};
use lacuna::probe::{Hook, Probe, Site, Stat};
use lacuna::session::{Options, Session};

use crate::{LOGITS, MODEL, calibration, config, settings};

const SCORES: [f32; 2] = [1.0, 3.0];
const TAILS: [f32; 2] = [0.5, 0.25];

/// One window whose rms is the mean of these.
fn window(monitor: &mut Monitor<'_>, rms: &[f32]) -> lacuna::monitor::Verdict {
    for x in rms {
        monitor.observe(LOGITS, &[*x]);
    }
    monitor.end_window().expect("a window")
}

#[test]
fn a_window_is_the_mean_of_its_tokens() {
    let mut memory = [0.0; 2];
    let calibration = calibration(settings(), &SCORES, &TAILS);
    let mut monitor = Monitor::new(MODEL, calibration, &mut memory).expect("room");
    assert_eq!(monitor.end_window(), None, "no token, no answer");
    let ok = window(&mut monitor, &[1.0, 4.0]);
    assert_eq!(
        (ok.answer, ok.score, ok.p, ok.window),
        (Answer::Ok, 2.5, 0.5, 0)
    );
    assert!(!monitor.full());
    let high = window(&mut monitor, &[4.0, 6.0, 1000.0]);
    assert_eq!(
        (high.answer, high.score, high.p),
        (Answer::Unfamiliar, 5.0, 0.25)
    );
    let evidence = high.evidence.expect("an input");
    assert_eq!(
        (evidence.site, evidence.what, evidence.z),
        (LOGITS, Stat::Rms as u16, 5.0)
    );
    let early = window(&mut monitor, &[3.0]);
    assert_eq!(
        (early.answer, early.score),
        (Answer::Ok, 3.0),
        "at the threshold, ended early"
    );
    assert_eq!(
        (monitor.counters().windows, monitor.counters().unfamiliar),
        (3, 1)
    );
    monitor.observe(LOGITS, &[9.0]);
    monitor.observe(LOGITS, &[9.0]);
    assert!(monitor.full());
    monitor.clear_window();
    assert_eq!(monitor.end_window(), None);
    let mut short = [0.0; 1];
    let error = Monitor::new(MODEL, calibration, &mut short).map(drop);
    assert_eq!(
        error,
        Err(TooSmall {
            needed: 2,
            given: 1
        })
    );
}

#[test]
fn faults_outrank_everything_until_a_test_passes() {
    let mut memory = [0.0; 2];
    let calibration = calibration(settings(), &SCORES, &TAILS);
    let mut monitor = Monitor::new(MODEL, calibration, &mut memory).expect("room");
    let verdict = window(&mut monitor, &[1.0, f32::NAN]);
    assert_eq!(
        (verdict.answer, verdict.fault),
        (Answer::Faulty, Some(Fault::NonFinite))
    );
    assert!(verdict.score.is_nan() && verdict.p == 1.0);
    assert_eq!(window(&mut monitor, &[1.0]).answer, Answer::Faulty);
    monitor.fault(Fault::NonFinite);
    let alone = monitor.end_window().expect("a fault needs no token");
    assert_eq!(alone.answer, Answer::Faulty);
    assert_eq!(monitor.counters().faults, 1, "one fault, however long");
    monitor.tested(Ok(Passed::Golden));
    assert_eq!(window(&mut monitor, &[1.0]).answer, Answer::Ok);
    monitor.tested(Err(Fault::Kernels));
    assert_eq!(window(&mut monitor, &[9.0]).fault, Some(Fault::Kernels));
}

#[test]
fn an_alarm_survives_a_reset_and_waits_to_be_acknowledged() {
    let (mut memory, mut again) = ([0.0; 2], [0.0; 2]);
    let many = Settings {
        units: 16,
        windows: 16,
        alpha: 0.1,
        counts: [1; 16],
        ..settings()
    };
    let calibration = calibration(many, &SCORES, &TAILS);
    let mut monitor = Monitor::new(MODEL, calibration, &mut memory).expect("room");
    let mut drifting = 0;
    for _ in 0..200 {
        drifting += usize::from(window(&mut monitor, &[100.0]).answer == Answer::Drifting);
    }
    assert!(drifting > 150, "{drifting}");
    assert_eq!(monitor.counters().drifts, 1, "one alarm, not one a window");
    let saved = *monitor.state();
    let mut monitor = Monitor::new(MODEL, calibration, &mut again).expect("room");
    monitor.resume(&saved).expect("its own state");
    assert_eq!(
        (monitor.counters().boots, monitor.counters().windows),
        (2, 200)
    );
    assert_eq!(window(&mut monitor, &[0.1]).answer, Answer::Drifting);
    monitor.acknowledge();
    assert_eq!(window(&mut monitor, &[0.1]).answer, Answer::Ok);

    let mut other = Monitor::new(*b"another.", calibration, &mut memory).expect("room");
    assert_eq!(other.resume(&saved), Err(StateError::OtherModel));
    let changed = crate::calibration(settings(), &SCORES, &TAILS);
    let mut other = Monitor::new(MODEL, changed, &mut memory).expect("room");
    assert_eq!(other.resume(&saved), Err(StateError::OtherCalibration));
}

#[test]
fn a_reset_between_any_windows_changes_no_bit() {
    let calibration = calibration(settings(), &SCORES, &TAILS);
    let (mut memory, mut apart) = ([0.0; 2], [0.0; 2]);
    let mut whole = Monitor::new(MODEL, calibration, &mut memory).expect("room");
    let mut rng = lacuna::num::Rng::new(5);
    let mut saved = *Monitor::new(MODEL, calibration, &mut apart)
        .expect("room")
        .state();
    for _ in 0..100 {
        let x = [rng.next_f32() * 4.0];
        let expected = window(&mut whole, &x);
        let mut monitor = Monitor::new(MODEL, calibration, &mut apart).expect("room");
        monitor.resume(&saved).expect("its own state");
        assert_eq!(window(&mut monitor, &x), expected);
        saved = *monitor.state();
    }
}

/// Mean activations against Mahalanobis and nearest neighbours by hand.
#[test]
fn activations_are_scored_by_channel() {
    let mut config = config();
    (config.vocab_size, config.tied) = (2, false);
    let arrays = Arrays {
        sites: &[Watch::new(LOGITS, 0)],
        mean: &[1.0, 2.0],
        sd: &[0.5, 2.0],
        map: &[1.0, 0.0, 1.0, 1.0],
        scores: &[0.0],
        tails: &[0.25],
        ..Arrays::default()
    };
    let with = |rule, nearest, arrays| {
        let settings = Settings {
            input: Input::Activations,
            rule,
            ..settings()
        };
        let calibration = Calibration::new(&config, settings, nearest, arrays).expect("a block");
        let mut memory = [0.0; 4];
        let mut monitor = Monitor::new(MODEL, calibration, &mut memory).expect("room");
        monitor.observe(LOGITS, &[1.0, 4.0]);
        monitor.observe(LOGITS, &[3.0, 8.0]);
        monitor.end_window().expect("a window")
    };
    // Mean (2, 6), z (2, 2), y (2, 4).
    let far = with(Rule::Mahalanobis, 0, arrays);
    assert_eq!(far.score, 20.0);
    assert_eq!(far.evidence.map(|e| (e.what, e.z)), Some((0, 2.0)));
    let bank = [2.0, 3.0, 0.0, 4.0];
    let near = with(
        Rule::Nearest,
        2,
        Arrays {
            bank: &bank,
            ..arrays
        },
    );
    assert_eq!(near.score, 4.0);
}

#[test]
fn one_by_one_and_at_once_are_the_same_bits_on_every_back_end() {
    let lines = crate::quarter();
    let model = Model::new(lines.get()).expect("a model");
    let sites = [
        Watch::new(
            Site {
                layer: 1,
                hook: Hook::MlpPost,
            },
            1 << Stat::ZeroShare as u32 | 1 << Stat::Top10 as u32,
        ),
        Watch::new(
            Site {
                layer: 0,
                hook: Hook::LnFinal,
            },
            1 << Stat::Hoyer as u32,
        ),
        Watch::new(LOGITS, 1 << Stat::Entropy as u32),
    ];
    let arrays = Arrays {
        sites: &sites,
        mean: &[0.5, 0.5, 0.3, 5.0],
        sd: &[0.1, 0.1, 0.05, 0.5],
        scores: &[0.0],
        tails: &[0.25],
        ..Arrays::default()
    };
    for every in [1, 3] {
        let settings = Settings {
            rule: Rule::Mahalanobis,
            window: 12,
            every,
            ..settings()
        };
        let calibration = Calibration::new(model.config(), settings, 0, arrays).expect("a block");
        let mut found = Vec::new();
        for isa in Isa::available() {
            for prefill in [1, 5, 12] {
                let mut options = Options {
                    isa,
                    ..Options::new(model.config())
                };
                options.limits.prefill = prefill;
                let mut arena =
                    vec![0; lacuna::model::State::len(model.config(), &options.limits) + 64];
                let mut memory = [0.0; 8];
                let monitor = Monitor::new(model.id(), calibration, &mut memory).expect("room");
                let mut session =
                    Session::with_probe(model, &mut arena, options, monitor).expect("a session");
                let mut scores = Vec::new();
                for tokens in (0..48).collect::<Vec<u32>>().chunks(12) {
                    session.prompt(tokens).expect("tokens run");
                    assert!(session.probe().full());
                    let verdict = session.probe_mut().end_window().expect("a window");
                    scores.push((verdict.score.to_bits(), verdict.drift.to_bits()));
                }
                found.push(scores);
            }
        }
        assert!(found.windows(2).all(|w| w[0] == w[1]), "{found:x?}");
    }
}

#[test]
fn a_machine_without_a_golden_run_compares_its_kernels() {
    let lines = crate::quarter();
    let model = Model::new(lines.get()).expect("a model");
    let options = Options::new(model.config());
    let mut arena = vec![0; lacuna::model::State::len(model.config(), &options.limits) + 64];
    let mut session = Session::new(model, &mut arena, options).expect("a session");
    assert_eq!(self_test(&mut session), Ok(Passed::Kernels));
    assert_eq!(session.position(), 0);
}
