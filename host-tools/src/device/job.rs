//! What a device is asked to do, in the words that `targets/harness/src/job.rs` reads.

use core::fmt;
use std::path::PathBuf;

use lacuna::config::Config;
use lacuna::model::{Limits, Model};
use lacuna::monitor::Monitor;
use lacuna::probe::record::{LOGITS_PER_FRAME, MAX_PLAN, Record};
use lacuna::probe::{PlanProbe, ProbePlan, Site};
use lacuna::session::{Sampler, WhenFull};

use super::firmware::Demand;

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
    /// Context, cache, and tokens of the prompt to run at once.
    pub limits: Limits,
    /// What a full context does.
    pub when_full: WhenFull,
    /// Report the cost of every block.
    pub layers: bool,
    /// Report the digest of every site at every position.
    pub sites: bool,
    /// Report all logits.
    pub logits: bool,
    /// The probe plan to carry out.
    pub plan: Option<ProbePlan>,
    /// It is that of the model file, where the device finds it.
    pub own_plan: bool,
    /// Run the monitor of the model's calibration.
    pub monitor: bool,
    /// Tokens of a window of the monitor, if not those of the calibration.
    pub window: Option<u32>,
    /// Tokens between two reports of the plan's sketches; one report at the end without it.
    pub report: Option<u32>,
    /// Bytes that sketches may take on the record channel.
    pub budget: Option<u32>,
    /// Who the device says it is.
    pub device: u64,
    /// The file that is the device's flash.
    pub store: Option<PathBuf>,
}

impl Job {
    /// A prompt alone: greedy, nothing but costs and statistics reported.
    pub fn new(prompt: Vec<u32>, tokens: usize, limits: Limits) -> Job {
        Job {
            prompt,
            tokens,
            sampling: Sampling::GREEDY,
            stop: None,
            limits,
            when_full: WhenFull::Error,
            layers: false,
            sites: false,
            logits: false,
            plan: None,
            own_plan: false,
            monitor: false,
            window: None,
            report: None,
            budget: None,
            device: 0,
            store: None,
        }
    }

    /// Whether the run is one of a device in the field: with a plan or a monitor, and no other statistics.
    pub fn in_the_field(&self) -> bool {
        self.plan.is_some() || self.monitor
    }

    /// What a firmware for `model` must have memory for.
    pub fn demand(&self, model: &Model<'_>) -> Demand {
        let n_layers = model.config().n_layers;
        let calibration = model.file().calibration().filter(|_| self.monitor);
        Demand {
            cells: (self.plan.as_ref()).map_or(0, |p| PlanProbe::cells_len(p, n_layers)),
            floats: calibration.as_ref().map_or(0, Monitor::memory_len),
            ..Demand::from(self.limits)
        }
    }

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
        let cells = (self.plan.as_ref()).map_or(0, |p| PlanProbe::cells_len(p, config.n_layers));
        let reports = self.report.map_or(1, |n| self.positions() / n as usize + 1);
        (2 + sites + cells * reports + self.prompt.len() + self.tokens + self.positions() * each)
            as u64
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
        write!(f, " prefill={}", self.limits.prefill)?;
        if let Some(stop) = self.stop {
            write!(f, " stop={stop}")?;
        }
        let flags = [
            (self.when_full == WhenFull::Slide, "slide"),
            (self.layers, "layers"),
            (self.sites, "sites"),
            (self.logits, "logits"),
        ];
        if let Some(plan) = &self.plan {
            write!(f, " plan")?;
            let mut room = [0; MAX_PLAN];
            if let (false, Record::Plan { plan }) = (self.own_plan, Record::plan(plan, &mut room)) {
                write!(f, "=")?;
                plan.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
            }
        }
        if self.monitor {
            write!(f, " monitor")?;
        }
        let numbers = [
            (self.window, "window"),
            (self.report, "report"),
            (self.budget, "budget"),
        ];
        for (number, word) in numbers {
            number.map_or(Ok(()), |n| write!(f, " {word}={n}"))?;
        }
        if self.device != 0 {
            write!(f, " device={:x}", self.device)?;
        }
        for (_, word) in flags.into_iter().filter(|(on, _)| *on) {
            write!(f, " {word}")?;
        }
        Ok(())
    }
}
