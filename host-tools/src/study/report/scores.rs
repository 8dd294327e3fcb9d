//! Every window as a row of a Parquet file.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray, UInt32Array};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::Error;
use crate::output::Unfinished;
use crate::study::measure::{Item, Seen};
use crate::study::trial::Side;

/// Writes where each window is from, its loss, and its statistics.
pub(super) fn write(seen: &Seen, path: &Path) -> Result<(), Error> {
    let items = &seen.items;
    let words = |of: &dyn Fn(&Item) -> String| -> ArrayRef {
        Arc::new(items.iter().map(|i| Some(of(i))).collect::<StringArray>())
    };
    let number = |of: &dyn Fn(&Item) -> u32| -> ArrayRef {
        Arc::new(items.iter().map(|i| Some(of(i))).collect::<UInt32Array>())
    };
    let real = |of: &dyn Fn(&Item) -> f64| -> ArrayRef {
        let some = |x: f64| (!x.is_nan()).then_some(x);
        Arc::new(items.iter().map(|i| some(of(i))).collect::<Float64Array>())
    };
    let family = |i: &Item| &seen.families[i.family];
    let mut columns: Vec<(String, ArrayRef)> = [
        ("seed", number(&|i| i.place.seed + 1)),
        ("family", words(&|i| family(i).name.clone())),
        ("grade", words(&|i| family(i).levels[i.level].clone())),
        ("level", number(&|i| i.level as u32)),
        (
            "side",
            words(&|i| match i.side {
                Side::Fit => "fit".to_owned(),
                Side::Test => "test".to_owned(),
            }),
        ),
        (
            "unit",
            words(&|i| seen.units[i.place.unit as usize].clone()),
        ),
        ("length", number(&|i| i.length as u32)),
        ("last_token", number(&|i| i.last)),
        ("loss_bits", real(&|i| i.loss)),
        ("clamped_loss_bits", real(&|i| i.clamped)),
    ]
    .map(|(name, column)| (name.to_owned(), column))
    .into();
    for (c, name) in seen.columns.iter().enumerate() {
        let values: Float32Array = items.iter().map(|i| i.values.get(c).copied()).collect();
        columns.push((name.clone(), Arc::new(values)));
    }
    let batch = RecordBatch::try_from_iter(columns)?;
    let file = Unfinished::create(path)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.into_inner()?.publish(path)?;
    Ok(())
}
