//! Classifiers of sensor windows are calibrated, watched, and checked on boards.
//!
//! Stated beforehand: on people who were neither learned from nor calibrated on, the rate of alarms of each training seed
//! lies in the interval that the calibration states, and its own interval reaches down to the stated rate; a sensor that is
//! turned and amplified is found far more often; few people support no small rate.

use lacuna_tools::data::series::Set;
use lacuna_tools::data::series::generate::Generator;

use super::*;

/// Recordings of so many invented people in `dir/name`, with `prefix` before their names.
fn people(dir: &Path, name: &str, (seed, people): (u64, usize), prefix: &str) {
    let made = Generator {
        seed,
        people,
        recordings: 1,
        samples: 60,
    };
    let at = dir.join(name);
    std::fs::create_dir_all(&at).unwrap();
    for (name, text) in made.files() {
        std::fs::write(at.join(format!("{prefix}{name}")), text).unwrap();
    }
}

/// `data/` of four people, and `m.lacuna`, which has learned from three of them.
pub(super) fn classifier(dir: &Path, seed: &str) {
    std::fs::create_dir(dir.join("data")).unwrap();
    for (name, text) in Generator::default().files() {
        std::fs::write(dir.join("data").join(name), text).unwrap();
    }
    let learn = ["train", "--task", "classify", "--data", "data", "-o", "run"];
    let how = ["--window", "30", "--patch", "5", "--steps", "100"];
    let more = ["--hold-out", "3", "--density", "0.4", "--seed", seed];
    json(dir, &[&learn[..], &how, &more].concat());
    let export = ["export", "run", "-o", "m.lacuna", "--values", "i8"];
    json(dir, &[&export[..], &["--for", "cortex-m4"]].concat());
}

fn calibrate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["calibrate", "m.lacuna", "-o", "c.lacuna"], more].concat()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn the_rate_holds_on_people_never_seen_for_every_training_seed() {
    for (seed, score) in [("1", &[][..]), ("2", &[]), ("3", &["--score", "nearest"])] {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        classifier(dir, seed);
        people(dir, "known", (100, 60), "known-");
        people(dir, "fresh", (200, 60), "fresh-");
        let by = ["--series", "known", "--unit", "person", "--alpha", "0.05"];
        let said = json(dir, &calibrate(&[&by, score].concat()));
        assert_eq!(
            (&said["unit"], &said["units_calibrated"]),
            (&"person".into(), &42.into())
        );
        assert_eq!(
            (&said["window_samples"], &said["within_files"]),
            (&30.into(), &false.into())
        );
        let inspected = ["m.lacuna", "c.lacuna"].map(|file| json(dir, &["inspect", file]));
        assert_eq!(inspected[0]["model_id"], inspected[1]["model_id"]);
        let fresh = json(
            dir,
            &[
                "monitor", "c.lacuna", "--series", "fresh", "--unit", "person",
            ],
        );
        let (stated, found) = (&fresh["stated_interval"], number(&fresh["rate"]));
        println!(
            "seed {seed}: {found:.4} of {} windows, stated {stated}",
            fresh["windows"]
        );
        assert_eq!(
            (
                &fresh["self_test"],
                fresh["units"].as_array().unwrap().len()
            ),
            (&"golden".into(), 60)
        );
        assert!(
            number(&stated["low"]) <= found && found <= number(&stated["high"]),
            "seed {seed}: {found} outside {stated}"
        );
        assert!(
            number(&fresh["rate_interval"]["low"]) <= 0.05,
            "seed {seed}: {found}"
        );
        assert!(fresh["drifted_at_window"].is_null(), "seed {seed}");
    }
}

/// `name/` with the recordings of `from/`, every value four times as large and two channels exchanged.
fn shifted(dir: &Path, from: &str, name: &str) {
    let at = dir.join(name);
    std::fs::create_dir(&at).unwrap();
    let set = Set::load(&dir.join(from)).unwrap();
    for file in &set.files {
        let mut text = "@missing false\n@classLabel false\n@data\n".to_owned();
        for series in &file.series {
            let channel = |c: usize| {
                let values = series.samples.iter().skip(c).step_by(set.channels);
                let words: Vec<String> = values.map(|x| (4.0 * x).to_string()).collect();
                words.join(",")
            };
            let channels: Vec<String> = [1, 0, 2, 3, 4, 5].map(channel).into();
            text += &(channels.join(":") + "\n");
        }
        std::fs::write(at.join(format!("{}.ts", file.name)), text).unwrap();
    }
}

