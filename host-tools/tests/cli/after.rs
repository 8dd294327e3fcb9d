//! What happens to a model after its training: weights leave by what they do to text, and what was lost comes back.

use super::*;

fn weights(dir: &Path, name: &str) -> Vec<f32> {
    let model = Checkpoint::load(&dir.join(name)).unwrap();
    let name = "layers.1.feed_forward.w2.weight";
    model.tensors[name].data.clone()
}

#[test]
fn weights_leave_by_what_they_do_to_text_and_what_was_lost_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    checkpoint(dir, sparse(), 1.0);
    known(dir);
    let mut found = Vec::new();
    for (method, per) in [("wanda", "row"), ("sparsegpt", "matrix")] {
        let args = ["prune", "checkpoint", "--density", "0.3", "--method"];
        let own = json(
            dir,
            &[&args[..], &[method, "-o", method, "--tokens", "400"]].concat(),
        );
        assert_eq!((&own["method"], &own["per"]), (&method.into(), &per.into()));
        let density = own["density"].as_f64().unwrap();
        assert!((density - 0.3).abs() < 0.005, "{density}");
        let text = ["-o", "read", "--data", "known"];
        ok(dir, &[&args[..], &[method], &text].concat());
        assert_ne!(weights(dir, method), weights(dir, "read"), "{method}");
        found.push(weights(dir, method));
    }
    assert_ne!(found[0], found[1]);

    let args = [
        "recover",
        "wanda",
        "--teacher",
        "checkpoint",
        "--data",
        "known",
    ];
    let steps = ["--steps", "30", "--batch", "4", "--lr", "0.01", "-o"];
    let plain = json(dir, &[&args[..], &steps, &["plain"]].concat());
    let bits = |run: &Value, when: &str| run["bits_per_byte"][when].as_f64().unwrap();
    // The teacher knows nothing, so that being like it need not mean fewer bits.
    let far = |run: &Value, when: &str| (bits(run, when) - bits(run, "teacher")).abs();
    assert!(far(&plain, "after") < far(&plain, "before"), "{plain}");
    let zeros = |name| -> Vec<bool> { weights(dir, name).iter().map(|w| *w == 0.0).collect() };
    assert_eq!(zeros("plain"), zeros("wanda"));
    let again = json(dir, &[&args[..], &steps, &["plain"]].concat());
    assert_eq!(again["bits_per_byte"], plain["bits_per_byte"]);

    let int8 = json(dir, &[&args[..], &steps, &["int8", "--qat", "i8"]].concat());
    assert_eq!(int8["values"], "i8");
    assert!(far(&int8, "after") < far(&int8, "before"), "{int8}");
    ok(
        dir,
        &["export", "int8", "-o", "int8.lacuna", "--values", "i8"],
    );
    let shown = ok(dir, &["inspect", "int8.lacuna"]);
    assert!(shown.contains("i8"), "{shown}");
}

#[test]
fn what_cannot_be_pruned_or_recovered_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    checkpoint(dir, sparse(), 1.0);
    let cases: &[(&[&str], &str)] = &[
        (
            &[
                "prune",
                "checkpoint",
                "-o",
                "x",
                "--density",
                "0.5",
                "--method",
                "sparsegpt",
                "--per",
                "row",
            ],
            "sparsegpt holds the density in every matrix",
        ),
        (
            &[
                "prune",
                "checkpoint",
                "-o",
                "x",
                "--density",
                "0.5",
                "--method",
                "wanda",
                "--data",
                "gone",
            ],
            "cannot read gone",
        ),
        (
            &[
                "recover",
                "checkpoint",
                "--teacher",
                "checkpoint",
                "-o",
                "x",
                "--next-token",
                "2",
            ],
            "share",
        ),
        (
            &[
                "recover",
                "checkpoint",
                "--teacher",
                "checkpoint",
                "-o",
                "x",
                "--seq",
                "33",
            ],
            "context",
        ),
    ];
    for (args, why) in cases {
        let stderr = refused(dir, args);
        assert!(stderr.contains(why), "{args:?}: {stderr}");
        assert!(!dir.join("x").exists());
    }
    // Neither a teacher nor a text.
    let output = lacuna(dir, &["recover", "checkpoint", "-o", "x"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn classifiers_are_pruned_by_magnitude_alone() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let config = Config {
        vocab_size: 0,
        bigram: false,
        causal: false,
        input: Input::Patches {
            channels: 3,
            len: 4,
        },
        output: lacuna::config::Output::Classes(5),
        ..sparse()
    };
    checkpoint(dir, config, 1.0);
    let args = ["prune", "checkpoint", "-o", "x", "--density", "0.5"];
    ok(dir, &args);
    let stderr = refused(dir, &[&args[..], &["--method", "wanda"]].concat());
    assert!(
        stderr.contains("windows of samples") && stderr.contains("magnitude"),
        "{stderr}"
    );
}
