//! From tensor to line of the directory without a search.

use super::schema::{self, Id};
use crate::config::Config;

const IDS: usize = Id::HeadBias as usize + 1;
const ABSENT: u8 = u8::MAX;

/// Where each tensor stands in the directory, so that a look-up is one addition and one multiplication.
///
/// ```text
/// before: 0 1 2 …  │ layer 0: first, first + 1, … │ layer 1: first + stride, … │ after
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// Place within its part (before, a layer, after) by id, or [`ABSENT`].
    within: [u8; IDS],
    before: u8,
    stride: u8,
    layers: u8,
}

impl Places {
    pub(crate) fn new(config: &Config) -> Self {
        let mut places = Self {
            within: [ABSENT; IDS],
            before: 0,
            stride: 0,
            layers: config.n_layers as u8,
        };
        let mut after = 0;
        for tensor in schema::tensors(config).filter(|t| t.layer == 0) {
            let next = match part(tensor.id) {
                Part::Before => &mut places.before,
                Part::Layer => &mut places.stride,
                Part::After => &mut after,
            };
            places.within[tensor.id as usize] = *next;
            *next += 1;
        }
        places
    }

    /// Place of a tensor in file order, or `None` where the configuration has no such tensor.
    pub(crate) fn of(&self, id: Id, layer: usize) -> Option<usize> {
        let within = match self.within[id as usize] {
            ABSENT => return None,
            within => usize::from(within),
        };
        let (before, stride, layers) = (
            usize::from(self.before),
            usize::from(self.stride),
            usize::from(self.layers),
        );
        match part(id) {
            Part::Before if layer == 0 => Some(within),
            Part::Layer if layer < layers => Some(before + layer * stride + within),
            Part::After if layer == 0 => Some(before + layers * stride + within),
            _ => None,
        }
    }
}

enum Part {
    Before,
    Layer,
    After,
}

/// Ids are numbered by part: below 16 before the blocks, below 48 in them, then after.
fn part(id: Id) -> Part {
    match id as u8 {
        0..16 => Part::Before,
        16..48 => Part::Layer,
        _ => Part::After,
    }
}
