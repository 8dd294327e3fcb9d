//! Instructions of one product, counted by callgrind: figures that do not depend on what else the machine does.
//!
//! `cargo bench --bench icount` counts every form on every back-end that callgrind can run, one token and 32, and
//! compares with `icount.txt`; more than 2 % over a figure fails. `cargo bench --bench icount -- --bless` writes what it
//! counted. Valgrind knows no AVX-512: `hotloops` watches that back-end.

mod figures;

use std::process::{Command, ExitCode};

use lacuna::fixture::model::{DENSE, Lines, QUARTER, file};
use lacuna::fixture::{Form, Numbers, Pattern, activations, matrix};
use lacuna::format::schema::{self, Id, Tensor};
use lacuna::kernels::{INPUT_PAD, Isa, IsaName, Lanes, Quantised};
use lacuna::model::{Model, State};
use lacuna::num::Rng;
use lacuna::session::{Options, Sampler, Session};
use lacuna::sparse::{Major, ValueType};

const SHAPE: (usize, usize) = (256, 256);
const TOKENS: usize = 32;
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/icount.txt");

/// What callgrind collects, and nothing else; it writes a part of its output after each call.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
    // Not a tail call: callgrind must see this function return.
    core::hint::black_box(());
}

/// Every product and every input of a back-end, each through `measured` once, in the order of the names returned.
/// 10 % of a sparse matrix is present.
fn products(isa: Isa) -> Option<Vec<String>> {
    let (rows, cols) = SHAPE;
    let mut rng = Rng::new(2);
    let lanes = Lanes::of(TOKENS);
    let one = activations(&mut rng, cols, 0, Numbers::Tame);
    let many = activations(&mut rng, cols * lanes.stride(), 0, Numbers::Tame);
    let mut y = vec![0.0; rows * lanes.stride()];
    let mut names = Vec::new();
    for (int8, values) in [(false, "f32"), (true, "i8")] {
        let mut q = vec![0i8; cols * lanes.stride() + INPUT_PAD];
        let mut scales = vec![0.0; TOKENS];
        names.push(format!("input-{values}"));
        measured(&mut || {
            core::hint::black_box(isa.input(&one, &mut q, int8).is_ok());
        });
        names.push(format!("batch-{values}"));
        measured(&mut || {
            let room = Quantised {
                q: &mut q,
                scales: &mut scales,
            };
            let room = int8.then_some(room);
            core::hint::black_box(isa.batch(&many, lanes, room).is_ok());
        });
    }
    for form in Form::all() {
        let parts = matrix(&mut Rng::new(1), form, SHAPE, 26, Numbers::Tame);
        let w = parts.view()?;
        let mut q = vec![0i8; cols * lanes.stride() + INPUT_PAD];
        let mut scales = vec![0.0; TOKENS];
        let input = isa.input(&one, &mut q, w.is_i8()).ok()?;
        names.push(format!("{form} matvec"));
        measured(&mut || isa.matvec(&w, &input, None, &mut y[..rows]));
        let room = Quantised {
            q: &mut q,
            scales: &mut scales,
        };
        let batch = isa.batch(&many, lanes, w.is_i8().then_some(room)).ok()?;
        names.push(format!("{form} matmul{TOKENS}"));
        measured(&mut || isa.matmul(&w, &batch, None, &mut y));
    }
    core::hint::black_box(y);
    models(isa, &mut names)?;
    if isa == Isa::Portable {
        samplers(&mut names);
    }
    Some(names)
}

/// A token from 512 logits, by every way of choosing.
fn samplers(names: &mut Vec<String>) {
    let logits = activations(&mut Rng::new(3), 512, 0, Numbers::Tame);
    for (name, mut sampler) in [
        ("greedy", Sampler::greedy()),
        ("all", Sampler::new(1.0, 0, 1.0, 1)),
        ("top-k-40", Sampler::new(1.0, 40, 1.0, 1)),
        ("top-p-0.9", Sampler::new(1.0, 0, 0.9, 1)),
    ] {
        names.push(format!("sample {name}"));
        measured(&mut || {
            core::hint::black_box(sampler.sample(&logits));
        });
    }
}

