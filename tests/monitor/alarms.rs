//! p-values of windows in dependent groups: the stated rate holds on average over units.

use lacuna::num::Rng;

use crate::{calibration, normal, settings};
use lacuna::format::calibration::Settings;

/// Scores of windows of one unit: a person's own level, and noise.
fn unit(rng: &mut Rng, windows: usize) -> Vec<f32> {
    let own = normal(rng);
    (0..windows).map(|_| own + normal(rng)).collect()
}

/// The table of one vote a unit: scores ascending, and (1 + weight above) / (units + 1).
fn table(units: &[Vec<f32>]) -> (Vec<f32>, Vec<f32>) {
    let mut all: Vec<(f32, f64)> = units
        .iter()
        .flat_map(|u| u.iter().map(|s| (*s, 1.0 / u.len() as f64)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut above = units.len() as f64;
    let n = above + 1.0;
    let mut table: Vec<(f32, f32)> = Vec::new();
    for (score, weight) in all {
        above -= weight;
        let tail = ((1.0 + above.max(0.0)) / n) as f32;
        match table.last_mut() {
            Some(last) if last.0 == score => last.1 = tail,
            _ => table.push((score, tail)),
        }
    }
    table.into_iter().unzip()
}

#[test]
fn the_rate_holds_over_units_for_every_seed() {
    for seed in 0..5 {
        let mut rng = Rng::new(seed);
        let (mut alarms, mut windows) = (0.0, 0.0);
        for _ in 0..300 {
            let held: Vec<Vec<f32>> = (0..19).map(|i| unit(&mut rng, 5 + i % 10)).collect();
            let (scores, tails) = table(&held);
            let threshold = scores[tails
                .iter()
                .position(|t| *t <= 0.1)
                .expect("nineteen units")];
            let settings = Settings {
                units: 19,
                windows: scores.len() as u32,
                alpha: 0.1,
                threshold,
                ..settings()
            };
            let c = calibration(settings, &scores, &tails);
            for score in unit(&mut rng, 20) {
                assert_eq!(c.p(score) <= 0.1, score > threshold);
                alarms += f64::from(u8::from(score > threshold));
                windows += 1.0;
            }
        }
        // 300 new units of 20 windows. The rate is at most the stated one on average; a new unit counts as one that is
        // all above, so it is less by up to 1 / 20.
        let rate: f64 = alarms / windows;
        println!("seed {seed}: stated 0.1, found {rate:.3}");
        assert!(rate < 0.1 && rate > 0.02, "seed {seed}: {rate}");
    }
}
