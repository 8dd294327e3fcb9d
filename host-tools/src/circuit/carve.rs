//! Only the circuit, as a checkpoint of its own.
//!
//! ```text
//! node that is off     ln: gain 0, columns of its readers 0      q, k, v, post, attn_out, mlp_out: its row 0, its columns 0
//! its constant c       own bias = c          or: bias of its readers += W[:, node] · c
//! scale of logits      gain of the last norm and bigram table × scale
//! AbsTopK              none at sites where no block has more nodes than it keeps
//! ```
//!
//! # Invariants
//! - The carved model computes what the masked graph computes, up to rounding; every back-end gives the same bits of it.
//! - Nonzero block weights are the edges of the circuit.
//!
//! # Why
//! A zeroed row makes a node 0 before its AbsTopK, where it no longer takes a place of another; the graph masks in the
//! same place. act(0) = 0 for every activation that lacuna has, so neurons without inputs are 0 too. Embedding, head and
//! bigram table stay: the last norm reads every channel of the stream, so none of them is without effect.

use lacuna::config::{Config, TopK};
use lacuna::format::schema::{self, Id};
use lacuna::probe::Hook;

use super::constants::{Carried, carried};
use super::size::{ends, read};
use crate::checkpoint::{Checkpoint, Weights, shape};
use crate::train::graph::{NODES, Nodes, SiteNodes};

/// `model` with the nodes `on` alone; `constants` stand in for the others, and logits are multiplied by `scale`.
pub fn carve(model: &Checkpoint, on: &[bool], constants: &[f32], scale: f32) -> Checkpoint {
    let nodes = Nodes::new(&model.config);
    let mut carved = model.clone();
    let off = |node: usize| !on[node] && constants[node] != 0.0;
    if (0..nodes.len).any(off) {
        add_biases(&mut carved);
    }
    for layer in 0..model.config.n_layers {
        for (id, bias) in PRODUCTS {
            fold(&mut carved, &nodes, (id, bias, layer), on, constants);
            clear(&mut carved, &nodes, (id, layer), on);
        }
        for (id, hook) in GAINS {
            clear_vector(&mut carved, &nodes, (id, layer, hook), on, None);
        }
        for (id, hook) in BIASES {
            let own = own(&model.config, &nodes, layer, hook).then_some(constants);
            clear_vector(&mut carved, &nodes, (id, layer, hook), on, own);
        }
    }
    for id in [Id::FinalNorm, Id::Bigram] {
        if let Some(values) = values(&mut carved, id, 0) {
            values.iter_mut().for_each(|w| *w *= scale);
        }
    }
    release(&mut carved.config.topk, &nodes, on);
    carved
}

/// Lifts AbsTopK from sites that have no more nodes than it keeps in any block: it would only search among zeros.
fn release(topk: &mut TopK, nodes: &Nodes, on: &[bool]) {
    for hook in NODES {
        let mut sites = nodes.sites.iter().filter(|s| s.site.hook == hook);
        let kept = |s: &SiteNodes| s.range.clone().filter(|&i| on[i]).count();
        if !sites.all(|s| kept(s) <= s.k) {
            continue;
        }
        match hook {
            Hook::AttnIn => topk.attn_in = 0,
            Hook::Q => topk.q = 0,
            Hook::K => topk.k = 0,
            Hook::V => topk.v = 0,
            Hook::AttnOut => topk.attn_out = 0,
            Hook::MlpIn => topk.mlp_in = 0,
            Hook::MlpPost => topk.mlp_neuron = 0,
            Hook::MlpOut => topk.mlp_out = 0,
            _ => {}
        }
    }
}

