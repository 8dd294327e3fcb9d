//! The nodes of a circuit: one channel at one site each, numbered through the model.
//!
//! ```text
//! block 0: ln1 │ q │ k │ v │ attn_out │ ln2 │ post │ mlp_out   block 1: ln1 │ …
//!          0…dim−1 │ …                                          one flat vector
//! ```
//!
//! # Invariants
//! - Sites are in the order a token meets them; ranges follow each other without gaps.
//!
//! # Why
//! Source: Gao et al., "Weight-sparse transformers have interpretable circuits", §2: reads behind the norm, q, k and v
//! channels, neurons, and what a block writes, per residual channel. All are AbsTopK sites, so they are where the
//! engine's probes look as well.

use core::ops::Range;

use lacuna::config::{Config, TopK};
use lacuna::probe::{Hook, Site};

/// The sites of a block that have nodes, in the order a token meets them.
pub const NODES: [Hook; 8] = [
    Hook::AttnIn,
    Hook::Q,
    Hook::K,
    Hook::V,
    Hook::AttnOut,
    Hook::MlpIn,
    Hook::MlpPost,
    Hook::MlpOut,
];

/// The nodes of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteNodes {
    /// Where they are.
    pub site: Site,
    /// Their numbers.
    pub range: Range<usize>,
    /// How many AbsTopK leaves here; 0 leaves all.
    pub k: usize,
}

/// All nodes of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// Site by site.
    pub sites: Vec<SiteNodes>,
    /// Number of nodes.
    pub len: usize,
}

impl Nodes {
    /// The nodes of `config`.
    pub fn new(config: &Config) -> Nodes {
        let (mut sites, mut len) = (Vec::new(), 0);
        for layer in 0..config.n_layers {
            for hook in NODES {
                let end = len + config.width_of(hook);
                sites.push(SiteNodes {
                    site: Site {
                        layer: layer as u8,
                        hook,
                    },
                    range: len..end,
                    k: kept(&config.topk, hook),
                });
                len = end;
            }
        }
        Nodes { sites, len }
    }

    /// Numbers of the nodes of `hook` in block `layer`; empty where there are none.
    pub fn range(&self, layer: usize, hook: Hook) -> Range<usize> {
        let here = |s: &&SiteNodes| s.site.hook == hook && usize::from(s.site.layer) == layer;
        let found = self.sites.iter().find(here);
        found.map_or(0..0, |s| s.range.clone())
    }

    /// The site of node `node` and its channel there.
    pub fn place(&self, node: usize) -> Option<(Site, usize)> {
        let found = self.sites.iter().find(|s| s.range.contains(&node))?;
        Some((found.site, node - found.range.start))
    }
}

fn kept(topk: &TopK, hook: Hook) -> usize {
    match hook {
        Hook::AttnIn => topk.attn_in,
        Hook::Q => topk.q,
        Hook::K => topk.k,
        Hook::V => topk.v,
        Hook::AttnOut => topk.attn_out,
        Hook::MlpIn => topk.mlp_in,
        Hook::MlpPost => topk.mlp_neuron,
        Hook::MlpOut => topk.mlp_out,
        _ => 0,
    }
}
