//! The statistics of a vector against their definitions in double precision, awkward vectors first; sketches against
//! what they are sketches of.

use lacuna::num::Rng;
use lacuna::probe::{Sketch, Stat, StatSet, Values, measure};
use proptest::prelude::*;

const EPS: f32 = 1.0 / 1024.0;

/// A Gaussian number, by Box and Muller.
fn normal(rng: &mut Rng) -> f32 {
    let (u, v) = (1.0 - f64::from(rng.next_f32()), f64::from(rng.next_f32()));
    ((-2.0 * u.ln()).sqrt() * (core::f64::consts::TAU * v).cos()) as f32
}

fn of(x: &[f32]) -> Values {
    let mut values = Values::EMPTY;
    assert!(measure(x, StatSet::ALL, EPS, &mut values), "{x:?}");
    assert_eq!(values.set(), StatSet::ALL);
    values
}

/// The definition, word by word; the vector must not be zero.
fn defined(stat: Stat, x: &[f32]) -> f64 {
    let d = x.len() as f64;
    let mut a: Vec<f64> = x.iter().map(|v| f64::from(*v).abs()).collect();
    a.sort_by(f64::total_cmp);
    let sum = |f: &dyn Fn(f64) -> f64| a.iter().map(|a| f(*a)).sum::<f64>();
    let share = |f: &dyn Fn(f64) -> bool| a.iter().filter(|a| f(**a)).count() as f64 / d;
    let (s1, s2) = (sum(&|a| a), sum(&|a| a * a));
    let mean = s1 / d;
    let m2 = sum(&|a| (a - mean).powi(2)) / d;
    let top = |percent: usize| {
        let k = (x.len() * percent / 100).max(1);
        a.iter().rev().take(k).map(|a| a * a).sum::<f64>() / s2
    };
    let entropy = |w: &dyn Fn(f64) -> f64| {
        let total = sum(w);
        -sum(&|a| match w(a) / total {
            0.0 => 0.0,
            p => p * p.ln(),
        })
    };
    let logits: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let z = logits.iter().map(|l| (l - max).exp()).sum::<f64>();
    match stat {
        Stat::ZeroShare => share(&|a| a == 0.0),
        Stat::LeEpsShare => share(&|a| a <= f64::from(EPS)),
        Stat::AboveShare => share(&|a| a > mean + m2.sqrt()),
        Stat::L1 => s1 / (d * s2).sqrt(),
        Stat::Rms => (s2 / d).sqrt(),
        Stat::Hoyer if x.len() == 1 => 1.0,
        Stat::Hoyer => (d.sqrt() - s1 / s2.sqrt()) / (d.sqrt() - 1.0),
        Stat::Gini => {
            let ranked = a.iter().zip(1..).map(|(a, i)| f64::from(i) * a);
            2.0 * ranked.sum::<f64>() / (d * s1) - (d + 1.0) / d
        }
        Stat::Top1 => top(1),
        Stat::Top5 => top(5),
        Stat::Top10 => top(10),
        Stat::Participation => s2 * s2 / (d * sum(&|a| a.powi(4))),
        Stat::Kurtosis => sum(&|a| (a - mean).powi(4)) / d / (m2 * m2),
        Stat::EffRankEnergy => entropy(&|a| a * a).exp() / d,
        Stat::EffRankMagnitude => entropy(&|a| a).exp() / d,
        Stat::MaxSoftmax => 1.0 / z,
        Stat::Entropy => {
            let below = logits.iter().map(|l| (l - max) * (l - max).exp());
            z.ln() - below.sum::<f64>() / z
        }
        Stat::EnergyScore => -(max + z.ln()),
    }
}

/// How far from its definition a value may be: rounding, or what [`Stat::Gini`] promises.
fn allowed(stat: Stat, x: &[f32], value: f64) -> f64 {
    let d = x.len() as f64;
    match stat {
        Stat::ZeroShare | Stat::LeEpsShare => 1e-7,
        // An element on the limit may fall to either side.
        Stat::AboveShare => 2.01 / d,
        Stat::Gini => 1.0 / 48.0 + d / 131_072.0,
        Stat::Kurtosis => 1e-4 * value,
        _ => 4e-6 * value.abs().max(1.0),
    }
}

fn check(x: &[f32]) {
    let found = of(x);
    for (stat, value) in found.iter() {
        let (value, exact) = (f64::from(value), defined(stat, x));
        let flat = stat == Stat::Kurtosis && !exact.is_finite();
        let near = (value - exact).abs() <= allowed(stat, x, exact);
        let last = Stat::Rms == stat && (value / exact - 1.0).abs() < 1e-5;
        assert!(near || last || flat, "{stat}: {value}, not {exact} {x:?}");
    }
}

