//! Rows of one boot on their way into one Parquet file.
//!
//! # Invariants
//! - [`Sheet::begin`] starts a row and whoever follows fills it; columns that a kind does not have are null.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Builder, Int64Builder, ListBuilder, StringBuilder, UInt8Builder,
    UInt32Builder, UInt64Builder, new_null_array,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use lacuna::probe::Sketch;

use crate::columns::schema;
use crate::failure::Failure;

/// A sketch and where it was taken.
pub(super) struct Sketched {
    pub(super) layer: u8,
    pub(super) hook: &'static str,
    pub(super) site: &'static str,
    pub(super) stat: &'static str,
    pub(super) sketch: Sketch,
}

/// Rows of one boot.
pub(super) struct Sheet {
    model: String,
    device: String,
    boot: u32,
    first_seq: Option<u32>,
    rows: usize,
    seq: UInt32Builder,
    uptime_ms: UInt64Builder,
    received_ms: Int64Builder,
    kind: StringBuilder,
    layer: UInt8Builder,
    words: [StringBuilder; 5],
    n: UInt32Builder,
    floats: [Float64Builder; 7],
    histogram: ListBuilder<UInt32Builder>,
}

/// Places in `words`.
const WORDS: [&str; 5] = ["hook", "site", "stat", "answer", "text"];
/// Places in `floats`.
const FLOATS: [&str; 7] = ["mean", "sd", "min", "max", "score", "p", "drift"];

impl Sheet {
    pub(super) fn new(model: &str, device: &str, boot: u32) -> Self {
        Self {
            model: model.to_owned(),
            device: device.to_owned(),
            boot,
            first_seq: None,
            rows: 0,
            seq: UInt32Builder::new(),
            uptime_ms: UInt64Builder::new(),
            received_ms: Int64Builder::new(),
            kind: StringBuilder::new(),
            layer: UInt8Builder::new(),
            words: core::array::from_fn(|_| StringBuilder::new()),
            n: UInt32Builder::new(),
            floats: core::array::from_fn(|_| Float64Builder::new()),
            histogram: ListBuilder::new(UInt32Builder::new()),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn first_seq(&self) -> Option<u32> {
        self.first_seq
    }

    pub(super) fn begin(&mut self, seq: u32, uptime_ms: u64, received_ms: i64) {
        self.first_seq.get_or_insert(seq);
        self.rows += 1;
        self.seq.append_value(seq);
        self.uptime_ms.append_value(uptime_ms);
        self.received_ms.append_value(received_ms);
    }

    /// Fills the columns that only some kinds have.
    fn fill(
        &mut self,
        kind: &str,
        layer: Option<u8>,
        words: [Option<&str>; 5],
        floats: [Option<f64>; 7],
        sketch: Option<&Sketch>,
    ) {
        self.kind.append_value(kind);
        self.layer.append_option(layer);
        for (column, word) in self.words.iter_mut().zip(words) {
            column.append_option(word);
        }
        for (column, x) in self.floats.iter_mut().zip(floats) {
            column.append_option(x);
        }
        self.n.append_option(sketch.map(|s| s.n));
        if let Some(sketch) = sketch {
            for bin in sketch.histogram {
                self.histogram.values().append_value(u32::from(bin));
            }
        }
        self.histogram.append(sketch.is_some());
    }

    pub(super) fn text(&mut self, kind: &str, text: &str) {
        self.fill(
            kind,
            None,
            [None, None, None, None, Some(text)],
            [None; 7],
            None,
        );
    }

    pub(super) fn sketch(&mut self, s: &Sketched) {
        let k = &s.sketch;
        let moments = [k.mean, k.sd(), k.min, k.max].map(|x| Some(f64::from(x)));
        let [mean, sd, min, max] = moments;
        self.fill(
            "sketch",
            Some(s.layer),
            [Some(s.hook), Some(s.site), Some(s.stat), None, None],
            [mean, sd, min, max, None, None, None],
            Some(k),
        );
    }

    pub(super) fn window(&mut self, answer: &str, score: f64, p: f64, drift: f64) {
        let floats = [None, None, None, None, Some(score), Some(p), Some(drift)];
        self.fill(
            "window",
            None,
            [None, None, None, Some(answer), None],
            floats,
            None,
        );
    }

    /// The rows as a Parquet file.
    pub(super) fn parquet(mut self, file: &Path) -> Result<Vec<u8>, Failure> {
        let wrong = |e: &dyn core::fmt::Display| Failure::Write {
            path: file.to_owned(),
            source: std::io::Error::other(e.to_string()),
        };
        let schema = schema();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            columns.push(self.column(field.name(), field.data_type()));
        }
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|e| wrong(&e))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let mut bytes = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut bytes, schema, Some(properties)).map_err(|e| wrong(&e))?;
        writer.write(&batch).map_err(|e| wrong(&e))?;
        writer.close().map_err(|e| wrong(&e))?;
        Ok(bytes)
    }

    fn column(&mut self, name: &str, kind: &DataType) -> ArrayRef {
        let rows = self.rows;
        let same = |word: &str| -> ArrayRef {
            let mut column = StringBuilder::new();
            (0..rows).for_each(|_| column.append_value(word));
            Arc::new(column.finish())
        };
        if let Some(at) = WORDS.iter().position(|w| *w == name) {
            return Arc::new(self.words[at].finish());
        }
        if let Some(at) = FLOATS.iter().position(|f| *f == name) {
            return Arc::new(self.floats[at].finish());
        }
        match name {
            "device" => same(&self.device),
            "model" => same(&self.model),
            "boot" => {
                let mut column = UInt32Builder::new();
                column.append_value_n(self.boot, rows);
                Arc::new(column.finish())
            }
            "seq" => Arc::new(self.seq.finish()),
            "uptime_ms" => Arc::new(self.uptime_ms.finish()),
            "received_ms" => Arc::new(self.received_ms.finish()),
            "kind" => Arc::new(self.kind.finish()),
            "layer" => Arc::new(self.layer.finish()),
            "n" => Arc::new(self.n.finish()),
            "histogram" => Arc::new(self.histogram.finish()),
            _ => new_null_array(kind, rows),
        }
    }
}
