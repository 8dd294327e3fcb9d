use lacuna::config::{Activation, Config, Input, Output, Position, TopK};

use super::*;
use crate::checkpoint::{self, Tokenizer, Weights};
use crate::prune::inputs::Gram;

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
        method: Method::Magnitude,
        density: 0.3,
        per: Per::Matrix,
        min_per_neuron: 0,
    };
    for line in prune(&mut after, &settings, None).unwrap() {
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
        method: Method::Magnitude,
        density: 0.4,
        per: Per::Global,
        min_per_neuron: 2,
    };
    let report = prune(&mut c, &settings, None).unwrap();
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
            method: Method::Magnitude,
            density: 0.5,
            per,
            min_per_neuron: 0,
        };
        prune(&mut c, &settings, None).unwrap();
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
            method: Method::Magnitude,
            density,
            per: Per::Matrix,
            min_per_neuron,
        };
        assert!(prune(&mut c, &settings, None).is_err());
        assert_eq!(c, before);
    }
}

fn windows() -> Vec<Vec<u32>> {
    let mut rng = lacuna::num::Rng::new(7);
    let token = |rng: &mut lacuna::num::Rng| rng.next_u32() % 12;
    (0..64)
        .map(|_| (0..5).map(|_| token(&mut rng)).collect())
        .collect()
}

fn byte_checkpoint() -> Checkpoint {
    let mut c = checkpoint();
    c.config.vocab_size = 256;
    let mut rng = lacuna::num::Rng::new(2);
    for line in schema::tensors(&c.config) {
        let data = (0..line.rows * line.cols).map(|_| rng.next_f32() - 0.5);
        let shape = checkpoint::shape(&line);
        let data = data.collect();
        c.tensors.insert(line.to_string(), Weights { shape, data });
    }
    c
}

#[test]
fn methods_that_read_hold_the_density_and_repeat_to_the_bit() {
    let windows = windows();
    let text = Text {
        tokenizer: None,
        windows: &windows,
        id: "some",
    };
    let mut results = Vec::new();
    for method in [Method::Magnitude, Method::Wanda, Method::Sparsegpt] {
        let settings = Settings {
            method,
            density: 0.3,
            per: method.per(),
            min_per_neuron: 0,
        };
        let (mut one, mut two) = (byte_checkpoint(), byte_checkpoint());
        for line in prune(&mut one, &settings, Some(&text)).unwrap() {
            let allowed = (0.3 * (line.rows * line.cols) as f64) as usize;
            assert_eq!(line.after, allowed, "{method:?} {}", line.name);
        }
        prune(&mut two, &settings, Some(&text)).unwrap();
        assert_eq!(one, two);
        one.check().unwrap();
        assert_eq!(one.provenance["pruned"]["method"], method.name());
        results.push(one.tensors);
    }
    assert!(results[0] != results[1] && results[1] != results[2]);
}

#[test]
fn wanda_is_magnitude_by_output_where_inputs_have_equal_norms() {
    let mut rng = lacuna::num::Rng::new(3);
    let line = Tensor {
        id: Id::Wq,
        layer: 0,
        kind: schema::Kind::Matrix,
        rows: 7,
        cols: 11,
    };
    let w: Vec<f32> = (0..77).map(|_| rng.next_f32() - 0.5).collect();
    let keep = |norm: &dyn Fn(usize) -> f64| {
        let mut members = select::ranked(0, &line, &w, |i| norm(i % 11), 0);
        select::rows(&mut members, &line, false, 0.4)
    };
    let magnitude = keep(&|_| 1.0);
    assert_eq!(magnitude.iter().filter(|k| **k).count(), 30);
    for norm in [0.0, 1e-3, 3.7] {
        assert_eq!(keep(&|_| norm), magnitude, "{norm}");
    }
    let one = keep(&|j| if j == 4 { 100.0 } else { 1.0 });
    assert!((0..7).all(|row| one[row * 11 + 4]));
}

/// Σ ‖(V − W) x‖² over the inputs that `gram` has summed.
fn error(w: &[f32], pruned: &[f32], gram: &Gram) -> f64 {
    let d = gram.dim;
    let mut sum = 0.0;
    for (w, v) in w.chunks(d).zip(pruned.chunks(d)) {
        let off: Vec<f64> = w.iter().zip(v).map(|(w, v)| f64::from(v - w)).collect();
        for i in 0..d {
            for j in i..d {
                let twice = if i == j { 1.0 } else { 2.0 };
                sum += twice * off[i] * gram.sums[i * d + j] * off[j];
            }
        }
    }
    sum
}

