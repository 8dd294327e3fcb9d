//! The points of a curve as rows of text, for the terminal and the page alike.

use super::curve::{ACCURACY, Curve, LOSS, Point, TEST, VALIDATION};
use crate::report::{bytes, count};

/// Names of the columns.
const HEAD: [&str; 13] = [
    "fixed",
    "dense width",
    "made",
    "density",
    "width",
    "lr ×",
    "parameters",
    "nonzeros",
    "file",
    "bits/byte",
    "test",
    "tasks",
    "loss",
];

impl Curve {
    /// Names of the columns, and a row for every point, line after line.
    pub fn table(&self) -> ([&'static str; 13], Vec<[String; 13]>) {
        let lines = self.lines();
        let points = lines.iter().flat_map(|(_, line)| line.iter());
        (HEAD, points.map(|point| row(point)).collect())
    }
}

fn row(p: &Point) -> [String; 13] {
    [
        p.place.fixed.name().to_owned(),
        p.place.base_width.to_string(),
        p.place.made(),
        p.place.density.to_string(),
        p.place.width.unwrap_or(0).to_string(),
        p.lr.to_string(),
        count(p.parameters as u64),
        count(p.nonzeros),
        bytes(p.file_bytes as u64),
        p.shown(VALIDATION),
        p.shown(TEST),
        p.shown(ACCURACY),
        p.shown(LOSS),
    ]
}
