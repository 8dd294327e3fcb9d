use lacuna::config::{Activation, Config, Position, TopK};
use lacuna::format::schema;

use super::{Blueprint, Checkpoint, Error, Tokenizer, Weights, shape};
use crate::fixture::PLAIN;

fn tiny() -> Checkpoint {
    let config = Config {
        hidden_dim: 12,
        n_layers: 2,
        n_kv_heads: 1,
        vocab_size: 16,
        seq_len: 4,
        position: Position::Rope,
        activation: Activation::Relu2,
        gated: true,
        attn_bias: true,
        sink: true,
        topk: TopK {
            mlp_neuron: 3,
            ..TopK::default()
        },
        ..PLAIN
    };
    let tensors = schema::tensors(&config)
        .map(|t| {
            let shape = shape(&t);
            let data = (0..shape.iter().product())
                .map(|i| i as f32 * 0.1)
                .collect();
            (t.to_string(), Weights { shape, data })
        })
        .collect();
    Checkpoint {
        config,
        tokenizer: Tokenizer::Byte,
        sensor: None,
        tensors,
        provenance: serde_json::json!({ "seed": 1 }),
    }
}

#[test]
fn saved_and_loaded_is_equal_and_saves_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    let first = tiny();
    first.save(&a).unwrap();
    let second = Checkpoint::load(&a).unwrap();
    assert_eq!(first, second);
    second.save(&b).unwrap();
    for file in [super::MODEL, super::CONFIG, super::TRAIN] {
        assert_eq!(
            std::fs::read(a.join(file)).unwrap(),
            std::fs::read(b.join(file)).unwrap()
        );
    }
    assert_eq!(
        std::fs::read_dir(&a).unwrap().count(),
        3,
        "a temporary file stayed"
    );
}

#[test]
fn wrong_tensors_are_named() {
    let mut c = tiny();
    c.tensors.get_mut("norm.weight").unwrap().data[2] = f32::NAN;
    assert!(matches!(c.check(), Err(Error::NonFinite { name, index: 2 }) if name == "norm.weight"));
    let mut c = tiny();
    c.tensors.remove("output.weight");
    assert!(matches!(c.check(), Err(Error::Missing(name)) if name == "output.weight"));
    let mut c = tiny();
    c.tensors.get_mut("norm.weight").unwrap().shape = vec![7];
    assert!(matches!(c.check(), Err(Error::Shape { .. })));
    let mut c = tiny();
    let extra = c.tensors["norm.weight"].clone();
    c.tensors.insert("extra".into(), extra);
    assert!(matches!(c.check(), Err(Error::Unknown(name)) if name == "extra"));
}

#[test]
fn misspelt_configuration_is_refused() {
    let text = serde_json::to_string(&Blueprint {
        config: tiny().config,
        tokenizer: Tokenizer::Byte,
    })
    .unwrap();
    assert!(serde_json::from_str::<Blueprint>(&text).is_ok());
    for (from, to) in [("rope", "ropes"), ("\"gated\"", "\"gatd\"")] {
        assert!(serde_json::from_str::<Blueprint>(&text.replace(from, to)).is_err());
    }
    let extra = text.replacen('{', "{\"extra\":1,", 1);
    assert!(serde_json::from_str::<Blueprint>(&extra).is_err());
}
