//! A sweep repeats to the byte, however it was run, and is never done twice.

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use serde_json::Value;

const SPEC: &str = "
densities = [1, 0.25]
widths = [16]
seeds = [1, 2]
fixed = [\"total\", \"nonzeros\"]
max_width = 64
steps = 40
batch = 4
pairs = 2
after = [\"wanda\"]
recovery = [0, 6]
data = [\"text\"]
[model]
n_layers = 1
head_dim = 8
[method]
windows = 4
";
const RUNS: usize = 10;
/// Those of them that train; the others prune.
const TRAIN: usize = 6;

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text");
    fs::create_dir(&text).unwrap();
    for i in 0..40 {
        let line = format!("def load_{i}(path):\n    return {i}\n");
        fs::write(text.join(format!("{i}.py")), line.repeat(20)).unwrap();
    }
    fs::write(dir.path().join("spec.toml"), SPEC).unwrap();
    dir
}

fn sweep(dir: &Path, to: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lacuna"));
    command
        .args(["-q", "sweep", "spec.toml", "-o", to])
        .args(args)
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs and the bytes of the files that may not differ.
fn bytes(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut runs: Vec<PathBuf> = fs::read_dir(dir.join("runs"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    runs.sort();
    let files = [
        "model.safetensors",
        "model.lacuna",
        "result.json",
        "settings.json",
    ];
    let each = runs.iter().flat_map(|run| files.map(|file| run.join(file)));
    each.map(|path| {
        let bytes = fs::read(&path).unwrap();
        (path.strip_prefix(dir).unwrap().to_owned(), bytes)
    })
    .collect()
}

fn written(dir: &Path) -> Vec<SystemTime> {
    let paths = bytes(dir).into_iter().map(|(path, _)| dir.join(path));
    paths
        .map(|path| fs::metadata(path).unwrap().modified().unwrap())
        .collect()
}

#[test]
fn side_by_side_one_by_one_and_killed_are_the_same_to_the_byte() {
    let dir = folder();
    let root = dir.path();
    let curve = done(&mut sweep(root, "a", &["--jobs", "2"]));
    assert!(
        curve.contains("nonzeros") && curve.contains(" ± "),
        "{curve}"
    );

    // One job a machine, the last first.
    let list: Value =
        serde_json::from_str(&done(&mut sweep(root, "b", &["--list", "--json"]))).unwrap();
    assert_eq!(list["jobs"].as_array().unwrap().len(), RUNS);
    let early = sweep(root, "b", &["--job", "10"]).output().unwrap();
    let why = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(
        why.contains("dense model") && why.contains("run 2"),
        "{why}"
    );
    for number in (1..=TRAIN).rev().chain(TRAIN + 1..=RUNS) {
        done(&mut sweep(root, "b", &["--job", &number.to_string()]));
    }
    assert_eq!(bytes(&root.join("a")), bytes(&root.join("b")));

    // Killed again and again, wherever it stands.
    for wait in [60, 250, 500] {
        let mut child = sweep(root, "c", &["--jobs", "2"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    done(&mut sweep(root, "c", &[]));
    assert_eq!(bytes(&root.join("a")), bytes(&root.join("c")));

    let before = written(&root.join("a"));
    done(&mut sweep(root, "a", &[]));
    assert_eq!(
        before,
        written(&root.join("a")),
        "a finished run was redone"
    );
    for file in ["curve.csv", "curve.svg", "curve.html"] {
        let read = |sweep: &str| fs::read_to_string(root.join(sweep).join(file)).unwrap();
        assert_eq!(read("a"), read("c"), "{file}");
    }
    let csv = fs::read_to_string(root.join("a/curve.csv")).unwrap();
    // Two curves of two densities, and two of one: bits on validation and test, accuracy and loss of the mean and of twenty tasks.
    assert_eq!(csv.lines().count(), 1 + 6 * (2 + 2 * 21), "{csv}");
}

#[test]
fn other_sweeps_and_numbers_are_refused() {
    let dir = folder();
    let root = dir.path();
    done(&mut sweep(root, "a", &["--list"]));
    let refused = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused(&mut sweep(root, "a", &["--job", "11"])).contains("1 to 10"));
    fs::write(root.join("spec.toml"), SPEC.replace("40", "41")).unwrap();
    assert!(refused(&mut sweep(root, "a", &[])).contains("another sweep"));
    fs::write(root.join("spec.toml"), "stepz = 3").unwrap();
    let message = refused(&mut sweep(root, "b", &[]));
    assert!(
        message.contains("stepz") && message.contains("--example"),
        "{message}"
    );
    assert!(!root.join("b").exists());
}
