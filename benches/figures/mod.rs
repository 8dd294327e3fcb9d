//! Counts that repeat exactly, kept beside the code: `name count` lines, and the gate that compares with them.

use std::collections::BTreeMap;
use std::process::ExitCode;

fn read(file: &str) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines
        .filter_map(|l| {
            let (name, n) = l.rsplit_once(' ')?;
            Some((name.trim().to_string(), n.parse().ok()?))
        })
        .collect()
}

/// Prints what changed against `file`; fails where a count is more than 2 % over its figure, or no longer counted.
/// With `--bless` on the command line it writes the file instead.
pub(crate) fn gate(file: &str, header: &str, counted: &[(String, u64)]) -> ExitCode {
    let mut before = read(file);
    let (mut worse, mut text) = (0, format!("# {header}\n"));
    for (name, n) in counted {
        text += &format!("{name} {n}\n");
        match before.remove(name) {
            Some(b) => {
                let change = (*n as f64 / b as f64 - 1.0) * 100.0;
                println!("{name:48} {n:>10} {change:+.2} %");
                worse += usize::from(change > 2.0);
            }
            None => println!("{name:48} {n:>10} new"),
        }
    }
    for name in before.keys() {
        println!("{name:48} {:>10} gone", "");
        worse += 1;
    }
    if std::env::args().any(|a| a == "--bless") {
        if let Err(e) = std::fs::write(file, text) {
            eprintln!("{file}: {e}");
            return ExitCode::FAILURE;
        }
    } else if worse > 0 {
        eprintln!(
            "{worse} over their figure by more than 2 %, or gone; if that is meant, add `-- --bless`"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Says what is missing; that is a failure only where everything is required, as in CI.
pub(crate) fn skip(what: &str) -> ExitCode {
    println!("skipped: {what}");
    ExitCode::from(u8::from(std::env::var_os("LACUNA_REQUIRE_ALL").is_some()))
}
