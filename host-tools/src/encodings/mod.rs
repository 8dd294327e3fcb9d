//! What every encoding costs: the break-even tables that exporter and engine choose by.
//!
//! ```text
//! seeded matrices ─► every encoding × values × density ─► Isa::matvec, matmul ─► nanoseconds ──┐
//! board's firmware, `cargo icount` ─────────────────────► instructions ─────────────────────────┴─► Table ─► CSV
//! ```
//!
//! # Invariants
//! - A table is printed in the form that `lacuna::model::break_even` reads and `benches/break-even` keeps.
//! - Costs are per nonzero, geometric means over shapes; the lowest in a column is the form to choose.
//!
//! # Why
//! Forms of one matrix take turns in every round, so that what disturbs a machine disturbs all of them alike; the best
//! of several rounds counts.

mod board;
mod desktop;

use lacuna::format::pack::Form;
use lacuna::format::{Product, ValueType};
use lacuna::sparse::Major;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::report::table;

pub use board::{Error, count, read};
pub use desktop::{matrices, measure};

/// Vectors of a product with many.
pub const MANY: usize = 32;

/// Costs by form, values, vectors and size, at ascending densities.
#[derive(Clone, Debug)]
pub struct Table {
    /// The command that prints it, and in what unit.
    pub note: String,
    /// Densities, percent.
    pub densities: Vec<f64>,
    /// One line a form.
    pub lines: Vec<Line>,
}

/// Costs of one form.
#[derive(Clone, Debug)]
pub struct Line {
    /// What is stored.
    pub value: ValueType,
    /// How.
    pub form: Form,
    /// Vectors at once.
    pub vectors: usize,
    /// Whether its matrices are large.
    pub large: bool,
    /// Cost per nonzero at each density.
    pub costs: Vec<f64>,
}

impl Line {
    fn size(&self) -> &'static str {
        if self.large { "large" } else { "small" }
    }

    /// One vector or many.
    pub fn product(&self) -> Product {
        match self.vectors {
            1 => Product::One,
            _ => Product::Many,
        }
    }
}

fn orientation(major: Major) -> &'static str {
    match major {
        Major::Output => "output",
        Major::Input => "input",
    }
}

impl Table {
    /// The text that the repository keeps.
    pub fn csv(&self) -> String {
        let mut text = format!("# {}\nvalues,encoding,major,vectors,size", self.note);
        for density in &self.densities {
            text += &format!(",{density}");
        }
        text.push('\n');
        for line in &self.lines {
            let major = orientation(line.form.major);
            let (encoding, vectors, size) = (line.form.encoding, line.vectors, line.size());
            text += &format!("{},{encoding},{major},{vectors},{size}", line.value);
            for cost in &line.costs {
                text += &format!(",{}", short(*cost));
            }
            text.push('\n');
        }
        text
    }

    /// Where forms break even: the cheapest form by values, vectors, size and range of densities.
    pub fn winners(&self) -> String {
        let mut rows: Vec<[String; 5]> = Vec::new();
        let mut seen: Vec<(ValueType, usize, &str)> = Vec::new();
        for line in &self.lines {
            let group = (line.value, line.vectors, line.size());
            if seen.contains(&group) {
                continue;
            }
            seen.push(group);
            let mut ranges: Vec<(Form, f64, f64)> = Vec::new();
            for (at, &density) in self.densities.iter().enumerate() {
                let lines = self.lines.iter();
                let lines = lines.filter(|l| (l.value, l.vectors, l.size()) == group);
                let Some(least) = lines.min_by(|a, b| a.costs[at].total_cmp(&b.costs[at])) else {
                    continue;
                };
                match ranges.last_mut() {
                    Some((form, _, last)) if *form == least.form => *last = density,
                    _ => ranges.push((least.form, density, density)),
                }
            }
            let (value, vectors, size) = group;
            rows.extend(ranges.into_iter().map(|(form, first, last)| {
                [
                    value.to_string(),
                    vectors.to_string(),
                    size.to_owned(),
                    format!("{first} to {last} %"),
                    format!("{} {}", form.encoding, orientation(form.major)),
                ]
            }));
        }
        table(["values", "vectors", "size", "density", "cheapest"], rows)
    }
}

/// What the first line of a table says.
pub fn note(target: &str, unit: &str) -> String {
    format!("lacuna bench-encodings --for {target}: {unit} per nonzero")
}

/// Three digits are more than a timing is worth.
fn short(cost: f64) -> String {
    match cost {
        c if c >= 100.0 => format!("{c:.0}"),
        c if c >= 10.0 => format!("{c:.1}"),
        c if c >= 1.0 => format!("{c:.2}"),
        c => format!("{c:.4}"),
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut line = to.serialize_struct("Line", 6)?;
        line.serialize_field("values", self.value.name())?;
        line.serialize_field("encoding", self.form.encoding.name())?;
        line.serialize_field("major", orientation(self.form.major))?;
        line.serialize_field("vectors", &self.vectors)?;
        line.serialize_field("size", self.size())?;
        line.serialize_field("costs", &self.costs)?;
        line.end()
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut table = to.serialize_struct("Table", 3)?;
        table.serialize_field("note", &self.note)?;
        table.serialize_field("densities_percent", &self.densities)?;
        table.serialize_field("lines", &self.lines)?;
        table.end()
    }
}

#[cfg(test)]
mod tests {
    use lacuna::format::Encoding;
    use lacuna::format::schema::{Id, Kind, Tensor};
    use lacuna::model::break_even::{BreakEven, Job};

    use super::*;

    #[test]
    fn what_is_printed_is_what_is_read() {
        let line = |encoding, costs| Line {
            value: ValueType::F16,
            form: Form {
                encoding,
                major: Major::Output,
            },
            vectors: 1,
            large: false,
            costs,
        };
        let table = Table {
            note: "a test".to_owned(),
            densities: vec![5.0, 50.0],
            lines: vec![
                line(Encoding::Dense, vec![2.0, 0.2]),
                line(Encoding::Panel32, vec![0.5, 0.4]),
            ],
        };
        let job = |nonzeros| Job {
            tensor: Tensor {
                id: Id::W1,
                layer: 0,
                kind: Kind::Matrix,
                rows: 10,
                cols: 100,
            },
            value: ValueType::F16,
            nonzeros,
            product: Product::One,
            active: 1.0,
        };
        let text = table.csv();
        let fastest = |n| BreakEven::new(&text).fastest(job(n)).map(|f| f.encoding);
        assert_eq!(fastest(50), Some(Encoding::Panel32));
        assert_eq!(fastest(500), Some(Encoding::Dense));
        assert!(table.winners().contains("panel-32"), "{}", table.winners());
    }
}
