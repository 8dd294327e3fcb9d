//! A probe that is absent costs no instruction: `forward` with `NoProbe` is compared, instruction by instruction, with a
//! build whose probe calls are removed by `--cfg lacuna_no_probe_calls`. A probe that looks must differ, or the
//! comparison would see nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// Functions by name, each a list of instructions with labels and constants numbered in order of appearance.
type Functions = BTreeMap<String, Vec<String>>;

fn assembly(target: &str, without_calls: bool) -> Option<Functions> {
    let root = env!("CARGO_MANIFEST_DIR");
    let build = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("probe-is-free");
    let out = build.join(format!("{target}-{without_calls}.s"));
    std::fs::create_dir_all(&build).expect("a folder for the assembly");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args([
        "rustc",
        "--quiet",
        "--release",
        "-p",
        "lacuna",
        "--lib",
        "--features",
        "_fixture",
    ]);
    cargo.args(["--target", target, "--target-dir"]).arg(&build);
    cargo.args([
        "--",
        "-Ccodegen-units=1",
        "-Cdebuginfo=0",
        "-Csymbol-mangling-version=v0",
    ]);
    cargo.arg(format!("--emit=asm={}", out.display()));
    if without_calls {
        cargo.args(["--cfg", "lacuna_no_probe_calls"]);
    }
    let output = cargo.output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && said.contains("may not be installed") {
        assert!(
            std::env::var_os("LACUNA_REQUIRE_ALL").is_none(),
            "{target} is not installed: rustup target add {target}"
        );
        println!("skipped: {target} is not installed; `rustup target add {target}` adds it");
        return None;
    }
    assert!(output.status.success(), "{said}");
    Some(functions(
        &std::fs::read_to_string(&out).expect("the assembly that was asked for"),
    ))
}

/// Splits assembly into functions and makes names that depend on the build (hashes, label numbers) comparable.
fn functions(text: &str) -> Functions {
    let mut found = Functions::new();
    let mut current: Option<(String, Vec<String>, BTreeMap<String, usize>)> = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_suffix(':').filter(|n| n.starts_with("_R")) {
            current = Some((without_hash(name), Vec::new(), BTreeMap::new()));
        } else if line.starts_with(".Lfunc_end") || line.starts_with(".size") {
            if let Some((name, body, _)) = current.take() {
                found.insert(name, body);
            }
        } else if let Some((_, body, seen)) = &mut current
            && !line.is_empty()
            && !line.starts_with(['.', '#', '@'])
        {
            body.push(renumbered(line, seen));
        }
    }
    found
}

/// A v0 symbol without its crate hashes `Cs…_`.
fn without_hash(symbol: &str) -> String {
    let mut parts = symbol.split("Cs");
    let mut name = parts.next().unwrap_or("").to_string();
    for part in parts {
        let rest = part
            .split_once('_')
            .filter(|(hash, _)| hash.len() >= 8 && hash.chars().all(|c| c.is_ascii_alphanumeric()));
        name.push_str("Cs_");
        name.push_str(rest.map_or(part, |(_, rest)| rest));
    }
    name
}

fn renumbered(line: &str, seen: &mut BTreeMap<String, usize>) -> String {
    let line = without_hash(line.split(['#', '@']).next().unwrap_or(line).trim_end());
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$');
    let mut out = String::new();
    let mut rest = line.as_str();
    while let Some(at) = rest.find(".L") {
        let (before, label) = rest.split_at(at);
        let end = label.find(|c| !is_word(c)).unwrap_or(label.len());
        let next = seen.len();
        let number = *seen.entry(label[..end].to_string()).or_insert(next);
        out.push_str(before);
        out.push_str(&format!("L{number}"));
        rest = &label[end..];
    }
    out + rest
}

/// Functions of the run that `NoProbe` shapes: the entry and all instances in `model::forward` that name `NoProbe`.
fn of_probe<'a>(all: &'a Functions, entry: &str, probe: &str) -> BTreeMap<&'a str, &'a [String]> {
    all.iter()
        .filter(|(name, _)| {
            name.contains(entry) || (name.contains("7forward") && name.contains(probe))
        })
        .map(|(name, body)| (name.as_str(), body.as_slice()))
        .collect()
}

fn check(target: &str) {
    let (Some(with), Some(without)) = (assembly(target, false), assembly(target, true)) else {
        return;
    };
    let unseen = of_probe(&with, "forward_unseen", "NoProbe");
    let count = |f: &BTreeMap<&str, &[String]>| f.values().map(|b| b.len()).sum::<usize>();
    assert!(
        count(&unseen) > 200,
        "{target}: found only {} instructions of {:?}",
        count(&unseen),
        unseen.keys()
    );
    assert_eq!(
        unseen,
        of_probe(&without, "forward_unseen", "NoProbe"),
        "{target}: an absent probe costs instructions"
    );

    let seen = of_probe(&with, "forward_seen", "LogitDigest");
    let blind = of_probe(&without, "forward_seen", "LogitDigest");
    assert_ne!(
        count(&seen),
        count(&blind),
        "{target}: the comparison does not see a probe that looks"
    );
    println!(
        "{target}: forward has {} instructions without a probe, with or without its calls; {} with a digest of the logits",
        count(&unseen),
        count(&seen)
    );
}

#[test]
fn on_x86_64() {
    check("x86_64-unknown-linux-gnu");
}

#[test]
fn on_cortex_m4f() {
    check("thumbv7em-none-eabihf");
}
