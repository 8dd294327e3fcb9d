//! A real model from elsewhere: 260 k parameters, llama2.c's format.

use lacuna::kernels::Isa;

use super::*;

const BEGINNING: &str =
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park.";

/// The directory of the model, unless this machine does not have it.
fn data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let data = root.join("../shared/data");
    if data.join("stories260K.bin").exists() {
        return Some(data);
    }
    println!("skipped: {} does not hold stories260K.bin", data.display());
    None
}

fn import(dir: &Path) -> Option<()> {
    let data = data()?;
    let (model, tokenizer) = (data.join("stories260K.bin"), data.join("tok512.bin"));
    let (model, tokenizer) = (model.to_str()?, tokenizer.to_str()?);
    let args = [
        "import",
        "llama2c",
        model,
        "--tokenizer",
        tokenizer,
        "-o",
        "story",
    ];
    let imported = json(dir, &args);
    assert_eq!(imported["weights"], 260_032);
    Some(())
}

#[test]
fn the_story_is_told_the_same_on_every_back_end() {
    let dir = tempfile::tempdir().unwrap();
    let Some(()) = import(dir.path()) else { return };
    for target in ["portable", "cortex-m4", "avx512"] {
        ok(
            dir.path(),
            &["export", "story", "-o", "story.lacuna", "--for", target],
        );
        for isa in Isa::available() {
            let isa = isa.to_string();
            let args = ["run", "story.lacuna", "--tokens", "120", "--isa", &isa];
            let run = json(dir.path(), &args);
            assert!(
                run["text"].as_str().unwrap().starts_with(BEGINNING),
                "{run}"
            );
            assert_eq!(run["tokens"].as_array().unwrap().len(), 120);
            assert_eq!(run["digest"], "20f291ecbe67acfb", "{target} {isa}");
            assert_eq!(run["model_id"], "6da0f3160eb1c3a2");
        }
    }
}

#[test]
fn a_model_file_can_be_made_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let Some(()) = import(dir.path()) else { return };
    ok(
        dir.path(),
        &["export", "story", "-o", "two.lacuna", "--values", "i8"],
    );
    let data = data().unwrap();
    let (model, tokenizer) = (data.join("stories260K.bin"), data.join("tok512.bin"));
    let (model, tokenizer) = (model.to_str().unwrap(), tokenizer.to_str().unwrap());
    let args = ["import", "llama2c", model, "--tokenizer", tokenizer];
    let file = json(
        dir.path(),
        &[&args[..], &["-o", "one.lacuna", "--values", "i8"]].concat(),
    );
    assert_eq!(file["config"]["tokenizer"], "llama2c");
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("one.lacuna"), read("two.lacuna"));
}

#[test]
fn rounded_weights_cost_little_on_the_models_own_text() {
    let dir = tempfile::tempdir().unwrap();
    let Some(()) = import(dir.path()) else { return };
    for values in ["f32", "f16", "i8"] {
        let name = format!("{values}.lacuna");
        ok(
            dir.path(),
            &["export", "story", "-o", &name, "--values", values],
        );
    }
    let models = ["f32.lacuna", "f16.lacuna", "i8.lacuna"];
    let args = ["--generated-by", "f32.lacuna", "--tokens", "600"];
    let scores = json(dir.path(), &[&["eval"], &models[..], &args[..]].concat());
    for (i, most) in [(0, 0.0), (1, 0.002), (2, 0.03)] {
        let change = scores["models"][i]["perplexity_change"].as_f64().unwrap();
        assert!(change.abs() <= most, "{scores}");
    }
}

#[test]
fn a_prompt_is_tokenised_and_continued() {
    let dir = tempfile::tempdir().unwrap();
    let Some(()) = import(dir.path()) else { return };
    ok(dir.path(), &["export", "story", "-o", "story.lacuna"]);
    let args = [
        "run",
        "story.lacuna",
        "--prompt",
        "Once upon a time",
        "--tokens",
        "20",
    ];
    let run = json(dir.path(), &args);
    assert_eq!(run["prompt"], serde_json::json!([1, 403, 407, 261, 378]));
    assert!(run["text"].as_str().unwrap().starts_with(", there was a"));
    let shown = ok(dir.path(), &args);
    assert!(
        shown.starts_with("Once upon a time, there was a"),
        "{shown}"
    );
}
