//! The nulls against simulation and against published figures. `LACUNA_BLESS=1 cargo test --release --test nulls` makes
//! the table of the simulated ones.

use core::fmt::Write;
use std::path::PathBuf;

use lacuna::num::{Rng, ln, sqrt};
use lacuna::probe::{Stat, StatSet, Values, measure, null};

/// Widths of the table: close where 1/d is large, and where the largest 1, 5 or 10 % get another element.
const KNOTS: [usize; 24] = [
    4, 5, 6, 8, 10, 12, 16, 19, 20, 29, 30, 39, 40, 64, 99, 100, 128, 199, 200, 299, 300, 512,
    1024, 4096,
];
const STATS: [Stat; 11] = [
    Stat::AboveShare,
    Stat::L1,
    Stat::Hoyer,
    Stat::Gini,
    Stat::Top1,
    Stat::Top5,
    Stat::Top10,
    Stat::Participation,
    Stat::Kurtosis,
    Stat::EffRankEnergy,
    Stat::EffRankMagnitude,
];
/// Elements simulated for each width.
const ELEMENTS: usize = 1 << 21;

/// Gaussian numbers by Marsaglia's polar method, of the engine's own functions: the same on every machine.
struct Gaussian(Rng, Option<f32>);

impl Gaussian {
    fn next(&mut self) -> f32 {
        if let Some(other) = self.1.take() {
            return other;
        }
        loop {
            let (u, v) = (2.0 * self.0.next_f32() - 1.0, 2.0 * self.0.next_f32() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                let length = sqrt(-2.0 * ln(s) / s);
                self.1 = Some(v * length);
                return u * length;
            }
        }
    }
}

/// Mean and standard deviation of every statistic over vectors of width `d`, and how many vectors there were.
fn simulate(d: usize, seed: u64) -> ([(f64, f64); STATS.len()], f64) {
    let mut gaussian = Gaussian(Rng::new(seed), None);
    let set = StatSet::of(&STATS);
    let n = (ELEMENTS / d).max(500);
    let mut sums = [(0.0, 0.0); STATS.len()];
    let mut values = Values::EMPTY;
    let mut x = vec![0.0; d];
    for _ in 0..n {
        x.fill_with(|| gaussian.next());
        assert!(measure(&x, set, 0.0, &mut values));
        for (sum, stat) in sums.iter_mut().zip(STATS) {
            let value = f64::from(values.get(stat).unwrap());
            *sum = (sum.0 + value, sum.1 + value * value);
        }
    }
    let n = n as f64;
    let moments = sums.map(|(s, squares)| (s / n, (squares / n - (s / n).powi(2)).max(0.0).sqrt()));
    (moments, n)
}

fn table() -> String {
    let found: Vec<_> = KNOTS.iter().map(|d| simulate(*d, 7).0).collect();
    let mut text = String::from(
        "//! Of simulated Gaussian vectors; `LACUNA_BLESS=1 cargo test --release --test nulls` writes this file.\n\n\
         use crate::probe::Stat;\n\n/// Widths.\n#[rustfmt::skip]\n",
    );
    let (k, s) = (KNOTS.len(), STATS.len());
    let _ = writeln!(text, "pub(super) const KNOTS: [u32; {k}] = {KNOTS:?};\n");
    text.push_str("/// The row of a statistic.\npub(super) const fn row(stat: Stat) -> Option<usize> {\n    match stat {\n");
    for (i, stat) in STATS.iter().enumerate() {
        let _ = writeln!(text, "        Stat::{stat:?} => Some({i}),");
    }
    text.push_str("        _ => None,\n    }\n}\n");
    for (name, what, of) in [
        ("MEANS", "Means by statistic and width.", 0),
        ("SDS", "√d times the standard deviations.", 1),
    ] {
        let _ = write!(
            text,
            "\n/// {what}\n#[rustfmt::skip]\npub(super) const {name}: [[f32; {k}]; {s}] = [\n"
        );
        for i in 0..s {
            let line: Vec<String> = found
                .iter()
                .zip(KNOTS)
                .map(|(m, d)| {
                    let value = if of == 0 {
                        m[i].0
                    } else {
                        m[i].1 * (d as f64).sqrt()
                    };
                    format!("{value:.4}")
                })
                .collect();
            let _ = writeln!(text, "    [{}],", line.join(", "));
        }
        text.push_str("];\n");
    }
    text
}

