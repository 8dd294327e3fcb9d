//! A million records in bounded memory: the program itself is watched while it runs.

use core::time::Duration;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

/// Most resident memory of any question, bytes.
const BOUND: u64 = 384 << 20;
/// Longest time a question may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn fleet() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lacuna-fleet"))
}

/// Largest resident size of a process so far, bytes; None where the system does not say, or it has ended.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

#[test]
fn a_million_records_in_bounded_memory() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let out = dir.path().join("fleet");
    let made = fleet()
        .args([
            "demo",
            "--quiet",
            "--no-report",
            "--devices",
            "165",
            "--days",
            "15",
            "--hours",
            "1",
            "--out",
        ])
        .arg(&out)
        .status()
        .expect("lacuna-fleet runs");
    assert!(made.success());
    for question in ["summary", "outliers", "drift"] {
        let begun = Instant::now();
        let said = dir.path().join("said.json");
        let mut child = fleet()
            .args([question, "--json", "--cohorts"])
            .arg(out.join("cohorts.csv"))
            .arg(out.join("telemetry"))
            .stdout(fs::File::create(&said).expect("a file"))
            .stderr(Stdio::inherit())
            .spawn()
            .expect("lacuna-fleet runs");
        let mut most = None;
        let status = loop {
            most = peak(child.id()).max(most);
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "{question} is too slow");
            thread::sleep(Duration::from_millis(2));
        };
        assert!(status.success(), "{question}");
        println!(
            "{question}: {:.1} s, {} MiB",
            begun.elapsed().as_secs_f64(),
            most.unwrap_or(0) >> 20
        );
        let answer: serde_json::Value =
            serde_json::from_slice(&fs::read(&said).expect("a file")).expect("JSON");
        if question == "summary" {
            let groups = answer["groups"].as_array().expect("groups");
            let frames: i64 = groups.iter().filter_map(|g| g["frames"].as_i64()).sum();
            assert!(frames >= 1_000_000, "only {frames} records");
        }
        match most {
            Some(most) => assert!(most < BOUND, "{question}: {} MiB", most >> 20),
            None => {
                println!("the resident size is not to be had here: only the answer was checked")
            }
        }
    }
}
