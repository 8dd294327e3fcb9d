//! The engine computes the logits of the graph that was trained.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lacuna::config::{Activation, Config, Position, TopK};
use lacuna::model::{Model, State};
use lacuna::session::{Options, Session};
use lacuna_tools::checkpoint::Checkpoint;
use lacuna_tools::data::Corpus;
use lacuna_tools::export;
use lacuna_tools::memory::Buffer;
use lacuna_tools::train::graph::{Device, Graph, Tokens};
use lacuna_tools::train::parameters::Layout;
use lacuna_tools::train::{self, Saving, Settings};

/// Gaps below this may be decided otherwise by another rounding.
const GAP: f32 = 1e-5;
/// Largest difference, of the largest |logit|.
const FAR: f32 = 1e-4;

fn text(dir: &Path) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let data = dir.join("data");
    std::fs::create_dir(&data).unwrap();
    for file in [
        "lib.rs",
        "train/mod.rs",
        "data/mod.rs",
        "checkpoint/mod.rs",
        "memory.rs",
    ] {
        std::fs::copy(here.join(file), data.join(file.replace('/', "_"))).unwrap();
    }
    data
}

fn settings(data: PathBuf, config: Config, density: f64) -> Settings {
    let mut settings = Settings {
        data: vec![data],
        batch: 8,
        windows: 4,
        ..Settings::default()
    };
    settings.model.config = config;
    settings.schedule.steps = 120;
    settings.schedule.density = density;
    settings
}

/// Largest difference over the largest |logit|, and the share of positions left out.
fn compare(settings: &Settings, dir: &Path) -> (f32, f64) {
    let corpus = Corpus::load(&settings.source(), settings.seed).unwrap();
    train::run_on(settings, &corpus, dir, Saving::default(), &mut |_| {}).unwrap();
    let checkpoint = Checkpoint::load(dir).unwrap();
    let config = checkpoint.config;
    let layout = Arc::new(Layout::new(&config));
    let parameters = layout.flatten(&checkpoint.tensors);
    let graph = Graph::new(&config, layout, Device::Cpu).unwrap();

    let file = export::export(&checkpoint, None, &export::Settings::default()).unwrap();
    let model = Model::new(&file.bytes).unwrap();
    let options = Options::new(&config);
    let mut arena = Buffer::zeroed(State::len(&config, &options.limits));
    let mut session = Session::new(model, &mut arena, options).unwrap();

    let (mut far, mut out, mut all) = (0.0f32, 0usize, 0usize);
    for window in corpus.windows(config.seq_len, 30).unwrap() {
        let window = &corpus.validation[window.start..window.end - 1];
        let tokens: Tokens = window.iter().map(|&b| u32::from(b)).collect();
        let (logits, gaps) = graph.logits_and_gaps(&parameters, &tokens, tokens.len());
        session.clear();
        for ((&token, gap), theirs) in tokens
            .iter()
            .zip(gaps)
            .zip(logits.chunks_exact(config.vocab_size))
        {
            let ours = session.step(token).unwrap();
            all += 1;
            if gap <= GAP {
                out += 1;
                continue;
            }
            let size = theirs.iter().fold(0.0f32, |m, x| m.max(x.abs()));
            let difference = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
            far = far.max(difference.fold(0.0, f32::max) / size);
        }
    }
    (far, out as f64 / all as f64)
}

fn check(name: &str, change: impl FnOnce(&mut Config), density: f64) {
    let root = tempfile::tempdir().unwrap();
    let mut config = Config {
        dim: 48,
        hidden_dim: 96,
        n_heads: 4,
        n_kv_heads: 4,
        head_dim: 12,
        seq_len: 48,
        topk: TopK::default(),
        ..Settings::default().model.config
    };
    change(&mut config);
    let settings = settings(text(root.path()), config, density);
    let (far, out) = compare(&settings, &root.path().join("run"));
    println!(
        "{name}: {far:.1e} of the largest logit, {:.2} % of positions excluded",
        out * 100.0
    );
    assert!(far <= FAR, "{name}: {far}");
    assert!(out <= 0.01, "{name}: {out}");
}

