//! What a product costs in each form, as measured: the table that exporter and repacking choose by.
//!
//! ```text
//! # lacuna bench-encodings --for avx512: …
//! values,encoding,major,vectors,size,1,2,5,10,20,35,50,70,100     density in percent, ascending
//! f32,csr-u16,output,1,small,0.41,0.33,…                          cost per nonzero at that density
//! ```
//!
//! # Invariants
//! - A line that cannot be read counts for nothing: a form without a cost is never chosen.
//! - A matrix is large if its dense form takes more than [`LARGE`] bytes; a table without lines for large ones answers
//!   with those for small ones.
//! - Between two densities the cost of an *element* (nonzero or not) is interpolated, beyond them the nearest one's holds.
//!
//! # Why
//! One table for the file's maker and for the machine that repacks it at load, so that both answer alike; kept as text
//! that the measuring command prints, so that nobody copies figures by hand.

use crate::format::pack::Form;
use crate::format::schema::Tensor;
use crate::format::{Encoding, Product, ValueType};
use crate::kernels::IsaName;
use crate::sparse::Major;

/// Costs by form, value type, number of vectors and density. The unit is the table's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakEven<'a>(&'a str);

/// What is to be multiplied.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Job {
    /// Which matrix.
    pub tensor: Tensor,
    /// What its elements are.
    pub value: ValueType,
    /// Its elements that are not zero.
    pub nonzeros: usize,
    /// One vector or many.
    pub product: Product,
    /// Expected share of the inputs that are not zero.
    pub active: f32,
}

impl<'a> BreakEven<'a> {
    /// A table as `lacuna bench-encodings` prints it.
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Costs of all forms that `job` may take, with the form of each.
    pub fn costs(self, job: Job) -> impl Iterator<Item = (Form, f32)> + use<'a> {
        let elements = job.tensor.rows as u64 * job.tensor.cols as u64;
        let large = elements * job.value.bits() as u64 / 8 > LARGE && self.0.contains(",large,");
        let mut lines = self.0.lines().filter(|line| !line.starts_with('#'));
        let head = lines.next().unwrap_or_default();
        lines.filter_map(move |line| {
            let mut fields = line.split(',');
            let value = fields.next()?;
            let encoding = Encoding::from_name(fields.next()?)?;
            let major = match fields.next()? {
                "output" => Major::Output,
                "input" => Major::Input,
                _ => return None,
            };
            let many = fields.next()? != "1";
            let size = fields.next()?;
            let form = Form { encoding, major };
            let fits = value == job.value.name()
                && many == (job.product == Product::Many)
                && (size == "large") == large
                && form.may_hold(job.tensor.kind);
            if !fits {
                return None;
            }
            // Of many vectors, some element of a column is never zero: only one vector's zeros are skipped.
            let share = match (major, job.product) {
                (Major::Input, Product::One) => job.active,
                _ => 1.0,
            };
            let density = job.nonzeros as f32 / elements as f32;
            let cost = element(head.split(',').skip(NAMES).zip(fields), density)?;
            Some((form, cost * elements as f32 * share))
        })
    }

    /// The form of least cost, or `None` where the table has none for `job`.
    pub fn fastest(self, job: Job) -> Option<Form> {
        let least = self.costs(job).min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(least.0)
    }
}

/// Bytes of a dense form from which on a matrix is large: it no longer stays in a core's second cache.
pub const LARGE: u64 = 1 << 20;

/// Fields of a line before its costs.
const NAMES: usize = 5;

/// Cost per element at `density`, from pairs of a density in percent and a cost per nonzero.
fn element<'a>(points: impl Iterator<Item = (&'a str, &'a str)>, density: f32) -> Option<f32> {
    let mut before: Option<(f32, f32)> = None;
    for (percent, cost) in points {
        let at = percent.parse::<f32>().ok()? / 100.0;
        let cost = cost.parse::<f32>().ok()? * at;
        if density <= at {
            let Some((low, least)) = before else {
                return Some(cost);
            };
            return Some(least + (cost - least) * (density - low) / (at - low));
        }
        before = Some((at, cost));
    }
    before.map(|(_, cost)| cost)
}

