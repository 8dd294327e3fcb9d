//! The columns of decoded telemetry, one row a record.
//!
//! # Invariants
//! - A column that a file lacks reads as null, except the [`ALWAYS`] ones; a column of another type is refused.
//! - Floats are 64 bits wide here; devices send 32.
//!
//! # Why
//! The schema is written down rather than inferred: a folder collects files of many versions and of some mistakes, and
//! inference would take the first file's word for all.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// Columns without nulls that every file has.
pub const ALWAYS: [&str; 5] = ["device", "model", "boot", "seq", "kind"];

/// The whole schema, in file order.
pub fn schema() -> SchemaRef {
    use DataType::{Float64, Int64, UInt8, UInt32, UInt64, Utf8};
    let histogram = DataType::List(Arc::new(Field::new("item", UInt32, true)));
    let columns = [
        ("device", Utf8),
        ("model", Utf8),
        ("boot", UInt32),
        ("seq", UInt32),
        ("uptime_ms", UInt64),
        ("received_ms", Int64),
        ("kind", Utf8),
        ("position", UInt32),
        ("layer", UInt8),
        ("hook", Utf8),
        ("site", Utf8),
        ("stat", Utf8),
        ("n", UInt32),
        ("mean", Float64),
        ("sd", Float64),
        ("min", Float64),
        ("max", Float64),
        ("histogram", histogram),
        ("answer", Utf8),
        ("score", Float64),
        ("p", Float64),
        ("drift", Float64),
        ("ticks", UInt64),
        ("text", Utf8),
        ("digest", Utf8),
    ];
    let field = |(name, kind): (&str, DataType)| Field::new(name, kind, !ALWAYS.contains(&name));
    Arc::new(Schema::new(
        columns.into_iter().map(field).collect::<Vec<_>>(),
    ))
}

/// Whether `found` in a file holds the same values as `expected`: dictionaries, long and short strings are one thing.
pub fn same(found: &DataType, expected: &DataType) -> bool {
    match (found, expected) {
        (DataType::Dictionary(_, value), _) => same(value, expected),
        (DataType::LargeUtf8 | DataType::Utf8View, DataType::Utf8) => true,
        (
            DataType::List(a) | DataType::LargeList(a) | DataType::FixedSizeList(a, _),
            DataType::List(b),
        ) => same(a.data_type(), b.data_type()),
        _ => found == expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_every_layout_are_one_type() {
        let dictionary =
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8));
        assert!(same(&dictionary, &DataType::Utf8));
        assert!(!same(&DataType::Int32, &DataType::UInt32));
    }
}
