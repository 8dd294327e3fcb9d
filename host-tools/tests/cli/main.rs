//! The `lacuna` command as a stranger meets it: what it prints, writes and refuses.

mod after;
mod circuit;
mod contracts;
mod costs;
mod device;
mod field;
mod forms;
mod imports;
mod million;
mod monitor;
mod plans;
mod refusals;
mod samples;
mod sensor;
mod sparsity;
mod story;
mod study;
mod tasks;
mod telemetry;
mod windows;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lacuna::config::{Activation, Config, Input, Position, TopK};
use lacuna::format::schema::{self, Kind};
use lacuna::num::Rng;
use lacuna_tools::checkpoint::{self, Checkpoint, Tokenizer, Weights, rope};
use serde_json::Value;

/// Runs `lacuna` in `dir`.
fn lacuna(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lacuna"))
        .args(args)
        .current_dir(dir)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `lacuna`, which must succeed, and gives its stdout.
fn ok(dir: &Path, args: &[&str]) -> String {
    let output = lacuna(dir, args);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{args:?}\n{stdout}\n{stderr}");
    stdout
}

/// Runs `lacuna … --json`, which must print one JSON object on one line and nothing else.
fn json(dir: &Path, args: &[&str]) -> Value {
    let stdout = ok(dir, &[args, &["--json"]].concat());
    assert_eq!(stdout.matches('\n').count(), 1, "{stdout}");
    let value: Value = serde_json::from_str(&stdout).expect("stdout is JSON");
    assert!(value.is_object());
    value
}

/// Runs `lacuna`, which must fail as a command with nothing on stdout, and gives its stderr.
fn refused(dir: &Path, args: &[&str]) -> String {
    let output = lacuna(dir, args);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(1),
        "{args:?}\n{stdout}\n{stderr}"
    );
    // Notes may stand before it.
    assert!(stderr.lines().any(|l| l.starts_with("error: ")), "{stderr}");
    assert!(stderr.contains("\n next: "), "{stderr}");
    assert_eq!(stdout, "", "{args:?}");
    stderr
}

/// Names in `dir`, sorted.
fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|e| text(e.expect("an entry").file_name().as_encoded_bytes()))
        .collect();
    names.sort();
    names
}

/// A small byte model with AbsTopK at half of the sites, a tenth of its weights nonzero.
fn sparse() -> Config {
    Config {
        dim: 24,
        hidden_dim: 40,
        n_layers: 2,
        n_heads: 4,
        n_kv_heads: 2,
        head_dim: 6,
        vocab_size: 256,
        seq_len: 32,
        norm_eps: 1e-5,
        position: Position::Rope,
        activation: Activation::Relu2,
        gated: true,
        attn_bias: true,
        mlp_bias: true,
        sink: true,
        bigram: true,
        tied: false,
        input: Input::Tokens,
        causal: true,
        output: lacuna::config::Output::Lm,
        topk: TopK {
            attn_in: 6,
            v: 5,
            mlp_in: 7,
            mlp_neuron: 9,
            ..TopK::default()
        },
    }
}

/// `known/`: 40 files of 16 words, to calibrate with.
fn known(dir: &Path) {
    std::fs::create_dir(dir.join("known")).unwrap();
    let mut rng = Rng::new(5);
    for file in 0..40 {
        let words = (0..16).map(|_| ["let", "mut ", "fn ", "x=", "; "][rng.below(5) as usize]);
        let path = dir.join(format!("known/{file:02}.rs"));
        std::fs::write(path, words.collect::<String>()).unwrap();
    }
}

/// Seeded weights for `config`, `density` of the matrices nonzero, saved as a checkpoint.
fn checkpoint(dir: &Path, config: Config, density: f32) -> PathBuf {
    let mut rng = Rng::new(7);
    let mut tensors: checkpoint::Tensors = schema::tensors(&config)
        .map(|t| {
            let scale = if t.kind == Kind::Dense { 1.0 } else { density };
            let mut weight = || {
                let v = rng.next_f32() - 0.5;
                if rng.next_f32() < scale { v } else { 0.0 }
            };
            let data = (0..t.rows * t.cols).map(|_| weight()).collect();
            let shape = checkpoint::shape(&t);
            (t.to_string(), Weights { shape, data })
        })
        .collect();
    if config.position == Position::Rope {
        let (cos, sin) = rope::tables(&config);
        for (name, table) in [("rope.cos", cos), ("rope.sin", sin)] {
            tensors.get_mut(name).expect("a RoPE table").data = table;
        }
    }
    let model = Checkpoint {
        config,
        tokenizer: Tokenizer::Byte,
        sensor: None,
        tensors,
        provenance: serde_json::json!({ "seed": 7 }),
    };
    let path = dir.join("checkpoint");
    model.save(&path).expect("a checkpoint is saved");
    path
}
