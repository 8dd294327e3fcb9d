//! From a specification to runs: which widths, which densities, in which numbered order.
//!
//! ```text
//! fixed x widths x densities ─► points (width found for the budget) ─► x lr x seeds ─► jobs 1 … n, each once
//! ```
//!
//! # Invariants
//! - The same specification gives the same jobs with the same numbers, on every machine.
//! - A point never exceeds the budget of its dense model, and the next wider one would.

use serde::{Deserialize, Serialize};

use super::Error;
use super::after::After;
use super::spec::{Fixed, HEAD, Spec};
use crate::checkpoint::Checkpoint;
use crate::export::{self, Plan};
use crate::train::Settings;
use crate::train::parameters::Layout;
use crate::train::project::project;

/// A place on a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// What stays the same on this curve.
    pub fixed: Fixed,
    /// Width of its dense model.
    pub base_width: usize,
    /// Share of weights that stay.
    pub density: f64,
    /// Width of this model; `None` where it would be above the widest.
    pub width: Option<usize>,
    /// How a dense model became this one; `None` where it was trained sparse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
}

impl Place {
    /// How its models became sparse, in words.
    pub fn made(&self) -> String {
        self.after
            .map_or("trained".to_owned(), |after| after.to_string())
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its number, from 1.
    pub number: usize,
    /// Its folder below `runs`.
    pub name: String,
    /// Width.
    pub width: usize,
    /// Share of weights that stay.
    pub density: f64,
    /// Multiple of the learning rate for the density.
    pub lr: f64,
    /// Seed.
    pub seed: u64,
    /// How the dense model of that seed becomes sparse; `None` where the run trains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
}

/// Weights of the matrices that stay at `settings`' density.
pub(super) fn nonzeros(settings: &Settings) -> u64 {
    let layout = Layout::new(&settings.model.config);
    let sparse = layout.entries.iter().filter(|e| e.sparse);
    sparse
        .map(|e| (settings.schedule.density * e.range.len() as f64) as u64)
        .sum()
}

/// Bytes of the exported file of initial weights that were pruned to `settings`' density: sizes depend on how many weights
/// stay, hardly on which.
fn file_bytes(spec: &Spec, settings: &Settings) -> Result<u64, Error> {
    let layout = Layout::new(&settings.model.config);
    let mut flat = layout.initial(1);
    let density = settings.schedule.density;
    project(&layout, &mut flat, density, settings.per_neuron);
    let checkpoint = Checkpoint {
        config: settings.model.config,
        tokenizer: settings.model.tokenizer,
        sensor: None,
        tensors: layout.tensors(&flat),
        provenance: serde_json::Value::Null,
    };
    let how = export::Settings {
        values: spec.values()?,
        golden: 0,
        plan: Plan::None,
        ..export::Settings::default()
    };
    Ok(export::export(&checkpoint, None, &how)?.bytes.len() as u64)
}

/// The greatest width whose cost is within that of the dense model `base` wide; `None` where the widest does not spend it,
/// or where sparse weights of the same width cost more than dense ones.
fn width(spec: &Spec, fixed: Fixed, base: usize, density: f64) -> Result<Option<usize>, Error> {
    let cost = |width: usize, density: f64| -> Result<u64, Error> {
        let settings = spec.settings(width, density, 1.0, spec.seeds[0])?;
        match fixed {
            Fixed::Total => Ok(width as u64),
            Fixed::Nonzeros => Ok(nonzeros(&settings)),
            Fixed::Flash => file_bytes(spec, &settings),
        }
    };
    let step = spec.model.head_dim.unwrap_or(HEAD).max(1);
    let budget = cost(base, 1.0)?;
    if fixed == Fixed::Total || density >= 1.0 {
        return Ok(Some(base));
    }
    // Widths are base + step · i; that of `low` is within the budget, that of `high` is not, or too wide to ask.
    let within = |i: usize| Ok::<bool, Error>(cost(base + step * i, density)? <= budget);
    let widest = (spec.max_width - base) / step;
    let (mut low, mut high) = (0, widest + 1);
    while high - low > 1 {
        let middle = (low + high) / 2;
        match within(middle)? {
            true => low = middle,
            false => high = middle,
        }
    }
    let spent = low < widest || !within(widest + 1)?;
    Ok((within(low)? && spent).then_some(base + step * low))
}

/// The places of all curves.
pub(super) fn places(spec: &Spec) -> Result<Vec<Place>, Error> {
    let mut places = Vec::new();
    for &fixed in &spec.fixed {
        for &base_width in &spec.widths {
            for &density in &spec.densities {
                places.push(Place {
                    fixed,
                    base_width,
                    density,
                    width: width(spec, fixed, base_width, density)?,
                    after: None,
                });
            }
        }
    }
    for &base_width in &spec.widths {
        for after in spec.afters() {
            for &density in spec.densities.iter().filter(|d| **d < 1.0) {
                places.push(Place {
                    fixed: Fixed::Total,
                    base_width,
                    density,
                    width: Some(base_width),
                    after: Some(after),
                });
            }
        }
    }
    Ok(places)
}

/// The runs that `places` need, each once.
pub(super) fn jobs(spec: &Spec, places: &[Place]) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for place in places {
        let Some(width) = place.width else { continue };
        for &lr in &spec.lr {
            for &seed in &spec.seeds {
                let density = place.density;
                let mut name = format!("width{width}-density{density}-lr{lr}-seed{seed}");
                if let Some(after) = place.after {
                    name = format!("{name}-{}", after.suffix());
                }
                if jobs.iter().all(|job| job.name != name) {
                    jobs.push(Job {
                        number: jobs.len() + 1,
                        name,
                        width,
                        density,
                        lr,
                        seed,
                        after: place.after,
                    });
                }
            }
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Spec {
        Spec::parse(text).unwrap()
    }

    #[test]
    fn widths_grow_until_the_budget_is_spent() {
        let spec = spec(
            "densities = [1, 0.25, 0.0625]\nwidths = [32]\nmax_width = 96\n[model]\nn_layers = 1\n",
        );
        let places = places(&spec).unwrap();
        let at = |fixed, density| {
            let found = places
                .iter()
                .find(|p| p.fixed == fixed && p.density == density);
            found.unwrap().width
        };
        assert_eq!(at(Fixed::Total, 0.0625), Some(32));
        assert_eq!(at(Fixed::Nonzeros, 1.0), Some(32));
        let wide = at(Fixed::Nonzeros, 0.25).unwrap();
        let count = |width, density| nonzeros(&spec.settings(width, density, 1.0, 1).unwrap());
        assert!(wide > 32 && count(wide, 0.25) <= count(32, 1.0));
        assert!(count(wide + 16, 0.25) > count(32, 1.0));
        assert_eq!(at(Fixed::Nonzeros, 0.0625), None, "needs more than 96");
        let flash = at(Fixed::Flash, 0.25).unwrap();
        assert!(flash > 32 && flash <= wide, "{flash} of {wide}");
    }

    #[test]
    fn every_way_of_pruning_is_a_curve_of_its_own() {
        let spec = spec(
            "densities = [1, 0.5, 0.25]\nseeds = [1]\nfixed = [\"total\"]\nafter = [\"magnitude\", \"wanda\"]\nrecovery = [0, 20]",
        );
        let places = places(&spec).unwrap();
        assert_eq!(places.len(), 3 + 2 * 2 * 2);
        let jobs = jobs(&spec, &places);
        assert_eq!(jobs.len(), places.len());
        let last = &jobs[jobs.len() - 1];
        assert_eq!(last.name, "width64-density0.25-lr1-seed1-wanda-recovered20");
    }

    #[test]
    fn runs_that_two_curves_share_are_done_once() {
        let spec = spec(
            "densities = [1, 0.5]\nseeds = [1, 2]\nlr = [0.5, 1]\nfixed = [\"total\", \"nonzeros\"]",
        );
        let places = places(&spec).unwrap();
        let jobs = jobs(&spec, &places);
        // Dense 64 wide is on both curves; half as dense there are two widths.
        assert_eq!(jobs.len(), 3 * 2 * 2);
        assert!(jobs.iter().enumerate().all(|(i, job)| job.number == i + 1));
        assert_eq!(jobs[0].name, "width64-density1-lr0.5-seed1");
    }
}