#[test]
fn the_table_is_what_simulation_gives() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/probe/null/table.rs");
    let made = table();
    if std::env::var_os("LACUNA_BLESS").is_some() {
        std::fs::write(&path, &made).expect("the table can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("the table");
    assert!(
        kept == made,
        "run LACUNA_BLESS=1 cargo test --release --test nulls"
    );
}

/// At widths that are in no table; the tops at those where their count jumps.
#[test]
fn nulls_are_near_between_the_knots() {
    for d in [4, 7, 9, 14, 24, 36, 50, 80, 150, 198, 250, 384, 768, 2048] {
        let (moments, n) = simulate(d, 11);
        for (stat, (mean, sd)) in STATS.into_iter().zip(moments) {
            let null = null(stat, d).expect("a null");
            let off = (f64::from(null.mean) - mean).abs();
            assert!(
                off < 5.0 * sd / n.sqrt() + 0.005 * mean,
                "{stat} {d}: {} not {mean}",
                null.mean
            );
            let ratio = f64::from(null.sd) / sd;
            assert!(
                (0.75..1.35).contains(&ratio),
                "{stat} {d}: sd {} not {sd}",
                null.sd
            );
        }
    }
}

/// The table of methods.md, which another simulation made: to its last digit, and the d that it rounds.
#[test]
fn published_figures_are_hit() {
    let columns = [
        Stat::L1,
        Stat::Top1,
        Stat::Top5,
        Stat::Top10,
        Stat::Hoyer,
        Stat::Gini,
        Stat::EffRankEnergy,
        Stat::EffRankMagnitude,
        Stat::Participation,
    ];
    for (d, figures) in [
        (
            64,
            [
                0.801, 0.107, 0.254, 0.410, 0.227, 0.409, 0.494, 0.755, 0.357,
            ],
        ),
        (
            256,
            [
                0.797, 0.067, 0.265, 0.433, 0.216, 0.414, 0.481, 0.753, 0.335,
            ],
        ),
        (
            1024,
            [
                0.798, 0.081, 0.278, 0.438, 0.209, 0.414, 0.482, 0.753, 0.336,
            ],
        ),
        (
            4096,
            [
                0.798, 0.083, 0.278, 0.439, 0.206, 0.414, 0.482, 0.753, 0.333,
            ],
        ),
    ] {
        for (stat, figure) in columns.into_iter().zip(figures) {
            let mean = null(stat, d).expect("a null").mean;
            assert!(
                (mean - figure).abs() < 0.0045,
                "{stat} {d}: {mean} not {figure}"
            );
        }
    }
}

#[test]
fn what_depends_on_scale_has_no_null() {
    for stat in [Stat::LeEpsShare, Stat::Rms]
        .into_iter()
        .chain(StatSet::OF_LOGITS.iter())
    {
        assert_eq!(null(stat, 64), None);
    }
    assert_eq!((null(Stat::Hoyer, 3), null(Stat::Hoyer, 0)), (None, None));
    let zero = null(Stat::ZeroShare, 64).expect("no Gaussian element is zero");
    assert_eq!((zero.mean, zero.sd, zero.standardise(0.5)), (0.0, 0.0, 0.0));
    let hoyer = null(Stat::Hoyer, 64).expect("a null");
    assert_eq!(hoyer.standardise(hoyer.mean), 0.0);
    // Widths beyond the table, up to a vocabulary, have one too.
    for stat in STATS {
        let (last, far) = (null(stat, 4096).unwrap(), null(stat, 100_000).unwrap());
        assert!(
            (last.mean / far.mean - 1.0).abs() < 0.03 && far.sd < last.sd,
            "{stat}"
        );
    }
}
