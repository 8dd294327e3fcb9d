//! From recordings to a device's file: people held out, the same bits after a resume, the engine's logits those of the graph.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lacuna::config::{Config, Input, Output, TopK};
use lacuna::kernels::Isa;
use lacuna::model::{Model, State};
use lacuna::session::{Options, Session, argmax};
use lacuna_tools::checkpoint::{Blueprint, Checkpoint, Tokenizer};
use lacuna_tools::data::series::generate::{Generator, PEOPLE};
use lacuna_tools::data::series::{Scale, Set, windows};
use lacuna_tools::eval::series::score;
use lacuna_tools::export::{self, Values};
use lacuna_tools::memory::Buffer;
use lacuna_tools::train::classify::{self, Classify, Summary, window_samples};
use lacuna_tools::train::graph::{Device, Graph};
use lacuna_tools::train::parameters::Layout;
use lacuna_tools::train::{Saving, Settings};

/// Gaps below this may be decided otherwise by another rounding.
const GAP: f32 = 1e-5;
/// Largest difference, of the largest |logit|.
const FAR: f32 = 1e-4;

fn set(dir: &Path) -> Set {
    let data = dir.join("data");
    std::fs::create_dir(&data).unwrap();
    for (name, text) in Generator::default().files() {
        std::fs::write(data.join(name), text).unwrap();
    }
    Set::load(&data).unwrap()
}

fn settings(set: &Set, density: f64, steps: u64) -> Settings {
    let mut settings = Settings {
        model: Blueprint {
            config: Config {
                dim: 24,
                hidden_dim: 48,
                n_heads: 2,
                n_kv_heads: 2,
                head_dim: 12,
                vocab_size: 0,
                seq_len: 6,
                bigram: false,
                input: Input::Patches {
                    channels: set.channels,
                    len: 5,
                },
                causal: false,
                output: Output::Classes(set.classes.len()),
                topk: TopK {
                    attn_in: 8,
                    mlp_in: 8,
                    mlp_neuron: 16,
                    ..TopK::default()
                },
                ..Settings::default().model.config
            },
            tokenizer: Tokenizer::None,
        },
        batch: 16,
        classify: Some(Classify {
            hold_out: vec!["person3".to_owned()],
            hop: 10,
            rate: 20.0,
            jitter: 0.1,
        }),
        ..Settings::at_density(density)
    };
    settings.schedule.steps = steps;
    settings
}

fn run(settings: &Settings, set: &Set, dir: &Path) -> Summary {
    classify::run(settings, set, dir, Saving::default(), &mut |_| {}).unwrap()
}

fn exported(dir: &Path, values: Values) -> Buffer {
    let settings = export::Settings {
        values,
        ..export::Settings::default()
    };
    let checkpoint = Checkpoint::load(dir).unwrap();
    export::export(&checkpoint, None, &settings).unwrap().bytes
}

/// Held-out windows and what the graph's input for them is.
fn held_out(set: &Set, settings: &Settings) -> (Vec<Vec<f32>>, Scale) {
    let len = window_samples(&settings.model.config);
    let fold = [set.fold("person3").unwrap()];
    let each = set.recordings(&fold);
    let cut = each.flat_map(|(_, s)| windows(s, set.channels, len, 10).map(<[f32]>::to_vec));
    (cut.collect(), set.scale(&fold))
}

#[test]
fn the_engine_computes_what_was_trained_and_people_it_never_saw_are_told() {
    let root = tempfile::tempdir().unwrap();
    let set = set(root.path());
    let settings = settings(&set, 0.3, 250);
    let dir = root.path().join("run");
    let summary = run(&settings, &set, &dir);
    assert_eq!(summary.hold_out, ["person3"]);
    assert!(summary.density <= 0.3 && summary.density > 0.29);
    // One of four by chance.
    assert!(summary.accuracy.unwrap() > 0.6, "{summary:?}");
    assert!(summary.nearest_accuracy.unwrap() > 0.5, "{summary:?}");

    let checkpoint = Checkpoint::load(&dir).unwrap();
    let layout = Arc::new(Layout::new(&checkpoint.config));
    let parameters = layout.flatten(&checkpoint.tensors);
    let graph = Graph::new(&checkpoint.config, layout, Device::Cpu).unwrap();
    let file = exported(&dir, Values::F32);
    let model = Model::new(&file).unwrap();
    assert_eq!(model.file().labels().unwrap().get(1), Some("walk"));
    assert_eq!(model.file().sensor().unwrap().hop, 10);
    let options = Options::new(model.config());
    let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
    let mut session = Session::new(model, &mut arena, options).unwrap();
    session.self_test().unwrap();

    let (windows, scale) = held_out(&set, &settings);
    let patches: Arc<[f32]> = windows.iter().flat_map(|w| scale.apply(w)).collect();
    let (logits, gaps) = graph.classify_and_gaps(&parameters, &patches, 6);
    let (mut compared, mut far) = (0, 0.0f32);
    for ((window, theirs), gap) in windows.iter().zip(logits.chunks_exact(4)).zip(gaps) {
        let ours = session.classify(window).unwrap();
        if gap <= GAP {
            continue;
        }
        let size = theirs.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        let apart = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
        far = far.max(apart.fold(0.0, f32::max) / size);
        compared += 1;
    }
    println!(
        "{far:.1e} of the largest logit over {compared} of {} windows",
        windows.len()
    );
    assert!(far <= FAR, "{far}");
    assert!(compared * 100 >= windows.len() * 95, "{compared}");
}

