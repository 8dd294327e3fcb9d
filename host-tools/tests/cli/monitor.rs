//! A model is calibrated, and its monitor keeps what was promised on data that it has not seen.

use core::fmt::Write as _;

use super::*;

/// Text of a word list, drawn anew for every file: files differ in their mix of words, as people do.
fn texts(dir: &Path, files: usize, seed: u64) {
    const WORDS: [&str; 8] = [
        "let ", "mut ", "fn ", "x = ", "(y) ", "{ 1 }; ", "match ", "\n",
    ];
    std::fs::create_dir(dir).unwrap();
    let mut rng = Rng::new(seed);
    for file in 0..files {
        let own = rng.below(8);
        let mut text = String::new();
        while text.len() < 260 {
            let word = if rng.below(4) == 0 { own } else { rng.below(8) };
            text.write_str(WORDS[word as usize]).unwrap();
        }
        std::fs::write(dir.join(format!("{file:03}.rs")), text).unwrap();
    }
}

fn model(dir: &Path) {
    checkpoint(dir, sparse(), 0.3);
    ok(dir, &["export", "checkpoint", "-o", "m.lacuna"]);
}

fn calibrate(dir: &Path, data: &str, more: &[&str]) -> Value {
    let all = [
        "calibrate",
        "m.lacuna",
        "--data",
        data,
        "-o",
        "c.lacuna",
        "--window",
        "16",
    ];
    json(dir, &[&all[..], more].concat())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn the_rate_holds_on_fresh_data_for_every_seed() {
    for (seed, score) in [
        (1, "mahalanobis"),
        (2, "mahalanobis"),
        (3, "entropy"),
        (4, "nearest"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        model(dir.path());
        texts(&dir.path().join("known"), 60, seed);
        texts(&dir.path().join("fresh"), 60, 100 + seed);
        let said = calibrate(dir.path(), "known", &["--alpha", "0.1", "--score", score]);
        let before = json(dir.path(), &["inspect", "m.lacuna"]);
        let after = json(dir.path(), &["inspect", "c.lacuna"]);
        assert_eq!(before["model_id"], after["model_id"]);
        assert_eq!(after["model_id_verified"], true);
        assert_eq!(
            (&said["units_fitted"], &said["units_calibrated"]),
            (&18.into(), &42.into())
        );
        assert!(number(&said["alpha"]) >= number(&said["least_alpha"]));
        let fresh = json(dir.path(), &["monitor", "c.lacuna", "--data", "fresh"]);
        assert_eq!(fresh["self_test"], "golden");
        let (stated, found) = (&fresh["stated_interval"], number(&fresh["rate"]));
        assert!(
            number(&stated["low"]) <= found && found <= number(&stated["high"]),
            "seed {seed}, {score}: {found} outside {stated}"
        );
        // The rate of fresh units may be the stated one, by its own interval.
        assert!(
            number(&fresh["rate_interval"]["low"]) <= 0.1,
            "seed {seed}: {found}"
        );
        assert_eq!(fresh["drifted_at_window"], Value::Null);
    }
}

#[test]
fn what_is_not_like_it_is_unfamiliar_and_drifts() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path());
    texts(&dir.path().join("known"), 60, 9);
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    for i in 0..40 {
        std::fs::write(
            other.join(format!("{i}.txt")),
            "QQQQZZZZ@@@@~~~~".repeat(16),
        )
        .unwrap();
    }
    calibrate(
        dir.path(),
        "known",
        &["--alpha", "0.05", "--run-length", "1000"],
    );
    let seen = json(dir.path(), &["monitor", "c.lacuna", "--data", "other"]);
    assert!(number(&seen["rate"]) > 0.9, "{}", seen["rate"]);
    assert!(seen["drifted_at_window"].is_u64());
    assert_eq!(seen["units"][39]["answer"], "drifting");
    let table = ok(dir.path(), &["monitor", "c.lacuna", "--data", "other"]);
    assert!(table.contains("drift      alarm at window") && table.contains("self-test  golden"));
}

#[test]
fn the_answers_are_the_same_bits_on_every_back_end() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path());
    texts(&dir.path().join("known"), 30, 5);
    calibrate(dir.path(), "known", &["--alpha", "0.1"]);
    let by = |isa: &str| {
        ok(
            dir.path(),
            &[
                "monitor", "c.lacuna", "--data", "known", "--isa", isa, "--json",
            ],
        )
    };
    let portable = by("portable");
    for isa in lacuna::kernels::Isa::available() {
        assert_eq!(by(isa.name().as_str()), portable);
    }
}

#[test]
fn what_cannot_be_promised_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path());
    texts(&dir.path().join("few"), 10, 2);
    let args = [
        "calibrate",
        "m.lacuna",
        "--data",
        "few",
        "-o",
        "c.lacuna",
        "--window",
        "16",
    ];
    let error = refused(dir.path(), &args);
    assert!(
        error.contains("7 units to calibrate on support no false-alarm rate below 0.1250"),
        "{error}"
    );
    assert!(error.contains("--alpha of 0.125 or more"), "{error}");
    assert!(!dir.path().join("c.lacuna").exists());
    ok(dir.path(), &[&args[..], &["--alpha", "0.125"]].concat());
    let error = refused(dir.path(), &["monitor", "m.lacuna", "--data", "few"]);
    assert!(error.contains("has no calibration"), "{error}");
    let error = refused(
        dir.path(),
        &[&args[..], &["--statistics", "nowhere:hoyer@all"]].concat(),
    );
    assert!(error.contains("`nowhere` is no site"), "{error}");
}
