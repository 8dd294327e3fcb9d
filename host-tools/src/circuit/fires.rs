//! What each node of a circuit fires on: the prompts and places of its largest activations in the whole model.
//!
//! # Invariants
//! - Activations are the engine's, after AbsTopK, seen by a probe.
//! - Of each prompt only the largest |activation| counts, so one prompt cannot fill the list.

use lacuna::probe::{At, Hook, Probe, Site};
use serde::Serialize;

use super::Error;
use super::cases::Cases;
use super::constants::seen;
use crate::checkpoint::Checkpoint;
use crate::train::graph::Nodes;

/// Prompts that are looked at.
const PROMPTS: usize = 128;
/// Places that are kept of each node.
const PLACES: usize = 4;

/// An activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Fired {
    /// Number of the prompt.
    pub case: usize,
    /// Number of the token in it.
    pub at: usize,
    /// Its value there.
    pub value: f32,
}

/// The largest activations of every node, largest first.
///
/// # Errors
/// A model that the engine does not run.
pub fn fires(model: &Checkpoint, cases: &Cases) -> Result<Vec<Vec<Fired>>, Error> {
    let nodes = Nodes::new(&model.config);
    let probe = Peaks {
        case: 0,
        now: vec![Fired::default(); nodes.len],
        nodes,
    };
    let mut best: Vec<Vec<Fired>> = vec![Vec::new(); probe.now.len()];
    seen(model, probe, |session| {
        for (number, case) in cases.all().iter().take(PROMPTS).enumerate() {
            session.clear();
            let probe = session.probe_mut();
            probe.case = number;
            probe.now.fill(Fired::default());
            session.prompt(&case.tokens).map_err(Error::Session)?;
            for (best, now) in best.iter_mut().zip(&session.probe().now) {
                best.push(*now);
                best.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
                best.truncate(PLACES);
            }
        }
        Ok(())
    })?;
    for best in &mut best {
        best.retain(|fired| fired.value != 0.0);
    }
    Ok(best)
}

/// The largest activation of every node in one prompt.
#[derive(Clone)]
struct Peaks {
    nodes: Nodes,
    case: usize,
    now: Vec<Fired>,
}

impl Probe for Peaks {
    fn observe(&mut self, _: Site, _: &[f32]) {}

    fn observe_at(&mut self, at: At, site: Site, x: &[f32]) {
        let range = self.nodes.range(site.layer.into(), site.hook);
        for (peak, &value) in self.now[range].iter_mut().zip(x) {
            if value.abs() > peak.value.abs() {
                *peak = Fired {
                    case: self.case,
                    at: at.position as usize,
                    value,
                };
            }
        }
    }

    fn wants(&self, hook: Hook) -> bool {
        hook != Hook::Logits
    }
}
