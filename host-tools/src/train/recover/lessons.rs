//! Windows of a text, and what the teacher says follows each token.
//!
//! # Why
//! The teacher's logits are computed anew for every step: all of them would be a vocabulary's worth of numbers a token,
//! and a forward pass costs a third of what the step itself does.

use core::ops::Range;

use super::Recover;
use crate::data::Sampler;
use crate::train::graph::{Batch, Graph, Inputs, Soft};
use crate::train::step::Lessons;

/// Who says what follows.
struct Teacher {
    graph: Graph,
    parameters: Vec<f32>,
    temperature: f32,
    share: f32,
}

/// Text, and perhaps a teacher.
pub(super) struct Taught<'a> {
    sampler: Sampler<'a, u32>,
    teacher: Option<Teacher>,
}

impl<'a> Taught<'a> {
    pub(super) fn alone(sampler: Sampler<'a, u32>) -> Self {
        let teacher = None;
        Taught { sampler, teacher }
    }

    pub(super) fn by(
        sampler: Sampler<'a, u32>,
        graph: Graph,
        parameters: Vec<f32>,
        recover: &Recover,
    ) -> Self {
        let teacher = Some(Teacher {
            graph,
            parameters,
            temperature: recover.temperature,
            share: recover.share,
        });
        Taught { sampler, teacher }
    }
}

impl Lessons for Taught<'_> {
    fn batch(&self, step: u64, rows: Range<usize>) -> Batch {
        let mut batch = self.sampler.batch(step, rows);
        if let (Some(t), Inputs::Tokens(tokens)) = (&self.teacher, &batch.inputs) {
            batch.soft = Some(Soft {
                logits: t.graph.logits(&t.parameters, tokens, batch.seq).into(),
                temperature: t.temperature,
                share: t.share,
            });
        }
        batch
    }
}
