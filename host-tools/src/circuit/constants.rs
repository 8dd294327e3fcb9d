//! What stands in for a node that is off, and how a file carries it.
//!
//! ```text
//! site                 a constant is                                             cannot be carried
//! ln1, ln2, post       folded into the biases of what reads it
//! q, k                 the bias of its own row; rotation comes behind it         where AbsTopK selects
//! v                    folded into the bias of wo: attention weights sum to 1    with a sink, that takes a share
//! attn_out, mlp_out    the bias of its own row                                   where AbsTopK selects
//! ```
//!
//! # Invariants
//! - A constant that cannot be carried is 0, in the graph as in the file.
//!
//! # Why
//! A bias comes before AbsTopK, so a constant in it would compete for places and push nodes of the circuit out.
//! Means are the engine's own activations of the whole model, seen by a probe over the pretraining data, all positions.

use lacuna::config::Config;
use lacuna::model::{Model, State};
use lacuna::probe::{Hook, Probe, Site};
use lacuna::session::{Options, Session};

use super::Error;
use crate::checkpoint::Checkpoint;
use crate::data::{self, Sampler};
use crate::export;
use crate::memory::Buffer;
use crate::train::graph::{Nodes, SiteNodes};

/// What stands in for a node that is off.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Stand {
    /// Its mean over the pretraining data; zero where a file cannot carry it
    Mean,
    /// Zero
    Zero,
}

/// How a file carries the constant of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// In the bias of its own row.
    Own,
    /// In the biases of what reads it.
    Reader,
    /// Not at all.
    No,
}

/// How a file of `config` carries constants of the site.
pub fn carried(config: &Config, site: &SiteNodes) -> Carried {
    let selects = site.k != 0 && site.k < site.range.len();
    match site.site.hook {
        Hook::AttnIn | Hook::MlpIn | Hook::MlpPost => Carried::Reader,
        Hook::V if config.sink => Carried::No,
        Hook::V => Carried::Reader,
        _ if selects => Carried::No,
        _ => Carried::Own,
    }
}

/// Sites of `config` where zero stands in for the mean.
pub fn uncarried(config: &Config) -> Vec<String> {
    let nodes = Nodes::new(config);
    let sites = nodes.sites.iter();
    sites
        .filter(|s| carried(config, s) == Carried::No)
        .map(|s| s.site.to_string())
        .collect()
}

/// `means` with 0 where it cannot be carried.
pub fn carriable(config: &Config, mut means: Vec<f32>) -> Vec<f32> {
    for site in &Nodes::new(config).sites {
        if carried(config, site) == Carried::No {
            means[site.range.clone()].fill(0.0);
        }
    }
    means
}

/// Stretches of the pretraining text whose activations are averaged.
const STRETCHES: u64 = 64;

/// The stretches of `text`, each of `seq` tokens, over which [`means`] are taken.
///
/// # Errors
/// A text shorter than a stretch.
pub fn stretches(text: &[u8], seq: usize, seed: u64) -> Result<Vec<&[u8]>, data::Error> {
    let sampler = Sampler::new(text, seq, seed)?;
    let rows = (0..STRETCHES).map(|row| &sampler.sequence(0, row)[..seq]);
    Ok(rows.collect())
}

/// The mean of every node over `windows` of tokens, in f64 sums.
///
/// # Errors
/// A model that the engine does not run.
pub fn means<'w>(
    model: &Checkpoint,
    windows: impl IntoIterator<Item = &'w [u8]>,
) -> Result<Vec<f32>, Error> {
    let nodes = Nodes::new(&model.config);
    let probe = Sums {
        sums: vec![0.0; nodes.len],
        rows: 0,
        nodes,
    };
    let probe = seen(model, probe, |session| {
        for window in windows {
            session.clear();
            let tokens: Vec<u32> = window.iter().map(|&b| u32::from(b)).collect();
            session.prompt(&tokens).map_err(Error::Session)?;
        }
        Ok(())
    })?;
    let rows = probe.rows.max(1) as f64;
    Ok(probe.sums.iter().map(|sum| (sum / rows) as f32).collect())
}

/// Runs `model` on the engine with `probe` and gives the probe back.
pub fn seen<P: Probe + Clone>(
    model: &Checkpoint,
    probe: P,
    run: impl FnOnce(&mut Session<'_, P>) -> Result<(), Error>,
) -> Result<P, Error> {
    let settings = export::Settings {
        golden: 0,
        plan: export::Plan::None,
        ..export::Settings::default()
    };
    let file = export::export(model, None, &settings)?;
    let model = Model::new(&file.bytes).map_err(Error::Model)?;
    let options = Options::new(model.config());
    let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
    let mut session =
        Session::with_probe(model, &mut arena, options, probe).map_err(Error::Session)?;
    run(&mut session)?;
    Ok(session.probe().clone())
}

/// Sums of every node.
#[derive(Clone)]
struct Sums {
    nodes: Nodes,
    sums: Vec<f64>,
    /// Tokens seen.
    rows: u64,
}

impl Probe for Sums {
    fn observe(&mut self, site: Site, x: &[f32]) {
        let range = self.nodes.range(site.layer.into(), site.hook);
        self.rows += u64::from(range.start == 0 && !range.is_empty());
        for (sum, x) in self.sums[range].iter_mut().zip(x) {
            *sum += f64::from(*x);
        }
    }
}
