//! The whole pipe: an emulated device, its recorded frames, Parquet, and an answer about the fleet.
//!
//! ```text
//! lacuna device --records ─► r.bin ─► lacuna decode --to parquet ─► f/ ─► lacuna-fleet summary
//! ```
//!
//! # Why
//! Device and decoder are in another program, so that it needs no query engine; cargo finds it already built where the
//! workspace is tested.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Runs `lacuna` in `dir`.
fn lacuna(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(["run", "--release", "--quiet", "--manifest-path"])
        .arg(Path::new(ROOT).join("host-tools/Cargo.toml"))
        .args(["--bin", "lacuna", "--"])
        .args(args)
        .current_dir(dir)
        .output()
        .expect("cargo runs")
}

fn json(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn what_a_device_saw_is_what_the_fleet_is_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let tiny = Path::new(ROOT).join("tests/golden/tiny-i8.lacuna");
    let tiny = tiny.to_str().expect("UTF-8");
    let plan = "ln_final.hook_normalized:hoyer,top10; unembed.hook_logits:entropy";
    let device = ["device", tiny, "--firmware", "prebuilt", "--plan", plan];
    let run = ["--prompt", "fn", "--tokens", "8", "--report", "4", "--json"];
    let keep = ["--device-id", "c0ffee", "--records", "r.bin"];
    let output = lacuna(dir.path(), &[&device[..], &run, &keep].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && stderr.contains("apt-get install") {
        let all = std::env::var_os("LACUNA_REQUIRE_ALL").is_some();
        assert!(!all, "{stderr}");
        println!("skipped: {stderr}");
        return;
    }
    let seen = json(&output);
    let decode = ["decode", "r.bin", "--out", "f", "--to", "parquet", "--json"];
    let books = json(&lacuna(dir.path(), &decode));
    assert_eq!(
        (&books["broken"], &books["devices"][0]["lost"]),
        (&0.into(), &0.into())
    );
    let summary = Command::new(env!("CARGO_BIN_EXE_lacuna-fleet"))
        .args(["summary", "f", "--json"])
        .current_dir(dir.path())
        .output();
    let summary = json(&summary.expect("lacuna-fleet runs"));
    let group = &summary["groups"][0];
    assert_eq!(group["model"], seen["model_id"]);
    assert_eq!(group["frames"], books["devices"][0]["accepted"]);
    assert_eq!(
        (&group["devices"], &group["boots"], &group["lost"]),
        (&1.into(), &1.into(), &0.into())
    );
    let sites = summary["sites"].as_array().expect("sites");
    assert_eq!(sites.len(), 3);
    for found in sites {
        let [site, stat] = ["site", "stat"].map(|key| found[key].as_str().expect("a name"));
        let told = &seen["probe"]["sites"][site][stat];
        assert_eq!(
            (&found["n"], &found["histogram"]),
            (&told["n"], &told["histogram"])
        );
        // Ten positions in three reports; the device joins them in f32, the fleet in f64.
        assert_eq!((&found["n"], &found["sketches"]), (&10.into(), &3.into()));
        for key in ["mean", "sd", "min", "max"] {
            let [a, b] = [&found[key], &told[key]].map(|v| v.as_f64().expect("a number"));
            assert!(
                (a - b).abs() <= 1e-6 * b.abs().max(1e-3),
                "{site} {stat} {key}: {a} {b}"
            );
        }
    }
}
