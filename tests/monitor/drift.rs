//! The drift test keeps its run length, and sees a shift soon.

use lacuna::format::Calibration;
use lacuna::format::calibration::{LEVELS, Settings};
use lacuna::monitor::Drift;
use lacuna::num::Rng;

use crate::{calibration, normal, settings};

const RUN_LENGTH: f32 = 100.0;
const SCORES: [f32; 1] = [0.0];
const TAILS: [f32; 1] = [0.5];

/// A calibration on `units` normal scores, levels cut on a hundred others.
fn calibrated(rng: &mut Rng, units: u32) -> Calibration<'static> {
    let mut fit: Vec<f32> = (0..100).map(|_| normal(rng)).collect();
    fit.sort_by(f32::total_cmp);
    let mut settings = Settings {
        units,
        windows: units,
        alpha: 0.5,
        run_length: RUN_LENGTH,
        edges: core::array::from_fn(|i| fit[(i + 1) * 100 / LEVELS]),
        ..settings()
    };
    let levels = calibration(settings, &SCORES, &TAILS);
    for _ in 0..units {
        settings.counts[levels.level(normal(rng))] += 1;
    }
    calibration(settings, &SCORES, &TAILS)
}

/// Steps until the alarm when every score is `shift` higher, at most `horizon`.
fn steps(seed: u64, units: u32, shift: f32, horizon: u32) -> u32 {
    let mut rng = Rng::new(seed);
    let calibration = calibrated(&mut rng, units);
    let mut drift = Drift::new(&calibration);
    for step in 1..horizon {
        if drift.push(&calibration, seed, normal(&mut rng) + shift) {
            return step;
        }
    }
    horizon
}

#[test]
fn the_run_length_is_kept_however_few_the_units() {
    for units in [7, 60] {
        let runs: Vec<u32> = (0..400).map(|seed| steps(seed, units, 0.0, 2000)).collect();
        let alarms = runs.iter().filter(|t| **t < 2000).count();
        let mean = runs.iter().map(|t| f64::from(*t)).sum::<f64>() / runs.len() as f64;
        let square = runs
            .iter()
            .map(|t| (f64::from(*t) - mean).powi(2))
            .sum::<f64>();
        let error = (square / (runs.len() as f64 - 1.0) / runs.len() as f64).sqrt();
        println!("{units} units: {mean:.0} ± {error:.0} steps to a false alarm, {alarms} alarms");
        assert!(alarms >= 200, "{units} units: {alarms} alarms");
        // Runs that were ended count as short: the mean is a lower bound.
        assert!(
            mean - 2.0 * error >= f64::from(RUN_LENGTH),
            "{units} units: {mean} ± {error}"
        );
    }
}

#[test]
fn a_shift_is_seen_long_before_a_false_alarm() {
    let delay = |units, shift| {
        let mut runs: Vec<u32> = (0..101)
            .map(|seed| steps(900 + seed, units, shift, 2000))
            .collect();
        runs.sort_unstable();
        println!(
            "{units} units, shift {shift} sd: median delay {} steps, 90 % {}",
            runs[50], runs[90]
        );
        runs[50]
    };
    assert!(delay(60, 2.0) <= 12);
    assert!(delay(60, 1.0) <= 40);
    assert!(delay(60, -2.0) <= 20, "what is all too familiar counts too");
    assert!(delay(20, 2.0) <= 20);
}

/// Why the reference grows: a test against the fixed table of the same units alarms far too often.
#[test]
fn steps_join_the_reference() {
    let mut rng = Rng::new(1);
    let calibration = calibrated(&mut rng, 20);
    let mut drift = Drift::new(&calibration);
    for step in 0..500 {
        drift.step(
            calibration.level(normal(&mut rng)),
            (step as f32 + 0.5) / 500.0,
        );
    }
    assert_eq!(drift.steps(), 500);
    let mut again = Drift::new(&calibration);
    again.acknowledge(&calibration);
    assert_eq!(again, Drift::new(&calibration));
}
