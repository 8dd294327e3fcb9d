//! Writing a panel from any other layout into a caller's memory.

use super::{GROUP, LANES, Panel, Parts, depth, index_at};
use crate::sparse::cursor::Cursor;
use crate::sparse::{Error, Kind, Layout, Value};

/// Steps that sorting a row must save to pay for putting its sum back in place: one for every so many rows.
const ROWS_PER_STEP: usize = 5;

/// How much memory a panel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Shape of the source, major axis first.
    pub shape: (usize, usize),
    /// Columns of a window.
    pub window: usize,
    /// Steps: entries of [`Room::bases`].
    pub steps: usize,
    /// Entries of [`Room::indices`] and of [`Room::values`].
    pub entries: usize,
    /// Entries of [`Room::starts`].
    pub starts: usize,
    /// Entries of [`Room::order`]: 0 if sorting does not pay.
    pub order: usize,
}

/// Memory for a panel; what it held is overwritten.
#[derive(Debug)]
pub struct Room<'a, V> {
    /// As [`Parts::starts`].
    pub starts: &'a mut [u32],
    /// As [`Parts::bases`].
    pub bases: &'a mut [u16],
    /// As [`Parts::indices`].
    pub indices: &'a mut [u8],
    /// As [`Parts::values`].
    pub values: &'a mut [V],
    /// As [`Parts::order`].
    pub order: &'a mut [u8],
}

impl<'a, V: Value + Default> Panel<'a, V> {
    /// What [`Panel::pack`] will write for the rows of `source`. Exact zeros are left out.
    ///
    /// `None` if `source` has rows that are wider than 65 536 or more steps than 32 bits count.
    pub fn need(source: &Layout<'_, V>, window: usize) -> Option<Need> {
        let (rows, cols) = source.shape();
        if cols > usize::from(u16::MAX) + 1 {
            return None;
        }
        let steps = |sorted| {
            let mut steps = 0;
            walk(source, window, sorted, |_| (), |_| steps += 1);
            steps
        };
        let (plain, sorted) = (steps(false), steps(true));
        let sorts = plain - plain.min(sorted) > rows / ROWS_PER_STEP;
        let steps = if sorts { sorted } else { plain };
        u32::try_from(steps).ok()?;
        Some(Need {
            shape: (rows, cols),
            window,
            steps,
            entries: steps.checked_mul(LANES * depth::<V>())?,
            starts: rows.div_ceil(LANES) + 1,
            order: if sorts { rows } else { 0 },
        })
    }

    /// Writes the rows of `source` into `room` and wraps them. `need` is what [`Panel::need`] said of the same source.
    ///
    /// # Errors
    /// [`Kind::Length`] if a part of `room` has another length than `need` says.
    pub fn pack(source: &Layout<'_, V>, need: Need, room: Room<'a, V>) -> Result<Self, Error> {
        let lengths = room.starts.len() == need.starts
            && room.bases.len() == need.steps
            && room.indices.len() == need.entries
            && room.values.len() == need.entries
            && room.order.len() == need.order
            && source.shape() == need.shape;
        let length = Error {
            kind: Kind::Length,
            at: room.values.len(),
        };
        if !lengths {
            return Err(length);
        }
        let per_step = LANES * depth::<V>();
        let mut steps = room.bases.iter_mut().zip(
            room.indices
                .chunks_exact_mut(per_step)
                .zip(room.values.chunks_exact_mut(per_step)),
        );
        let mut ends = room.starts.iter_mut();
        let (mut at, mut whole) = (0, true);
        ends.next().into_iter().for_each(|first| *first = 0);
        let write = |step: &Step<V>| match steps.next() {
            Some((base, (indices, values))) => {
                *base = step.base;
                indices.copy_from_slice(&step.indices[..per_step]);
                values.copy_from_slice(&step.values[..per_step]);
            }
            None => whole = false,
        };
        let end = |steps| {
            if let Some(end) = ends.next() {
                *end = steps as u32;
            }
        };
        walk(source, need.window, need.order != 0, end, write);
        if !whole {
            return Err(length);
        }
        for (g, group) in room.order.chunks_mut(GROUP).enumerate() {
            let sorted = order(source, g * GROUP, group.len());
            group.copy_from_slice(&sorted[..group.len()]);
            at += group.len();
        }
        debug_assert_eq!(at, need.order);
        let parts = Parts {
            starts: room.starts,
            bases: room.bases,
            indices: room.indices,
            values: room.values,
            order: room.order,
        };
        Self::trusted(need.shape, need.window, parts)
    }
}

/// One step; floats use the first 64 entries.
struct Step<V> {
    base: u16,
    indices: [u8; LANES * 4],
    values: [V; LANES * 4],
}

/// Positions of `n` rows from `first` on, longest first, equals in place.
fn order<V: Value>(source: &Layout<'_, V>, first: usize, n: usize) -> [u8; GROUP] {
    let mut keyed = [(0u32, 0u8); GROUP];
    for (i, (length, row)) in keyed[..n].iter_mut().enumerate() {
        let mut cursor = Cursor::default();
        while source.next_in(first + i, &mut cursor).is_some() {
            *length += 1;
        }
        (*length, *row) = (u32::MAX - *length, i as u8);
    }
    keyed[..n].sort_unstable();
    keyed.map(|(_, row)| row)
}

/// Calls `step` for every step and `end(steps so far)` behind every slice.
fn walk<V: Value + Default>(
    source: &Layout<'_, V>,
    window: usize,
    sorted: bool,
    mut end: impl FnMut(usize),
    mut step: impl FnMut(&Step<V>),
) {
    let (rows, cols) = source.shape();
    let mut steps = 0;
    for first in (0..rows).step_by(GROUP) {
        let n = GROUP.min(rows - first);
        let order = match sorted {
            true => order(source, first, n),
            false => core::array::from_fn(|i| i as u8),
        };
        for lanes in order[..n].chunks(LANES) {
            let row = |lane: usize| first + usize::from(lanes[lane]);
            let mut cursors = [Cursor::default(); LANES];
            let mut heads: [Option<(usize, V)>; LANES] = [None; LANES];
            for lane in 0..lanes.len() {
                heads[lane] = source.next_in(row(lane), &mut cursors[lane]);
            }
            while let Some(column) = heads.iter().flatten().map(|(j, _)| *j).min() {
                let base = column.min(cols.saturating_sub(window));
                let mut s = Step {
                    base: base as u16,
                    indices: [0; LANES * 4],
                    values: [V::default(); LANES * 4],
                };
                for lane in 0..lanes.len() {
                    for j in 0..depth::<V>() {
                        match heads[lane] {
                            Some((column, v)) if column < base + window => {
                                s.indices[index_at::<V>(lane, j)] = (column - base) as u8;
                                s.values[lane * depth::<V>() + j] = v;
                                heads[lane] = source.next_in(row(lane), &mut cursors[lane]);
                            }
                            _ => break,
                        }
                    }
                }
                step(&s);
                steps += 1;
            }
            end(steps);
        }
    }
}
