//! Means and intervals over seeds, and the curves they make.
//!
//! ```text
//! outcomes of a place and a learning rate, one a seed ─► mean, 95 % interval (Student) ─► of several rates the best
//! ```
//!
//! # Invariants
//! - A learning rate is chosen by validation alone; test data and tasks have no say.
//! - A place without a finished run, or where one of the seeds diverged, has no point: means are over the same seeds.
//!
//! # Why
//! Runs of different seeds are the unit of an interval: stretches of text and prompts of one model are not independent.

use core::fmt::Write;

use serde::Serialize;

use super::plan::Place;
use super::run::{Figures, Outcome};
use crate::stats::{self, Interval};

const CONFIDENCE: f64 = 0.95;

/// A mean over seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// What is averaged.
    pub figure: String,
    /// The mean.
    pub mean: f64,
    /// Its 95 % interval; `null` for a single seed.
    pub interval: Option<Interval>,
}

/// A place on a curve at one learning rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Multiple of the learning rate.
    pub lr: f64,
    /// Whether it is the best of its place.
    pub best: bool,
    /// Seeds.
    pub seeds: usize,
    /// Learned numbers.
    pub parameters: usize,
    /// Weights of the matrices that may be other than zero.
    pub nonzeros: u64,
    /// Bytes of the exported file, averaged over seeds.
    pub file_bytes: f64,
    /// All figures.
    pub figures: Vec<Mean>,
}

impl Point {
    /// The figure of that name.
    pub fn figure(&self, name: &str) -> Option<&Mean> {
        self.figures.iter().find(|m| m.figure == name)
    }

    /// `1.234 ± 0.012`, the second half the width of the 95 % interval; `-` where it was not measured.
    pub fn shown(&self, name: &str) -> String {
        let Some(mean) = self.figure(name) else {
            return "-".to_owned();
        };
        match mean.interval {
            Some(i) => format!("{:.3} ± {:.3}", mean.mean, (i.high - i.low) / 2.0),
            None => format!("{:.3}", mean.mean),
        }
    }
}

/// All points, and what is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Points, in the order of the places.
    pub points: Vec<Point>,
    /// Places without a point, and why.
    pub missing: Vec<(Place, &'static str)>,
}

/// Bits per byte on validation data.
pub const VALIDATION: &str = "validation_bits_per_byte";
/// Bits per byte on test data.
pub const TEST: &str = "test_bits_per_byte";
/// Mean accuracy over the tasks.
pub const ACCURACY: &str = "task_accuracy";
/// Mean loss over the tasks.
pub const LOSS: &str = "task_loss";

/// Name and value of every figure of a run.
fn named(figures: &Figures) -> Vec<(String, f64)> {
    let n = figures.tasks.len().max(1) as f64;
    let mut all = vec![(VALIDATION.to_owned(), figures.validation_bits_per_byte)];
    all.extend(
        figures
            .test_bits_per_byte
            .map(|bits| (TEST.to_owned(), bits)),
    );
    if !figures.tasks.is_empty() {
        let accuracy: f64 = figures.tasks.iter().map(|t| t.accuracy).sum();
        let loss: f64 = figures.tasks.iter().map(|t| t.loss).sum();
        all.push((ACCURACY.to_owned(), accuracy / n));
        all.push((LOSS.to_owned(), loss / n));
    }
    for task in &figures.tasks {
        all.push((format!("accuracy.{}", task.task), task.accuracy));
        all.push((format!("loss.{}", task.task), task.loss));
    }
    all
}

fn point(place: Place, lr: f64, runs: &[(&Outcome, &Figures)]) -> Option<Point> {
    let (first, _) = runs.first()?;
    let all: Vec<_> = runs.iter().map(|(_, figures)| named(figures)).collect();
    let figures = all[0].iter().enumerate().map(|(i, (figure, _))| {
        let values: Vec<f64> = all.iter().filter_map(|f| f.get(i)).map(|f| f.1).collect();
        let (mean, interval) = stats::mean_interval(&values, CONFIDENCE);
        Mean {
            figure: figure.clone(),
            mean,
            interval,
        }
    });
    let bytes: u64 = runs.iter().map(|(_, f)| f.file_bytes).sum();
    Some(Point {
        place,
        lr,
        best: false,
        seeds: runs.len(),
        parameters: first.parameters,
        nonzeros: first.nonzeros,
        file_bytes: bytes as f64 / runs.len() as f64,
        figures: figures.collect(),
    })
}

impl Curve {
    /// The curves through `places` of the runs that are done.
    pub(super) fn new(places: &[Place], outcomes: Vec<Outcome>) -> Curve {
        let (mut points, mut missing) = (Vec::new(), Vec::new());
        for &place in places {
            let Some(width) = place.width else {
                missing.push((place, "needs a wider model than max_width"));
                continue;
            };
            let here = |o: &&Outcome| {
                let job = &o.job;
                (job.width, job.density, job.after) == (width, place.density, place.after)
            };
            let runs: Vec<&Outcome> = outcomes.iter().filter(here).collect();
            let mut rates: Vec<f64> = runs.iter().map(|o| o.job.lr).collect();
            rates.sort_by(f64::total_cmp);
            rates.dedup();
            let at = points.len();
            for lr in rates {
                let of_rate = || runs.iter().filter(|o| o.job.lr == lr);
                let ended: Vec<(&Outcome, &Figures)> = of_rate()
                    .filter_map(|o| o.figures.as_ref().map(|f| (*o, f)))
                    .collect();
                if ended.len() == of_rate().count() {
                    points.extend(point(place, lr, &ended));
                }
            }
            let bits = |p: &Point| p.figure(VALIDATION).map_or(f64::INFINITY, |m| m.mean);
            let found = points[at..]
                .iter_mut()
                .min_by(|a, b| bits(a).total_cmp(&bits(b)));
            match found {
                Some(best) => best.best = true,
                None if runs.is_empty() => missing.push((place, "no run is done")),
                None => missing.push((place, "training diverged")),
            }
        }
        Curve { points, missing }
    }

