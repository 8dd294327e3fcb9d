//! The file that describes a sweep.
//!
//! # Invariants
//! - Every key has a default, a misspelt one is refused.
//! - A run's settings are those that `lacuna train` would have with the same switches.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Error;
use super::after::After;
use crate::checkpoint::{Blueprint, Tokenizer};
use crate::export::Values;
use crate::prune;
use crate::train::Settings;
use crate::train::recipe::{Method, Model};
use crate::train::settings::Invalid;

/// A file with every key and what it means.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Width of a head unless the file says otherwise, and the step in which widths grow.
pub(super) const HEAD: usize = 16;

/// The shortest context that holds every prompt.
const PROMPTS: usize = 128;

/// What stays the same as the density falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fixed {
    /// The number of weights.
    Total,
    /// The number of weights that are not zero.
    Nonzeros,
    /// The bytes of the exported file.
    Flash,
}

impl Fixed {
    /// `total size` and the like.
    pub fn name(self) -> &'static str {
        match self {
            Fixed::Total => "total size",
            Fixed::Nonzeros => "nonzeros",
            Fixed::Flash => "flash bytes",
        }
    }
}

/// A sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// Shares of weights that stay.
    pub densities: Vec<f64>,
    /// Widths of the dense models.
    pub widths: Vec<usize>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// Multiples of the learning rate for a density.
    pub lr: Vec<f64>,
    /// What stays as density falls.
    pub fixed: Vec<Fixed>,
    /// The widest model.
    pub max_width: usize,
    /// Data sets, files or directories.
    pub data: Vec<PathBuf>,
    /// Steps of a run.
    pub steps: u64,
    /// Sequences of a step.
    pub batch: usize,
    /// Threads of a run.
    pub threads: usize,
    /// Pairs of prompts of each task; 0 asks none.
    pub pairs: usize,
    /// How exported weights are stored: `f32`, `f16` or `i8`.
    pub values: String,
    /// How the dense models are pruned besides, after their training.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<prune::Method>,
    /// Steps of recovery of each of these; 0 is none.
    #[serde(skip_serializing_if = "none")]
    pub recovery: Vec<u64>,
    /// Switches of the model; the width is the sweep's.
    pub model: Model,
    /// Switches of the method.
    pub method: Method,
}

/// No recovery.
const NONE: [u64; 1] = [0];

fn none(recovery: &[u64]) -> bool {
    recovery == NONE
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            densities: vec![1.0, 0.25, 0.0625, 0.015625],
            widths: vec![64],
            seeds: vec![1, 2, 3],
            lr: vec![1.0],
            fixed: vec![Fixed::Total, Fixed::Nonzeros, Fixed::Flash],
            max_width: 256,
            data: vec!["grammar".into()],
            steps: 2000,
            batch: 16,
            threads: 1,
            pairs: 100,
            values: "f32".to_owned(),
            after: Vec::new(),
            recovery: NONE.to_vec(),
            model: Model::default(),
            method: Method::default(),
        }
    }
}