#[test]
fn awkward_vectors() {
    let mut values = Values::EMPTY;
    for none in [&[][..], &[f32::NAN, 1.0], &[1.0, f32::NEG_INFINITY]] {
        assert!(!measure(none, StatSet::ALL, EPS, &mut values));
        assert_eq!(values, Values::EMPTY);
    }
    check(&[3.0]);
    check(&[-1e-45]);
    check(&[1.0, -1.0, 1.0, -1.0, -0.0, 0.0]);
    check(&[f32::MAX, -f32::MAX, 1e38, 3.0]);
    check(&[1e-45, -1e-40, 3e-39, 0.0, 2e-38]);
    check(&[1e30, 1e-30, 1e-3, 1.0, 0.0]);
    check(&[2.0, 2.0, -2.0, 1.0, 1.0, 1.0, 0.5]);
    for d in 1..70 {
        let mut one = vec![0.0; d];
        one[d / 2] = -7.0;
        check(&one);
        // All zeros are taken for one nonzero element.
        let (zero, one) = (of(&vec![-0.0; d]), of(&one));
        for stat in StatSet::ANYWHERE
            .iter()
            .filter(|s| !matches!(s, Stat::Rms | Stat::ZeroShare))
        {
            let (zero, one) = (zero.get(stat).unwrap(), one.get(stat).unwrap());
            let near = (zero - one).abs() <= 1e-5 * one.max(1.0);
            assert!(near || stat == Stat::LeEpsShare, "{stat} {d}: {zero} {one}");
        }
        assert_eq!(
            (zero.get(Stat::Rms), zero.get(Stat::ZeroShare)),
            (Some(0.0), Some(1.0))
        );
    }
}

#[test]
fn equal_magnitudes_are_dense() {
    for (d, size) in [
        (1, 0.1f32),
        (7, 3e-39),
        (64, 0.3),
        (1000, 1e20),
        (4096, 0.1),
    ] {
        let x: Vec<f32> = (0..d)
            .map(|i| if i % 3 == 0 { -size } else { size })
            .collect();
        let found = of(&x);
        for (stat, value) in [
            (Stat::AboveShare, 0.0),
            (Stat::L1, 1.0),
            (Stat::Hoyer, if d == 1 { 1.0 } else { 0.0 }),
            (Stat::Participation, 1.0),
            (Stat::Kurtosis, 1.0),
            (Stat::EffRankEnergy, 1.0),
            (Stat::EffRankMagnitude, 1.0),
        ] {
            let found = found.get(stat).unwrap();
            assert!((found - value).abs() < 2e-5, "{stat} {d}: {found}");
        }
        let k = (d / 10).max(1) as f32 / d as f32;
        assert!((found.get(Stat::Top10).unwrap() - k).abs() < 1e-6);
        let gini = found.get(Stat::Gini).unwrap();
        assert!(gini <= 1.0 / 48.0, "{d}: {gini}");
    }
}

#[test]
fn gini_of_gaussians_is_close() {
    let mut rng = Rng::new(3);
    for (d, most) in [
        (8, 0.005),
        (64, 0.0005),
        (256, 0.0005),
        (1024, 0.0005),
        (4096, 0.0005),
    ] {
        let worst = (0..40)
            .map(|_| {
                let x: Vec<f32> = (0..d).map(|_| normal(&mut rng)).collect();
                (f64::from(of(&x).get(Stat::Gini).unwrap()) - defined(Stat::Gini, &x)).abs()
            })
            .fold(0.0, f64::max);
        assert!(worst < most, "{d}: {worst}");
    }
}

#[test]
fn a_set_measures_what_it_names_and_the_bits_of_all() {
    let mut rng = Rng::new(5);
    let x: Vec<f32> = (0..100).map(|_| normal(&mut rng)).collect();
    let all = of(&x);
    for stat in Stat::ALL {
        let mut values = Values::EMPTY;
        assert!(measure(&x, StatSet::of(&[stat]), EPS, &mut values));
        assert!(values.iter().eq([(stat, all.get(stat).unwrap())]), "{stat}");
    }
}

fn sketch(stat: Stat, values: &[f32]) -> Sketch {
    let mut sketch = Sketch::EMPTY;
    values.iter().for_each(|v| sketch.push(stat, *v));
    sketch
}

/// Moments in double precision; allowed is the rounding of n steps.
fn close(sketch: &Sketch, values: &[f32]) {
    let n = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n.max(1.0);
    let m2 = values
        .iter()
        .map(|v| (f64::from(*v) - mean).powi(2))
        .sum::<f64>();
    let most = values.iter().fold(0.0, |m, v| v.abs().max(m));
    let slack = 1.2e-7 * (n + 4.0) * f64::from(most);
    assert_eq!(f64::from(sketch.n), n);
    assert!(
        (f64::from(sketch.mean) - mean).abs() <= slack,
        "{sketch:?} {mean}"
    );
    let spread = slack * (n * f64::from(most) + 1e-30);
    assert!(
        (f64::from(sketch.m2) - m2).abs() <= spread,
        "{sketch:?} {m2}"
    );
}

