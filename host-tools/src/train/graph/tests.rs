use std::sync::Arc;

use lacuna::config::{Activation, Config, Input, Output, Position, TopK};

use super::{Batch, Device, Graph, Inputs, Soft};
use crate::train::parameters::Layout;

fn configurations() -> Vec<Config> {
    let plain = Config {
        dim: 24,
        hidden_dim: 40,
        n_layers: 2,
        n_heads: 4,
        n_kv_heads: 4,
        head_dim: 6,
        vocab_size: 31,
        seq_len: 20,
        norm_eps: 1e-5,
        position: Position::None,
        activation: Activation::Gelu,
        gated: false,
        attn_bias: true,
        mlp_bias: true,
        sink: false,
        bigram: true,
        tied: false,
        input: Input::Tokens,
        causal: true,
        output: Output::Lm,
        topk: TopK::default(),
    };
    let windows = Config {
        vocab_size: 0,
        bigram: false,
        input: Input::Patches {
            channels: 3,
            len: 4,
        },
        causal: false,
        output: Output::Classes(5),
        position: Position::Rope,
        ..plain
    };
    let topk = TopK {
        attn_in: 9,
        q: 11,
        k: 5,
        v: 7,
        attn_out: 13,
        mlp_in: 8,
        mlp_neuron: 10,
        mlp_out: 12,
    };
    vec![
        plain,
        Config {
            position: Position::Rope,
            n_kv_heads: 2,
            gated: true,
            activation: Activation::Silu,
            sink: true,
            attn_bias: false,
            bigram: false,
            tied: true,
            topk,
            ..plain
        },
        Config {
            position: Position::Learned,
            n_kv_heads: 1,
            activation: Activation::Relu2,
            mlp_bias: false,
            topk: TopK {
                mlp_neuron: 10,
                ..TopK::default()
            },
            ..plain
        },
        Config {
            activation: Activation::Relu,
            gated: true,
            sink: true,
            ..plain
        },
        windows,
        Config {
            position: Position::Learned,
            sink: true,
            n_kv_heads: 2,
            topk,
            ..windows
        },
    ]
}

fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = lacuna::num::Rng::new(seed);
    (0..n).map(|_| (rng.next_f32() - 0.5) * 0.8).collect()
}

fn batch(config: &Config, seq: usize, sequences: usize) -> Batch {
    let mut rng = lacuna::num::Rng::new(5);
    let n = seq * sequences;
    let mut ids = |n: usize, below: usize| {
        let ids = (0..n).map(|_| rng.next_u32() % below as u32);
        ids.collect::<Vec<_>>().into()
    };
    if config.window_len() > 0 {
        return Batch {
            seq,
            inputs: Inputs::Patches(random(n * config.patch_dim(), 3).into()),
            targets: ids(sequences, config.n_logits()),
            soft: None,
        };
    }
    Batch {
        seq,
        inputs: Inputs::Tokens(ids(n, config.vocab_size)),
        targets: ids(n, config.vocab_size),
        soft: None,
    }
}

#[test]
fn fused_layers_have_the_values_and_gradients_of_composed_ones() {
    for (i, config) in configurations().into_iter().enumerate() {
        let batch = batch(&config, 19, 3);
        same(i, &config, &batch, |graph| graph);
    }
}

#[test]
fn distillation_and_int8_are_the_same_in_both_realisations() {
    for (i, (temperature, share)) in [(1.0, 1.0), (2.0, 0.7), (1.0, 0.0)].into_iter().enumerate() {
        let config = configurations()[i];
        let mut batch = batch(&config, 19, 3);
        batch.soft = Some(Soft {
            logits: random(batch.targets.len() * config.vocab_size, 11).into(),
            temperature,
            share,
        });
        same(i, &config, &batch, |graph| graph);
    }
    // AbsTopK turns a step of rounding into another choice, so without it.
    for i in [0, 3] {
        let config = configurations()[i];
        same(i, &config, &batch(&config, 19, 3), Graph::int8);
    }
}

#[test]
fn a_teacher_with_no_share_is_the_cross_entropy() {
    let config = configurations()[0];
    let layout = Arc::new(Layout::new(&config));
    let graph = Graph::new(&config, layout.clone(), Device::Cpu).unwrap();
    let parameters = random(layout.len, 7);
    let plain = batch(&config, 19, 3);
    let own = graph.logits(&parameters, &plain_tokens(&plain), 19);
    let with = |share: f32, logits: Vec<f32>| {
        let soft = Soft {
            logits: logits.into(),
            temperature: 1.5,
            share,
        };
        let soft = Some(soft);
        graph.gradient(
            &parameters,
            &Batch {
                soft,
                ..plain.clone()
            },
        )
    };
    let (loss, gradient) = graph.gradient(&parameters, &plain);
    let (same_loss, same) = with(0.0, vec![0.0; own.len()]);
    assert!((loss - same_loss).abs() < 1e-5);
    let far = gradient.iter().zip(&same).map(|(a, b)| (a - b).abs());
    assert!(far.fold(0.0, f32::max) < 1e-5);
    // Nothing is to be learned of a teacher that one agrees with.
    let (loss, gradient) = with(1.0, own);
    assert!(loss.abs() < 1e-5, "{loss}");
    assert!(gradient.iter().all(|g| g.abs() < 1e-5));
}