#[test]
fn sparse_with_a_few_sites() {
    check(
        "sparse",
        |c| {
            c.topk.mlp_neuron = 24;
            c.topk.attn_in = 12;
            c.topk.mlp_in = 12;
        },
        0.15,
    );
}

#[test]
fn every_site_grouped_gated_with_sinks_and_tied() {
    check(
        "every site",
        |c| {
            c.n_kv_heads = 2;
            c.gated = true;
            c.activation = Activation::Silu;
            c.attn_bias = false;
            c.sink = true;
            c.tied = true;
            c.bigram = false;
            c.topk = TopK {
                attn_in: 12,
                q: 12,
                k: 6,
                v: 6,
                attn_out: 12,
                mlp_in: 12,
                mlp_neuron: 24,
                mlp_out: 12,
            };
        },
        0.3,
    );
}

#[test]
fn learned_positions_and_squared_relu() {
    check(
        "learned",
        |c| {
            c.position = Position::Learned;
            c.activation = Activation::Relu2;
            c.topk.mlp_neuron = 24;
        },
        0.5,
    );
}

#[test]
fn no_positions_relu_dense() {
    check(
        "none",
        |c| {
            c.position = Position::None;
            c.activation = Activation::Relu;
            c.mlp_bias = false;
            c.head_dim = 10;
        },
        1.0,
    );
}

#[test]
fn a_graph_that_learns_to_be_int8_computes_what_int8_products_compute() {
    let root = tempfile::tempdir().unwrap();
    let data = text(root.path());
    let config = Config {
        dim: 32,
        hidden_dim: 64,
        n_heads: 2,
        n_kv_heads: 1,
        head_dim: 16,
        seq_len: 48,
        gated: true,
        activation: Activation::Silu,
        topk: TopK::default(),
        ..Settings::default().model.config
    };
    let settings = settings(data, config, 0.2);
    let dir = root.path().join("run");
    let corpus = Corpus::load(&settings.source(), settings.seed).unwrap();
    train::run_on(&settings, &corpus, &dir, Saving::default(), &mut |_| {}).unwrap();
    let checkpoint = Checkpoint::load(&dir).unwrap();
    let layout = Arc::new(Layout::new(&config));
    let parameters = layout.flatten(&checkpoint.tensors);
    let graph = Graph::new(&config, layout, Device::Cpu).unwrap();
    let how = export::Settings {
        values: export::Values::I8,
        ..export::Settings::default()
    };
    let file = export::export(&checkpoint, None, &how).unwrap();
    let options = Options::new(&config);
    let mut arena = Buffer::zeroed(State::len(&config, &options.limits));
    let model = Model::new(&file.bytes).unwrap();
    let mut session = Session::new(model, &mut arena, options).unwrap();
    // Summed differences of both graphs from the engine: a step of rounding may fall otherwise now and then.
    let (mut exact, mut rounded) = (0.0, 0.0);
    for window in corpus.windows(config.seq_len, 10).unwrap() {
        let window = &corpus.validation[window.start..window.end - 1];
        let tokens: Tokens = window.iter().map(|&b| u32::from(b)).collect();
        let logits = [graph.clone(), graph.clone().int8()]
            .map(|graph| graph.logits(&parameters, &tokens, tokens.len()));
        session.clear();
        for (t, &token) in tokens.iter().enumerate() {
            for (i, engine) in session.step(token).unwrap().iter().enumerate() {
                let [float, int8] = [0, 1].map(|g| logits[g][t * config.vocab_size + i]);
                exact += f64::from((engine - float).abs());
                rounded += f64::from((engine - int8).abs());
            }
        }
    }
    assert!(rounded < 0.05 * exact, "{rounded} {exact}");
}
