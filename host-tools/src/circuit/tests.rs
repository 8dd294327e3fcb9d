//! A model whose circuit is known, and arithmetic of masks against plain loops.

use lacuna::config::{Activation, Config, Position, TopK};
use lacuna::format::schema::{self, Id};
use lacuna::num::Rng;
use lacuna::probe::Hook;

use super::cases::Cases;
use super::constants::{self, Carried};
use super::learn::{self, Learning};
use super::subject::{self, Subject};
use super::{carve, check, rank, size, validate};
use crate::checkpoint::{Checkpoint, Tokenizer, Weights, rope, shape};
use crate::export;
use crate::fixture::PLAIN;
use crate::train::graph::{Nodes, SiteNodes};

fn small() -> Config {
    Config {
        hidden_dim: 6,
        head_dim: 2,
        vocab_size: 128,
        ..PLAIN
    }
}

fn model(config: Config, mut fill: impl FnMut(Id, usize, &mut Vec<f32>)) -> Checkpoint {
    let mut checkpoint = Checkpoint {
        config,
        tokenizer: Tokenizer::Byte,
        sensor: None,
        tensors: Default::default(),
        provenance: serde_json::Value::Null,
    };
    let (cos, sin) = match config.position {
        Position::Rope => rope::tables(&config),
        _ => Default::default(),
    };
    for line in schema::tensors(&config) {
        let mut data = vec![0.0; line.rows * line.cols];
        match line.id {
            Id::RopeCos => data.clone_from(&cos),
            Id::RopeSin => data.clone_from(&sin),
            Id::AttnNorm | Id::MlpNorm | Id::FinalNorm => data.fill(1.0),
            _ => fill(line.id, line.cols, &mut data),
        }
        let shape = shape(&line);
        checkpoint
            .tensors
            .insert(line.to_string(), Weights { shape, data });
    }
    checkpoint.check().unwrap();
    checkpoint
}

/// `A` or `B` stands first in the stream channel 0; head 0 copies it by v channel 1 to stream channel 5, which the head of
/// `a` and `b` reads. Everything else writes where nobody reads.
fn copier() -> Checkpoint {
    model(small(), |id, cols, w| match id {
        Id::Embedding => {
            for token in 0..128 {
                w[token * cols + 7] = 1.0;
            }
            w[65 * cols] = 3.0;
            w[66 * cols] = -3.0;
        }
        Id::Wv => {
            w[cols] = 2.0; // channel 0 to v 1
            w[3 * cols + 7] = 0.7; // a decoy, channel 7 to v 3
        }
        Id::Wo => {
            w[5 * cols + 1] = 3.0;
            w[3 * cols + 3] = 0.4;
        }
        Id::W1 => w[2 * cols + 7] = 0.9,
        Id::W2 => w[4 * cols + 2] = 0.6,
        Id::Head => {
            w[97 * cols + 5] = 0.8;
            w[98 * cols + 5] = -0.8;
        }
        _ => {}
    })
}

fn cases(model: &Checkpoint) -> Cases {
    let tails: [&[u8]; 4] = [b"x", b"yz", b"zx", b"q"];
    let pairs = tails.map(|tail| {
        let prompt = |cue: u8| [&[cue], tail].concat();
        ([prompt(b'A'), prompt(b'B')], *b"ab")
    });
    Cases::new(model, pairs).unwrap()
}

fn known(nodes: &Nodes) -> Vec<bool> {
    let mut on = vec![false; nodes.len];
    for (hook, channel) in [(Hook::AttnIn, 0), (Hook::V, 1), (Hook::AttnOut, 5)] {
        on[nodes.range(0, hook).start + channel] = true;
    }
    on
}

