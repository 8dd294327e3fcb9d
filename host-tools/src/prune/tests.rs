use lacuna::config::{Activation, Config, Input, Output, Position, TopK};

use super::*;
use crate::checkpoint::{self, Tokenizer, Weights};

fn checkpoint() -> Checkpoint {
    let config = Config {
        dim: 8,
        hidden_dim: 16,
        n_layers: 2,
        n_heads: 2,
        n_kv_heads: 1,
        head_dim: 4,
        vocab_size: 12,
        seq_len: 4,
        norm_eps: 1e-5,
        position: Position::Learned,
        activation: Activation::Relu,
        gated: false,
        attn_bias: true,
        mlp_bias: true,
        sink: true,
        bigram: true,
        tied: false,
        input: Input::Tokens,
        causal: true,
        output: Output::Lm,
        topk: TopK::default(),
    };
    let mut rng = lacuna::num::Rng::new(1);
    let tensors = schema::tensors(&config)
        .map(|t| {
            let data = (0..t.rows * t.cols).map(|_| rng.next_f32() - 0.5).collect();
            let shape = checkpoint::shape(&t);
            (t.to_string(), Weights { shape, data })
        })
        .collect();
    Checkpoint {
        config,
        tokenizer: Tokenizer::Byte,
        sensor: None,
        tensors,
        provenance: json!({ "seed": 1 }),
    }
}

#[test]
fn every_matrix_keeps_its_largest_share_and_the_rest_is_untouched() {
    let before = checkpoint();
    let mut after = before.clone();
    let settings = Settings {
        density: 0.3,
        per: Per::Matrix,
        min_per_neuron: 0,
    };
    for line in prune(&mut after, &settings).unwrap() {
        assert_eq!(line.after, (0.3 * (line.rows * line.cols) as f64) as usize);
        let (old, new) = (&before.tensors[&line.name], &after.tensors[&line.name]);
        let kept = |(o, n): (&f32, &f32)| (o.abs(), *n != 0.0);
        let pairs: Vec<(f32, bool)> = old.data.iter().zip(&new.data).map(kept).collect();
        let least = pairs
            .iter()
            .filter(|p| p.1)
            .map(|p| p.0)
            .fold(1.0, f32::min);
        let most = pairs
            .iter()
            .filter(|p| !p.1)
            .map(|p| p.0)
            .fold(0.0, f32::max);
        assert!(least >= most, "{}", line.name);
    }
    for (name, old) in &before.tensors {
        let matrix = schema::tensors(&before.config).find(|t| t.to_string() == *name);
        if !prunable(matrix.unwrap().id) {
            assert_eq!(old, &after.tensors[name]);
        }
    }
    assert_eq!(after.provenance["from"]["seed"], 1);
    after.check().unwrap();
}

#[test]
fn global_density_is_held_over_all_matrices_and_neurons_stay_alive() {
    let mut c = checkpoint();
    // A matrix of tiny weights would vanish without the minimum.
    let name = "layers.1.feed_forward.w2.weight";
    for v in &mut c.tensors.get_mut(name).unwrap().data {
        *v *= 1e-3;
    }
    let settings = Settings {
        density: 0.4,
        per: Per::Global,
        min_per_neuron: 2,
    };
    let report = prune(&mut c, &settings).unwrap();
    let total: usize = report.iter().map(|l| l.rows * l.cols).sum();
    let kept: usize = report.iter().map(|l| l.after).sum();
    assert_eq!(kept, (0.4 * total as f64) as usize);
    let w2 = &c.tensors[name];
    for input in 0..16 {
        let alive = (0..8).filter(|o| w2.data[o * 16 + input] != 0.0).count();
        assert_eq!(alive, 2);
    }
}

#[test]
fn ties_go_to_the_lower_index() {
    let mut c = checkpoint();
    for w in c.tensors.values_mut() {
        w.data.fill(0.5);
    }
    for per in [Per::Matrix, Per::Global] {
        let mut c = c.clone();
        let settings = Settings {
            density: 0.5,
            per,
            min_per_neuron: 0,
        };
        prune(&mut c, &settings).unwrap();
        let embedding = &c.tensors["tok_embeddings.weight"].data;
        assert_ne!(embedding[0], 0.0);
        let kept = embedding.iter().take_while(|v| **v != 0.0).count();
        assert!(embedding[kept..].iter().all(|v| *v == 0.0));
    }
}

#[test]
fn settings_that_cannot_be_met_change_nothing() {
    let mut c = checkpoint();
    let before = c.clone();
    for (density, min_per_neuron) in [(0.0, 0), (1.5, 0), (f64::NAN, 0), (0.1, 4)] {
        let settings = Settings {
            density,
            per: Per::Matrix,
            min_per_neuron,
        };
        assert!(prune(&mut c, &settings).is_err());
        assert_eq!(c, before);
    }
}
