//! From rows to ratios: per shape and density, and as geometric means over the shapes that fit into a cache.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{SHAPES, SMALL};
use crate::race::Side;
use crate::rows::Row;

/// Rows of one race, that is of one shape, density, token count and code path.
type Races<'a> = BTreeMap<((usize, usize), u32, usize), BTreeMap<&'a str, Vec<&'a Row>>>;

fn races(rows: &[Row]) -> Races<'_> {
    let mut races = Races::new();
    for row in rows {
        let cell = races
            .entry((row.shape, row.density, row.tokens))
            .or_default();
        cell.entry(&row.path).or_default().push(row);
    }
    races
}

fn fastest<'a>(race: &[&'a Row], of: impl Fn(&Row) -> bool) -> Option<&'a Row> {
    let those = race.iter().copied().filter(|r| of(r));
    those.min_by(|a, b| a.ns.total_cmp(&b.ns))
}

/// One of our sparse kernels of these values on this back-end.
fn ours<'a>(race: &[&'a Row], values: &str, isa: &str) -> Option<&'a Row> {
    fastest(race, |r| {
        r.side == Side::Ours
            && r.name.contains(values)
            && r.name.ends_with(isa)
            && !r.name.starts_with("dense")
    })
}

/// What is divided by what: opponent over ours, so that more than 1 is faster than the opponent.
struct Ratio {
    title: &'static str,
    opponent: fn(&[&Row]) -> Option<f64>,
    ours: fn(&[&Row]) -> Option<f64>,
}

fn ns(row: Option<&Row>) -> Option<f64> {
    row.map(|r| r.ns)
}

/// What one input costs to make ready, where it was timed.
fn input(race: &[&Row], values: &str, isa: &str) -> Option<f64> {
    let name = format!("input-{values}{isa}");
    ns(fastest(race, |r| r.name == name))
}

fn best_dense(race: &[&Row]) -> Option<f64> {
    ns(fastest(race, |r| {
        r.side == Side::PeerDense || (r.side == Side::Ours && r.name.starts_with("dense-f32"))
    }))
}

fn mkl(race: &[&Row]) -> Option<f64> {
    ns(fastest(race, |r| r.name == "mkl-ie" || r.name == "mkl-csr"))
}

const RATIOS: [Ratio; 7] = [
    Ratio {
        title: "f32 : oneMKL sparse",
        opponent: mkl,
        ours: |r| ns(ours(r, "-f32", "")),
    },
    Ratio {
        title: "f32 with its finite check : oneMKL sparse",
        opponent: mkl,
        ours: |r| Some(ns(ours(r, "-f32", "/avx512"))? + input(r, "f32", "/avx512")?),
    },
    Ratio {
        title: "f32, AVX2 only : oneMKL sparse",
        opponent: mkl,
        ours: |r| ns(ours(r, "-f32", "/avx2")),
    },
    Ratio {
        title: "f32 : faer, sprs, nalgebra-sparse",
        opponent: |r| {
            let theirs = |r: &Row| r.side == Side::Peer && !r.name.starts_with("mkl");
            ns(fastest(r, theirs))
        },
        ours: |r| ns(ours(r, "-f32", "")),
    },
    Ratio {
        title: "f32 sparse : best dense of anybody",
        opponent: best_dense,
        ours: |r| ns(ours(r, "-f32", "")),
    },
    Ratio {
        title: "our f32 dense : oneMKL dense",
        opponent: |r| ns(fastest(r, |r| r.name == "mkl-dense")),
        ours: |r| ns(fastest(r, |r| r.name.starts_with("dense-f32"))),
    },
    Ratio {
        title: "int8 : our f32",
        opponent: |r| ns(ours(r, "-f32", "")),
        ours: |r| ns(ours(r, "-i8", "")),
    },
];

/// The smallest ratio over oneMKL's code paths: the opponent at its best.
fn hardest(paths: &BTreeMap<&str, Vec<&Row>>, ratio: &Ratio) -> Option<f64> {
    let each = paths.values().filter_map(|race| {
        let (them, us) = ((ratio.opponent)(race)?, (ratio.ours)(race)?);
        Some(them / us)
    });
    each.min_by(f64::total_cmp)
}

