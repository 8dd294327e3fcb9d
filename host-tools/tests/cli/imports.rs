//! Models of other programs: the engine computes their logits; a checkpoint that another program wrote is one.

use std::fs;
use std::path::{Path, PathBuf};

use lacuna::format::schema;
use lacuna::model::{Model, State};
use lacuna::num::Rng;
use lacuna::session::{Options, Session};
use lacuna_tools::memory::Buffer;
use serde_json::{Map, Value, json as value};

use super::{json, lacuna, ok, refused, sparse, text};

/// What `hf/make.py` froze.
fn frozen(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.join("tests/hf").join(name)
}

#[test]
fn logits_of_transformers_are_computed_by_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["llama", "llama3", "mistral", "qwen2"] {
        let from = frozen(name);
        let file = dir.path().join(format!("{name}.lacuna"));
        let output = file.to_str().unwrap();
        json(
            dir.path(),
            &["import", "hf", from.to_str().unwrap(), "-o", output],
        );
        let bytes = Buffer::from(fs::read(&file).unwrap().as_slice());
        let model = Model::new(&bytes).unwrap();
        let options = Options::new(model.config());
        let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
        let mut session = Session::new(model, &mut arena, options).unwrap();
        let record: Value =
            serde_json::from_slice(&fs::read(from.join("logits.json")).unwrap()).unwrap();
        let numbers = |list: &Value| -> Vec<f64> {
            let list = list.as_array().unwrap().iter();
            list.map(|x| x.as_f64().unwrap()).collect()
        };
        let at = numbers(&record["positions"]);
        let mut compared = 0;
        for (position, token) in numbers(&record["prompt"]).into_iter().enumerate() {
            let ours = session.step(token as u32).unwrap();
            let Some(row) = at.iter().position(|&p| p == position as f64) else {
                continue;
            };
            let theirs = numbers(&record["logits"][row]);
            let largest = theirs.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            assert!(ours.len() == theirs.len() && largest > 1.0);
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let far = (f64::from(*ours) - theirs).abs();
                assert!(
                    far < 5e-5 * largest,
                    "{name}, position {position}: {ours} {theirs}"
                );
            }
            compared += 1;
        }
        assert_eq!(compared, at.len());
    }
}

#[test]
fn what_turns_by_other_angles_is_run_and_not_trained() {
    let dir = tempfile::tempdir().unwrap();
    let from = frozen("llama3");
    ok(
        dir.path(),
        &["import", "hf", from.to_str().unwrap(), "-o", "c"],
    );
    let recover = ["recover", "c", "--teacher", "c", "-o", "r", "--steps", "1"];
    let message = refused(dir.path(), &recover);
    assert!(message.contains("other angles"), "{message}");
    assert!(!dir.path().join("r").join("config.json").exists());
}

#[test]
fn imports_are_checkpoints_and_contexts_can_be_cut() {
    let dir = tempfile::tempdir().unwrap();
    let from = frozen("qwen2");
    let args = [
        "import",
        "hf",
        from.to_str().unwrap(),
        "--seq-len",
        "16",
        "-o",
        "c",
    ];
    let text = ok(dir.path(), &args);
    assert!(
        text.contains("context 16") && text.contains("lacuna export c"),
        "{text}"
    );
    let shape = json(dir.path(), &["export", "c", "-o", "m.lacuna"]);
    assert_eq!(shape["config"]["seq_len"], 16);
    let broken = dir.path().join("broken");
    fs::create_dir(&broken).unwrap();
    fs::copy(
        from.join("model.safetensors"),
        broken.join("model.safetensors"),
    )
    .unwrap();
    let config = fs::read_to_string(from.join("config.json")).unwrap();
    let other = config.replace("\"silu\"", "\"gelu\"");
    fs::write(broken.join("config.json"), other).unwrap();
    let message = refused(dir.path(), &["import", "hf", "broken", "-o", "d"]);
    assert!(
        message.contains("`hidden_act` is gelu; supported: silu"),
        "{message}"
    );
    assert!(!dir.path().join("d").exists());
}