const PRODUCTS: [(Id, Id); 7] = [
    (Id::Wq, Id::Bq),
    (Id::Wk, Id::Bk),
    (Id::Wv, Id::Bv),
    (Id::Wo, Id::Bo),
    (Id::W1, Id::B1),
    (Id::W3, Id::B3),
    (Id::W2, Id::B2),
];
const GAINS: [(Id, Hook); 2] = [(Id::AttnNorm, Hook::AttnIn), (Id::MlpNorm, Hook::MlpIn)];
const BIASES: [(Id, Hook); 7] = [
    (Id::Bq, Hook::Q),
    (Id::Bk, Hook::K),
    (Id::Bv, Hook::V),
    (Id::Bo, Hook::AttnOut),
    (Id::B1, Hook::MlpPost),
    (Id::B3, Hook::MlpPost),
    (Id::B2, Hook::MlpOut),
];

/// Whether the constants of a site are the biases of its own rows.
fn own(config: &Config, nodes: &Nodes, layer: usize, hook: Hook) -> bool {
    let here = nodes.range(layer, hook);
    let mut sites = nodes.sites.iter();
    sites.any(|s| s.range == here && carried(config, s) == Carried::Own)
}

fn values(model: &mut Checkpoint, id: Id, layer: usize) -> Option<&mut Vec<f32>> {
    let mut lines = schema::tensors(&model.config);
    let line = lines.find(|t| t.id == id && t.layer == layer)?;
    model
        .tensors
        .get_mut(&line.to_string())
        .map(|w| &mut w.data)
}

/// Gives the model every bias, 0 where it had none.
fn add_biases(model: &mut Checkpoint) {
    model.config.attn_bias = true;
    model.config.mlp_bias = true;
    for line in schema::tensors(&model.config) {
        let zeros = || Weights {
            shape: shape(&line),
            data: vec![0.0; line.rows * line.cols],
        };
        model.tensors.entry(line.to_string()).or_insert_with(zeros);
    }
}

/// Adds what constants of nodes that `id` reads bring to the bias of its rows.
fn fold(
    model: &mut Checkpoint,
    nodes: &Nodes,
    (id, bias, layer): (Id, Id, usize),
    on: &[bool],
    constants: &[f32],
) {
    let config = model.config;
    let Some((from, _)) = ends(id) else { return };
    let range = nodes.range(layer, from);
    let here = nodes.sites.iter().find(|s| s.range == range);
    if here.is_none_or(|s| carried(&config, s) != Carried::Reader) {
        return;
    }
    let Some(weights) = values(model, id, layer).map(|w| w.clone()) else {
        return;
    };
    let Some(biases) = values(model, bias, layer) else {
        return;
    };
    let cols = weights.len() / biases.len().max(1);
    for (bias, row) in biases.iter_mut().zip(weights.chunks_exact(cols.max(1))) {
        let brought = row.iter().enumerate().map(|(col, &w)| {
            let node = range.start + read(&config, id, col);
            if on[node] {
                0.0
            } else {
                f64::from(w) * f64::from(constants[node])
            }
        });
        *bias = (f64::from(*bias) + brought.sum::<f64>()) as f32;
    }
}

/// Clears the weights of `id` that have an end outside.
fn clear(model: &mut Checkpoint, nodes: &Nodes, (id, layer): (Id, usize), on: &[bool]) {
    let config = model.config;
    let Some((from, to)) = ends(id) else { return };
    let (from, to) = (nodes.range(layer, from), nodes.range(layer, to));
    let Some(weights) = values(model, id, layer) else {
        return;
    };
    let cols = weights.len() / to.len().max(1);
    for (row, weights) in weights.chunks_exact_mut(cols.max(1)).enumerate() {
        for (col, w) in weights.iter_mut().enumerate() {
            if !on[to.start + row] || !on[from.start + read(&config, id, col)] {
                *w = 0.0;
            }
        }
    }
}

/// Sets the entries of nodes that are off to their constants, or to 0.
fn clear_vector(
    model: &mut Checkpoint,
    nodes: &Nodes,
    (id, layer, hook): (Id, usize, Hook),
    on: &[bool],
    constants: Option<&[f32]>,
) {
    let range = nodes.range(layer, hook);
    if let Some(values) = values(model, id, layer) {
        for (value, node) in values.iter_mut().zip(range) {
            if !on[node] {
                *value = constants.map_or(0.0, |c| c[node]);
            }
        }
    }
}
