//! The file that describes a study: tasks, how circuits are searched, and the sweeps that make its models.
//!
//! # Invariants
//! - Every key has a default, a misspelt one is refused.
//! - The tests know two sweeps by name: [`TOTAL`], which is there, and [`NONZEROS`], which may be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::sweep::{self, Fixed};
use crate::tasks::Task;

/// The study as it is run without a file, with every key and what it means.
pub const EXAMPLE: &str = include_str!("example.toml");
/// A study of minutes.
pub const QUICK: &str = include_str!("quick.toml");

/// The sweep at fixed total size.
pub const TOTAL: &str = "total";
/// The sweep at fixed nonzeros.
pub const NONZEROS: &str = "nonzeros";

/// A study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// Tasks whose circuits are searched.
    pub tasks: Vec<String>,
    /// Loss that a circuit alone must meet, in nats.
    pub target: f64,
    /// How circuits are searched.
    pub search: Search,
    /// What is searched besides.
    pub controls: Controls,
    /// Sweeps by name.
    pub models: BTreeMap<String, sweep::Spec>,
}

/// How circuits are searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Steps.
    pub steps: u64,
    /// Prices of a node, in nats; each is a search, and the smallest circuit counts.
    pub prices: Vec<f64>,
    /// Pairs that choose a circuit, and as many that judge it.
    pub pairs: usize,
    /// Pairs in a step.
    pub batch: usize,
    /// Random draws of nodes.
    pub draws: usize,
}

impl Default for Search {
    fn default() -> Search {
        Search {
            steps: 300,
            prices: vec![3e-3, 1e-2],
            pairs: 64,
            batch: 16,
            draws: 8,
        }
    }
}

/// Where the dearer controls are searched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Controls {
    /// Densities, of those of [`TOTAL`].
    pub densities: Vec<f64>,
    /// Tasks, of those of the study.
    pub tasks: Vec<String>,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            tasks: Vec::new(),
            target: 0.15,
            search: Search::default(),
            controls: Controls::default(),
            models: BTreeMap::new(),
        }
    }
}

impl Spec {
    /// The study that a TOML text describes.
    ///
    /// # Errors
    /// Text that is not TOML, unknown keys, values that cannot be.
    pub fn parse(text: &str) -> Result<Spec, Error> {
        let spec: Spec = toml::from_str(text)?;
        spec.check()?;
        Ok(spec)
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |what: &str| Err(Error::Spec(what.to_owned()));
        let tasks = self.tasks.iter().chain(&self.controls.tasks);
        if let Some(unknown) = tasks.clone().find(|name| Task::named(name).is_none()) {
            return wrong(&format!("there is no task `{unknown}`"));
        }
        let mut distinct: Vec<&String> = self.tasks.iter().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let search = &self.search;
        let one = |name: &str, fixed: Fixed| {
            let sweep = self.models.get(name);
            sweep.is_none_or(|s| s.fixed == [fixed] && s.widths.len() == 1 && s.lr.len() == 1)
        };
        let total = self.models.get(TOTAL);
        match () {
            _ if distinct.len() != self.tasks.len() || self.tasks.is_empty() => {
                wrong("tasks are not one or more, all different")
            }
            _ if self.controls.tasks.iter().any(|t| !self.tasks.contains(t)) => {
                wrong("a task of the controls is not one of the study")
            }
            _ if !(self.target > 0.0 && self.target.is_finite()) => {
                wrong("target is not a positive number")
            }
            _ if !search.prices.iter().all(|p| *p >= 0.0 && p.is_finite())
                || search.prices.is_empty() =>
            {
                wrong("prices are not one or more numbers of at least 0")
            }
            _ if search.steps == 0
                || search.batch == 0
                || search.pairs < 2
                || search.draws == 0 =>
            {
                wrong("steps, batch and draws of a search are at least 1, pairs at least 2")
            }
            _ if total.is_none_or(|s| s.densities.len() < 3 || s.seeds.len() < 2) => {
                wrong("[models.total] needs three densities and two seeds")
            }
            _ if !one(TOTAL, Fixed::Total) => {
                wrong("[models.total] has not one width, one lr and fixed = [\"total\"]")
            }
            _ if !one(NONZEROS, Fixed::Nonzeros) => {
                wrong("[models.nonzeros] has not one width, one lr and fixed = [\"nonzeros\"]")
            }
            _ if self.models.values().any(|s| s.pairs == 0) => {
                wrong("pairs of a sweep is 0, and the tests need accuracies")
            }
            _ => Ok(self.models.values().try_for_each(sweep::Spec::check)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_studies() {
        let full = Spec::parse(EXAMPLE).unwrap();
        assert_eq!((full.tasks.len(), full.models.len()), (3, 4));
        assert_eq!(full.search, Search::default());
        let value = serde_json::to_value(&full).unwrap();
        for key in value.as_object().unwrap().keys() {
            let written = [format!("{key} ="), format!("[{key}")];
            let there = |l: &str| written.iter().any(|w| l.starts_with(w));
            assert!(EXAMPLE.lines().any(there), "{key}");
        }
        assert!(Spec::parse(QUICK).is_ok());
    }

    #[test]
    fn studies_that_cannot_be_are_refused_by_name() {
        let refused = |from: &str, to: &str| {
            let text = EXAMPLE.replacen(from, to, 1);
            assert_ne!(text, EXAMPLE);
            Spec::parse(&text).unwrap_err().to_string()
        };
        assert!(refused("\"for_while\"", "\"chess\"").contains("chess"));
        assert!(refused("\"for_while\"", "\"var_if\"").contains("different"));
        assert!(refused("target = 0.15", "target = 0").contains("target"));
        assert!(refused("draws = 8", "draws = 0").contains("draws"));
        assert!(refused("[models.total]", "[models.all]").contains("models.total"));
        assert!(refused("widths = [64]", "widths = [64, 96]").contains("one width"));
        assert!(refused("\"for_while\", \"var_if\"", "\"with_as\"").contains("controls"));
        assert!(format!("{:?}", Spec::parse("taskz = 1").unwrap_err()).contains("taskz"));
    }
}
