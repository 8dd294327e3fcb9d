use std::fs;

use half::bf16;
use lacuna::config::Activation;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use super::*;

/// Settings of one block: dim 4, hidden 6, 2 heads of 2 on 1 key, vocabulary 8, context 3.
fn settings() -> Value {
    json!({
        "model_type": "llama", "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 8, "max_position_embeddings": 3,
        "tie_word_embeddings": true, "torch_dtype": "bfloat16", "unheard_of": 1,
    })
}

const NAMES: [(&str, [usize; 2]); 11] = [
    ("model.embed_tokens.weight", [8, 4]),
    ("model.layers.0.input_layernorm.weight", [4, 0]),
    ("model.layers.0.self_attn.q_proj.weight", [4, 4]),
    ("model.layers.0.self_attn.k_proj.weight", [2, 4]),
    ("model.layers.0.self_attn.v_proj.weight", [2, 4]),
    ("model.layers.0.self_attn.o_proj.weight", [4, 4]),
    ("model.layers.0.post_attention_layernorm.weight", [4, 0]),
    ("model.layers.0.mlp.gate_proj.weight", [6, 4]),
    ("model.layers.0.mlp.up_proj.weight", [6, 4]),
    ("model.layers.0.mlp.down_proj.weight", [4, 6]),
    ("model.norm.weight", [4, 0]),
];

