//! Every invariant of a panel, in one walk.

use super::{GROUP, LANES, Panel, depth};
use crate::sparse::{Error, Kind, Value};

/// The first invariant that `panel` breaks.
pub(super) fn all<V: Value>(panel: &Panel<'_, V>) -> Result<(), Error> {
    let (kind, starts) = (Kind::Order, panel.parts().starts);
    if let Some(at) = starts.windows(2).position(|w| w[0] > w[1]) {
        return Err(Error { kind, at });
    }
    permutation(panel.parts().order)?;
    (0..panel.rows().div_ceil(LANES)).try_for_each(|s| slice(panel, s))
}

/// Every group of 256 is a permutation of 0..256, the last of 0..its length.
fn permutation(order: &[u8]) -> Result<(), Error> {
    for (g, group) in order.chunks(GROUP).enumerate() {
        let mut seen = [0u32; GROUP / 32];
        for (i, &row) in group.iter().enumerate() {
            let (word, bit) = (usize::from(row / 32), 1 << (row % 32));
            if usize::from(row) >= group.len() || seen[word] & bit != 0 {
                return Err(Error {
                    kind: Kind::Permutation,
                    at: g * GROUP + i,
                });
            }
            seen[word] |= bit;
        }
    }
    Ok(())
}

fn slice<V: Value>(panel: &Panel<'_, V>, slice: usize) -> Result<(), Error> {
    let per_step = LANES * depth::<V>();
    let last_base = panel.cols().saturating_sub(panel.window());
    // One more than the last column of each lane.
    let mut next = [0; LANES];
    for step in panel.steps(slice) {
        let error = |kind, entry| {
            let at = step * per_step + entry;
            Err(Error { kind, at })
        };
        let base = usize::from(panel.parts().bases[step]);
        if base > last_base {
            return error(Kind::OutOfRange, 0);
        }
        for (lane, next) in next.iter_mut().enumerate() {
            let there = slice * LANES + lane < panel.rows();
            for j in 0..depth::<V>() {
                let (column, v) = panel.entry(step, lane, j);
                let at = lane * depth::<V>() + j;
                if !v.storable() {
                    return error(Kind::Value, at);
                }
                if v.to_f32() == 0.0 {
                    if v.bits() != 0 || column != base {
                        return error(Kind::Filler, at);
                    }
                    continue;
                }
                if !there || column >= panel.cols() || column - base >= panel.window() {
                    return error(Kind::OutOfRange, at);
                }
                if column < *next {
                    return error(Kind::Unsorted, at);
                }
                *next = column + 1;
            }
        }
    }
    Ok(())
}