fn plain_tokens(batch: &Batch) -> super::Tokens {
    match &batch.inputs {
        Inputs::Tokens(tokens) => tokens.clone(),
        Inputs::Patches(_) => panic!("tokens"),
    }
}

/// Holds the fused loss and gradient of `batch` against those of burn's own operations.
fn same(i: usize, config: &Config, batch: &Batch, change: fn(Graph) -> Graph) {
    config.check().unwrap();
    let layout = Arc::new(Layout::new(config));
    let graph = change(Graph::new(config, layout.clone(), Device::Cpu).unwrap());
    let parameters = random(layout.len, 7);
    let (loss, gradient) = graph.gradient(&parameters, batch);
    let (composed_loss, composed) = graph.clone().composed().gradient(&parameters, batch);
    assert!(
        (loss - composed_loss).abs() < 1e-4,
        "{i}: {loss} {composed_loss}"
    );
    for e in &layout.entries {
        let (a, b) = (&gradient[e.range.clone()], &composed[e.range.clone()]);
        let size = b.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        let far = a
            .iter()
            .zip(b)
            .fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(far <= 2e-4 * size + 1e-7, "{i} {}: {far} of {size}", e.name);
        assert!(size > 0.0, "{i} {}: no gradient", e.name);
    }
}

#[test]
fn gradient_repeats_to_the_bit() {
    let config = configurations()[1];
    let layout = Arc::new(Layout::new(&config));
    let graph = Graph::new(&config, layout.clone(), Device::Cpu).unwrap();
    let (parameters, batch) = (random(layout.len, 1), batch(&config, 20, 2));
    let (_, first) = graph.gradient(&parameters, &batch);
    for _ in 0..5 {
        assert_eq!(first, graph.gradient(&parameters, &batch).1);
    }
}

#[test]
fn loss_falls_along_the_gradient() {
    let config = configurations()[0];
    let layout = Arc::new(Layout::new(&config));
    let graph = Graph::new(&config, layout.clone(), Device::Cpu).unwrap();
    let (parameters, batch) = (random(layout.len, 2), batch(&config, 16, 2));
    let (loss, gradient) = graph.gradient(&parameters, &batch);
    let square: f32 = gradient.iter().map(|g| g * g).sum();
    let step = 1e-3;
    let moved: Vec<f32> = parameters
        .iter()
        .zip(&gradient)
        .map(|(p, g)| p - step * g)
        .collect();
    let (after, _) = graph.gradient(&moved, &batch);
    let expected = step * square;
    assert!(
        (loss - after - expected).abs() < 0.1 * expected,
        "{} {expected}",
        loss - after
    );
}

/// Every switch of the mask in plain loops: values, and gradients by what the kernel says of them.
fn by_loops(x: &[f32], mask: &[f32], constants: &[f32], k: usize, grad: &[f32]) -> [Vec<f32>; 3] {
    let width = mask.len();
    let [mut y, mut dx] = [vec![0.0; x.len()], vec![0.0; x.len()]];
    let mut dm = vec![0.0; width];
    for (t, row) in x.chunks_exact(width).enumerate() {
        let mut order: Vec<usize> = (0..width).filter(|&j| mask[j] == 1.0).collect();
        order.sort_by(|&a, &b| row[b].abs().total_cmp(&row[a].abs()));
        let places = if k == 0 { width } else { k };
        let least = if places <= order.len() && places < width {
            row[order[places - 1]].abs()
        } else {
            0.0
        };
        for j in 0..width {
            let at = t * width + j;
            let shown = row[j].abs() >= least;
            let value = if shown { row[j] } else { 0.0 };
            y[at] = if mask[j] == 1.0 { value } else { constants[j] };
            dx[at] = if mask[j] == 1.0 && shown {
                grad[at]
            } else {
                0.0
            };
            dm[j] += grad[at] * (value - constants[j]);
        }
    }
    [y, dx, dm]
}

#[test]
fn masks_are_those_of_plain_loops_in_both_realisations() {
    use burn::tensor::{Tensor, TensorData};
    let (rows, width) = (5, 12);
    let x = random(rows * width, 21);
    let grad = random(rows * width, 22);
    let constants: std::sync::Arc<[f32]> = random(width, 23).into();
    for (k, dropped) in [(0, 3), (4, 3), (4, 10), (12, 5)] {
        let mask: Vec<f32> = (0..width)
            .map(|j| f32::from(u8::from(j * 7 % width >= dropped)))
            .collect();
        let expected = by_loops(&x, &mask, &constants, k, &grad);
        for layers in [super::Layers::Fused, super::Layers::Composed] {
            let device = burn::tensor::Device::flex().autodiff();
            let tensor = |values: &[f32], rows: usize| {
                let data = TensorData::new(values.to_vec(), [rows, width]);
                Tensor::<2>::from_data(data, &device)
            };
            let (xs, m) = (
                tensor(&x, rows).require_grad(),
                tensor(&mask, 1).require_grad(),
            );
            let y = layers.mask(xs.clone(), m.clone(), &constants, k);
            let tape = (y.clone() * tensor(&grad, rows)).sum().backward();
            let found = [y, xs.grad(&tape).unwrap(), m.grad(&tape).unwrap()].map(super::host);
            for (found, expected) in found.iter().zip(&expected) {
                let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
                let far = far.fold(0.0, f32::max);
                assert!(
                    far < 1e-5,
                    "{layers:?} {k} {dropped}: {found:?} {expected:?}"
                );
            }
        }
    }
}