#[test]
fn int8_on_every_back_end_tells_what_f32_tells() {
    let root = tempfile::tempdir().unwrap();
    let set = set(root.path());
    let dir = root.path().join("run");
    let settings = settings(&set, 0.3, 150);
    run(&settings, &set, &dir);
    let (full, small) = (exported(&dir, Values::F32), exported(&dir, Values::I8));
    assert!(small.len() < full.len());
    let classes = |file: &Buffer, isa| -> (Vec<u32>, Vec<u32>) {
        let model = Model::new(file).unwrap();
        let options = Options {
            isa,
            ..Options::new(model.config())
        };
        let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
        let mut session = Session::new(model, &mut arena, options).unwrap();
        session.self_test().unwrap();
        let windows = held_out(&set, &settings).0;
        let (mut classes, mut bits) = (Vec::new(), Vec::new());
        for window in &windows {
            let logits = session.classify(window).unwrap();
            classes.push(argmax(logits));
            bits.extend(logits.iter().map(|l| l.to_bits()));
        }
        (classes, bits)
    };
    let (exact, _) = classes(&full, Isa::Portable);
    let (rounded, bits) = classes(&small, Isa::Portable);
    let same = exact.iter().zip(&rounded).filter(|(a, b)| a == b).count();
    assert!(same * 100 >= exact.len() * 90, "{same} of {}", exact.len());
    for isa in Isa::available() {
        assert!(classes(&small, isa).1 == bits, "{isa}");
    }
    let model = Model::new(&small).unwrap();
    let people = score(
        &model,
        &set,
        &[2],
        10,
        Options::new(model.config()),
        &mut || (),
    )
    .unwrap();
    assert_eq!(people[0].windows, exact.len());
    assert_eq!(
        (people[0].file.as_str(), people[0].recordings),
        ("person3", 8)
    );
    assert!(
        people[0].accuracy() > 0.5 && people[0].recordings_right >= 4,
        "{people:?}"
    );
}

#[test]
fn a_run_that_was_stopped_ends_with_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let set = set(root.path());
    let settings = settings(&set, 0.5, 40);
    let whole = root.path().join("whole");
    run(&settings, &set, &whole);
    let stopped = root.path().join("stopped");
    let saving = Saving {
        steps: 10,
        ..Saving::default()
    };
    let killed = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        let mut stop = |m: &lacuna_tools::train::Metrics| assert!(m.step < 25, "stopped");
        classify::run(&settings, &set, &stopped, saving, &mut stop)
    }));
    assert!(killed.is_err());
    run(&settings, &set, &stopped);
    let model = |dir: PathBuf| std::fs::read(dir.join("model.safetensors")).unwrap();
    assert!(model(whole) == model(stopped));
}

#[test]
fn runs_that_cannot_be_are_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let set = set(root.path());
    let good = settings(&set, 0.5, 10);
    let refused = |change: &dyn Fn(&mut Settings)| {
        let mut bad = good.clone();
        change(&mut bad);
        let done = classify::run(&bad, &set, root.path(), Saving::default(), &mut |_| {});
        done.unwrap_err().to_string()
    };
    let task = |change: fn(&mut Classify)| {
        refused(&move |s: &mut Settings| change(s.classify.as_mut().unwrap()))
    };
    assert!(task(|c| c.hold_out = vec!["nobody".to_owned()]).contains("person1"));
    assert!(task(|c| c.hop = 0).contains("hop"));
    assert!(task(|c| c.jitter = f32::NAN).contains("jitter"));
    assert!(task(|c| c.rate = -1.0).contains("rate"));
    let all: Vec<String> = (1..=PEOPLE).map(|i| i.to_string()).collect();
    let held = refused(&|s| s.classify.as_mut().unwrap().hold_out = all.clone());
    assert!(held.contains("nothing is left"), "{held}");
    assert!(refused(&|s| s.classify = None).contains("patches"));
    assert!(refused(&|s| s.model.config.output = Output::Classes(9)).contains("classes"));
    assert!(refused(&|s| s.model.config.seq_len = 200).contains("window of 1000 samples"));
}
