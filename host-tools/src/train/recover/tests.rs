use std::fs;

use lacuna::config::{Activation, TopK};
use lacuna::num::Rng;

use super::*;
use crate::checkpoint::Tokenizer;
use crate::train::project::project;
use crate::train::state::STATE;

/// A model of bytes, and one as llama2.c has them.
fn configurations() -> [Config; 2] {
    let plain = Config {
        dim: 16,
        hidden_dim: 32,
        n_layers: 2,
        n_heads: 2,
        n_kv_heads: 2,
        head_dim: 8,
        seq_len: 24,
        topk: TopK {
            mlp_neuron: 12,
            ..TopK::default()
        },
        ..DEFAULT.model.config
    };
    let stories = Config {
        vocab_size: 512,
        n_kv_heads: 1,
        activation: Activation::Silu,
        gated: true,
        attn_bias: false,
        mlp_bias: false,
        bigram: false,
        tied: true,
        topk: TopK::default(),
        ..plain
    };
    [plain, stories]
}

fn dense(config: Config) -> Checkpoint {
    let layout = Layout::new(&config);
    let mut flat = layout.initial(3);
    // Large enough that the model has opinions.
    for entry in layout.entries.iter().filter(|e| e.sparse) {
        flat[entry.range.clone()].iter_mut().for_each(|w| *w *= 8.0);
    }
    Checkpoint {
        config,
        tokenizer: Tokenizer::Byte,
        sensor: None,
        tensors: layout.tensors(&flat),
        provenance: serde_json::Value::Null,
    }
}

fn pruned(dense: &Checkpoint) -> Checkpoint {
    let layout = Layout::new(&dense.config);
    let mut flat = layout.flatten(&dense.tensors);
    project(&layout, &mut flat, 0.4, 0);
    Checkpoint {
        tensors: layout.tensors(&flat),
        ..dense.clone()
    }
}

fn stream(config: &Config) -> Vec<u32> {
    let mut rng = Rng::new(9);
    let token = || rng.next_u32() % config.vocab_size as u32;
    core::iter::repeat_with(token).take(600).collect()
}

fn zeros(checkpoint: &Checkpoint) -> Vec<bool> {
    let layout = Layout::new(&checkpoint.config);
    let flat = layout.flatten(&checkpoint.tensors);
    let sparse = layout.entries.iter().filter(|e| e.sparse);
    sparse
        .flat_map(|e| flat[e.range.clone()].iter().map(|w| *w == 0.0))
        .collect()
}

fn recovered(
    settings: &Settings,
    models: Models<'_>,
    dir: &Path,
    watch: &mut dyn FnMut(&Metrics),
) -> (Checkpoint, Summary) {
    let stream = stream(&models.pruned.config);
    let text = Text {
        stream: &stream,
        id: "random",
    };
    let saving = Saving {
        steps: 10,
        ..Saving::default()
    };
    run(settings, models, text, dir, saving, watch).unwrap()
}

fn short(models: Models<'_>) -> Settings {
    let mut settings = settings(models);
    settings.batch = 4;
    settings.schedule.steps = 40;
    settings.schedule.lr = 0.01;
    settings
}

#[test]
fn the_teacher_is_approached_the_zeros_stay_and_a_copy_of_the_run_ends_with_the_same_bytes() {
    for config in configurations() {
        let teacher = dense(config);
        let pruned = pruned(&teacher);
        let models = Models {
            pruned: &pruned,
            teacher: Some(&teacher),
        };
        let root = tempfile::tempdir().unwrap();
        let (whole, torn) = (root.path().join("whole"), root.path().join("torn"));
        fs::create_dir(&torn).unwrap();
        let (mut first, mut last) = (0.0, 0.0);
        let (after, summary) = recovered(&short(models), models, &whole, &mut |m| {
            if m.step == 1 {
                first = m.bits_per_byte;
            }
            if m.step == 25 {
                fs::copy(whole.join(STATE), torn.join(STATE)).unwrap();
            }
            last = m.bits_per_byte;
        });
        assert!(first > 0.01 && last < 0.8 * first, "{first} {last}");
        assert_eq!(zeros(&after), zeros(&pruned));
        assert!(summary.density < 0.41, "{}", summary.density);
        after.check().unwrap();
        let mut from = None;
        let (resumed, _) = recovered(&short(models), models, &torn, &mut |m| {
            from.get_or_insert(m.step);
        });
        assert_eq!(from, Some(21));
        assert!(resumed == after, "resumed and whole differ");
        let states = [&whole, &torn].map(|dir| fs::read(dir.join(STATE)).unwrap());
        assert!(states[0] == states[1], "their states differ");
    }
}

#[test]
fn zeros_that_are_chosen_again_move_and_keep_their_number() {
    let teacher = dense(configurations()[0]);
    let pruned = pruned(&teacher);
    let models = Models {
        pruned: &pruned,
        teacher: Some(&teacher),
    };
    let mut settings = short(models);
    if let Some(recover) = &mut settings.recover {
        (recover.choose_again, recover.share, recover.temperature) = (true, 0.5, 2.0);
    }
    let root = tempfile::tempdir().unwrap();
    let (after, _) = recovered(&settings, models, root.path(), &mut |_| {});
    let [before, after] = [&pruned, &after].map(zeros);
    assert_ne!(before, after);
    let count = |zeros: &[bool]| zeros.iter().filter(|z| **z).count();
    assert_eq!(count(&before), count(&after));
}

#[test]
fn models_that_do_not_fit_each_other_are_refused() {
    let [bytes, stories] = configurations().map(dense);
    let alone = Models {
        pruned: &bytes,
        teacher: None,
    };
    let refused = |settings: &Settings, models: Models<'_>| {
        let text = Text {
            stream: &[1; 100],
            id: "",
        };
        let dir = tempfile::tempdir().unwrap();
        let done = run(
            settings,
            models,
            text,
            dir.path(),
            Saving::default(),
            &mut |_| {},
        );
        done.unwrap_err().to_string()
    };
    let other = Models {
        teacher: Some(&stories),
        ..alone
    };
    assert!(refused(&settings(other), other).contains("vocabulary"));
    let with = |change: fn(&mut Recover)| {
        let mut settings = settings(alone);
        settings.recover.iter_mut().for_each(change);
        refused(&settings, alone)
    };
    assert!(with(|r| r.share = 0.5).contains("teacher"));
    assert!(with(|r| r.seq = 25).contains("context"));
    assert!(with(|r| r.temperature = 0.0).contains("temperature"));
}
