//! Twenty questions to a model of bytes, on the command line.

use super::*;

fn exported(dir: &Path, config: Config) {
    checkpoint(dir, config, 0.2);
    ok(
        dir,
        &["export", "checkpoint", "-o", "m.lacuna", "--golden", "0"],
    );
}

#[test]
fn tasks_are_listed_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let listed = json(dir.path(), &["tasks", "--list"]);
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 20);
    for name in ["var_swap", "nonsense"] {
        let shown = json(dir.path(), &["tasks", "--show", name, "--pairs", "3"]);
        let pairs = shown["pairs"].as_array().unwrap();
        assert_eq!(pairs.len(), 3);
        assert_ne!(pairs[0][0]["answer"], pairs[0][1]["answer"]);
    }
    let again = ok(dir.path(), &["tasks", "--show", "var_swap"]);
    assert_eq!(again, ok(dir.path(), &["tasks", "--show", "var_swap"]));
    let unknown = refused(dir.path(), &["tasks", "--show", "chess"]);
    assert!(unknown.contains("lacuna tasks --list"), "{unknown}");
}

#[test]
fn a_model_that_knows_nothing_guesses() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        seq_len: 128,
        ..sparse()
    };
    exported(dir.path(), config);
    let args = ["tasks", "m.lacuna", "--pairs", "20"];
    let answer = json(dir.path(), &args);
    assert_eq!(answer, json(dir.path(), &args));
    let tasks = answer["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 20);
    let accuracy = answer["accuracy"].as_f64().unwrap();
    assert!((0.4..=0.6).contains(&accuracy), "{accuracy}");
    let loss = answer["loss"].as_f64().unwrap();
    assert!(loss > 0.6, "{loss}");
    for task in tasks {
        let (a, i) = (&task["accuracy"], &task["accuracy_interval"]);
        assert!(i["low"].as_f64() <= a.as_f64() && a.as_f64() <= i["high"].as_f64());
    }
    let one = json(
        dir.path(),
        &["tasks", "m.lacuna", "--task", "var_if", "--seen"],
    );
    assert_eq!(one["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(one["split"], "train");
}

#[test]
fn a_context_that_is_too_short_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    exported(dir.path(), sparse());
    let message = refused(dir.path(), &["tasks", "m.lacuna"]);
    assert!(message.contains("128"), "{message}");
}
