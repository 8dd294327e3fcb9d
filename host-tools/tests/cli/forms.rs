//! Every value type for every target: different bytes, the same model.

use lacuna::config::{Activation, Position, TopK};
use lacuna::kernels::Isa;
use serde_json::Value;

use super::*;

const TARGETS: [&str; 10] = [
    "portable",
    "cortex-m0",
    "cortex-m4",
    "cortex-m33",
    "cortex-m55",
    "rv32",
    "avx2",
    "avx512",
    "neon",
    "wasm-simd128",
];

fn same_digest_everywhere(config: Config, density: f32) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), config, density);
    let mut inspections = Vec::new();
    for values in ["f32", "f16", "i8"] {
        let mut seen: Option<(Value, Value)> = None;
        for target in TARGETS {
            let args = ["export", "checkpoint", "-o", "m.lacuna", "--values", values];
            let exported = json(dir.path(), &[&args[..], &["--for", target]].concat());
            let inspected = json(dir.path(), &["inspect", "m.lacuna"]);
            assert_eq!(exported, inspected);
            assert_eq!(inspected["model_id_verified"], true);
            for isa in Isa::available() {
                let isa = isa.to_string();
                let args = ["run", "m.lacuna", "--prompt", "fn main", "--tokens", "12"];
                for repack in [&[][..], &["--no-repack"]] {
                    let run = json(dir.path(), &[&args[..], &["--isa", &isa], repack].concat());
                    let this = (inspected["model_id"].clone(), run["digest"].clone());
                    let first = seen.get_or_insert_with(|| this.clone());
                    assert_eq!(*first, this, "{values} {target} {isa} {repack:?}");
                    let as_it_is = isa == "portable" || !repack.is_empty();
                    assert!(!as_it_is || run["repacked"]["matrices"] == 0);
                }
            }
            inspections.push(inspected);
        }
    }
    inspections
}

#[test]
fn sparse_models_have_one_id_and_digest_per_value_type() {
    let inspections = same_digest_everywhere(sparse(), 0.1);
    let encodings: Vec<&str> = inspections
        .iter()
        .flat_map(|i| i["tensors"].as_array().unwrap())
        .filter(|t| t["name"].as_str().unwrap().contains("feed_forward"))
        .map(|t| t["encoding"].as_str().unwrap())
        .collect();
    for family in ["csr-u8-gap", "panel-"] {
        let of = |e: &&str| e.starts_with(family);
        assert!(encodings.iter().any(of), "{encodings:?}");
    }
    let majors = |i: &Value| {
        let of = |t: &Value| t["major"].as_str().unwrap().to_owned();
        i["tensors"]
            .as_array()
            .unwrap()
            .iter()
            .map(of)
            .collect::<Vec<_>>()
    };
    let both = majors(&inspections[0]);
    assert!(both.contains(&"input".to_owned()) && both.contains(&"output".to_owned()));
}

#[test]
fn dense_models_too() {
    let config = Config {
        position: Position::Learned,
        activation: Activation::Gelu,
        gated: false,
        tied: true,
        topk: TopK::default(),
        ..sparse()
    };
    same_digest_everywhere(config, 1.0);
}

#[test]
fn smaller_values_make_smaller_files_and_sparse_ones_smaller_still() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = |density: f32, values: &str| {
        checkpoint(dir.path(), sparse(), density);
        let args = ["export", "checkpoint", "-o", "m.lacuna", "--values", values];
        json(dir.path(), &args)["bytes"].as_u64().unwrap()
    };
    let sizes: Vec<[u64; 3]> = [1.0, 0.1]
        .map(|d| ["f32", "f16", "i8"].map(|v| bytes(d, v)))
        .to_vec();
    for density in &sizes {
        assert!(
            density[0] > density[1] && density[1] > density[2],
            "{sizes:?}"
        );
    }
    for (dense, sparse) in sizes[0].iter().zip(&sizes[1]) {
        assert!(sparse < dense, "{sizes:?}");
    }
}

#[test]
fn the_same_checkpoint_exports_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), sparse(), 0.2);
    for name in ["a.lacuna", "b.lacuna"] {
        ok(dir.path(), &["export", "checkpoint", "-o", name]);
    }
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("a.lacuna"), read("b.lacuna"));
    assert_eq!(names(dir.path()), ["a.lacuna", "b.lacuna", "checkpoint"]);
}
