//! The program as a person or a script runs it.

use std::path::Path;
use std::process::{Command, Output};

fn fleet(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lacuna-fleet"))
        .args(args)
        .current_dir(dir)
        .output()
        .expect("lacuna-fleet runs")
}

fn stdout(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&stdout(output)).expect("JSON")
}

#[test]
fn from_an_empty_folder_to_a_report() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let at = dir.path();
    let made = fleet(
        at,
        &["demo", "--out", "f", "--devices", "12", "--days", "6"],
    );
    let note = String::from_utf8_lossy(&made.stderr);
    assert!(
        stdout(&made).is_empty()
            && note.contains("saturated:")
            && note.contains("next: lacuna fleet"),
        "{note}"
    );
    let page = std::fs::read_to_string(at.join("f/report.html")).expect("a report");
    assert!(
        page.starts_with("<!doctype html>") && page.contains("</html>") && page.contains("<svg")
    );
    assert!(!page.contains("<script") && !page.contains("http-equiv"));

    let t = "f/telemetry";
    let c = ["--cohorts", "f/cohorts.csv"];
    let summary = fleet(at, &["summary", t, c[0], c[1]]);
    assert!(stdout(&summary).contains("field-north"));
    let summary = json(&fleet(at, &["summary", t, c[0], c[1], "--json"]));
    assert_eq!(summary["groups"].as_array().map(Vec::len), Some(3));
    assert!(summary["sites"][0]["q50"].is_number());
    let drift = json(&fleet(at, &["drift", t, "--window", "12h", "--json"]));
    assert_eq!(drift["width_ms"], 43_200_000);
    assert!(drift["trends"][0]["interval"].is_array());
    let text = stdout(&fleet(at, &["drift", t, c[0], c[1]]));
    assert!(
        text.contains("change a day") && text.contains("drifting"),
        "{text}"
    );
    let outliers = json(&fleet(at, &["outliers", t, "--json"]));
    assert_eq!(outliers["comparisons"], 12 * 12);
    assert!(stdout(&fleet(at, &["outliers", t])).contains("Benjamini"));
    let report = fleet(
        at,
        &[
            "report",
            t,
            "--out",
            "r.html",
            "--since",
            "2026-01-06",
            "--until",
            "2026-01-08",
        ],
    );
    assert!(stdout(&report).is_empty() && at.join("r.html").is_file());

    let again = fleet(at, &["demo", "--out", "f"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("f is not empty"));
}

#[test]
fn free_queries_in_three_forms() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let at = dir.path();
    let made = fleet(
        at,
        &[
            "demo",
            "--quiet",
            "--no-report",
            "--out",
            "f",
            "--devices",
            "3",
            "--days",
            "1",
        ],
    );
    assert!(made.status.success() && made.stderr.is_empty());
    let sql = "SELECT device, count(*) AS frames, max(score) AS score FROM telemetry GROUP BY device ORDER BY device";
    let table = stdout(&fleet(at, &["sql", "f/telemetry", sql]));
    assert!(table.contains("| device"), "{table}");
    let lines = stdout(&fleet(at, &["sql", "f/telemetry", sql, "--json"]));
    let rows: Vec<serde_json::Value> = lines
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    assert!(
        rows.len() == 3 && rows.iter().all(|r| r["frames"].as_i64() > Some(50)),
        "{lines}"
    );
    let csv = stdout(&fleet(at, &["sql", "f/telemetry", sql, "--csv"]));
    assert!(
        csv.starts_with("device,frames,score\n") && csv.lines().count() == 4,
        "{csv}"
    );
    let cut = fleet(
        at,
        &[
            "sql",
            "f/telemetry",
            "SELECT device FROM telemetry",
            "--limit",
            "5",
        ],
    );
    assert!(stdout(&cut).lines().count() == 9 && !cut.stderr.is_empty());
    let lists = fleet(
        at,
        &[
            "sql",
            "f/telemetry",
            "SELECT histogram FROM telemetry",
            "--csv",
        ],
    );
    assert!(String::from_utf8_lossy(&lists.stderr).contains("histogram[1]"));
}

#[test]
fn help_and_failures_teach() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let at = dir.path();
    let help = stdout(&fleet(at, &["--help"]));
    for word in [
        "summary",
        "outliers",
        "drift",
        "sql",
        "report",
        "demo",
        "lacuna decode",
    ] {
        assert!(help.contains(word), "{help}");
    }
    let sql = stdout(&fleet(at, &["sql", "--help"]));
    assert!(
        sql.contains("received_ms") && sql.contains("DESCRIBE"),
        "{sql}"
    );
    let says = |args: &[&str], code: i32, words: &[&str]| {
        let output = fleet(at, args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(output.stdout.is_empty());
        for word in words {
            assert!(said.contains(word), "{args:?}: {said}");
        }
    };
    says(
        &["summary", "nowhere"],
        1,
        &["error: cannot read the folder nowhere", "next:"],
    );
    says(
        &["summary", "."],
        1,
        &["no .parquet file", "lacuna fleet demo"],
    );
    says(&["drift", ".", "--window", "soon"], 1, &["\"soon\"", "90m"]);
    says(
        &["summary", ".", "--since", "yesterday"],
        2,
        &["2026-01-31"],
    );
    says(&["frobnicate"], 2, &["frobnicate"]);
    let script = stdout(&fleet(at, &["summary", ".", "--print-sql"]));
    assert!(
        script.contains("CREATE EXTERNAL TABLE records") && script.contains("h16"),
        "{script}"
    );
}