/// Every entrant of every race: nanoseconds per stored element and token, one column per code path.
pub fn print_each(rows: &[Row]) {
    for (((h, w), density, tokens), paths) in races(rows) {
        let names: Vec<&&str> = paths.keys().collect();
        println!(
            "\n{h}x{w} {density} % T={tokens}: ns per stored element and token, oneMKL's code paths {names:?}"
        );
        let mut entrants: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for race in paths.values() {
            for row in race {
                entrants.entry(&row.name).or_default().push(row.each);
            }
        }
        let mut entrants: Vec<_> = entrants.into_iter().collect();
        entrants.sort_by(|a, b| a.1[0].total_cmp(&b.1[0]));
        for (name, each) in entrants {
            print!("  {name:<28}");
            each.iter().for_each(|v| print!(" {v:>8.4}"));
            println!();
        }
    }
}

/// One table per ratio: shapes down, densities across, then the geometric mean and the worst of the small shapes.
pub fn print_ratios(rows: &[Row]) {
    let races = races(rows);
    let tokens: BTreeSet<usize> = rows.iter().map(|r| r.tokens).collect();
    let densities: BTreeSet<u32> = rows.iter().map(|r| r.density).collect();
    let shapes: BTreeSet<_> = rows.iter().map(|r| r.shape).collect();
    for &n in &tokens {
        for ratio in &RATIOS {
            let at = |shape, density| hardest(races.get(&(shape, density, n))?, ratio);
            if !rows.iter().any(|r| at(r.shape, r.density).is_some()) {
                continue;
            }
            print!("\nT={n} {}\n{:>10}", ratio.title, "");
            densities.iter().for_each(|d| print!(" {:>6} %", d));
            println!();
            let line = |name: String, values: Vec<Option<f64>>| {
                print!("{name:>10}");
                for v in values {
                    print!(" {:>8}", v.map_or("-".into(), |v| format!("{v:.2}")));
                }
                println!();
            };
            for &shape in SHAPES.iter().filter(|s| shapes.contains(s)) {
                let name = format!("{}x{}", shape.0, shape.1);
                line(name, densities.iter().map(|&d| at(shape, d)).collect());
            }
            let small = |d| SHAPES[..SMALL].iter().filter_map(move |&s| at(s, d));
            let geomean = |d| geomean(&small(d).collect::<Vec<_>>());
            line(
                "geomean".into(),
                densities.iter().map(|&d| geomean(d)).collect(),
            );
            let worst = |d| small(d).min_by(f64::total_cmp);
            line(
                "worst".into(),
                densities.iter().map(|&d| worst(d)).collect(),
            );
        }
    }
}

/// Microseconds of a token and tokens per second, then the ratios of the whole model: of decoding, then of prompts.
pub fn print_model(rows: &[Row]) {
    for paths in races(rows).values() {
        for (path, race) in paths {
            println!("\noneMKL's code path {path}: µs of a run, µs a token, tokens a second");
            for row in race {
                let (run, token) = (row.ns / 1e3, row.each / 1e3);
                println!(
                    "  {:<44} {run:>9.1} {token:>8.2} {:>9.0}",
                    row.name,
                    1e6 / token
                );
            }
        }
        let of = |race: &[&Row], name: &str| {
            fastest(race, |r| r.name.split('/').next() == Some(name)).map(|r| r.ns)
        };
        let with_mkl = |r: &[&Row]| Some(of(r, "mkl-decode")? - of(r, "empty-products")?);
        let worst = |ratio: &dyn Fn(&[&Row]) -> Option<f64>| {
            let each = paths.values().filter_map(|r| ratio(r));
            each.min_by(f64::total_cmp)
        };
        println!();
        let say = |what: &str, ratio: Option<f64>| {
            if let Some(ratio) = ratio {
                println!("{what:<64} {ratio:.2}");
            }
        };
        say(
            "decode: our f32 : the engine with oneMKL's sparse products",
            worst(&|r| Some(with_mkl(r)? / of(r, "decode-f32")?)),
        );
        say(
            "decode: our int8 : our f32",
            worst(&|r| Some(of(r, "decode-f32")? / of(r, "decode-i8")?)),
        );
        say(
            "prompt: our whole f32 : oneMKL's products alone",
            worst(&|r| Some(of(r, "mkl-prompt-products")? / of(r, "prompt-f32")?)),
        );
        for values in ["f32", "i8"] {
            say(
                &format!("AbsTopK 1/4, {values}: skipping : not skipping"),
                worst(&|r| {
                    let (all, skipping) = (
                        format!("quarter-{values}"),
                        format!("quarter-skipping-{values}"),
                    );
                    Some(of(r, &all)? / of(r, &skipping)?)
                }),
            );
        }
    }
}

/// The geometric mean, or `None` of nothing.
pub fn geomean(v: &[f64]) -> Option<f64> {
    (!v.is_empty()).then(|| (v.iter().map(|x| x.ln()).sum::<f64>() / v.len() as f64).exp())
}
