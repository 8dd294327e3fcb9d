use super::{Layout, Value};

/// A place in a stored row: what a packer that walks many rows at once keeps for each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    /// Element of the row to look at next, where the layout can go to an element.
    at: usize,
    /// Column from which on to look, where it can not.
    minor: usize,
}

impl<V: Value> Layout<'_, V> {
    /// The next nonzero of stored row `major`, ascending.
    ///
    /// Constant time for CSR; linear in the zeros passed for a dense row; linear in the row for the others.
    pub(super) fn next_in(&self, major: usize, cursor: &mut Cursor) -> Option<(usize, V)> {
        match self {
            Layout::Csr(c) => {
                let (indices, values) = c.row(major);
                let zeros = values[cursor.at..].iter().take_while(|v| v.to_f32() == 0.0);
                let at = cursor.at + zeros.count();
                cursor.at = (at + 1).min(values.len());
                let (&j, &v) = indices.get(at).zip(values.get(at))?;
                Some((j.into(), v))
            }
            Layout::Dense(d) => {
                let row = d.row(major);
                let zeros = row[cursor.at..].iter().take_while(|v| v.to_f32() == 0.0);
                let at = cursor.at + zeros.count();
                cursor.at = (at + 1).min(row.len());
                row.get(at).map(|&v| (at, v))
            }
            _ => {
                let mut found = None;
                self.for_each_in(major, |j, v| {
                    if found.is_none() && j >= cursor.minor && v.to_f32() != 0.0 {
                        found = Some((j, v));
                    }
                });
                cursor.minor = found.map_or(usize::MAX, |(j, _)| j + 1);
                found
            }
        }
    }
}