impl Spec {
    /// The sweep that a TOML text describes.
    ///
    /// # Errors
    /// Text that is not TOML, unknown keys, values that cannot be.
    pub fn parse(text: &str) -> Result<Spec, Error> {
        let spec: Spec = toml::from_str(text)?;
        spec.check()?;
        Ok(spec)
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// The first key that cannot be, and why.
    pub fn check(&self) -> Result<(), Invalid> {
        let invalid = |what: &str| Err(Invalid(what.to_owned()));
        let distinct = |n: usize, all: usize| n == all && n > 0;
        let numbers = |x: &[f64]| {
            let mut bits: Vec<u64> = x.iter().map(|x| x.to_bits()).collect();
            bits.sort_unstable();
            bits.dedup();
            distinct(bits.len(), x.len())
        };
        let whole = |x: &mut Vec<u64>| {
            let all = x.len();
            x.sort_unstable();
            x.dedup();
            distinct(x.len(), all)
        };
        let mut widths: Vec<u64> = self.widths.iter().map(|w| *w as u64).collect();
        let mut fixed: Vec<u64> = self.fixed.iter().map(|f| *f as u64).collect();
        match () {
            _ if !numbers(&self.densities) => {
                invalid("densities are not one or more, all different")
            }
            _ if !numbers(&self.lr) => invalid("lr is not one or more numbers, all different"),
            _ if !whole(&mut self.seeds.clone()) => {
                invalid("seeds are not one or more, all different")
            }
            _ if !whole(&mut widths) => invalid("widths are not one or more, all different"),
            _ if !whole(&mut fixed) => invalid("fixed is not one or more, all different"),
            _ if !whole(&mut self.recovery.clone()) => {
                invalid("recovery is not one or more numbers of steps, all different")
            }
            _ if (1..self.after.len()).any(|i| self.after[..i].contains(&self.after[i])) => {
                invalid("two of `after` are the same")
            }
            _ if !self.after.is_empty() && !self.trains_dense() => {
                invalid("`after` prunes dense models: it needs density 1, and \"total\" in `fixed`")
            }
            _ if self.model.dim.is_some() => invalid("dim in [model] is what `widths` say"),
            _ if self.widths.iter().any(|w| *w > self.max_width) => {
                invalid("one of the widths is above max_width")
            }
            _ if self.pairs > 0 && self.model.seq_len < PROMPTS => invalid(
                "seq_len is below 128, which the prompts of tasks need; pairs = 0 asks none",
            ),
            _ => {
                self.values()?;
                for &width in &self.widths {
                    for &density in &self.densities {
                        self.settings(width, density, self.lr[0], self.seeds[0])?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Whether the dense model of every width is among the runs.
    fn trains_dense(&self) -> bool {
        self.densities.contains(&1.0) && self.fixed.contains(&Fixed::Total)
    }

    /// Every way in which dense models become sparse after their training.
    pub(super) fn afters(&self) -> impl Iterator<Item = After> {
        self.after.iter().flat_map(|method| {
            let each = self.recovery.iter();
            each.map(|&recovery| After {
                method: *method,
                recovery,
            })
        })
    }

    /// How exported weights are stored.
    ///
    /// # Errors
    /// Another word than `f32`, `f16` and `i8`.
    pub fn values(&self) -> Result<Values, Invalid> {
        let wrong = |_| Invalid(format!("values are `{}`, not f32, f16 or i8", self.values));
        clap::ValueEnum::from_str(&self.values, false).map_err(wrong)
    }

    /// The settings of one run; `lr` multiplies the learning rate for its density.
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub fn settings(
        &self,
        width: usize,
        density: f64,
        lr: f64,
        seed: u64,
    ) -> Result<Settings, Invalid> {
        let model = Model {
            dim: Some(width),
            ..self.model.clone()
        };
        let mut settings = Settings {
            model: Blueprint {
                config: model.config(width, HEAD)?,
                tokenizer: Tokenizer::Byte,
            },
            data: self.data.clone(),
            seed,
            batch: self.batch,
            threads: self.threads,
            ..Settings::at_density(density)
        };
        settings.schedule.steps = self.steps;
        settings.schedule.lr *= lr;
        self.method.apply(&mut settings);
        settings.check()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_sweep_and_says_the_defaults() {
        let example = Spec::parse(EXAMPLE).unwrap();
        let defaults = Spec::parse("").unwrap();
        let only = |spec: &Spec| Spec {
            model: Model::default(),
            ..spec.clone()
        };
        assert_eq!(only(&example), only(&defaults));
        let settings = |spec: &Spec| spec.settings(64, 0.25, 1.0, 1).unwrap();
        assert_eq!(settings(&example), settings(&defaults));
        let value = serde_json::to_value(&example).unwrap();
        let keys = value.as_object().unwrap().keys().map(String::as_str);
        for key in keys.chain(["after", "recovery"]) {
            let written = [format!("{key} ="), format!("[{key}]")];
            assert!(
                EXAMPLE
                    .lines()
                    .any(|l| written.iter().any(|w| l.starts_with(w))),
                "{key}"
            );
        }
    }

    #[test]
    fn sweeps_that_cannot_be_are_refused_by_name() {
        let refused = |text: &str| Spec::parse(text).unwrap_err().to_string();
        assert!(refused("densities = []").contains("densities"));
        assert!(refused("densities = [0.0]").contains("density"));
        assert!(refused("seeds = [1, 1]").contains("seeds"));
        assert!(refused("widths = [512]").contains("max_width"));
        assert!(refused("values = \"f8\"").contains("f8"));
        assert!(refused("after = [\"wanda\"]\ndensities = [0.5]").contains("density 1"));
        assert!(refused("recovery = []").contains("recovery"));
        assert!(refused("[model]\ndim = 3").contains("widths"));
        assert!(refused("[model]\nseq_len = 64").contains("128"));
        assert!(refused("[model]\nposition = \"spiral\"").contains("spiral"));
        // What the parser says is the cause of the error.
        let cause = |text: &str| format!("{:?}", Spec::parse(text).unwrap_err());
        assert!(cause("depth = 3").contains("depth"));
        assert!(cause("[model]\ntopk = \"r=1\"").contains("`r`"));
    }
}
