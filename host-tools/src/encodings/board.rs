//! Instructions on an emulated board, counted by the board's own firmware.
//!
//! ```text
//! csr-f32-output-10 portable 55753 6577 8.47      form and density, kernels, instructions, products, each
//! csr-f32-output-10-x4 portable 130000 26308 4.94      the same of four vectors at once
//! ```

use std::process::Command;

use lacuna::format::pack::Form;
use lacuna::format::{Encoding, ValueType};
use lacuna::sparse::Major;

use super::{Line, Table};
use crate::device::{self, Board, Missing};

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is not installed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The firmware's source is not where this program was built.
    #[error("the source tree that this program was built from is gone, and with it the firmware")]
    NoSource,
    /// cargo or the emulator failed.
    #[error("the board's firmware did not count:\n{0}")]
    Failed(String),
}

/// Densities that a table of a board has, percent: the two that are counted and both ends of the line through them.
const DENSITIES: [f64; 4] = [1.0, 10.0, 45.0, 100.0];

/// Builds and runs the counting firmware of `board`; its text.
///
/// # Errors
/// [`Error`].
pub fn count(board: &'static Board) -> Result<String, Error> {
    let source = device::source(board).ok_or(Error::NoSource)?;
    let cargo = device::cargo(board, &source)?;
    device::emulator(board)?;
    let run = Command::new(cargo)
        .arg("icount")
        .current_dir(&source)
        // Flags and targets meant for this machine's compiler are not meant for the board's.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .map_err(|e| Error::Failed(e.to_string()))?;
    if run.status.success() {
        Ok(String::from_utf8_lossy(&run.stdout).into_owned())
    } else {
        Err(Error::Failed(
            String::from_utf8_lossy(&run.stderr).into_owned(),
        ))
    }
}

/// One counted product.
struct Counted {
    /// Vectors at once.
    vectors: usize,
    value: ValueType,
    form: Form,
    percent: f64,
    /// Instructions per nonzero.
    each: f64,
}

/// `None` for a line that says something else, or another kind of product than of dense vectors.
fn counted(line: &str, only: Option<&str>) -> Option<Counted> {
    let mut words = line.split(' ');
    let name = words.next()?;
    let kernels = words.next()?;
    let instructions: f64 = words.next()?.parse().ok()?;
    let products: f64 = words.next()?.parse().ok()?;
    if only.is_some_and(|only| only != kernels) || products == 0.0 {
        return None;
    }
    let (name, vectors) = match name.rsplit_once("-x") {
        Some((name, vectors)) => (name, vectors.parse().ok()?),
        None => (name, 1),
    };
    let parts: Vec<&str> = name.split('-').collect();
    let &[pattern, value, major, percent] = &parts[..] else {
        return None;
    };
    let encoding = match pattern {
        "dense" => Encoding::Dense,
        "csr" => Encoding::CsrU16,
        "gaps" => Encoding::CsrU8Gap,
        "nibbles" => Encoding::NibbleGap,
        "bitmask" => Encoding::Bitmask,
        _ => return None,
    };
    let value = [ValueType::F32, ValueType::F16, ValueType::I8]
        .into_iter()
        .find(|v| v.name() == value)?;
    let major = match major {
        "output" => Major::Output,
        "input" => Major::Input,
        _ => return None,
    };
    Some(Counted {
        vectors,
        value,
        form: Form { encoding, major },
        percent: percent.parse().ok()?,
        each: instructions / products,
    })
}

/// The table of what a board's firmware printed; of several kernels the best, or `only` those of one name.
///
/// A scalar loop costs so much a row and so much a nonzero, so two densities give all others.
pub fn read(note: String, text: &str, only: Option<&str>) -> Table {
    let mut lines: Vec<(Line, Vec<(f64, f64)>)> = Vec::new();
    for c in text.lines().filter_map(|line| counted(line, only)) {
        let same = |l: &Line| (l.vectors, l.value, l.form) == (c.vectors, c.value, c.form);
        if !lines.iter().any(|(l, _)| same(l)) {
            let line = Line {
                value: c.value,
                form: c.form,
                vectors: c.vectors,
                large: false,
                costs: Vec::new(),
            };
            lines.push((line, Vec::new()));
        }
        for (_, points) in lines.iter_mut().filter(|(l, _)| same(l)) {
            match points.iter_mut().find(|(percent, _)| *percent == c.percent) {
                Some((_, each)) => *each = each.min(c.each),
                None => points.push((c.percent, c.each)),
            }
        }
    }
    let lines = lines.into_iter().map(|(line, points)| Line {
        costs: DENSITIES.map(|d| at(&points, d)).to_vec(),
        ..line
    });
    Table {
        note,
        densities: DENSITIES.to_vec(),
        lines: lines.collect(),
    }
}

/// Cost per nonzero at `percent`: that of an element is a line through the first and the last point.
fn at(points: &[(f64, f64)], percent: f64) -> f64 {
    let element = |&(p, each): &(f64, f64)| (p, each * p);
    let (Some((a, low)), Some((b, high))) =
        (points.first().map(element), points.last().map(element))
    else {
        return f64::INFINITY;
    };
    let slope = if b > a { (high - low) / (b - a) } else { 0.0 };
    (low + slope * (percent - a)).max(0.0) / percent
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a board: 10 x 10\ninput-f32 portable 387 64 6.04\n\
        dense-i8-output-100 portable 200 100 2.00\n\
        csr-i8-output-10 portable 90 10 9.00\ncsr-i8-output-10 armv7em 60 10 6.00\n\
        csr-i8-output-10-x4 portable 120 40 3.00\ncsr-i8-input-10-sparse portable 1 10 0.10\n\
        csr-i8-output-45 portable 225 45 5.00\n";

    #[test]
    fn the_best_kernels_count_and_two_densities_give_all() {
        let table = read(String::new(), TEXT, None);
        let costs: Vec<_> = table.lines.iter().map(|l| l.costs.clone()).collect();
        assert_eq!(table.lines.len(), 3);
        assert_eq!(table.lines[2].vectors, 4);
        assert_eq!(table.lines[2].costs[1], 3.0);
        assert_eq!(costs[0], [200.0, 20.0, 2.0 / 0.45, 2.0]);
        // 0.6 an element at 10 %, 2.25 at 45 %.
        let slope = (225.0 - 60.0) / 35.0;
        assert_eq!(costs[1][1..3], [6.0, 5.0]);
        assert!((costs[1][3] - (60.0 + slope * 90.0) / 100.0).abs() < 1e-12);
        let portable = read(String::new(), TEXT, Some("portable"));
        assert_eq!(portable.lines[1].costs[1], 9.0);
    }
}
