//! A run that is killed at random moments ends with the bytes of one that was not.

use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use lacuna::num::Rng;
use lacuna_tools::train::state::State;

const KILLS: usize = 8;

fn train(data: &Path, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lacuna"));
    command
        .args([
            "--quiet", "train", "--json", "--steps", "240", "--batch", "6",
        ])
        .args([
            "--dim",
            "16",
            "--n-heads",
            "2",
            "--n-layers",
            "1",
            "--seq-len",
            "24",
        ])
        .args(["--topk", "mlp_neuron=16,mlp_in=8,q=9", "--threads", "2"])
        .args(["--windows", "4", "--save-steps", "7", "--sink", "--data"])
        .arg(data)
        .arg("--output")
        .arg(dir)
        .stdout(Stdio::null());
    command
}

fn text(dir: &Path) {
    fs::create_dir(dir).unwrap();
    for i in 0..12 {
        let line = format!("fn item_{i}(x: u32) -> u32 {{ x + {i} }}\n");
        fs::write(dir.join(format!("{i}.rs")), line.repeat(20)).unwrap();
    }
}

fn same(a: &Path, b: &Path) {
    for file in [
        "model.safetensors",
        "config.json",
        "train.json",
        "state.safetensors",
    ] {
        let (a, b) = (
            fs::read(a.join(file)).unwrap(),
            fs::read(b.join(file)).unwrap(),
        );
        assert!(a == b, "{file} differs");
    }
}

#[test]
fn killed_and_resumed_is_the_same_to_the_byte() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    text(&data);
    let (whole, torn) = (root.path().join("whole"), root.path().join("torn"));
    let began = Instant::now();
    assert!(train(&data, &whole).status().unwrap().success());
    let length = began.elapsed().as_secs_f64();

    let seed = std::process::id();
    println!("kills by seed {seed}");
    let mut rng = Rng::new(seed.into());
    let mut resumed_from = Vec::new();
    for _ in 0..KILLS {
        let mut child = train(&data, &torn).spawn().unwrap();
        let wait = length * f64::from(rng.next_f32()) * 0.6;
        std::thread::sleep(Duration::from_secs_f64(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        resumed_from.extend(State::load(&torn).unwrap().map(|s| s.note.step));
    }
    assert!(
        resumed_from.iter().any(|&step| step > 0),
        "no kill came after a save"
    );
    assert!(train(&data, &torn).status().unwrap().success());
    same(&whole, &torn);

    let metrics = fs::read_to_string(torn.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 24, "{metrics}");

    let refused = train(&data, &torn)
        .args(["--seed", "2"])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && message.contains("other settings"),
        "{message}"
    );
}