#[test]
fn the_known_circuit_is_found_by_both_methods() {
    let model = copier();
    let cases = cases(&model);
    let nodes = Nodes::new(&model.config);
    let subject = Subject::new(&model, vec![0.0; nodes.len]).unwrap();
    let how = Learning {
        steps: 120,
        pairs: 4,
        lr: 1e-2,
        ..Learning::default()
    };
    let tau = learn::learn(&subject, &cases, &how, &mut || {});
    let start = tau.iter().filter(|tau| **tau >= 0.0).count();
    let scores = [
        (tau, start),
        (learn::attribution(&subject, &cases), nodes.len),
    ];
    for (scores, start) in scores {
        let order = rank::order(&scores);
        let cut = rank::cut(&subject, &cases, &order, start, 0.15);
        let on = rank::first(&order, cut.nodes);
        assert!(cut.met, "{cut:?}");
        assert_eq!(
            on,
            known(&nodes),
            "{cut:?} {start} {:?}",
            order[..6].to_vec()
        );
        let size = size::size(&model, &nodes, &on);
        assert_eq!((size.nodes, size.edges), (3, 2));
    }
}

#[test]
fn the_known_circuit_is_sufficient_and_necessary_and_others_are_not() {
    let model = copier();
    let cases = cases(&model);
    let nodes = Nodes::new(&model.config);
    let subject = Subject::new(&model, vec![0.0; nodes.len]).unwrap();
    let on = known(&nodes);
    let v = validate::Validation::new(&subject, &cases, &on, (1.0, 4, 3));
    assert!(v.sufficient(0.15) && v.necessary(), "{v:?}");
    assert!(
        (v.without.loss - core::f64::consts::LN_2).abs() < 1e-6,
        "{v:?}"
    );
    let mut other = vec![false; nodes.len];
    other[nodes.range(0, Hook::MlpPost).start + 2] = true;
    let v = validate::Validation::new(&subject, &cases, &other, (1.0, 4, 3));
    assert!(!v.sufficient(0.15) && !v.necessary(), "{v:?}");
}

#[test]
fn an_unreachable_target_is_not_met() {
    let model = copier();
    let cases = cases(&model);
    let subject = Subject::new(&model, vec![0.0; Nodes::new(&model.config).len]).unwrap();
    let order: Vec<usize> = (0..subject.nodes.len).collect();
    let cut = rank::cut(&subject, &cases, &order, order.len(), 1e-3);
    assert!(!cut.met && cut.loss > 1e-3, "{cut:?}");
}

/// Configurations whose sites differ in how a constant is carried.
fn configurations() -> Vec<Config> {
    let wide = Config {
        dim: 16,
        hidden_dim: 24,
        n_layers: 2,
        head_dim: 4,
        ..small()
    };
    let topk = TopK {
        attn_in: 6,
        q: 4,
        k: 3,
        v: 3,
        attn_out: 7,
        mlp_in: 5,
        mlp_neuron: 8,
        mlp_out: 6,
    };
    vec![
        wide,
        Config {
            topk,
            n_kv_heads: 1,
            position: Position::Rope,
            attn_bias: true,
            bigram: true,
            ..wide
        },
        Config {
            topk,
            sink: true,
            gated: true,
            tied: true,
            activation: Activation::Silu,
            mlp_bias: true,
            ..wide
        },
        Config {
            topk: TopK {
                mlp_neuron: 8,
                ..TopK::default()
            },
            position: Position::Rope,
            activation: Activation::Relu2,
            gated: true,
            sink: true,
            ..wide
        },
    ]
}

fn random(config: Config, rng: &mut Rng) -> Checkpoint {
    model(config, |id, _, w| {
        let size = if id == Id::Embedding { 2.0 } else { 0.9 };
        w.fill_with(|| (rng.next_f32() - 0.5) * size);
    })
}

