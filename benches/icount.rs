//! Instructions of one product, counted by callgrind: figures that do not depend on what else the machine does.
//!
//! `cargo bench --bench icount` counts and compares with `icount.txt`; more than 2 % over a figure fails.
//! `cargo bench --bench icount -- --bless` writes what it counted. Without valgrind it says so and passes. Valgrind knows
//! no AVX-512, so that back-end is not counted.

use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

use lacuna::fixture::{Form, Numbers, Pattern, activations, matrix};
use lacuna::kernels::{INPUT_PAD, Input, Isa, IsaName};
use lacuna::num::Rng;
use lacuna::sparse::{Major, Matrix, ValueType};

const SHAPE: (usize, usize) = (256, 256);
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/icount.txt");

const FORMS: [(&str, Form); 6] = [
    ("csr-f32", form(Pattern::Csr, ValueType::F32, Major::Output)),
    ("csr-f16", form(Pattern::Csr, ValueType::F16, Major::Output)),
    ("csr-i8", form(Pattern::Csr, ValueType::I8, Major::Output)),
    (
        "csr-f32-input",
        form(Pattern::Csr, ValueType::F32, Major::Input),
    ),
    (
        "dense-f32",
        form(Pattern::Dense, ValueType::F32, Major::Output),
    ),
    (
        "dense-i8",
        form(Pattern::Dense, ValueType::I8, Major::Output),
    ),
];

const fn form(pattern: Pattern, value_type: ValueType, major: Major) -> Form {
    Form {
        pattern,
        value_type,
        major,
    }
}

/// What callgrind collects, and nothing else.
#[inline(never)]
fn measured(isa: Isa, w: &Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    isa.matvec(w, x, None, y);
}

/// One product at 10 % density, run under callgrind by [`count`].
fn child(form_name: &str, isa: &str) -> Option<()> {
    let (_, form) = FORMS.into_iter().find(|(name, _)| *name == form_name)?;
    let isa = Isa::from_name(isa.parse().ok()?)?;
    let mut rng = Rng::new(1);
    let parts = matrix(&mut rng, form, SHAPE, 26, Numbers::Tame);
    let w = parts.view()?;
    let x = activations(&mut rng, SHAPE.1, 0, Numbers::Tame);
    let mut scratch = vec![0i8; x.len() + INPUT_PAD];
    let input = isa.input(&x, &mut scratch, w.is_i8()).ok()?;
    let mut y = vec![0.0; SHAPE.0];
    measured(isa, &w, &input, &mut y);
    core::hint::black_box(y);
    Some(())
}

/// Instructions of `measured` in a child process, or `None` where valgrind or the back-end is missing.
fn count(form_name: &str, isa: IsaName) -> Option<u64> {
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=icount::measured*")
        .arg(std::env::current_exe().ok()?)
        .args(["--child", form_name, isa.as_str()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&out.stderr);
    let collected = said.lines().find_map(|l| l.split("Collected :").nth(1))?;
    let n = collected.trim().parse().ok()?;
    (out.status.success() && n > 0).then_some(n)
}

fn figures() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(FIGURES).unwrap_or_default();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines
        .filter_map(|l| {
            let (name, n) = l.rsplit_once(' ')?;
            Some((name.trim().to_string(), n.parse().ok()?))
        })
        .collect()
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, form_name, isa] = &args[..]
        && mode == "--child"
    {
        return match child(form_name, isa) {
            Some(()) => ExitCode::SUCCESS,
            None => ExitCode::FAILURE,
        };
    }
    if !args.iter().any(|a| a == "--bench") {
        println!(
            "icount: skipped, instructions are counted in optimised builds: cargo bench --bench icount"
        );
        return ExitCode::SUCCESS;
    }
    let bless = args.iter().any(|a| a == "--bless");
    let before = figures();
    let mut text = String::from(
        "# Instructions of one 256 x 256 product, 10 % of it present where it is sparse.\n",
    );
    let (mut counted, mut worse) = (0, 0);
    for (form_name, _) in FORMS {
        for isa in [IsaName::Portable, IsaName::Avx2] {
            let name = format!("{form_name} {isa}");
            let Some(n) = count(form_name, isa) else {
                println!("{name:24} skipped: needs valgrind and a processor with {isa}");
                continue;
            };
            counted += 1;
            let _ = writeln!(text, "{name} {n}");
            match before.get(&name) {
                Some(&b) => {
                    let change = (n as f64 / b as f64 - 1.0) * 100.0;
                    println!("{name:24} {n:>10} {change:+.2} %");
                    worse += usize::from(change > 2.0);
                }
                None => println!("{name:24} {n:>10} new"),
            }
        }
    }
    if bless && counted > 0 {
        if let Err(e) = std::fs::write(FIGURES, text) {
            eprintln!("{FIGURES}: {e}");
            return ExitCode::FAILURE;
        }
    } else if worse > 0 {
        eprintln!(
            "{worse} over their figure by more than 2 %; if that is meant: cargo bench --bench icount -- --bless"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
