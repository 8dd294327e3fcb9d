//! Probe plans from words to figures.

use super::*;

const PLAN: &str =
    "ln_final.hook_normalized:hoyer,top10@last; blocks.*.mlp.hook_post:zero_share@every=4";

#[test]
fn a_file_carries_its_plan_and_runs_show_what_it_finds() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 0.3);
    let export = ["export", "checkpoint", "-o", "m.lacuna"];
    ok(dir.path(), &[&export[..], &["--plan", PLAN]].concat());
    let inspected = json(dir.path(), &["inspect", "m.lacuna"]);
    assert_eq!(inspected["plan"], PLAN);
    assert!(ok(dir.path(), &["inspect", "m.lacuna"]).contains("probe plan: 4 sketches"));

    let run = ["run", "m.lacuna", "--prompt", "let x", "--tokens", "9"];
    let plain = json(dir.path(), &run);
    assert_eq!(plain.get("probe"), None);
    let own = json(dir.path(), &[&run[..], &["--probe=file"]].concat());
    let said = format!("--probe={PLAN}");
    let given = json(dir.path(), &[&run[..], &[&said, "--prefill", "1"]].concat());
    assert_eq!(own["digest"], plain["digest"]);
    assert_eq!(own["probe"], given["probe"], "at once and one by one");
    let probe = &own["probe"];
    assert_eq!(
        (&probe["plan"], &probe["not_finite"]),
        (&PLAN.into(), &0.into())
    );
    let hoyer = &probe["sites"]["ln_final.hook_normalized"]["hoyer"];
    assert_eq!(hoyer["n"], 1, "one prompt");
    assert_eq!(hoyer["mean"], hoyer["max"]);
    let null = hoyer["null"]["mean"].as_f64().unwrap();
    assert!((null - 0.245).abs() < 0.01, "24 Gaussian elements: {null}");
    let zeros = &probe["sites"]["blocks.1.mlp.hook_post"]["zero_share"];
    let positions = 6 + own["tokens"].as_array().unwrap().len() - 1;
    assert_eq!(zeros["n"].as_u64(), Some(positions as u64 / 4));
    assert!(zeros["min"].as_f64().unwrap() >= 1.0 - 9.0 / 40.0 - 1e-6);
    let table = ok(dir.path(), &[&run[..], &["--probe=file"]].concat());
    assert!(
        table.contains("Gaussian") && table.contains("top10"),
        "{table}"
    );
}

#[test]
fn a_file_has_an_affordable_plan_unless_it_is_to_have_none() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 0.3);
    let export = ["export", "checkpoint", "-o", "m.lacuna"];
    ok(dir.path(), &export);
    let plan = json(dir.path(), &["inspect", "m.lacuna"])["plan"].clone();
    let plan = plan.as_str().unwrap();
    assert!(plan.contains("; *:") && plan.contains("@every="), "{plan}");
    let none = json(dir.path(), &[&export[..], &["--plan", "none"]].concat());
    assert_eq!(none["plan"], Value::Null);
    let missing = refused(
        dir.path(),
        &["run", "m.lacuna", "--tokens", "1", "--probe=file"],
    );
    assert!(missing.contains("no probe plan"), "{missing}");
    let wrong = refused(
        dir.path(),
        &["run", "m.lacuna", "--tokens", "1", "--probe=*:hoyr"],
    );
    assert!(wrong.contains("`hoyr` is no statistic"), "{wrong}");
    let wrong = lacuna(
        dir.path(),
        &[&export[..], &["--plan", "nowhere:hoyer"]].concat(),
    );
    assert!(text(&wrong.stderr).contains("`nowhere` is no site"));
}

#[test]
fn evaluation_measures_every_window() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 0.3);
    ok(dir.path(), &["export", "checkpoint", "-o", "m.lacuna"]);
    std::fs::write(dir.path().join("text"), "let mut x = 1;\n".repeat(5)).unwrap();
    let eval = ["eval", "m.lacuna", "--text", "text"];
    let plain = json(dir.path(), &eval);
    let seen = json(dir.path(), &[&eval[..], &["--probe", PLAN]].concat());
    let (plain, seen) = (&plain["models"][0], &seen["models"][0]);
    assert_eq!(plain["bits_per_byte"], seen["bits_per_byte"]);
    assert_eq!(plain.get("probe"), None);
    let sites = &seen["probe"]["sites"];
    // 75 bytes in windows of 32.
    assert_eq!(sites["ln_final.hook_normalized"]["top10"]["n"], 3);
    assert_eq!(
        sites["blocks.0.mlp.hook_post"]["zero_share"]["n"],
        8 + 8 + 2
    );
    let table = ok(dir.path(), &[&eval[..], &["--probe", PLAN]].concat());
    assert!(
        table.contains(PLAN) && table.contains("zero_share"),
        "{table}"
    );
}
