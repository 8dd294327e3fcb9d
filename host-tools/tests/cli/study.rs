//! Studies leave what they promise, find what anything would find, and do not find what is not there.

use super::*;

fn expectation<'a>(study: &'a Value, id: &str, of: &str) -> &'a Value {
    let all = study["expectations"].as_array().expect("expectations");
    let found = all.iter().find(|e| e["id"] == id && e["of"] == of);
    found.unwrap_or_else(|| panic!("no {id} of {of}"))
}

fn detector<'a>(study: &'a Value, name: &str) -> &'a Value {
    let all = study["detectors"].as_array().expect("detectors");
    let found = all.iter().find(|d| d["detector"] == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[test]
fn a_study_of_text_goes_on_and_comes_to_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["study", "shift", "-o", "s", "--quick", "--rounds", "60"];
    let study = json(dir.path(), &args);
    assert_eq!(
        names(&dir.path().join("s")),
        [
            "config.json",
            "models",
            "report.html",
            "scores.parquet",
            "summary.json",
            "table.csv"
        ]
    );
    let families: Vec<&Value> = study["families"].as_array().unwrap().iter().collect();
    let names: Vec<&str> = families.iter().filter_map(|f| f["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "same",
            "bytes",
            "identifiers",
            "dialect",
            "nesting",
            "crates",
            "languages"
        ]
    );
    assert_eq!(study["left_out"], serde_json::json!([]));
    // Tiny models notice three bytes in ten, and nothing notices nothing.
    let worst = expectation(&study, "C1", "bytes");
    assert!(number(&worst["value"]) > 0.75, "{worst}");
    assert_eq!(expectation(&study, "C0", "entropy")["verdict"], "pass");
    let entropy = &detector(&study, "entropy")["families"][0];
    let (low, high) = (&entropy["low"]["auroc"], &entropy["high"]["auroc"]);
    assert!(number(low) < 0.5 && number(high) > 0.5, "{entropy}");
    let table = std::fs::read_to_string(dir.path().join("s/table.csv")).unwrap();
    let fields = |l: &str| l.split(',').count();
    assert!(table.lines().all(|l| fields(l) == 15) && table.lines().count() > 1000);
    let page = std::fs::read_to_string(dir.path().join("s/report.html")).unwrap();
    assert!(page.matches("<svg").count() == 7 && page.contains("Best of all that"));
    // Everything is a function of seed and settings, models that are there included.
    assert_eq!(json(dir.path(), &args), study);
    // The same models, given by name, are shown the same.
    let given = [
        "study",
        "shift",
        "-o",
        "t",
        "--quick",
        "--rounds",
        "60",
        "--model",
        "s/models/seed-1",
        "--model",
        "s/models/seed-2",
        "--model",
        "s/models/seed-3",
    ];
    assert_eq!(json(dir.path(), &given)["detectors"], study["detectors"]);
}

#[test]
fn a_study_of_sensors_finds_noise() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "study", "shift", "-o", "s", "--quick", "--task", "classify", "--rounds", "60", "--seeds",
        "2",
    ];
    let study = json(dir.path(), &args);
    assert!(study["left_out"][0].as_str().unwrap().contains("generator"));
    let worst = expectation(&study, "C1", "noise");
    assert!(number(&worst["value"]) > 0.8, "{worst}");
    assert_eq!(expectation(&study, "C0", "last_layer")["verdict"], "pass");
    let all = study["detectors"].as_array().unwrap();
    assert!(all.iter().all(|d| d["detector"] != "surprise"));
    assert!(all.iter().any(|d| d["detector"] == "input_moments"));
    let error = refused(
        dir.path(),
        &[
            "study", "shift", "-o", "u", "--task", "classify", "--data", "none",
        ],
    );
    assert!(
        error.contains("give --data a directory of .ts files"),
        "{error}"
    );
}

#[test]
fn a_study_of_familiarity_counts_what_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["study", "familiarity", "-o", "f", "--quick", "--seeds", "2"];
    let study = json(dir.path(), &args);
    assert_eq!(
        names(&dir.path().join("f")),
        [
            "config.json",
            "models",
            "report.html",
            "summary.json",
            "table.csv"
        ]
    );
    let exposures = study["exposures"].as_array().unwrap();
    assert_eq!(number(&exposures[0]), 0.0);
    assert!(exposures.windows(2).all(|e| number(&e[0]) < number(&e[1])));
    for lesson in ["courses", "shuffled"] {
        let courses = study[lesson].as_array().unwrap().iter();
        let steps: Vec<f64> = courses.map(|c| number(&c["step"])).collect();
        assert_eq!(steps, [0, 5, 10, 20, 40, 60, 80, 120, 160].map(f64::from));
    }
    // An untrained model knows no doses, and its loss is that of a fair choice among bytes.
    let loss =
        |lesson: &str, course: usize, dose: usize| number(&study[lesson][course]["loss"][dose]);
    for lesson in ["courses", "shuffled"] {
        assert!((loss(lesson, 0, 0) - 8.0).abs() < 0.1);
        assert!(loss(lesson, 8, 0) < 7.0);
    }
    // What stands in the text often is learned by heart; of shuffled copies there is nothing to learn.
    let learned = |lesson| loss(lesson, 8, 0) - loss(lesson, 8, 4);
    assert!(
        learned("courses") > 0.5 && learned("shuffled") < 0.3,
        "{} {}",
        learned("courses"),
        learned("shuffled")
    );
    // Thirds of the unseen go by how hard they are, and D1 takes five seeds.
    let sizes = study["sizes"].as_array().unwrap();
    assert_eq!(sizes.len(), 2);
    for size in sizes {
        let [familiar, unseen, harder] = [0, 1, 2].map(|i| number(&size["loss"][i]));
        assert!(familiar < unseen && unseen < harder, "{size}");
    }
    let counts: Vec<&Value> = study["contrasts"].as_array().unwrap().iter().collect();
    let windows: Vec<&Value> = counts.iter().map(|c| &c["windows"]).collect();
    let expected = [[48, 16], [16, 16], [16, 16], [48, 16]];
    assert_eq!(windows, expected.map(|w| serde_json::json!(w)).each_ref());
    assert_eq!(expectation(&study, "D1", "all steps")["verdict"], "null");
    for (id, of) in [
        ("F0", "step 0"),
        ("D2l", "the end"),
        ("D4", "14704 parameters"),
        ("C1", "shuffled text"),
    ] {
        assert!(number(&expectation(&study, id, of)["value"]).is_finite());
    }
    let page = std::fs::read_to_string(dir.path().join("f/report.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 5);
    // Models that are there are gone on with, and come to the same.
    assert_eq!(json(dir.path(), &args), study);
}
