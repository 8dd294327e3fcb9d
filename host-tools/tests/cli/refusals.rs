//! Bad inputs and bad places: an error that says what, where and what next, and nothing left behind.

use super::*;

fn model(dir: &Path) -> Vec<u8> {
    checkpoint(dir, sparse(), 0.3);
    ok(dir, &["export", "checkpoint", "-o", "m.lacuna"]);
    std::fs::read(dir.join("m.lacuna")).unwrap()
}

#[test]
fn inputs_that_are_not_there_or_something_else() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path());
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["run", "gone.lacuna"],
            &["gone.lacuna", "No such file", "lacuna export"],
        ),
        (
            &["run", "checkpoint"],
            &["Is a directory", "lacuna export checkpoint"],
        ),
        (
            &["inspect", "checkpoint/config.json"],
            &["not a lacuna model", "byte 0"],
        ),
        (
            &["export", "m.lacuna", "-o", "x"],
            &["checkpoint is a directory"],
        ),
        (
            &["export", "gone", "-o", "x"],
            &["gone", "No such file", "lacuna train"],
        ),
        (
            &["prune", "gone", "-o", "x", "--density", "0.1"],
            &["No such file"],
        ),
        (
            &["prune", "checkpoint", "-o", "x", "--density", "1.5"],
            &["density 1.5", "(0, 1]"],
        ),
        (
            &[
                "prune",
                "checkpoint",
                "-o",
                "x",
                "--density",
                "0.01",
                "--min-per-neuron",
                "4",
            ],
            &["kept by the minimum per neuron"],
        ),
        (
            &[
                "import",
                "llama2c",
                "m.lacuna",
                "--tokenizer",
                "m.lacuna",
                "-o",
                "x",
            ],
            &["cannot be imported", "at byte"],
        ),
        (
            &["eval", "m.lacuna", "--text", "gone"],
            &["gone", "No such file"],
        ),
        (
            &["run", "m.lacuna", "--isa", "pentium"],
            &["pentium", "use one of portable"],
        ),
        (
            &["run", "m.lacuna", "--isa", "mve"],
            &["mve", "use one of portable"],
        ),
        (
            &["run", "m.lacuna", "--context", "33"],
            &["33", "--context from 1 to 32"],
        ),
        (
            &["run", "m.lacuna", "--prompt-ids", "256"],
            &["token 256", "below 256"],
        ),
    ];
    for (args, phrases) in cases {
        let stderr = refused(dir.path(), args);
        for phrase in *phrases {
            assert!(stderr.contains(phrase), "{args:?}: {stderr}");
        }
    }
    assert_eq!(names(dir.path()), ["checkpoint", "m.lacuna"]);
}

#[test]
fn a_full_context_says_how_far_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path());
    let args = [
        "run",
        "m.lacuna",
        "--prompt-ids",
        "65,66",
        "--tokens",
        "50",
        "--json",
    ];
    let output = lacuna(dir.path(), &args);
    let stderr = text(&output.stderr);
    if output.status.success() {
        // The model ended its document before the context was full.
        return;
    }
    assert!(stderr.contains("all 32 positions are used"), "{stderr}");
    assert!(stderr.contains("--when-full slide"), "{stderr}");
    assert!(stderr.contains("at most 31 tokens"), "{stderr}");
}

#[test]
fn truncated_and_damaged_models() {
    let dir = tempfile::tempdir().unwrap();
    let whole = model(dir.path());
    for cut in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(dir.path().join("cut.lacuna"), &whole[..cut]).unwrap();
        for command in ["run", "inspect"] {
            let stderr = refused(dir.path(), &[command, "cut.lacuna"]);
            assert!(stderr.contains("(byte "), "{stderr}");
        }
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    std::fs::write(dir.path().join("flipped.lacuna"), flipped).unwrap();
    let stderr = refused(dir.path(), &["run", "flipped.lacuna"]);
    assert!(stderr.contains("checksum"), "{stderr}");
}

#[test]
fn damaged_checkpoints_name_the_tensor() {
    let dir = tempfile::tempdir().unwrap();
    let path = checkpoint(dir.path(), sparse(), 0.3);
    let mut large = Checkpoint::load(&path).unwrap();
    let name = "layers.1.feed_forward.w1.weight";
    large.tensors.get_mut(name).unwrap().data[24 + 3] = 1e6;
    large.save(&path).unwrap();
    let args = ["export", "checkpoint", "-o", "m.lacuna", "--values", "f16"];
    let stderr = refused(dir.path(), &args);
    assert!(
        stderr.contains(&format!("{name}[1, 3] = 1000000")),
        "{stderr}"
    );

    let weights = path.join(checkpoint::MODEL);
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    let stderr = refused(dir.path(), &args[..4]);
    assert!(stderr.contains("model.safetensors"), "{stderr}");
    assert_eq!(names(dir.path()), ["checkpoint"]);
}

#[test]
fn places_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 0.3);
    let export = |to: &str| refused(dir.path(), &["export", "checkpoint", "-o", to]);
    let stderr = export("checkpoint");
    assert!(stderr.contains("it is a directory"), "{stderr}");
    assert!(stderr.contains("checkpoint/model.lacuna"), "{stderr}");
    let stderr = export("gone/m.lacuna");
    assert!(stderr.contains("No such file"), "{stderr}");
    if Path::new("/dev/full").exists() {
        let stderr = export("/dev/full");
        assert!(stderr.contains("No space left"), "{stderr}");
        assert!(Path::new("/dev/full").exists());
    }
    std::fs::write(dir.path().join("file"), "").unwrap();
    let args = ["prune", "checkpoint", "-o", "file", "--density", "0.5"];
    let stderr = refused(dir.path(), &args);
    assert!(stderr.contains("cannot create file"), "{stderr}");
    assert_eq!(names(dir.path()), ["checkpoint", "file"]);
}

#[test]
fn a_failed_export_keeps_the_file_that_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let before = model(dir.path());
    let path = dir.path().join("checkpoint");
    let mut damaged = Checkpoint::load(&path).unwrap();
    damaged
        .tensors
        .get_mut("norm.weight")
        .unwrap()
        .data
        .fill(f32::MAX);
    damaged.save(&path).unwrap();
    let stderr = refused(dir.path(), &["export", "checkpoint", "-o", "m.lacuna"]);
    assert!(stderr.contains("not finite"), "{stderr}");
    assert_eq!(std::fs::read(dir.path().join("m.lacuna")).unwrap(), before);
}

#[test]
fn command_lines_that_make_no_sense_exit_with_two() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["frobnicate"][..],
        &["export", "x"],
        &["run", "m", "--temperature", "hot"],
        &["export", "x", "-o", "y", "--values", "f64"],
    ] {
        assert_eq!(lacuna(dir.path(), args).status.code(), Some(2), "{args:?}");
    }
    assert!(lacuna(dir.path(), &["--help"]).status.success());
}
