//! What scripts read.

use lacuna::probe::Site;

use super::*;

#[test]
fn run_json_is_what_the_documentation_promises() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 0.3);
    ok(dir.path(), &["export", "checkpoint", "-o", "m.lacuna"]);
    let args = [
        "run", "m.lacuna", "--prompt", "let x", "--tokens", "9", "--probe",
    ];
    let run = json(dir.path(), &args);
    assert_eq!(
        run["prompt"],
        serde_json::json!([0, 108, 101, 116, 32, 120])
    );
    let tokens = run["tokens"].as_array().unwrap();
    assert!(tokens.len() == 9 || tokens.last().unwrap() == 0);
    assert!(run["text"].is_string());
    let digest = run["digest"].as_str().unwrap();
    assert!(digest.len() == 16 && digest.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
    assert!(run["tokens_per_second"].as_f64().unwrap() > 0.0);
    assert!(run["isa"].is_string());
    let sites = run["sites"].as_object().unwrap();
    assert_eq!(sites.len(), Site::count(2));
    for (name, statistics) in sites {
        for statistic in ["zero_share", "le_eps_share", "hoyer"] {
            let s = &statistics[statistic];
            let of = |key: &str| s[key].as_f64().unwrap();
            assert_eq!(of("n") as usize, 6 + tokens.len() - 1, "{name}");
            assert!(of("min") <= of("mean") && of("mean") <= of("max"), "{name}");
            assert!(of("min") >= 0.0 && of("max") <= 1.0, "{name}");
        }
    }
    let kept = &sites["blocks.1.mlp.hook_post"]["zero_share"]["min"];
    assert!(kept.as_f64().unwrap() >= 1.0 - 9.0 / 40.0 - 1e-6);

    let plain = json(dir.path(), &args[..6]);
    assert_eq!(plain["digest"], run["digest"]);
    assert_eq!(plain["tokens"], run["tokens"]);
    assert_eq!(plain["sites"], serde_json::json!({}));
}

#[test]
fn ram_is_the_same_number_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 0.3);
    ok(dir.path(), &["export", "checkpoint", "-o", "m.lacuna"]);
    for limits in [
        ["--context", "32", "--cache", "f32", "--prefill", "1"],
        ["--context", "20", "--cache", "f32", "--prefill", "8"],
        ["--context", "20", "--cache", "f16", "--prefill", "1"],
        ["--context", "20", "--cache", "i8", "--prefill", "20"],
    ] {
        let inspect = json(
            dir.path(),
            &[&["inspect", "m.lacuna"], &limits[..]].concat(),
        );
        let run = ["run", "m.lacuna", "--tokens", "4"];
        let run = json(dir.path(), &[&run, &limits[..]].concat());
        assert_eq!(inspect["needs"]["ram_bytes"], run["ram_bytes"]);
    }
    let full = json(dir.path(), &["inspect", "m.lacuna"]);
    assert_eq!(
        full["needs"]["ram_bytes"],
        full["needs"]["stated_ram_bytes"]
    );
}

#[test]
fn a_seed_is_a_run_and_a_window_slides() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 0.3);
    ok(dir.path(), &["export", "checkpoint", "-o", "m.lacuna"]);
    let drawn = |seed: &str| {
        let args = ["run", "m.lacuna", "--tokens", "20", "--temperature", "1.5"];
        json(
            dir.path(),
            &[&args[..], &["--top-k", "50", "--seed", seed]].concat(),
        )
    };
    assert_eq!(drawn("1")["tokens"], drawn("1")["tokens"]);
    assert_ne!(drawn("1")["tokens"], drawn("2")["tokens"]);
    let args = ["run", "m.lacuna", "--prompt-ids", "65", "--tokens", "60"];
    let slid = json(
        dir.path(),
        &[&args[..], &["--when-full", "slide", "--context", "8"]].concat(),
    );
    assert!(slid["tokens"].as_array().unwrap().len() > 8);
}

#[test]
fn prune_holds_the_density_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 1.0);
    for per in ["matrix", "global"] {
        let args = ["prune", "checkpoint", "-o", "pruned", "--density", "0.25"];
        let pruned = json(dir.path(), &[&args[..], &["--per", per]].concat());
        let density = pruned["density"].as_f64().unwrap();
        assert!((density - 0.25).abs() < 0.002, "{density}");
        ok(dir.path(), &["export", "pruned", "-o", "m.lacuna"]);
        let inspected = json(dir.path(), &["inspect", "m.lacuna"]);
        let stated = inspected["provenance"]["density"].as_f64().unwrap();
        assert!((stated - density).abs() < 1e-9);
        let from = &inspected["provenance"]["checkpoint"];
        assert_eq!(from["pruned"]["per"], per);
        assert_eq!(from["from"]["seed"], 7);
    }
}

#[test]
fn eval_compares_models_on_files_and_on_what_a_model_says() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 0.5);
    for values in ["f32", "i8"] {
        let name = format!("{values}.lacuna");
        ok(
            dir.path(),
            &["export", "checkpoint", "-o", &name, "--values", values],
        );
    }
    std::fs::write(dir.path().join("text"), "fn main() {}\n".repeat(9)).unwrap();
    for source in [["--text", "text"], ["--generated-by", "f32.lacuna"]] {
        let args = ["eval", "f32.lacuna", "i8.lacuna", "--tokens", "100"];
        let scores = json(dir.path(), &[&args[..], &source[..]].concat());
        let models = scores["models"].as_array().unwrap();
        assert_eq!(models.len(), 2);
        for model in models {
            assert_eq!(model["tokens"], 100);
            let bits = model["bits_per_byte"].as_f64().unwrap();
            let perplexity = model["perplexity"].as_f64().unwrap();
            assert!(bits > 0.0 && (perplexity - bits.exp2()).abs() < 1e-6);
        }
        assert_eq!(models[0]["perplexity_change"], 0.0);
        assert_ne!(models[1]["perplexity_change"], 0.0);
    }
}
