//! AbsTopK as words: which sites keep their largest values, and how many.
//!
//! ```text
//! mlp_neuron=96,attn_in=1/4,q=0.5      a number stays, a quarter of the width stays, half of it stays
//! all=1/4                              at every site;  none: at no site
//! ```

use core::fmt;
use core::str::FromStr;

use lacuna::config::{Config, TopK};
use serde::{Deserialize, Serialize};

/// The sites in the order of a block.
pub const SITES: [&str; 8] = [
    "attn_in",
    "q",
    "k",
    "v",
    "attn_out",
    "mlp_in",
    "mlp_neuron",
    "mlp_out",
];

/// How many values stay.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Keep {
    Count(usize),
    Share(f64),
}

/// What stays at which site, later words over earlier ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sites {
    words: String,
    keep: [Option<Keep>; SITES.len()],
}

impl Default for Sites {
    /// A quarter where a block reads and of its neurons.
    fn default() -> Sites {
        let mut keep = [None; SITES.len()];
        for site in [0, 5, 6] {
            keep[site] = Some(Keep::Share(0.25));
        }
        Sites {
            words: "attn_in=1/4,mlp_in=1/4,mlp_neuron=1/4".to_owned(),
            keep,
        }
    }
}

impl Sites {
    /// The numbers for a model of the widths of `config`; at least one value stays.
    pub fn of(&self, config: &Config) -> TopK {
        let (q, kv) = (
            config.n_heads * config.head_dim,
            config.n_kv_heads * config.head_dim,
        );
        let (dim, hidden) = (config.dim, config.hidden_dim);
        let widths = [dim, q, kv, kv, dim, dim, hidden, dim];
        let mut k = [0; SITES.len()];
        for ((k, keep), width) in k.iter_mut().zip(self.keep).zip(widths) {
            *k = match keep {
                None => 0,
                Some(Keep::Count(k)) => k,
                Some(Keep::Share(share)) => ((share * width as f64) as usize).max(1),
            };
        }
        let [attn_in, q, k, v, attn_out, mlp_in, mlp_neuron, mlp_out] = k;
        TopK {
            attn_in,
            q,
            k,
            v,
            attn_out,
            mlp_in,
            mlp_neuron,
            mlp_out,
        }
    }
}

fn amount(word: &str) -> Result<Keep, String> {
    let wrong = || format!("`{word}` is neither a number of values nor a share in (0, 1]");
    if let Ok(count) = word.parse() {
        return Ok(Keep::Count(count));
    }
    let number = |text: &str| text.parse::<f64>().map_err(|_| wrong());
    let share = match word.split_once('/') {
        Some((above, below)) => number(above)? / number(below)?,
        None => number(word)?,
    };
    match share > 0.0 && share <= 1.0 {
        true => Ok(Keep::Share(share)),
        false => Err(wrong()),
    }
}

impl FromStr for Sites {
    type Err = String;

    fn from_str(words: &str) -> Result<Sites, String> {
        let mut keep = [None; SITES.len()];
        for word in words.split(',').filter(|w| !w.is_empty() && *w != "none") {
            let (site, k) = word
                .split_once('=')
                .ok_or_else(|| format!("`{word}` is not SITE=K"))?;
            let k = Some(amount(k)?);
            match SITES.iter().position(|name| *name == site) {
                Some(at) => keep[at] = k,
                None if site == "all" => keep = [k; SITES.len()],
                None => return Err(format!("`{site}` is not one of {}, all", SITES.join(", "))),
            }
        }
        let words = words.to_owned();
        Ok(Sites { words, keep })
    }
}

impl TryFrom<String> for Sites {
    type Error = String;

    fn try_from(words: String) -> Result<Sites, String> {
        words.parse()
    }
}

impl From<Sites> for String {
    fn from(sites: Sites) -> String {
        sites.words
    }
}

impl fmt::Display for Sites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::settings::DEFAULT;

    fn of(words: &str) -> TopK {
        words.parse::<Sites>().unwrap().of(&DEFAULT.model.config)
    }

    #[test]
    fn numbers_and_shares() {
        let topk = of("mlp_neuron=96,attn_in=1/4,q=0.5,v=1/1000");
        assert_eq!((topk.mlp_neuron, topk.attn_in, topk.q), (96, 24, 48));
        assert_eq!((topk.v, topk.k, topk.mlp_out), (1, 0, 0));
        assert_eq!(of("none"), TopK::default());
        let all = of("all=1/4,k=7");
        assert_eq!((all.mlp_neuron, all.mlp_out, all.k), (96, 24, 7));
        assert_eq!(of(&Sites::default().to_string()), DEFAULT.model.config.topk);
    }

    #[test]
    fn what_is_no_site_and_no_share_is_refused() {
        for words in [
            "q", "r=1", "q=-1", "q=2/1", "q=1/0", "q=x", "q=0/4", "q=NaN",
        ] {
            assert!(words.parse::<Sites>().is_err(), "{words}");
        }
    }
}