/// A file of `tensors`, whose numbers count up from 0.
fn file(tensors: &[(&str, [usize; 2])]) -> Vec<u8> {
    let numbers = |n: usize| (0..n).flat_map(|i| bf16::from_f32(i as f32).to_le_bytes());
    let data: Vec<(&str, Vec<usize>, Vec<u8>)> = (tensors.iter())
        .map(|(name, shape)| {
            let shape: Vec<usize> = shape.iter().copied().filter(|n| *n > 0).collect();
            let bytes = numbers(shape.iter().product()).collect();
            (*name, shape, bytes)
        })
        .collect();
    let views = (data.iter()).map(|(name, shape, bytes)| {
        (
            *name,
            TensorView::new(Dtype::BF16, shape.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

/// What becomes of a directory with these settings and files.
fn import(settings: &Value, files: &[(&str, Vec<u8>)]) -> Result<Checkpoint, Error> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.json"), settings.to_string()).unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    model(dir.path(), None)
}

fn with(field: &str, value: Value) -> Value {
    let mut settings = settings();
    settings[field] = value;
    settings
}

#[test]
fn halves_of_a_head_become_neighbours_and_defaults_are_theirs() {
    let c = import(&settings(), &[(checkpoint::MODEL, file(&NAMES))]).unwrap();
    // Two channels a head: already neighbours. Wider heads are in the frozen logits.
    let q: Vec<f32> = (0..16).map(|i| i as f32).collect();
    assert_eq!(c.tensors["layers.0.attention.wq.weight"].data, q);
    assert_eq!(c.config.norm_eps, 1e-6);
    assert_eq!(
        (c.config.activation, c.config.tied),
        (Activation::Silu, true)
    );
    let wide = Config {
        n_heads: 1,
        head_dim: 4,
        ..c.config
    };
    let line = schema::tensors(&wide).find(|t| t.id == Id::Wq).unwrap();
    let turned = neighbours(&wide, &line, &q);
    assert_eq!(turned[..8], [0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0, 11.0]);
    assert_eq!(turned[8..], [4.0, 5.0, 6.0, 7.0, 12.0, 13.0, 14.0, 15.0]);
}

#[test]
fn what_the_engine_does_not_do_is_refused_by_name() {
    let whole = [(checkpoint::MODEL, file(&NAMES))];
    for (field, value, words) in [
        ("model_type", json!("gemma2"), "`model_type` is gemma2"),
        ("hidden_act", json!("gelu"), "`hidden_act` is gelu"),
        ("sliding_window", json!(2), "`sliding_window` is 2"),
        (
            "partial_rotary_factor",
            json!(0.5),
            "`partial_rotary_factor` is 0.5",
        ),
        (
            "rope_scaling",
            json!({ "type": "yarn", "factor": 2.0 }),
            "`rope_type` is yarn",
        ),
        (
            "rope_scaling",
            json!({ "rope_type": "llama3" }),
            "with factor",
        ),
        (
            "rope_scaling",
            json!({ "rope_type": "linear", "factor": 0.0 }),
            "`rope_theta`",
        ),
        ("rope_theta", json!(-5.0), "`rope_theta` is -5"),
        (
            "quantization_config",
            json!({ "bits": 4 }),
            "`quantization_config` is set",
        ),
        ("head_dim", json!(4096), "`head_dim` is 4096"),
        (
            "max_position_embeddings",
            json!(131_072),
            "seq_len is over 65536",
        ),
        ("num_attention_heads", json!(0), "n_heads is zero"),
        (
            "num_hidden_layers",
            json!(2),
            "`model.layers.1.input_layernorm.weight` is missing",
        ),
        (
            "attention_bias",
            json!(true),
            "`model.layers.0.self_attn.q_proj.bias` is missing",
        ),
        (
            "tie_word_embeddings",
            json!(false),
            "`lm_head.weight` is missing",
        ),
        (
            "vocab_size",
            json!(9),
            "has shape [8, 4], config.json says [9, 4]",
        ),
    ] {
        let error = import(&with(field, value), &whole).unwrap_err().to_string();
        assert!(error.contains(words), "{field}: {error}");
    }
    let more = [
        &NAMES[..],
        &[("model.layers.0.self_attn.q_norm.weight", [2, 0])],
    ]
    .concat();
    let error = import(&settings(), &[(checkpoint::MODEL, file(&more))]).unwrap_err();
    assert!(matches!(error, Error::Unknown(name) if name.ends_with("q_norm.weight")));
    let known = [
        &NAMES[..],
        &[
            ("lm_head.weight", [8, 4]),
            ("model.layers.0.self_attn.rotary_emb.inv_freq", [1, 0]),
        ],
    ];
    import(&settings(), &[(checkpoint::MODEL, file(&known.concat()))]).unwrap();
}

#[test]
fn indexes_name_files_of_their_directory_alone() {
    let (first, second) = NAMES.split_at(4);
    let index = |second: &str| {
        let map = (NAMES.iter().enumerate()).map(|(i, (name, _))| {
            let file = if i < 4 { "a.safetensors" } else { second };
            ((*name).to_owned(), Value::from(file))
        });
        let map: serde_json::Map<String, Value> = map.collect();
        json!({ "weight_map": map }).to_string().into_bytes()
    };
    let files = |second_name: &str| {
        [
            ("model.safetensors.index.json", index(second_name)),
            ("a.safetensors", file(first)),
            ("b.safetensors", file(second)),
        ]
    };
    let whole = import(&settings(), &[(checkpoint::MODEL, file(&NAMES))]).unwrap();
    assert_eq!(import(&settings(), &files("b.safetensors")).unwrap(), whole);
    for name in [
        "../b.safetensors",
        "/etc/passwd",
        "x/b.safetensors",
        "..",
        "",
    ] {
        let error = import(&settings(), &files(name)).unwrap_err();
        assert!(matches!(error, Error::Name(_)), "{name}: {error}");
    }
    let error = import(&settings(), &files("a.safetensors")).unwrap_err();
    assert!(matches!(error, Error::Missing(_)), "{error}");
}

#[test]
fn damaged_files_are_errors() {
    let whole = file(&NAMES);
    for n in (0..whole.len()).step_by(17) {
        let cut = whole[..n].to_vec();
        let error = import(&settings(), &[(checkpoint::MODEL, cut)]).unwrap_err();
        assert!(matches!(
            error,
            Error::File(checkpoint::Error::Safetensors { .. })
        ));
    }
    let mut infinite = whole.clone();
    let end = infinite.len();
    infinite[end - 2..].copy_from_slice(&bf16::INFINITY.to_le_bytes());
    let error = import(&settings(), &[(checkpoint::MODEL, infinite)]).unwrap_err();
    assert!(error.to_string().contains("non-finite"), "{error}");
    assert!(import(&json!([]), &[]).is_err() && import(&json!({}), &[]).is_err());
}
