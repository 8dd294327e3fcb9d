//! Aligned tables and the units in them.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A table without ruling: columns of numbers to the right, of words to the left.
pub fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut words = [false; N];
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head);
    for row in rows {
        for (words, cell) in words.iter_mut().zip(&row) {
            *words |= cell.starts_with(|c: char| !c.is_ascii_digit() && c != '-' && c != '+');
        }
        table.add_row(row);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { 1 }, 1));
        if !words[i] {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// `1234567` as `1 234 567`: digits in groups of three.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Bytes with a binary unit from 10 KiB on: `9 216 B`, `61.4 KiB`, `1.2 MiB`.
pub fn bytes(n: u64) -> String {
    const KIB: f64 = 1024.0;
    if n < 10 * 1024 {
        return format!("{} B", count(n));
    }
    let kib = n as f64 / KIB;
    if kib < KIB {
        format!("{kib:.1} KiB")
    } else {
        format!("{:.1} MiB", kib / KIB)
    }
}

/// A share as per cent with one decimal.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1 000");
        assert_eq!(count(1234567), "1 234 567");
        assert_eq!(bytes(9216), "9 216 B");
        assert_eq!(bytes(62874), "61.4 KiB");
        assert_eq!(percent(0.1), "10.0 %");
    }

    #[test]
    fn columns_line_up() {
        let text = table(
            ["name", "bytes"],
            [["a".into(), "1".into()], ["long".into(), "12 345".into()]],
        );
        assert_eq!(text, "name   bytes\na          1\nlong  12 345");
    }
}