#[test]
fn sparsegpt_reconstructs_better_than_wanda_and_wanda_better_than_magnitude() {
    // Wide enough for two blocks of columns.
    let (rows, d) = (24, 160);
    for seed in 0..4 {
        let mut rng = lacuna::num::Rng::new(seed);
        let mut normal = || crate::train::parameters::normal(&mut rng);
        let mix: Vec<f32> = (0..d * d).map(|_| normal() * 0.3).collect();
        let scale: Vec<f32> = (0..d).map(|_| normal().exp()).collect();
        let w: Vec<f32> = (0..rows * d).map(|_| normal()).collect();
        let (mut gram, mut same) = (Gram::new(d, true), Gram::new(d, true));
        for _ in 0..400 {
            let z: Vec<f32> = (0..d).map(|_| normal()).collect();
            let x = |i: usize| {
                let mixed: f32 = (0..d).map(|j| mix[i * d + j] * z[j]).sum();
                scale[i] * (z[i] + mixed)
            };
            let x: Vec<f32> = (0..d).map(x).collect();
            gram.add(&x);
            same.add(&z);
        }
        let line = Tensor {
            id: Id::W1,
            layer: 0,
            kind: schema::Kind::Matrix,
            rows,
            cols: d,
        };
        for density in [0.5, 0.1] {
            let norms: Vec<f64> = gram.squares().into_iter().map(f64::sqrt).collect();
            let chosen = |weigh: &dyn Fn(usize) -> f64| -> Vec<f32> {
                let mut members = select::ranked(0, &line, &w, weigh, 0);
                let keep = select::rows(&mut members, &line, false, density);
                let kept = w.iter().zip(keep);
                kept.map(|(w, keep)| if keep { *w } else { 0.0 }).collect()
            };
            let magnitude = error(&w, &chosen(&|_| 1.0), &gram);
            let wanda = error(&w, &chosen(&|i| norms[i % d]), &gram);
            let mut v = w.clone();
            obs::prune(&mut v, &gram, density).unwrap();
            let sparsegpt = error(&w, &v, &gram);
            let stay = v.iter().filter(|v| **v != 0.0).count();
            assert_eq!(stay, (density * (rows * d) as f64) as usize);
            assert!(
                sparsegpt < wanda && wanda < magnitude,
                "{seed} {density}: {sparsegpt} {wanda} {magnitude}"
            );
        }
        // Inputs that say nothing of each other leave nothing to make up with.
        let mut v = w.clone();
        let alone = Gram {
            dim: d,
            sums: (0..d * d)
                .map(|i| f64::from(u8::from(i % (d + 1) == 0)))
                .collect(),
        };
        obs::prune(&mut v, &alone, 0.5).unwrap();
        assert!(v.iter().zip(&w).all(|(v, w)| *v == 0.0 || v == w));
    }
}

#[test]
fn inputs_that_were_never_seen_keep_no_weight_and_settings_fit_their_method() {
    let mut gram = Gram::new(3, true);
    gram.add(&[1.0, 0.0, 2.0]);
    gram.add(&[1.0, 0.0, -1.0]);
    let mut w = [1.0, 9.0, 0.5, 2.0, 9.0, 1.0];
    obs::prune(&mut w, &gram, 0.5).unwrap();
    assert_eq!((w[1], w[4]), (0.0, 0.0));
    let refused = |method, per, min_per_neuron, text: Option<&Text<'_>>| {
        let settings = Settings {
            method,
            density: 0.5,
            per,
            min_per_neuron,
        };
        let (mut c, before) = (byte_checkpoint(), byte_checkpoint());
        let error = prune(&mut c, &settings, text).unwrap_err();
        assert_eq!(c, before);
        error.to_string()
    };
    assert!(refused(Method::Wanda, Per::Row, 0, None).contains("wanda needs text"));
    assert!(refused(Method::Wanda, Per::Row, 2, None).contains("same share"));
    assert!(refused(Method::Sparsegpt, Per::Global, 0, None).contains("sparsegpt"));
    let empty = Text {
        tokenizer: None,
        windows: &[vec![0]],
        id: "",
    };
    assert!(refused(Method::Wanda, Per::Row, 0, Some(&empty)).contains("text"));
}