/// The table of an instruction set that repacks, or `None` where a file is used as it is. NEON and wasm, which nobody has
/// timed on their own machines, take that of AVX2: the same kinds of kernels on lanes of similar width.
pub fn break_even(isa: IsaName) -> Option<BreakEven<'static>> {
    Some(BreakEven(match isa {
        IsaName::Avx2 | IsaName::Neon | IsaName::WasmSimd128 => {
            include_str!("../../benches/break-even/avx2.csv")
        }
        IsaName::Avx512 => include_str!("../../benches/break-even/avx512.csv"),
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::schema::{Id, Kind};

    const TABLE: &str = "# a note\nvalues,encoding,major,vectors,size,10,50,100\n\
        f32,dense,output,1,small,10,2,1\nf32,csr-u16,output,1,small,4,4,4\n\
        f32,csr-u16,input,1,small,6,6,6\nf32,dense,output,32,small,5,1,0.5\n\
        f32,nonsense,output,1,small,0,0,0\nf32,dense,input,1,small,a,b,c\n\
        f32,csr-u16,input,32,small,9,9,9\n\
        i8,dense,output,1,small,10,2,1\ni8,csr-u16,output,1,small,9,9,9\n\
        i8,dense,output,1,large,10,2,1\ni8,csr-u16,output,1,large,1,1,1\n";

    fn job(density: f32, active: f32) -> Job {
        Job {
            tensor: Tensor {
                id: Id::Wq,
                layer: 0,
                kind: Kind::Matrix,
                rows: 10,
                cols: 10,
            },
            value: ValueType::F32,
            nonzeros: (density * 100.0) as usize,
            product: Product::One,
            active,
        }
    }

    fn fastest(job: Job) -> Option<(Encoding, Major)> {
        let form = BreakEven::new(TABLE).fastest(job)?;
        Some((form.encoding, form.major))
    }

    #[test]
    fn the_least_cost_wins_and_lines_without_sense_count_for_nothing() {
        let (output, input) = (Major::Output, Major::Input);
        assert_eq!(fastest(job(0.05, 1.0)), Some((Encoding::CsrU16, output)));
        assert_eq!(fastest(job(0.2, 1.0)), Some((Encoding::CsrU16, output)));
        assert_eq!(fastest(job(0.3, 1.0)), Some((Encoding::Dense, output)));
        assert_eq!(fastest(job(0.3, 0.5)), Some((Encoding::CsrU16, input)));
        let many = Job {
            product: Product::Many,
            ..job(0.05, 0.1)
        };
        assert_eq!(fastest(many), Some((Encoding::Dense, output)));
        let half = Job {
            value: ValueType::F16,
            ..job(0.5, 1.0)
        };
        assert_eq!(fastest(half), None);
        let mut lookup = job(0.3, 0.01);
        lookup.tensor.kind = Kind::Lookup;
        assert_eq!(fastest(lookup), Some((Encoding::Dense, output)));
        assert_eq!(BreakEven::new("").fastest(job(0.5, 1.0)), None);
    }

    #[test]
    fn large_matrices_have_lines_of_their_own() {
        let mut job = Job {
            value: ValueType::I8,
            ..job(0.5, 1.0)
        };
        assert_eq!(fastest(job), Some((Encoding::Dense, Major::Output)));
        (job.tensor.rows, job.tensor.cols) = (2048, 1024);
        job.nonzeros = 1 << 20;
        assert_eq!(fastest(job), Some((Encoding::CsrU16, Major::Output)));
    }

    #[test]
    fn costs_are_those_of_the_whole_matrix() {
        let table = BreakEven::new(TABLE);
        let costs = |density| {
            let mut costs = table
                .costs(job(density, 0.5))
                .map(|(_, c)| (c + 0.5) as u32);
            [costs.next(), costs.next(), costs.next()]
        };
        assert_eq!(costs(0.1), [Some(100), Some(40), Some(30)]);
        assert_eq!(costs(0.3), [Some(100), Some(120), Some(90)]);
        assert_eq!(costs(0.05), costs(0.1), "the nearest");
    }

    #[test]
    fn every_kept_table_answers_for_every_value_type() {
        for isa in [IsaName::Avx2, IsaName::Avx512] {
            let table = break_even(isa).expect("a table");
            for value in [ValueType::F32, ValueType::F16, ValueType::I8] {
                for density in [0.001, 0.1, 1.0] {
                    let job = Job {
                        value,
                        ..job(density, 1.0)
                    };
                    assert!(table.fastest(job).is_some(), "{isa} {value} {density}");
                }
            }
        }
    }
}
