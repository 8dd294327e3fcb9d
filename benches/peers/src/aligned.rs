//! Floats that start at a cache line, as the tensors of a model file do: no entrant pays for where a vector fell.

use std::ops::{Deref, DerefMut};

/// A slice whose first element lies at a multiple of 64 bytes.
#[derive(Debug)]
pub struct Aligned {
    room: Vec<f32>,
    from: usize,
    len: usize,
}

impl Aligned {
    /// Zeros.
    pub fn zeros(len: usize) -> Aligned {
        let room = vec![0.0; len + 16];
        let from = room.as_ptr().align_offset(64).min(16);
        Aligned { room, from, len }
    }

    /// A copy.
    pub fn of(values: &[f32]) -> Aligned {
        let mut all = Aligned::zeros(values.len());
        all.copy_from_slice(values);
        all
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.room[self.from..][..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.room[self.from..][..self.len]
    }
}