#[test]
fn a_shift_that_is_named_is_judged_beside_plain_scores() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    classifier(dir, "1");
    people(dir, "calm", (100, 40), "calm-");
    people(dir, "fresh", (300, 12), "fresh-");
    people(dir, "same", (200, 40), "same-");
    // Its series have no classes: a monitor needs none.
    shifted(dir, "fresh", "loud");
    let by = [
        "--series",
        "calm",
        "--alpha",
        "0.05",
        "--against",
        "loud",
        "--against",
        "same",
    ];
    let said = json(dir, &calibrate(&by));
    let [loud, same] = said["against"].as_array().unwrap().as_slice() else {
        panic!("{said}");
    };
    assert_eq!(
        (&loud["shifted_units"], &loud["familiar_units"]),
        (&12.into(), &28.into())
    );
    let names: Vec<&Value> = loud["scores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["score"])
        .collect();
    assert_eq!(names, ["last-layer", "max-softmax", "outputs"]);
    let own = &loud["scores"][0];
    assert!(number(&own["auroc"]["value"]) > 0.8, "{own}");
    assert!(number(&own["detected"]["value"]) > 0.3, "{own}");
    // More of the same is told from the familiar by no score.
    for score in same["scores"].as_array().unwrap() {
        let (auroc, detected) = (&score["auroc"]["value"], &score["detected"]["value"]);
        assert!((number(auroc) - 0.5).abs() < 0.15, "{score}");
        assert!(number(detected) < 0.15, "{score}");
    }
    let shown = ok(dir, &calibrate(&by[..6]));
    assert!(
        shown.contains("against loud: ") && shown.contains("AUROC gained"),
        "{shown}"
    );
    let drifted = json(dir, &["monitor", "c.lacuna", "--series", "loud"]);
    assert!(number(&drifted["rate"]) > 0.3, "{}", drifted["rate"]);

    // The same of text.
    checkpoint(dir, sparse(), 0.3);
    ok(dir, &["export", "checkpoint", "-o", "lm.lacuna"]);
    super::known(dir);
    let other = dir.join("other");
    std::fs::create_dir(&other).unwrap();
    for i in 0..9 {
        std::fs::write(other.join(format!("{i}.txt")), "QQZZ@@~~".repeat(16)).unwrap();
    }
    let text = [
        "calibrate",
        "lm.lacuna",
        "--data",
        "known",
        "-o",
        "w.lacuna",
    ];
    let by = ["--window", "8", "--alpha", "0.1", "--against", "other"];
    let said = json(dir, &[&text[..], &by].concat());
    let scores = said["against"][0]["scores"].as_array().unwrap();
    assert_eq!(scores.len(), 2, "{said}");
    assert!(scores[0]["gain"].is_object() && scores[1]["gain"].is_null());
}

#[test]
fn too_few_people_and_what_was_learned_from_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    classifier(dir, "1");
    let said = refused(dir, &calibrate(&["--series", "data"]));
    assert!(
        said.contains("left out person1, person2, person4"),
        "{said}"
    );
    assert!(
        said.contains("support no false-alarm rate below 0.5000"),
        "{said}"
    );
    let learned = ["--series", "data", "--hold-out", "person3"];
    let said = refused(dir, &calibrate(&learned));
    assert!(
        said.contains("did not learn from") && said.contains("--hold-out FILE"),
        "{said}"
    );
    people(dir, "few", (7, 7), "few-");
    let said = refused(dir, &calibrate(&["--series", "few", "--alpha", "0.1"]));
    assert!(
        said.contains("5 units to calibrate on support no false-alarm rate below 0.1667"),
        "{said}"
    );
    assert!(
        said.contains("--alpha of 0.2") && said.contains("not for a file that is not among them"),
        "{said}"
    );
    assert!(!dir.join("c.lacuna").exists());
    let by = ["--series", "few", "--alpha", "0.1", "--unit", "recording"];
    let said = json(dir, &calibrate(&by));
    assert_eq!(
        (&said["unit"], &said["within_files"]),
        (&"stretch".into(), &true.into())
    );
    assert!(ok(dir, &calibrate(&by)).contains("of the windows of the same files"));

    let said = refused(dir, &calibrate(&["--data", "few"]));
    assert!(said.contains("--series DIR_OF_TS"), "{said}");
    let said = refused(dir, &calibrate(&["--series", "few", "--window", "9"]));
    assert!(said.contains("windows of its own"), "{said}");
    let said = refused(dir, &calibrate(&["--series", "few", "--every", "4"]));
    assert!(said.contains("divides 6"), "{said}");
    checkpoint(dir, sparse(), 0.1);
    ok(dir, &["export", "checkpoint", "-o", "lm.lacuna"]);
    let said = refused(
        dir,
        &["calibrate", "lm.lacuna", "--series", "few", "-o", "x"],
    );
    assert!(said.contains("takes text"), "{said}");
}