/// One token at position 3 of every model worth counting, each through `measured` once. Without `skips` matrices gather,
/// with it those whose input AbsTopK thins out are input-major.
fn models(isa: Isa, names: &mut Vec<String>) -> Option<()> {
    let patterns = [
        Pattern::Csr,
        Pattern::Bitmask,
        Pattern::Panel16,
        Pattern::Panel32,
    ];
    let packed = isa != Isa::Portable;
    for value_type in [ValueType::F32, ValueType::I8] {
        for (name, config, skips) in [
            ("token", DENSE, false),
            ("quarter", QUARTER, false),
            ("quarter-skipping", QUARTER, true),
        ] {
            for pattern in patterns
                .into_iter()
                .filter(|p| packed || *p == Pattern::Csr)
            {
                let chosen = |t: &Tensor| {
                    let thinned = skips && !matches!(t.id, Id::Wo | Id::Head);
                    Form {
                        pattern: if thinned { Pattern::Csr } else { pattern },
                        value_type,
                        major: if thinned { Major::Input } else { Major::Output },
                    }
                };
                let file = file(&config, 26, &chosen)?;
                let model = Model::new(file.get()).ok()?;
                let options = Options {
                    isa,
                    ..Options::new(&config)
                };
                let mut arena = Lines::zeros(State::len(&config, &options.limits));
                let mut session = Session::new(model, arena.get_mut(), options).ok()?;
                session.prompt(&[1, 2, 3]).ok()?;
                let of = chosen(&schema::tensors(&config).last()?);
                names.push(format!("{name} {of}"));
                measured(&mut || {
                    core::hint::black_box(session.step(4).is_ok());
                });
            }
        }
    }
    Some(())
}

/// Instructions by name, counted in a child process; `None` where valgrind or the back-end is missing.
fn count(isa: IsaName) -> Option<Vec<(String, u64)>> {
    let parts = std::env::temp_dir().join(format!("lacuna-icount-{}-{isa}", std::process::id()));
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--combine-dumps=yes"])
        .arg(format!("--callgrind-out-file={}", parts.display()))
        .arg("--toggle-collect=icount::measured*")
        .arg("--dump-after=*measured*")
        .arg(std::env::current_exe().ok()?)
        .args(["--child", isa.as_str()])
        .output()
        .ok()?;
    let text = std::fs::read_to_string(&parts);
    // A leftover in the folder for leftovers is no reason to fail.
    let _ = std::fs::remove_file(&parts);
    let names = String::from_utf8_lossy(&out.stdout);
    let counts = text.ok()?;
    let counts = counts.lines().filter_map(|l| l.strip_prefix("summary: "));
    let counts: Vec<u64> = counts.filter_map(|n| n.parse().ok()).collect();
    let counted = names.lines().map(|name| format!("{name} {isa}"));
    let counted: Vec<_> = counted.zip(counts.iter().copied()).collect();
    let whole = out.status.success() && names.lines().count() <= counts.len();
    (whole && counted.iter().all(|(_, n)| *n > 0)).then_some(counted)
}

/// Prints by how much skipping shortens a token of the AbsTopK model, against its best form without.
fn skipping(counted: &[(String, u64)]) {
    for isa in [IsaName::Portable, IsaName::Avx2] {
        for values in ["f32", "i8"] {
            let least = |start: &str| {
                let of = |(name, _): &&(String, u64)| {
                    name.starts_with(start) && name.contains(values) && name.ends_with(isa.as_str())
                };
                counted
                    .iter()
                    .filter(of)
                    .map(|(_, n)| *n as f64)
                    .min_by(f64::total_cmp)
            };
            if let (Some(all), Some(some)) = (least("quarter "), least("quarter-skipping ")) {
                let fall = (1.0 - some / all) * 100.0;
                println!("AbsTopK 1/4, {values}, {isa}: skipping takes {fall:.1} % off a token");
            }
        }
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, isa] = &args[..]
        && mode == "--child"
    {
        let isa = isa.parse().ok().and_then(Isa::from_name);
        return match isa.and_then(products) {
            Some(names) => {
                names.iter().for_each(|n| println!("{n}"));
                ExitCode::SUCCESS
            }
            None => ExitCode::FAILURE,
        };
    }
    if !args.iter().any(|a| a == "--bench") {
        println!("icount: skipped, it counts optimised code: cargo bench --bench icount");
        return ExitCode::SUCCESS;
    }
    let mut counted = Vec::new();
    for isa in [IsaName::Portable, IsaName::Avx2] {
        match count(isa) {
            Some(more) => counted.extend(more),
            None => {
                let what = format!("icount needs valgrind and a processor with {isa}");
                return figures::skip(&what);
            }
        }
    }
    skipping(&counted);
    let header = format!(
        "Instructions of one product of a 256 x 256 matrix, 10 % present where sparse; matmul: {TOKENS} tokens."
    );
    figures::gate(FIGURES, &header, &counted)
}
