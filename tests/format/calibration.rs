//! The calibration block: what it says of a score, and every way it can be wrong.

use lacuna::config::Config;
use lacuna::format::calibration::{
    Arrays, Calibration, Error, Input, Kind, Rule, Settings, Unit, Watch,
};
use lacuna::probe::{Hook, Site};

use crate::models::{Buffer, configs};

const AT_SITES: usize = 204;
const AT_MEAN: usize = AT_SITES + 2 * 8;

/// Five statistics, a map and a bank.
pub(crate) fn fixture(config: &Config) -> Calibration<'static> {
    const LN_FINAL: Site = Site {
        layer: 0,
        hook: Hook::LnFinal,
    };
    const LOGITS: Site = Site {
        layer: 0,
        hook: Hook::Logits,
    };
    const SITES: [Watch; 2] = [
        Watch::new(LN_FINAL, 1 << 5 | 1 << 9),
        Watch::new(LOGITS, 0b111 << 14),
    ];
    let calibration = Calibration::new(config, settings(), 2, arrays(&SITES));
    calibration.expect("a calibration")
}

fn arrays(sites: &[Watch]) -> Arrays<'_> {
    Arrays {
        sites,
        mean: &[0.2, 0.4, 0.1, 2.0, -3.0],
        sd: &[0.01, 0.02, 0.05, 0.5, 1.0],
        map: &[1.0, 0.0, 0.0, 0.0, 0.5, 0.0, -1.0, 0.0, 0.25, 0.0],
        bank: &[0.0, 0.0, 1.0, -1.0, 0.5, 2.0],
        scores: &[0.5, 1.0, 4.0],
        tails: &[0.75, 0.5, 0.25],
    }
}

fn settings() -> Settings {
    Settings {
        input: Input::Statistics,
        rule: Rule::Nearest,
        unit: Unit::File,
        window: 64,
        every: 1,
        block: 4,
        units: 3,
        fitted: 3,
        windows: 12,
        eps: 1.0 / 1024.0,
        alpha: 0.25,
        rate_low: 0.01,
        rate_high: 0.6,
        threshold: 4.0,
        run_length: 1000.0,
        edges: core::array::from_fn(|i| i as f32 * 0.25),
        counts: core::array::from_fn(|i| u32::from(i % 5 == 1)),
    }
}

fn block() -> Buffer {
    let [plain, ..] = configs();
    let mut bytes = Vec::new();
    let calibration = fixture(&plain);
    let written = calibration.parts(|part| {
        bytes.extend_from_slice(part);
        Ok::<(), ()>(())
    });
    assert_eq!((written, bytes.len()), (Ok(()), calibration.len()));
    Buffer::new(&bytes)
}

/// The error after `new` is put at byte `at`.
fn refusal(at: usize, new: impl AsRef<[u8]>) -> (Kind, usize) {
    let [plain, ..] = configs();
    let mut block = block();
    block.bytes_mut()[at..][..new.as_ref().len()].copy_from_slice(new.as_ref());
    let error = Calibration::read(&plain, block.bytes()).expect_err("a wrong block");
    assert!(!error.to_string().is_empty());
    (error.kind, error.at)
}

#[test]
fn what_is_written_is_read() {
    let [plain, ..] = configs();
    let block = block();
    let read = Calibration::read(&plain, block.bytes()).expect("a calibration");
    assert_eq!(read, fixture(&plain));
    assert_eq!((read.inputs(), read.outputs(), read.nearest()), (5, 2, 2));
}

#[test]
fn a_p_value_counts_what_scored_as_high() {
    let [plain, ..] = configs();
    let c = fixture(&plain);
    let p = [
        f32::NEG_INFINITY,
        0.5,
        0.6,
        1.0,
        3.9,
        4.0,
        4.1,
        f32::INFINITY,
    ]
    .map(|s| c.p(s));
    assert_eq!(p, [1.0, 1.0, 0.75, 0.75, 0.5, 0.5, 0.25, 0.25]);
    let level = [-1.0, 0.0, 0.1, 3.5, 3.6, f32::INFINITY].map(|s| c.level(s));
    assert_eq!(level, [0, 0, 1, 14, 15, 15]);
}

