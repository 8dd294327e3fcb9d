//! A study of sparsity goes from nothing to answers, and on where it stood.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::*;

const QUICK: [&str; 5] = ["study", "sparsity", "-o", "s", "--quick"];

fn answer<'a>(study: &'a Value, id: &str, what: &str) -> &'a Value {
    let all = study["expectations"].as_array().expect("expectations");
    let is = |e: &&Value| e["id"] == id && e["expected"].as_str().unwrap().contains(what);
    all.iter()
        .find(is)
        .unwrap_or_else(|| panic!("no {id} of {what} in {study}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn written(dir: &Path) -> SystemTime {
    let path = dir.join("result.json");
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_quick_study_answers_and_goes_on_to_the_same_answers() {
    let dir = tempfile::tempdir().unwrap();
    let study = json(dir.path(), &QUICK);
    let [done, all] = [0, 1].map(|i| study["jobs"][i].as_u64().unwrap());
    assert_eq!(done, all);
    let ids: Vec<&str> = study["tests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["T1", "T2", "T3", "T4", "T5", "T6", "T7"]);
    // Without sweeps for them, T3 and T4 are not asked, and it says so.
    assert_eq!(study["tests"][2]["verdict"], "null");
    assert!(study["left_out"].to_string().contains("T3 cannot be asked"));

    // A third of the weights, and an eighth, know less; circuits alone do what the model does; the engine agrees.
    assert!(
        number(&answer(&study, "T1", "bits per byte")["value"]) < -0.4,
        "{study}"
    );
    assert!(
        number(&answer(&study, "T2", "edges")["value"]) > 0.4,
        "{study}"
    );
    assert!(
        number(&answer(&study, "T5", "alone")["value"]) < 0.3,
        "{study}"
    );
    assert!(
        number(&answer(&study, "T5", "without it")["value"]) > 0.3,
        "{study}"
    );
    assert!(
        number(&answer(&study, "T7", "attributed")["value"]) < 1.0,
        "{study}"
    );
    assert_eq!(answer(&study, "E1", "engine")["verdict"], "pass", "{study}");
    let gaussian = number(&study["rows"][0]["gaussian"]);
    assert!((3.0..3.6).contains(&gaussian), "{study}");
    let page = fs::read_to_string(dir.path().join("s/report.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 3);
    let csv = fs::read_to_string(dir.path().join("s/circuits.csv")).unwrap();
    let columns = |l: &str| l.split(',').count();
    assert!(csv.lines().count() > 20 && csv.lines().all(|l| columns(l) == 21));

    // One result is lost: the same command makes it again, and nothing else.
    let circuits = dir
        .path()
        .join("s/circuits/total/width32-density1-lr1-seed1");
    let other = written(&circuits.join("while_return_true--learned"));
    let model = dir
        .path()
        .join("s/models/total/runs/width32-density1-lr1-seed1");
    let trained = written(&model);
    fs::remove_dir_all(circuits.join("for_while--learned")).unwrap();
    assert_eq!(json(dir.path(), &QUICK), study);
    assert_eq!(written(&circuits.join("while_return_true--learned")), other);
    assert_eq!(written(&model), trained);
    let shown = circuits.join("for_while--learned");
    let checked = ok(dir.path(), &["circuit", "check", shown.to_str().unwrap()]);
    assert!(checked.contains("equal"), "{checked}");
}

#[test]
fn jobs_are_numbered_and_other_studies_refused() {
    let dir = tempfile::tempdir().unwrap();
    let example = ok(dir.path(), &["study", "sparsity", "--example"]);
    fs::write(dir.path().join("all.toml"), &example).unwrap();
    let study = ["study", "sparsity", "-o", "s", "--spec", "all.toml"];
    let with = |more: &[&'static str]| [&study[..], more].concat();
    let list = json(dir.path(), &with(&["--list"]));
    let jobs = list["jobs"].as_array().unwrap();
    assert!(jobs.iter().zip(1..).all(|(j, n)| j["job"]["number"] == n));
    let models = list["models"].as_array().unwrap().len();
    let no = refused(dir.path(), &with(&["--job", "100000"]));
    assert!(no.contains(&format!("1 to {}", jobs.len())), "{no}");
    // A circuit of a model that is not trained says which job trains it.
    let number = (2 * models + 1).to_string();
    let no = refused(dir.path(), &[&study[..], &["--job", &number]].concat());
    assert!(no.contains("job 1 does that"), "{no}");
    // Nothing is done, and nothing is claimed.
    let answers = json(dir.path(), &with(&["--answers"]));
    assert_eq!(answers["expectations"], serde_json::json!([]));
    assert_eq!(answers["jobs"][0], 0);

    fs::write(
        dir.path().join("all.toml"),
        example.replace("target = 0.15", "target = 0.2"),
    )
    .unwrap();
    assert!(refused(dir.path(), &study).contains("another study"));
    fs::write(dir.path().join("all.toml"), "tasks = [\"chess\"]").unwrap();
    let no = refused(dir.path(), &study);
    assert!(no.contains("chess") && no.contains("--example"), "{no}");
}
