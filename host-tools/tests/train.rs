//! Training learns, prunes exactly, and repeats to the bit, also beside another run.

use std::path::{Path, PathBuf};

use lacuna::config::TopK;
use lacuna_tools::checkpoint::Checkpoint;
use lacuna_tools::train::parameters::Layout;
use lacuna_tools::train::{self, Saving, Settings, Summary};

fn text(dir: &Path) -> PathBuf {
    let data = dir.join("data");
    std::fs::create_dir(&data).unwrap();
    for i in 0..12 {
        let line = format!("let value_{i} = [1, 2, 3, 5, 8, 13];\n");
        std::fs::write(data.join(format!("{i}.rs")), line.repeat(30)).unwrap();
    }
    data
}

fn settings(data: &Path, density: f64, steps: u64) -> Settings {
    let mut s = Settings {
        data: vec![data.to_owned()],
        batch: 4,
        windows: 8,
        ..Settings::at_density(density)
    };
    s.schedule.steps = steps;
    let c = &mut s.model.config;
    (c.dim, c.hidden_dim, c.n_layers, c.seq_len) = (32, 64, 1, 32);
    (c.n_heads, c.n_kv_heads, c.head_dim) = (2, 2, 16);
    c.topk = TopK {
        mlp_neuron: 16,
        ..TopK::default()
    };
    s
}

fn run(settings: &Settings, dir: &Path) -> Summary {
    train::run(settings, dir, Saving::default(), &mut |_| {}).unwrap()
}

#[test]
fn a_small_text_is_learned_densely_and_sparsely() {
    let root = tempfile::tempdir().unwrap();
    let data = text(root.path());
    for (density, enough) in [(1.0, 0.7), (0.2, 1.0)] {
        let dir = root.path().join(format!("{density}"));
        let summary = run(&settings(&data, density, 300), &dir);
        assert!(
            summary.bits_per_byte < enough,
            "{density}: {}",
            summary.bits_per_byte
        );
        assert!(summary.density <= density && summary.density > density * 0.98);

        let checkpoint = Checkpoint::load(&dir).unwrap();
        let layout = Layout::new(&checkpoint.config);
        let flat = layout.flatten(&checkpoint.tensors);
        for entry in layout.entries.iter().filter(|e| e.sparse) {
            let stored = flat[entry.range.clone()]
                .iter()
                .filter(|w| **w != 0.0)
                .count();
            let k = (density * entry.range.len() as f64) as usize;
            assert!(stored <= k, "{}: {stored} of {k}", entry.name);
        }
    }
}

#[test]
fn runs_side_by_side_repeat_to_the_byte() {
    let root = tempfile::tempdir().unwrap();
    let data = text(root.path());
    let settings = settings(&data, 0.2, 60);
    let dirs = ["a", "b"].map(|d| root.path().join(d));
    std::thread::scope(|scope| {
        for dir in &dirs {
            scope.spawn(|| run(&settings, dir));
        }
    });
    let [a, b] = dirs.map(|d| std::fs::read(d.join("model.safetensors")).unwrap());
    assert!(a == b);
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let good = settings(root.path(), 0.5, 10);
    let refused = |change: fn(&mut Settings)| {
        let mut bad = good.clone();
        change(&mut bad);
        let done = train::run(&bad, root.path(), Saving::default(), &mut |_| {});
        done.unwrap_err().to_string()
    };
    assert!(refused(|s| s.schedule.density = 0.0).contains("density"));
    assert!(refused(|s| s.schedule.lr = f64::NAN).contains("lr"));
    assert!(refused(|s| s.threads = 9).contains("threads"));
    assert!(refused(|s| s.model.config.head_dim = 15).contains("head_dim"));
    assert!(refused(|s| s.schedule.anneal_from = 0.9).contains("annealing"));
    assert!(refused(|s| s.data = vec!["/nowhere".into()]).contains("/nowhere"));
}