#[test]
fn sketches_pass_over_what_is_not_finite_and_stop_at_the_end() {
    let found = sketch(Stat::Hoyer, &[f32::NAN, 0.5, f32::INFINITY, 0.25]);
    assert_eq!(
        (found.n, found.min, found.max, found.mean),
        (2, 0.25, 0.5, 0.375)
    );
    assert_eq!((found.variance(), found.sd()), (0.015625, 0.125));
    assert_eq!(
        (Sketch::EMPTY.variance(), Sketch::default()),
        (0.0, Sketch::EMPTY)
    );
    let full = Sketch {
        n: u32::MAX,
        histogram: [u16::MAX; 16],
        ..found
    };
    let mut more = full;
    more.push(Stat::Hoyer, 0.5);
    assert_eq!(more, full);
    more.merge(&found);
    assert_eq!((more.n, more.histogram), (u32::MAX, [u16::MAX; 16]));
    let mut from_empty = Sketch::EMPTY;
    from_empty.merge(&found);
    assert_eq!(from_empty, found);
    from_empty.merge(&Sketch::EMPTY);
    assert_eq!(from_empty, found);
}

#[test]
fn bins_are_cut_at_their_edges() {
    for stat in Stat::ALL {
        let bins = stat.bins();
        let edges = bins.edges();
        assert_eq!(edges[0], bins.lo);
        let sign = if bins.negated { -1.0 } else { 1.0 };
        for (i, edge) in edges.into_iter().enumerate() {
            let under = f32::from_bits(edge.to_bits() - 1);
            assert_eq!(
                (bins.of(sign * under), bins.of(sign * edge)),
                (i, i + 1),
                "{stat}"
            );
        }
        for (value, bin) in [(0.0, 0), (-0.0, 0), (sign * f32::MAX, 15), (-sign * 3.0, 0)] {
            assert_eq!(bins.of(value), bin, "{stat}");
        }
    }
    assert_eq!(Stat::Hoyer.bins().edges()[14], 1.0);
    assert_eq!(Stat::Top1.bins().edges()[14], 1.0);
    assert_eq!(Stat::Kurtosis.bins().edges()[14], 128.0);
}

#[test]
fn a_sketch_fits_a_frame() {
    let full = Sketch {
        n: u32::MAX,
        histogram: [u16::MAX; 16],
        ..Sketch::EMPTY
    };
    let mut room = [0; 128];
    let bytes = postcard::to_slice(&full, &mut room).unwrap();
    assert!(bytes.len() <= 72, "{}", bytes.len());
    assert_eq!(size_of::<Sketch>(), 52);
}

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        3 => -4.0f32..4.0,
        1 => Just(0.0),
        1 => (-2i8..=2).prop_map(f32::from),
        1 => any::<u32>().prop_map(|b| f32::from_bits(b & 0xbfff_ffff)).prop_filter("finite", |v| v.is_finite()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statistics_are_their_definitions(x in prop::collection::vec(number(), 1..200)) {
        if x.iter().any(|v| *v != 0.0) {
            check(&x);
        }
    }

    #[test]
    fn scaling_by_a_power_of_two_changes_no_bit(x in prop::collection::vec(-4.0f32..4.0, 1..100), power in -20i32..20) {
        let scaled: Vec<f32> = x.iter().map(|v| v * (power as f32).exp2()).collect();
        let (a, b) = (of(&x), of(&scaled));
        for stat in StatSet::ANYWHERE.iter().filter(|s| !matches!(s, Stat::Rms | Stat::LeEpsShare)) {
            prop_assert_eq!(a.get(stat).map(f32::to_bits), b.get(stat).map(f32::to_bits), "{}", stat);
        }
    }

    #[test]
    fn joined_sketches_are_those_of_all(parts in prop::collection::vec(prop::collection::vec(0.0f32..1.0, 0..60), 1..6)) {
        let whole = parts.concat();
        let sketches: Vec<Sketch> = parts.iter().map(|p| sketch(Stat::Gini, p)).collect();
        let (mut left, mut right) = (Sketch::EMPTY, Sketch::EMPTY);
        for s in &sketches {
            left.merge(s);
        }
        for s in sketches.iter().rev() {
            let mut joined = *s;
            joined.merge(&right);
            right = joined;
        }
        let direct = sketch(Stat::Gini, &whole);
        close(&direct, &whole);
        for joined in [left, right] {
            close(&joined, &whole);
            prop_assert_eq!((joined.n, joined.min, joined.max, joined.histogram), (direct.n, direct.min, direct.max, direct.histogram));
        }
    }
}
