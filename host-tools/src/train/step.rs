//! One step: a batch in shards on threads, one gradient, one move, one projection.
//!
//! ```text
//! rows 0 … batch ─► shard 0 │ shard 1 │ …  each its own graph, on its own thread
//!                   └── loss and gradient, weighted by rows, added in the order of the shards ──► Adam, projection, decay
//! ```
//!
//! # Invariants
//! - The order of every sum depends on the settings alone, never on which thread ends first.

use core::ops::Range;
use std::thread::{self, ScopedJoinHandle};

use super::graph::{Batch, Graph, Inputs};
use super::optimiser::decay;
use super::parameters::Layout;
use super::project::Keep;
use super::state::State;
use super::{Error, Metrics, Settings};
use crate::data::Sampler;

/// What a run learns from.
pub(super) trait Lessons: Sync {
    /// Rows of the batch of a step, a function of the two alone.
    fn batch(&self, step: u64, rows: Range<usize>) -> Batch;
}

/// Takes one step; the speed is left for the caller to fill in.
///
/// # Errors
/// A loss that is not finite; the state is then as it was.
pub(super) fn step(
    settings: &Settings,
    graph: &Graph,
    layout: &Layout,
    lessons: &dyn Lessons,
    keep: &Keep,
    state: &mut State,
) -> Result<Metrics, Error> {
    let at = state.note.step;
    let (loss, gradient) = sharded_gradient(settings, graph, lessons, at, &state.parameters);
    if !loss.is_finite() {
        return Err(Error::Diverged { step: at, loss });
    }
    let (lr, density) = (settings.schedule.lr(at), settings.schedule.density(at));
    let constants = &settings.optimiser;
    state
        .moments
        .step(&mut state.parameters, &gradient, at, lr, constants);
    keep.hold(layout, &mut state.parameters, density, settings.per_neuron);
    for entry in layout.entries.iter().filter(|e| e.sparse) {
        decay(&mut state.parameters[entry.range.clone()], lr, constants);
    }
    let bits = f64::from(loss) / core::f64::consts::LN_2;
    let before = state.note.smoothed.map(f64::from_bits);
    let smoothed = before.map_or(bits, |s| 0.98 * s + 0.02 * bits);
    state.note.smoothed = Some(smoothed.to_bits());
    state.note.step = at + 1;
    Ok(Metrics {
        step: at + 1,
        bits_per_byte: bits,
        smoothed,
        density,
        lr,
        tokens_per_second: 0.0,
    })
}

/// Mean loss and gradient of one step's batch, shard by shard, added in the order of the shards.
fn sharded_gradient(
    settings: &Settings,
    graph: &Graph,
    lessons: &dyn Lessons,
    step: u64,
    parameters: &[f32],
) -> (f32, Vec<f32>) {
    let (rows, shards) = (settings.batch, settings.threads);
    let part = |shard: usize| {
        let range = shard * rows / shards..(shard + 1) * rows / shards;
        let weight = range.len() as f32 / rows as f32;
        let batch = lessons.batch(step, range);
        let (loss, gradient) = graph.gradient(parameters, &batch);
        (weight, loss, gradient)
    };
    let parts: Vec<_> = if shards == 1 {
        vec![part(0)]
    } else {
        thread::scope(|scope| {
            let part = &part;
            let running: Vec<_> = (0..shards).map(|i| scope.spawn(move || part(i))).collect();
            let join = |handle: ScopedJoinHandle<'_, _>| match handle.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            running.into_iter().map(join).collect()
        })
    };
    let mut sum = vec![0.0; parameters.len()];
    let mut mean = 0.0;
    for (weight, loss, gradient) in parts {
        mean += weight * loss;
        sum.iter_mut()
            .zip(&gradient)
            .for_each(|(s, g)| *s += weight * g);
    }
    (mean, sum)
}

impl<T: Copy + Into<u32> + Sync> Lessons for Sampler<'_, T> {
    fn batch(&self, step: u64, rows: Range<usize>) -> Batch {
        let seq = self.seq();
        let (mut tokens, mut targets) = (Vec::new(), Vec::new());
        for row in rows {
            let drawn = self.sequence(step, row as u64);
            tokens.extend(drawn[..seq].iter().map(|&t| t.into()));
            targets.extend(drawn[1..].iter().map(|&t| t.into()));
        }
        Batch {
            seq,
            inputs: Inputs::Tokens(tokens.into()),
            targets: targets.into(),
            soft: None,
        }
    }
}