    /// The best points, curve by curve: what is fixed, width of the dense model, points by falling density.
    pub fn lines(&self) -> Vec<(Place, Vec<&Point>)> {
        let mut lines: Vec<(Place, Vec<&Point>)> = Vec::new();
        for point in self.points.iter().filter(|p| p.best) {
            let of = |p: &Place| (p.fixed, p.base_width, p.after);
            match lines.iter_mut().find(|l| of(&l.0) == of(&point.place)) {
                Some((_, line)) => line.push(point),
                None => lines.push((point.place, vec![point])),
            }
        }
        for (_, line) in &mut lines {
            line.sort_by(|a, b| b.place.density.total_cmp(&a.place.density));
        }
        lines
    }

    /// Spearman's correlation of density and a figure's means along a line; `None` for fewer than three points.
    pub fn trend(line: &[&Point], figure: &str) -> Option<f64> {
        let both = line
            .iter()
            .filter_map(|p| Some((p.place.density, p.figure(figure)?.mean)));
        let (density, means): (Vec<f64>, Vec<f64>) = both.unzip();
        let rho = (density.len() > 2).then(|| stats::spearman(&density, &means));
        rho.filter(|rho| rho.is_finite())
    }

    /// One line a figure: every column a script needs to draw any of the curves.
    pub(super) fn csv(&self) -> String {
        let mut csv = "fixed,base_width,made,density,width,lr,best,seeds,parameters,nonzeros,file_bytes,figure,mean,low,high\n"
            .to_owned();
        for p in &self.points {
            for m in &p.figures {
                let place = &p.place;
                let _ = write!(
                    csv,
                    "{},{},{},{},{},{},{},{},{},{},{},{},{}",
                    place.fixed.name().replace(' ', "_"),
                    place.base_width,
                    place.made(),
                    place.density,
                    place.width.unwrap_or(0),
                    p.lr,
                    p.best,
                    p.seeds,
                    p.parameters,
                    p.nonzeros,
                    p.file_bytes.round(),
                    m.figure,
                    m.mean
                );
                let _ = match m.interval {
                    Some(i) => writeln!(csv, ",{},{}", i.low, i.high),
                    None => writeln!(csv, ",,"),
                };
            }
        }
        csv
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Job;
    use super::super::spec::Fixed;
    use super::*;

    fn outcome(density: f64, lr: f64, seed: u64, bits: Option<f64>) -> Outcome {
        Outcome {
            job: Job {
                number: 1,
                name: String::new(),
                width: 32,
                density,
                lr,
                seed,
                after: None,
            },
            parameters: 100,
            nonzeros: 50,
            figures: bits.map(|bits| Figures {
                file_bytes: 1000,
                model_id: String::new(),
                density,
                validation_bits_per_byte: bits,
                test_bits_per_byte: None,
                trigram_bits_per_byte: 2.0,
                tasks: Vec::new(),
            }),
        }
    }

    fn place(density: f64, width: Option<usize>) -> Place {
        Place {
            fixed: Fixed::Total,
            base_width: 32,
            density,
            width,
            after: None,
        }
    }

    #[test]
    fn the_best_rate_is_chosen_and_what_is_missing_is_named() {
        let places = [
            place(1.0, Some(32)),
            place(0.5, Some(32)),
            place(0.25, Some(32)),
            place(0.1, None),
        ];
        let outcomes = vec![
            outcome(1.0, 1.0, 1, Some(1.0)),
            outcome(1.0, 1.0, 2, Some(2.0)),
            outcome(1.0, 2.0, 1, Some(0.5)),
            outcome(1.0, 2.0, 2, None),
            outcome(1.0, 0.5, 1, Some(1.2)),
            outcome(1.0, 0.5, 2, Some(1.4)),
            outcome(0.5, 1.0, 1, None),
        ];
        let curve = Curve::new(&places, outcomes);
        let best: Vec<_> = curve.points.iter().filter(|p| p.best).collect();
        assert_eq!(
            curve.points.len(),
            2,
            "a rate at which a seed diverged has no mean"
        );
        assert_eq!((best.len(), best[0].lr, best[0].seeds), (1, 0.5, 2));
        let bits = best[0].figure(VALIDATION).unwrap();
        assert!((bits.mean - 1.3).abs() < 1e-12 && bits.interval.unwrap().covers(1.3));
        let why: Vec<_> = curve
            .missing
            .iter()
            .map(|(p, why)| (p.density, *why))
            .collect();
        assert_eq!(why[0], (0.5, "training diverged"));
        assert_eq!(why[1], (0.25, "no run is done"));
        assert!(why[2].1.contains("max_width"));
        let csv = curve.csv();
        assert_eq!(csv.lines().count(), 3);
        let columns = |line: &str| line.split(',').count();
        assert!(csv.lines().all(|l| columns(l) == 15), "{csv}");
    }

    #[test]
    fn trends_are_by_rank() {
        let places = [0.25, 1.0, 0.5].map(|d| place(d, Some(32)));
        let outcomes = [(1.0, 1.0), (0.5, 1.1), (0.25, 3.0)];
        let outcomes = outcomes.map(|(d, bits)| outcome(d, 1.0, 1, Some(bits)));
        let curve = Curve::new(&places, outcomes.into());
        let lines = curve.lines();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].1[0].place.density, 1.0);
        assert_eq!(Curve::trend(&lines[0].1, VALIDATION), Some(-1.0));
        assert_eq!(Curve::trend(&lines[0].1[..2], VALIDATION), None);
    }
}
