//! What a device is asked to do, in the words that `targets/harness/src/job.rs` reads.

use core::fmt;

use lacuna::config::Config;
use lacuna::model::Limits;
use lacuna::probe::Site;
use lacuna::probe::record::LOGITS_PER_FRAME;
use lacuna::session::{Sampler, WhenFull};

/// How tokens are drawn; the fields of [`lacuna::session::Sampler::new`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// 0 takes the largest logit.
    pub temperature: f32,
    /// Keeps that many of the largest; 0 keeps all.
    pub top_k: usize,
    /// Keeps the smallest set of that probability.
    pub top_p: f32,
    /// Seed of the generator.
    pub seed: u64,
}

impl Sampling {
    /// The largest logit, always.
    pub const GREEDY: Sampling = Sampling {
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        seed: 0,
    };

    /// The sampler that draws so.
    pub fn sampler(&self) -> Sampler {
        Sampler::new(self.temperature, self.top_k, self.top_p, self.seed)
    }
}

/// A run on a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Tokens to feed first; at least one, or none to a model of windows.
    pub prompt: Vec<u32>,
    /// Tokens to generate after them; windows to stream through a model of windows.
    pub tokens: usize,
    /// How.
    pub sampling: Sampling,
    /// The token after which to stop early.
    pub stop: Option<u32>,
    /// Context and cache.
    pub limits: Limits,
    /// What a full context does.
    pub when_full: WhenFull,
    /// Report the cost of every block.
    pub layers: bool,
    /// Report the digest of every site at every position.
    pub sites: bool,
    /// Report all logits.
    pub logits: bool,
}

impl Job {
    /// Most positions that the job computes: nothing follows the last generated token.
    pub fn positions(&self) -> usize {
        if self.prompt.is_empty() {
            return self.tokens;
        }
        self.prompt.len() + self.tokens.saturating_sub(1)
    }

    /// Most records that the device will send.
    pub fn records(&self, config: &Config) -> u64 {
        let sites = Site::count(config.n_layers);
        let each = [
            (true, 1),
            (self.layers, config.n_layers),
            (self.sites, sites),
            (self.logits, config.n_logits().div_ceil(LOGITS_PER_FRAME)),
        ];
        let each: usize = each.iter().filter(|(on, _)| *on).map(|(_, n)| n).sum();
        (2 + sites + self.prompt.len() + self.tokens + self.positions() * each) as u64
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sampling {
            temperature,
            top_k,
            top_p,
            seed,
        } = self.sampling;
        let cache = self.limits.cache.as_str();
        write!(f, "tokens={}", self.tokens)?;
        for (i, id) in self.prompt.iter().enumerate() {
            write!(f, "{}{id}", if i == 0 { " prompt=" } else { "," })?;
        }
        write!(f, " temperature={:x} top-k={top_k}", temperature.to_bits())?;
        write!(f, " top-p={:x} seed={seed}", top_p.to_bits())?;
        write!(f, " context={} cache={cache}", self.limits.context)?;
        if let Some(stop) = self.stop {
            write!(f, " stop={stop}")?;
        }
        let flags = [
            (self.when_full == WhenFull::Slide, "slide"),
            (self.layers, "layers"),
            (self.sites, "sites"),
            (self.logits, "logits"),
        ];
        for (_, word) in flags.into_iter().filter(|(on, _)| *on) {
            write!(f, " {word}")?;
        }
        Ok(())
    }
}
