//! Several ways to compute one thing, timed in turns so that the machine's moods hit all of them alike.
//!
//! ```text
//! round 1: B C A   round 2: A C B   …   each turn: one call to warm up, then as many as fill a slice
//! ```
//!
//! A figure is the median over rounds. Only ratios of figures of one race mean anything.

use std::time::{Duration, Instant};

use lacuna::num::Rng;

/// Somebody who races.
pub struct Entrant<'a> {
    /// As it is printed.
    pub name: String,
    /// One product.
    pub run: Box<dyn FnMut() + 'a>,
}

impl<'a> Entrant<'a> {
    /// Names a product.
    pub fn new(name: impl Into<String>, run: impl FnMut() + 'a) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }
}

/// How long a race may take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Turns of each entrant, where the budget allows; three at least.
    pub rounds: usize,
    /// Shortest turn.
    pub slice: Duration,
    /// All turns of all entrants together.
    pub budget: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rounds: 41,
            slice: Duration::from_micros(60),
            budget: Duration::from_millis(1500),
        }
    }
}

/// Median nanoseconds of one call, in the order of the entrants.
pub fn race(entrants: &mut [Entrant<'_>], pace: Pace) -> Vec<f64> {
    let mut calls = Vec::new();
    let mut round = Duration::ZERO;
    for e in entrants.iter_mut() {
        (e.run)();
        let start = Instant::now();
        let mut n = 0u32;
        while start.elapsed() < pace.slice {
            (e.run)();
            n += 1;
        }
        round += start.elapsed();
        calls.push(n.max(1));
    }
    let fit = pace.budget.as_secs_f64() / round.as_secs_f64();
    let rounds = (fit as usize).clamp(3, pace.rounds.max(3));
    let mut times = vec![Vec::with_capacity(rounds); entrants.len()];
    let mut order: Vec<usize> = (0..entrants.len()).collect();
    let mut rng = Rng::new(7);
    for _ in 0..rounds {
        for i in (1..order.len()).rev() {
            order.swap(i, rng.below(i as u32 + 1) as usize);
        }
        for &i in &order {
            let run = &mut entrants[i].run;
            run();
            let start = Instant::now();
            for _ in 0..calls[i] {
                run();
            }
            times[i].push(start.elapsed().as_secs_f64() * 1e9 / f64::from(calls[i]));
        }
    }
    times.into_iter().map(median).collect()
}

fn median(mut v: Vec<f64>) -> f64 {
    v.sort_by(f64::total_cmp);
    v[v.len() / 2]
}

/// The geometric mean, or `None` of nothing.
pub fn geomean(v: &[f64]) -> Option<f64> {
    (!v.is_empty()).then(|| (v.iter().map(|x| x.ln()).sum::<f64>() / v.len() as f64).exp())
}