/// A safetensors file, from its specification alone.
fn safetensors(tensors: &[(&str, Vec<usize>)]) -> Vec<u8> {
    let mut rng = Rng::new(3);
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (name, shape) in tensors {
        let start = data.len();
        for _ in 0..shape.iter().product() {
            data.extend((rng.next_f32() - 0.5).to_le_bytes());
        }
        let entry = value!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] });
        header.insert((*name).to_owned(), entry);
    }
    let header = Value::Object(header).to_string().into_bytes();
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_slice(),
        &data,
    ]
    .concat()
}

#[test]
fn a_directory_that_another_program_wrote_is_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = dir.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    let config = r#"{ "dim": 8, "hidden_dim": 12, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1, "head_dim": 4,
        "vocab_size": 256, "seq_len": 6, "norm_eps": 1e-5, "position": "rope", "activation": "silu", "gated": true,
        "attn_bias": true, "mlp_bias": false, "sink": true, "bigram": false, "tied": false,
        "topk": { "attn_in": 0, "q": 0, "k": 0, "v": 0, "attn_out": 0, "mlp_in": 0, "mlp_neuron": 4, "mlp_out": 0 },
        "tokenizer": "byte" }"#;
    fs::write(theirs.join("config.json"), config).unwrap();
    let mut tensors = vec![
        ("tok_embeddings.weight", vec![256, 8]),
        ("rope.cos", vec![6, 2]),
        ("rope.sin", vec![6, 2]),
        ("layers.0.attention_norm.weight", vec![8]),
        ("layers.0.attention.wq.weight", vec![8, 8]),
        ("layers.0.attention.wk.weight", vec![4, 8]),
        ("layers.0.attention.wv.weight", vec![4, 8]),
        ("layers.0.attention.wo.weight", vec![8, 8]),
        ("layers.0.attention.wq.bias", vec![8]),
        ("layers.0.attention.wk.bias", vec![4]),
        ("layers.0.attention.wv.bias", vec![4]),
        ("layers.0.attention.wo.bias", vec![8]),
        ("layers.0.attention.sink", vec![2]),
        ("layers.0.ffn_norm.weight", vec![8]),
        ("layers.0.feed_forward.w1.weight", vec![12, 8]),
        ("layers.0.feed_forward.w3.weight", vec![12, 8]),
        ("layers.0.feed_forward.w2.weight", vec![8, 12]),
        ("norm.weight", vec![8]),
        ("output.weight", vec![256, 8]),
    ];
    let file = theirs.join("model.safetensors");
    fs::write(&file, safetensors(&tensors)).unwrap();
    ok(dir.path(), &["export", "theirs", "-o", "m.lacuna"]);
    let run = ["run", "m.lacuna", "--prompt", "x", "--tokens", "3"];
    ok(dir.path(), &run);
    tensors[4].1 = vec![4, 16];
    fs::write(&file, safetensors(&tensors)).unwrap();
    let message = refused(dir.path(), &["export", "theirs", "-o", "n.lacuna"]);
    let named = "`layers.0.attention.wq.weight` has shape [4, 16], the configuration says [8, 8]";
    assert!(message.contains(named), "{message}");
}

#[test]
fn the_help_names_every_tensor_of_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let help = text(&lacuna(dir.path(), &["import", "--help"]).stdout);
    let mut config = sparse();
    config.position = lacuna::config::Position::Learned;
    for config in [sparse(), config] {
        for line in schema::tensors(&config) {
            let name = line.to_string();
            let short = name.rsplit('.').take(2).collect::<Vec<_>>();
            let short = format!("{}.{}", short[1], short[0]);
            assert!(help.contains(&short), "{name}\n{help}");
        }
    }
}
