//! Recordings on the command line: train, export, inspect, run, score, and on a board.

use lacuna_tools::data::series::generate::Generator;

use super::*;

/// A directory of recordings and a small model of them, the third person held out.
fn trained(dir: &Path) {
    std::fs::create_dir(dir.join("data")).unwrap();
    for (name, text) in Generator::default().files() {
        std::fs::write(dir.join("data").join(name), text).unwrap();
    }
    let train = [
        "train",
        "--task",
        "classify",
        "--data",
        "data",
        "--hold-out",
        "3",
        "--window",
        "30",
        "--patch",
        "5",
        "--rate",
        "20",
        "--steps",
        "120",
        "--density",
        "0.4",
        "-o",
        "run",
    ];
    let value = json(dir, &train);
    assert_eq!(value["summaries"][0]["hold_out"][0], "person3");
    assert!(value["summaries"][0]["accuracy"].as_f64().unwrap() > 0.5);
    let export = [
        "export",
        "run",
        "-o",
        "m.lacuna",
        "--values",
        "i8",
        "--for",
        "cortex-m4",
    ];
    json(dir, &export);
}

#[test]
fn a_classifier_is_trained_exported_run_and_scored() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    trained(dir);
    let inspected = json(dir, &["inspect", "m.lacuna"]);
    assert_eq!(inspected["model_id_verified"], true);
    assert_eq!(inspected["config"]["input"]["channels"], 6);
    assert_eq!(inspected["config"]["output"]["classes"], 4);
    let shown = ok(dir, &["inspect", "m.lacuna"]);
    assert!(shown.contains("rest, walk, row, wave"), "{shown}");
    assert!(
        shown.contains("windows of 6 patches of 5 samples of 6 channels"),
        "{shown}"
    );

    let golden = json(dir, &["run", "m.lacuna", "--isa", "portable"]);
    assert_eq!(golden["digest"], inspected["golden"]["digest"]);
    let streamed = ["run", "m.lacuna", "--series", "data/person3.ts", "--probe"];
    let streamed = json(dir, &streamed);
    let windows = streamed["windows"].as_array().unwrap();
    let right = windows.iter().filter(|w| w["class"] == w["label"]).count();
    assert!(right * 2 > windows.len(), "{right} of {}", windows.len());
    assert!(!streamed["sites"].as_object().unwrap().is_empty());

    let scored = json(dir, &["eval", "m.lacuna", "--series", "data"]);
    let person = &scored["models"][0]["people"][0];
    assert_eq!(person["file"], "person3");
    assert_eq!(person["windows"], windows.len());
    assert_eq!(person["right"], right);
    assert_eq!(scored["kinds"][0]["accuracy"]["n"], 1);

    // Boards stream the golden window's samples: the first window is the golden one.
    for board in super::device::boards() {
        let on = ["m.lacuna", "--board", board.name, "--firmware", "prebuilt"];
        let check = [&["check"], &on[..], &["--tokens", "5"]].concat();
        if board.ram < 64 << 10 {
            let said = refused(dir, &check);
            let why = ["does not fit", "built without models of windows"];
            assert!(why.iter().any(|why| said.contains(why)), "{said}");
            continue;
        }
        let said = json(dir, &check);
        assert_eq!((&said["equal"], &said["steps"]), (&true.into(), &5.into()));
        let plan = ["--plan", "file", "--report", "2"];
        let said = json(dir, &[&check[..], &plan].concat());
        assert!(said["statistics"].as_u64().unwrap() > 10, "{board}: {said}");
        let device = [&["device"], &on[..], &["--tokens", "1"]].concat();
        assert_eq!(json(dir, &device)["digest"], golden["digest"]);
    }
}

#[test]
fn what_does_not_fit_recordings_is_refused_with_a_next_step() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    let train = ["train", "--task", "classify", "-o", "run"];
    assert!(refused(dir, &train).contains("--data DIR"));
    std::fs::create_dir(dir.join("data")).unwrap();
    let train = [&train[..], &["--data", "data"]].concat();
    assert!(refused(dir, &train).contains("no .ts file"));
    std::fs::write(dir.join("data/a.ts"), "@classLabel true a\n@data\n1,x:a\n").unwrap();
    let error = refused(dir, &train);
    assert!(error.contains("line 3") && error.contains("`x`"), "{error}");
    std::fs::write(dir.join("data/a.ts"), "@classLabel true a\n@data\n1,2:a\n").unwrap();
    let odd = [&train[..], &["--window", "7", "--patch", "2"]].concat();
    assert!(refused(dir, &odd).contains("multiple of --patch"));
    assert!(refused(dir, &train).contains("window of 100 samples"));

    checkpoint(dir, sparse(), 0.1);
    json(dir, &["export", "checkpoint", "-o", "lm.lacuna"]);
    assert!(refused(dir, &["run", "lm.lacuna", "--series", "data"]).contains("takes tokens"));
    assert!(refused(dir, &["eval", "lm.lacuna", "--series", "data"]).contains("takes tokens"));
}
