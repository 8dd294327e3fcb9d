//! Instructions of every product on every emulated board, counted by the board's own firmware (`targets/icount`).
//!
//! `cargo bench --bench boards` counts and compares with `boards.txt`; more than 2 % over a figure fails, and so does a
//! figure that is no longer counted. `cargo bench --bench boards -- --bless` writes what it counted. Other words choose
//! boards: `-- an386 riscv32`. A board whose emulator or Rust target is not installed is left out, saying so; where
//! `LACUNA_REQUIRE_ALL` is set it fails. One board alone, without the comparison: `cd targets/BOARD && cargo icount`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/boards.txt");
const HEADER: &str = "# board, product, kernels, instructions, multiplications it has (or inputs), instructions for each\n";

/// Lines by board, then by form and kernels, in the order counted.
type Figures = BTreeMap<String, Vec<Line>>;

/// One product on one board.
struct Line {
    /// Form and kernels.
    name: String,
    instructions: u64,
    /// All of the line but the board.
    text: String,
}

impl Line {
    fn parse(text: &str) -> Option<Line> {
        let mut words = text.split(' ');
        Some(Line {
            name: format!("{} {}", words.next()?, words.next()?),
            instructions: words.next()?.parse().ok()?,
            text: text.to_string(),
        })
    }
}

fn figures() -> Figures {
    let text = std::fs::read_to_string(FIGURES).unwrap_or_default();
    let mut figures = Figures::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        if let Some((board, rest)) = line.split_once(' ')
            && let Some(line) = Line::parse(rest)
        {
            figures.entry(board.to_string()).or_default().push(line);
        }
    }
    figures
}

/// The folders of the emulated boards, by name.
fn boards() -> Vec<PathBuf> {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets");
    let folders = std::fs::read_dir(targets).into_iter().flatten().flatten();
    let mut boards: Vec<_> = folders
        .map(|f| f.path())
        .filter(|p| name(p).starts_with("qemu-"))
        .collect();
    boards.sort();
    boards
}

fn name(board: &Path) -> String {
    let name = board.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What this machine lacks for a board, as its cargo configuration names it.
fn missing(board: &Path) -> Option<String> {
    let config = std::fs::read_to_string(board.join(".cargo/config.toml")).ok()?;
    let after = |mark: &str| config.split(mark).nth(1);
    let target = after("\ntarget = \"")?.split('"').next()?;
    let emulator = after("runner = \"\"\"")?.split(' ').next()?;
    let runs = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        let command = command.args(args).current_dir(board);
        command.stderr(Stdio::null()).output().ok()
    };
    let libdir = runs("rustc", &["--print", "target-libdir", "--target", target])
        .map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string());
    if !libdir.is_some_and(|d| Path::new(&d).is_dir()) {
        return Some(format!("rustup target add {target}"));
    }
    if runs(emulator, &["--version"]).is_none() {
        return Some(emulator.to_string());
    }
    None
}

/// What the board's firmware printed, or what cargo or the emulator said.
fn count(board: &Path) -> Result<Vec<Line>, String> {
    let out = Command::new("cargo")
        .arg("icount")
        .current_dir(board)
        // Flags and targets of this build are not meant for the board's.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .map_err(|e| format!("cargo: {e}"))?;
    let said = String::from_utf8_lossy(&out.stdout);
    let lines: Vec<_> = said
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(Line::parse)
        .collect();
    if out.status.success() && !lines.is_empty() {
        Ok(lines)
    } else {
        Err(String::from_utf8_lossy(&out.stderr).into_owned())
    }
}

/// Prints what changed; returns how many figures are worse or gone.
fn compare(board: &str, before: &[Line], now: &[Line]) -> usize {
    let mut worse = 0;
    for line in now {
        let old = before.iter().find(|b| b.name == line.name);
        let change = old.map(|b| (line.instructions as f64 / b.instructions as f64 - 1.0) * 100.0);
        worse += usize::from(change.is_some_and(|c| c > 2.0));
        let change = change.map_or("new".to_string(), |c| format!("{c:+.2} %"));
        println!("{board} {:60} {change}", line.text);
    }
    for line in before {
        if now.iter().all(|l| l.name != line.name) {
            println!("{board} {:60} gone", line.text);
            worse += 1;
        }
    }
    worse
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if !args.iter().any(|a| a == "--bench") {
        println!("boards: skipped, it runs for minutes: cargo bench --bench boards");
        return ExitCode::SUCCESS;
    }
    let bless = args.iter().any(|a| a == "--bless");
    let wanted: Vec<_> = args.iter().filter(|a| !a.starts_with('-')).collect();
    let mut figures = figures();
    let mut worse = 0;
    for board in boards() {
        let name = name(&board);
        if !wanted.is_empty() && !wanted.iter().any(|w| name.contains(w.as_str())) {
            continue;
        }
        if let Some(missing) = missing(&board) {
            println!("{name} skipped: needs {missing}");
            if std::env::var_os("LACUNA_REQUIRE_ALL").is_some() {
                return ExitCode::FAILURE;
            }
            continue;
        }
        let now = match count(&board) {
            Ok(now) => now,
            Err(said) => {
                eprintln!("{name} failed:\n{said}");
                return ExitCode::FAILURE;
            }
        };
        let before = figures.remove(&name).unwrap_or_default();
        worse += compare(&name, &before, &now);
        figures.insert(name, now);
    }
    if bless {
        let lines = figures.iter().flat_map(|(board, lines)| {
            let line = move |l: &Line| format!("{board} {}\n", l.text);
            lines.iter().map(line)
        });
        let text = HEADER.to_string() + &lines.collect::<String>();
        if let Err(e) = std::fs::write(FIGURES, text) {
            eprintln!("{FIGURES}: {e}");
            return ExitCode::FAILURE;
        }
    } else if worse > 0 {
        eprintln!(
            "{worse} over their figure by more than 2 %, or gone; if that is meant: cargo bench --bench boards -- --bless"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
