//! Several ways to compute one thing, timed in turns so that the machine's moods hit all of them alike.
//!
//! ```text
//! round 1: B C A   round 2: A C B   …   each turn: one call to warm up, then as many as fill a slice
//! ```
//!
//! A figure is the median over rounds; of a call longer than [`ALONE`], which a busy machine seldom leaves in peace, it is
//! the least. Only ratios of figures of one race mean anything.

use std::time::{Duration, Instant};

use lacuna::num::Rng;

use crate::case::{Case, transposed};

/// Who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Another library's sparse product.
    Peer,
    /// Another library's dense product of the same matrix.
    PeerDense,
    /// One of our kernels.
    Ours,
    /// Work of ours that is no product: making an input ready.
    Input,
}

/// Writes one product.
type Run<'a> = Box<dyn FnMut(&mut [f32]) + 'a>;

/// Somebody who races.
pub struct Entrant<'a> {
    /// As it is printed; ours are `layout-values-orientation/isa`.
    pub name: String,
    /// Who it is.
    pub side: Side,
    /// Writes `Y` token by token, `(tokens, rows)`, where the others write `(rows, tokens)`.
    by_token: bool,
    run: Run<'a>,
}

impl<'a> Entrant<'a> {
    /// Names a product.
    pub fn new(name: impl Into<String>, side: Side, run: impl FnMut(&mut [f32]) + 'a) -> Self {
        Self {
            name: name.into(),
            side,
            by_token: false,
            run: Box::new(run),
        }
    }

    /// A sparse product of another library.
    pub fn peer(name: &str, run: impl FnMut(&mut [f32]) + 'a) -> Self {
        Self::new(name, Side::Peer, run)
    }

    /// A dense product of another library.
    pub fn dense(name: &str, run: impl FnMut(&mut [f32]) + 'a) -> Self {
        Self::new(name, Side::PeerDense, run)
    }

    /// Its `Y` is `(tokens, rows)`.
    #[must_use]
    pub fn by_token(mut self) -> Self {
        self.by_token = true;
        self
    }

    /// One product; shape of `y`: `rows · tokens`.
    pub fn run(&mut self, y: &mut [f32]) {
        (self.run)(y);
    }

    /// How far the product is from the case's answer, relative to the largest element; NaN where nothing was written.
    pub fn error(&mut self, case: &Case) -> f64 {
        let mut y = vec![f32::NAN; case.rows * case.tokens];
        (self.run)(&mut y);
        if self.by_token {
            y = transposed(&y, case.rows);
        }
        let answer = case.answer();
        let scale = answer.iter().fold(1e-30, |m: f64, a| m.max(a.abs()));
        let far = y
            .iter()
            .zip(&answer)
            .map(|(y, a)| (f64::from(*y) - a).abs());
        far.fold(0.0, |m, d| if d <= m { m } else { d }) / scale
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
            slice: Duration::from_micros(50),
            budget: Duration::from_millis(1000),
        }
    }
}

/// Nanoseconds of one call, in the order of the entrants. Shape of `y`: `rows · tokens`.
pub fn race(entrants: &mut [Entrant<'_>], y: &mut [f32], pace: Pace) -> Vec<f64> {
    let mut calls = Vec::new();
    let mut round = Duration::ZERO;
    for e in entrants.iter_mut() {
        e.run(y);
        let start = Instant::now();
        let mut n = 0u32;
        while start.elapsed() < pace.slice {
            e.run(y);
            n += 1;
        }
        round += start.elapsed() * (n + 1) / n.max(1);
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
            entrants[i].run(y);
            let start = Instant::now();
            for _ in 0..calls[i] {
                entrants[i].run(y);
            }
            times[i].push(start.elapsed().as_secs_f64() * 1e9 / f64::from(calls[i]));
        }
    }
    times.into_iter().map(figure).collect()
}

/// How long a call is that can expect not to be interrupted.
pub const ALONE: Duration = Duration::from_millis(1);

fn figure(mut v: Vec<f64>) -> f64 {
    v.sort_by(f64::total_cmp);
    let median = v[v.len() / 2];
    if median > ALONE.as_secs_f64() * 1e9 {
        v[0]
    } else {
        median
    }
}