#[test]
fn one_wrong_field_at_a_time() {
    let nan = f32::NAN.to_le_bytes();
    let four = |n: u32| n.to_le_bytes();
    let float = |x: f32| x.to_le_bytes();
    assert_eq!(refusal(0, [2]), (Kind::Version, 0));
    for at in 1..4 {
        assert_eq!(refusal(at, [9]), (Kind::Unknown, at));
    }
    for (at, n) in [(4, 6), (8, u32::MAX), (12, u32::MAX), (20, 3), (24, 2)] {
        assert_eq!(refusal(at, four(n)), (Kind::Length, 0), "{at}");
    }
    for n in [0, 4, 17] {
        assert_eq!(refusal(16, four(n)), (Kind::Rule, 16));
    }
    assert_eq!(
        refusal(2, [0]),
        (Kind::Rule, 8),
        "a weighted sum has one row"
    );
    assert_eq!(refusal(2, [1]), (Kind::Rule, 12), "Mahalanobis has no bank");
    for at in [28, 32, 36] {
        assert_eq!(refusal(at, four(0)), (Kind::Counts, at));
        assert_eq!(refusal(at, four(65_536)), (Kind::Counts, at));
    }
    assert_eq!(refusal(40, four(0)), (Kind::Counts, 40));
    assert_eq!(
        refusal(48, four(2)),
        (Kind::Counts, 40),
        "fewer windows than units"
    );
    assert_eq!(refusal(52, four(1)), (Kind::Reserved, 52));
    for at in [56, 60, 64, 68] {
        assert_eq!(refusal(at, float(1.5)), (Kind::Rate, at));
        assert_eq!(refusal(at, nan), (Kind::Rate, at));
    }
    assert_eq!(
        refusal(60, float(0.24)),
        (Kind::Rate, 60),
        "three units support a quarter"
    );
    assert_eq!(
        refusal(64, float(0.7)),
        (Kind::Rate, 64),
        "an empty interval"
    );
    assert_eq!(refusal(72, nan), (Kind::Number, 72));
    assert_eq!(refusal(76, float(0.5)), (Kind::Number, 76));
    assert_eq!(refusal(80, nan), (Kind::Number, 80));
    assert_eq!(refusal(80, float(9.0)), (Kind::Order, 80));
    assert_eq!(
        refusal(140, four(1)),
        (Kind::Counts, 140),
        "more than the units"
    );
}

#[test]
fn one_wrong_number_at_a_time() {
    let (nan, float) = (f32::NAN.to_le_bytes(), |x: f32| x.to_le_bytes());
    assert_eq!(
        refusal(AT_SITES, [1]),
        (Kind::Sites, AT_SITES),
        "a norm at the end has no layer"
    );
    assert_eq!(refusal(AT_SITES + 1, [15]), (Kind::Sites, AT_SITES));
    assert_eq!(
        refusal(AT_SITES + 1, [14]),
        (Kind::Sites, AT_SITES + 8),
        "twice the same"
    );
    assert_eq!(refusal(AT_SITES + 2, [1]), (Kind::Sites, AT_SITES));
    assert_eq!(
        refusal(AT_SITES + 6, [1]),
        (Kind::Statistics, AT_SITES + 4),
        "of logits"
    );
    assert_eq!(
        refusal(AT_SITES + 12, [1]),
        (Kind::Statistics, 4),
        "one more than means"
    );
    assert_eq!(
        refusal(1, [1]),
        (Kind::Statistics, AT_SITES + 4),
        "activations of two sites"
    );
    for at in [
        AT_MEAN + 4,
        AT_MEAN + 24,
        AT_MEAN + 40,
        AT_MEAN + 80,
        AT_MEAN + 104,
    ] {
        assert_eq!(refusal(at, nan), (Kind::Number, at));
    }
    for sd in [0.0, -1.0, 1e-40] {
        assert_eq!(
            refusal(AT_MEAN + 20, float(sd)),
            (Kind::Number, AT_MEAN + 20)
        );
    }
    let scores = AT_MEAN + 4 * (5 + 5 + 10 + 6);
    assert_eq!(
        refusal(scores, float(1.0)),
        (Kind::Order, scores),
        "twice the same"
    );
    let tails = scores + 12;
    for tail in [0.25, 1.5] {
        assert_eq!(refusal(tails, float(tail)), (Kind::Order, tails));
    }
    assert_eq!(refusal(tails + 8, float(0.0)), (Kind::Order, tails));
}

#[test]
fn every_truncation_is_refused() {
    let [plain, ..] = configs();
    let block = block();
    let whole = block.bytes();
    for len in 0..whole.len() {
        let error = Calibration::read(&plain, &whole[..len]).expect_err("a part");
        assert_eq!(error.kind, Kind::Length);
    }
    let longer = Buffer::new(&[whole, &[0; 4]].concat());
    let error = Calibration::read(&plain, longer.bytes()).map(drop);
    assert_eq!(error.map_err(|e: Error| e.kind), Err(Kind::Length));
}

#[test]
fn activations_have_a_channel_each() {
    let [plain, ..] = configs();
    let site = Site {
        layer: 0,
        hook: Hook::Embed,
    };
    let n = plain.width_of(site.hook);
    let (mean, sd) = (vec![0.0; n], vec![1.0; n]);
    let with = |n: usize| {
        let parts = Arrays {
            sites: &[Watch::new(site, 0)],
            mean: &mean[..n],
            sd: &sd[..n],
            map: &[],
            bank: &[],
            ..arrays(&[])
        };
        let settings = Settings {
            input: Input::Activations,
            rule: Rule::Mahalanobis,
            ..settings()
        };
        Calibration::new(&plain, settings, 0, parts).map(|c| c.outputs())
    };
    assert_eq!(with(n), Ok(n), "without a map, y is z");
    assert_eq!(with(n - 1).map_err(|e| e.kind), Err(Kind::Statistics));
}