#[test]
fn boards_score_and_keep_what_the_desktop_does() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    classifier(dir, "2");
    people(dir, "known", (100, 40), "known-");
    let fresh = "fresh/fresh-person1.ts";
    people(dir, "fresh", (200, 2), "fresh-");
    let by = ["--series", "known", "--alpha", "0.05", "--block", "3"];
    for score in ["last-layer", "nearest"] {
        json(dir, &calibrate(&[&by[..], &["--score", score]].concat()));
        let here = |isa: &str| {
            let isa = ["--isa", isa, "--json"];
            ok(
                dir,
                &[&["monitor", "c.lacuna", "--series", fresh], &isa[..]].concat(),
            )
        };
        for isa in lacuna::kernels::Isa::available() {
            assert_eq!(here(isa.name().as_str()), here("portable"));
        }
        let life: Value = here("portable").parse().unwrap();
        for board in super::device::boards() {
            if board.ram < 64 << 10 {
                continue;
            }
            let on = [
                "c.lacuna",
                "--board",
                board.name,
                "--firmware",
                "prebuilt",
                "--monitor",
            ];
            let golden = json(dir, &[&["check"], &on[..], &["--tokens", "4"]].concat());
            assert_eq!(
                (&golden["equal"], &golden["steps"]),
                (&true.into(), &4.into()),
                "{board}"
            );
            let check = [&["check"], &on[..], &["--series", fresh]].concat();
            let said = json(dir, &check);
            let windows = life["windows"].as_u64().unwrap();
            assert_eq!(
                (&said["equal"], said["steps"].as_u64()),
                (&true.into(), Some(windows))
            );
            assert!(said["kept"].as_u64().unwrap() > 100, "{board}: {said}");
            // The same alarms as the desktop's monitor found, and what was sent is replayed.
            let device = [
                &["device"],
                &on[..],
                &["--series", fresh, "--sites", "--records", "r"],
            ];
            let said = json(dir, &device.concat());
            let answers = said["windows"].as_array().unwrap().iter();
            let unfamiliar = answers.filter(|w| w["answer"] == "unfamiliar").count();
            assert_eq!(life["units"][0]["unfamiliar"], unfamiliar, "{board}");
            let replayed = json(dir, &["replay", "c.lacuna", "r"]);
            let equal = replayed["windows"].as_array().unwrap().iter();
            assert!(
                equal
                    .clone()
                    .all(|w| w["verdict"] == "equal" && w["samples"] == 180)
            );
            assert_eq!(equal.count() as u64, windows, "{board}");
        }
    }
}

#[test]
fn seven_people_with_watches_support_a_rate_of_a_third() {
    let watch = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/motion/watch");
    if !watch.is_dir() {
        println!("skipped: {} is not here", watch.display());
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (dir, watch) = (root.path(), watch.to_str().unwrap());
    let learn = [
        "train", "--task", "classify", "--data", watch, "-o", "run", "--steps", "300",
    ];
    let four = [
        "--hold-out",
        "1",
        "--hold-out",
        "2",
        "--hold-out",
        "5",
        "--hold-out",
        "6",
    ];
    json(dir, &[&learn[..], &four, &["--hold-out", "7"]].concat());
    json(dir, &["export", "run", "-o", "m.lacuna"]);
    // Of five people one is kept to be fresh, two are fitted on, two calibrate.
    let by = [
        "--series",
        watch,
        "--hold-out",
        "7",
        "--unit",
        "person",
        "--fit-share",
        "0.5",
    ];
    let said = refused(dir, &calibrate(&by));
    assert!(
        said.contains("2 units to calibrate on support no false-alarm rate below 0.3333"),
        "{said}"
    );
    let said = json(dir, &calibrate(&[&by[..], &["--alpha", "0.34"]].concat()));
    assert_eq!(
        (&said["units_calibrated"], &said["units_fitted"]),
        (&2.into(), &2.into())
    );
    let fresh = format!("{watch}/subject07.ts");
    let fresh = json(
        dir,
        &[
            "monitor", "c.lacuna", "--series", &fresh, "--unit", "person",
        ],
    );
    println!(
        "subject07: {} of {} windows",
        fresh["rate"], fresh["windows"]
    );
    assert_eq!(fresh["windows"], 524);
    // Of one person the interval says hardly anything, and it must say so.
    let interval = &fresh["rate_interval"];
    assert!(number(&interval["low"]) <= 0.34 && number(&interval["high"]) > 0.9);
}
