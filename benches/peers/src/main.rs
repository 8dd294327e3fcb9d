//! `peers`: races and prints; `peers --help` says how.

use std::process::{Command, ExitCode};
use std::time::Duration;

use lacuna::fixture::Form;
use lacuna::kernels::Isa;
use lacuna_peers::aligned::Aligned;
use lacuna_peers::case::{Case, DENSITIES, SHAPES};
use lacuna_peers::foreign::mkl::{CodePath, Mkl};
use lacuna_peers::ours::Yard;
use lacuna_peers::peers::peers;
use lacuna_peers::race::{Pace, Side, race};
use lacuna_peers::report::{print_each, print_model, print_ratios};
use lacuna_peers::rows::{Row, shape};
use lacuna_peers::tokens::races as races_of_tokens;

const HELP: &str = "\
Races lacuna's sparse products against other libraries', one thread, and prints ratios (more than 1: lacuna is faster).

    LACUNA_MKL=…/libmkl_rt.so.3 cargo peers [--shape 256x256]… [--density 10]… [--tokens 32]… [--values f32]… [--forms panel]…
        [--each | --json]

`cargo peers model` races whole tokens instead: decoding and a prompt of a model of 4 blocks, AbsTopK, oneMKL inside.
--shape, --density, --tokens, --values and --forms narrow what is raced: ten shapes, 1 to 100 %, one token, f32 and i8,
every form whose name begins so.
--each prints nanoseconds per stored element of every entrant, --json every row; --rounds N sets turns per entrant (41), as
far as --seconds N of a race allow (1; with `model` 12).
With oneMKL everything runs once per code path (its own choice; as on an Intel processor with AVX2, with AVX-512), each in
a process of its own, and a ratio is the smallest of the three.";

#[derive(Debug, Default)]
struct Args {
    shapes: Vec<(usize, usize)>,
    densities: Vec<u32>,
    tokens: Vec<usize>,
    values: Vec<String>,
    forms: Vec<String>,
    rounds: Option<usize>,
    seconds: Option<u64>,
    path: Option<String>,
    each: bool,
    json: bool,
    model: bool,
}

/// What the command line says; `None` where it asks for help or makes no sense.
fn args() -> Option<Args> {
    let mut args = Args::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next();
        match word.as_str() {
            "--shape" => args.shapes.push(shape(&value()?)?),
            "--density" => args.densities.push(value()?.parse().ok()?),
            "--tokens" => args.tokens.push(value()?.parse().ok()?),
            "--values" => args.values.push(value()?),
            "--forms" => args.forms.push(value()?),
            "--rounds" => args.rounds = Some(value()?.parse().ok()?),
            "--seconds" => args.seconds = Some(value()?.parse().ok()?),
            "--path" => args.path = Some(value()?),
            "model" => args.model = true,
            "--each" => args.each = true,
            "--json" => args.json = true,
            _ => return None,
        }
    }
    if args.shapes.is_empty() {
        args.shapes = SHAPES.to_vec();
    }
    if args.densities.is_empty() {
        args.densities = DENSITIES.to_vec();
    }
    if args.tokens.is_empty() {
        args.tokens = vec![1];
    }
    if args.values.is_empty() {
        args.values = vec!["f32".into(), "i8".into()];
    }
    Some(args)
}

/// All races with one code path of oneMKL; prints rows.
fn races(args: &Args, path: &str) -> Result<(), String> {
    let code = if path == "own" {
        CodePath::Own
    } else {
        CodePath::Intel
    };
    let mkl = Mkl::open(code).map_err(|e| eprintln!("{e}")).ok();
    let seconds = args.seconds.unwrap_or(if args.model { 12 } else { 1 });
    let pace = Pace {
        rounds: args.rounds.unwrap_or(Pace::default().rounds),
        budget: Duration::from_secs(seconds),
        ..Pace::default()
    };
    if args.model {
        let rows = races_of_tokens(path, mkl.as_ref(), pace)?;
        rows.iter().for_each(|r| println!("{r}"));
        return Ok(());
    }
    let wanted = |form: &Form, isa: Isa| {
        let name = form.to_string();
        let values = args.values.iter().any(|v| name.contains(&format!("-{v}-")));
        let forms = args.forms.is_empty() || args.forms.iter().any(|f| name.starts_with(f));
        values && forms && name.ends_with("-output") && isa != Isa::Portable
    };
    for &tokens in &args.tokens {
        for &shape in &args.shapes {
            for &density in &args.densities {
                let case = Case::new(shape, density, tokens);
                let mut yard = Yard::new(&case, &wanted);
                let mut entrants = peers(&case, mkl.as_ref());
                entrants.extend(yard.products(&case));
                let mut y = Aligned::zeros(shape.0 * tokens);
                let times = race(&mut entrants, &mut y, pace);
                for (e, ns) in entrants.iter_mut().zip(times) {
                    // Other value types mean other matrices, and an input is no product.
                    let compared =
                        e.side != Side::Input && (e.side != Side::Ours || e.name.contains("-f32-"));
                    let row = Row {
                        path: path.into(),
                        shape,
                        density,
                        tokens,
                        name: e.name.clone(),
                        side: e.side,
                        ns,
                        each: ns / case.work() as f64,
                        error: if compared { e.error(&case) } else { f64::NAN },
                    };
                    println!("{row}");
                }
            }
        }
    }
    Ok(())
}

/// The same program with one code path of oneMKL, which a process chooses only once.
fn child(path: &str) -> Result<Vec<Row>, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(exe);
    command
        .args(std::env::args().skip(1))
        .args(["--path", path]);
    if path == "avx2" {
        command.env("MKL_ENABLE_INSTRUCTIONS", "AVX2");
    }
    let out = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| e.to_string())?;
    if !out.status.success() {
        return Err(format!("the races with {path} ended with {}", out.status));
    }
    let text = String::from_utf8_lossy(&out.stdout);
    Ok(text.lines().filter_map(|l| l.parse().ok()).collect())
}

fn main() -> ExitCode {
    let Some(args) = args() else {
        println!("{HELP}");
        return ExitCode::FAILURE;
    };
    if let Some(path) = &args.path {
        return match races(&args, path) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("{e}");
                ExitCode::FAILURE
            }
        };
    }
    let paths: &[&str] = match std::env::var_os("LACUNA_MKL") {
        Some(_) => &["own", "avx2", "avx512"],
        None => &["own"],
    };
    let mut rows = Vec::new();
    for path in paths {
        match child(path) {
            Ok(more) => rows.extend(more),
            Err(e) => {
                eprintln!("{e}");
                return ExitCode::FAILURE;
            }
        }
    }
    if args.json {
        rows.iter().for_each(|r| println!("{}", r.json()));
    } else {
        if args.each {
            print_each(&rows);
        }
        if args.model {
            print_model(&rows);
        } else {
            print_ratios(&rows);
        }
    }
    let wrong: Vec<&Row> = rows.iter().filter(|r| r.error > 1e-4).collect();
    for row in &wrong {
        eprintln!("wrong: {row}");
    }
    ExitCode::from(u8::from(!wrong.is_empty()))
}