#[test]
fn the_engine_runs_the_carved_circuit_as_the_graph_runs_the_masked_model() {
    let mut rng = Rng::new(11);
    let all = configurations().into_iter().enumerate();
    for ((i, config), share) in all.flat_map(|c| [(c, 0.6), (c, 0.15)]) {
        let model = random(config, &mut rng);
        let cases = cases(&model);
        let nodes = Nodes::new(&config);
        let windows: [&[u8]; 2] = [b"\0some text", b"\0and another"];
        let means = constants::means(&model, windows).unwrap();
        assert!(means.iter().any(|m| *m != 0.0));
        let stands = constants::carriable(&config, means);
        let subject = Subject::new(&model, stands).unwrap();
        let on: Vec<bool> = (0..nodes.len).map(|_| rng.next_f32() < share).collect();
        let graph = subject.margins(&on, &cases);
        let carved = carve::carve(&model, &on, subject.constants(), 1.0);
        carved.check().unwrap();
        if share < 0.5 && config.topk.mlp_neuron > 0 {
            assert_eq!(
                carved.config.topk.mlp_neuron, 0,
                "{i}: it selects among zeros"
            );
        }
        let file = export::export(&carved, None, &export::Settings::default()).unwrap();
        let (engine, digests) = check::margins(&file.bytes, &cases).unwrap();
        assert!(digests.iter().all(|d| d.digest == digests[0].digest));
        let most = graph.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        for (a, b) in graph.iter().zip(&engine) {
            assert!(
                (a - b).abs() < 1e-4 * most.max(1.0),
                "{i}: {graph:?} {engine:?}"
            );
        }
        let nonzero = check::cost(&carved, 0).block_nonzeros;
        assert_eq!(nonzero, size::edges(&model, &nodes, &on).len(), "{i}");
        let whole = subject.margins(&vec![true; nodes.len], &cases);
        assert!(whole != graph, "{i}: the mask did nothing");
    }
}

#[test]
fn the_scale_of_logits_is_carved_in() {
    let mut rng = Rng::new(3);
    for config in configurations() {
        let model = random(config, &mut rng);
        let cases = cases(&model);
        let n = Nodes::new(&config).len;
        let margins = |scale: f32| {
            let carved = carve::carve(&model, &vec![true; n], &vec![0.0; n], scale);
            let file = export::export(&carved, None, &export::Settings::default()).unwrap();
            check::margins(&file.bytes, &cases).unwrap().0
        };
        for (one, two) in margins(1.0).iter().zip(margins(2.0)) {
            assert_eq!((2.0 * one).to_bits(), two.to_bits());
        }
    }
}

#[test]
fn constants_are_carried_where_the_module_says() {
    let nodes = |config: &Config| Nodes::new(config).sites;
    let how = |config: &Config, hook: Hook| {
        let sites = nodes(config);
        let here = |s: &&SiteNodes| s.site.hook == hook;
        constants::carried(config, sites.iter().find(here).unwrap())
    };
    let all = configurations();
    assert_eq!(how(&all[0], Hook::Q), Carried::Own);
    assert_eq!(how(&all[1], Hook::Q), Carried::No);
    assert_eq!(how(&all[1], Hook::V), Carried::Reader);
    assert_eq!(how(&all[2], Hook::V), Carried::No);
    assert_eq!(how(&all[2], Hook::MlpIn), Carried::Reader);
    assert_eq!(how(&all[3], Hook::AttnOut), Carried::Own);
}

#[test]
fn a_scale_that_is_fitted_lowers_the_loss_and_is_not_too_sure() {
    let margins = [0.2, 0.5, -0.1, 0.3];
    let scale = subject::calibrated(&margins);
    assert!(scale > 1.0 && subject::loss(&margins, scale) < subject::loss(&margins, 1.0));
    // Never wrong: sure as far as so many prompts allow.
    for n in [2, 128] {
        let scale = subject::calibrated(&vec![0.5; n]);
        let sure = subject::loss(&[0.5], scale);
        assert!((sure - ((n + 2) as f64 / (n + 1) as f64).ln()).abs() < 1e-9);
    }
    assert!(subject::calibrated(&[-1.0]) < 1e-9);
}

#[test]
fn overlap_of_masks() {
    assert_eq!(
        validate::jaccard(&[true, true, false], &[true, false, true]),
        1.0 / 3.0
    );
    assert_eq!(validate::jaccard(&[false], &[false]), 1.0);
}
