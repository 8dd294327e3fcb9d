//! What a race found, as lines that one process writes and another reads.

use std::fmt;
use std::str::FromStr;

use crate::race::Side;

/// One entrant in one race.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Code path of oneMKL in that process.
    pub path: String,
    /// `(rows, cols)`.
    pub shape: (usize, usize),
    /// Per cent present.
    pub density: u32,
    /// Tokens at once.
    pub tokens: usize,
    /// Who.
    pub name: String,
    /// On which side.
    pub side: Side,
    /// Nanoseconds of one product.
    pub ns: f64,
    /// Nanoseconds per stored element and token.
    pub each: f64,
    /// Farthest from the right answer, relative to its largest element; NaN where it was not compared.
    pub error: f64,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, cols) = self.shape;
        write!(
            f,
            "{}\t{rows}x{cols}\t{}\t{}\t{}\t{:?}\t{:.2}\t{:.5}\t{:.1e}",
            self.path,
            self.density,
            self.tokens,
            self.name,
            self.side,
            self.ns,
            self.each,
            self.error
        )
    }
}

/// A line that is no [`Row`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRow;

/// `256x1024`.
pub fn shape(s: &str) -> Option<(usize, usize)> {
    let (rows, cols) = s.split_once('x')?;
    Some((rows.parse().ok()?, cols.parse().ok()?))
}

impl FromStr for Row {
    type Err = NoRow;

    fn from_str(line: &str) -> Result<Row, NoRow> {
        let words: Vec<&str> = line.split('\t').collect();
        let [path, dims, density, tokens, name, side, ns, each, error] = words[..] else {
            return Err(NoRow);
        };
        let sides = [Side::Peer, Side::PeerDense, Side::Ours, Side::Input];
        let side = sides.into_iter().find(|s| format!("{s:?}") == side);
        Ok(Row {
            path: path.into(),
            shape: shape(dims).ok_or(NoRow)?,
            density: density.parse().map_err(|_| NoRow)?,
            tokens: tokens.parse().map_err(|_| NoRow)?,
            name: name.into(),
            side: side.ok_or(NoRow)?,
            ns: ns.parse().map_err(|_| NoRow)?,
            each: each.parse().map_err(|_| NoRow)?,
            error: error.parse().map_err(|_| NoRow)?,
        })
    }
}

impl Row {
    /// The row as a JSON object.
    pub fn json(&self) -> String {
        let ((rows, cols), side) = (self.shape, format!("{:?}", self.side).to_lowercase());
        format!(
            "{{\"path\":\"{}\",\"rows\":{rows},\"cols\":{cols},\"density\":{},\"tokens\":{},\"name\":\"{}\",\
             \"side\":\"{side}\",\"ns\":{:.2},\"ns_per_nnz\":{:.5}}}",
            self.path, self.density, self.tokens, self.name, self.ns, self.each
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Side};

    #[test]
    fn rows_come_back() {
        let row = Row {
            path: "own".into(),
            shape: (256, 1024),
            density: 10,
            tokens: 1,
            name: "mkl-ie".into(),
            side: Side::PeerDense,
            ns: 12.5,
            each: 0.125,
            error: 0.0,
        };
        assert_eq!(row.to_string().parse(), Ok(row));
        assert!("256x256 mkl".parse::<Row>().is_err());
    }
}
