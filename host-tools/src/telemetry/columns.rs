//! Rows as columns, for Parquet.
//!
//! # Invariants
//! - The schema is one for all files; a column is only ever appended.
//!
//! # Why
//! Builders keep a few thousand rows: enough for a batch, little enough for many files at once.

use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, Int64Builder, ListBuilder, StringBuilder, UInt8Builder, UInt32Builder,
    UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::row::Row;

/// The columns of every file, in order; see [`Row`].
pub fn schema() -> SchemaRef {
    let must = |name, kind| Field::new(name, kind, false);
    let may = |name, kind| Field::new(name, kind, true);
    let item = Field::new_list_field(DataType::UInt32, true);
    Arc::new(Schema::new(vec![
        must("device", DataType::Utf8),
        must("model", DataType::Utf8),
        must("boot", DataType::UInt32),
        must("seq", DataType::UInt32),
        may("uptime_ms", DataType::UInt64),
        may("received_ms", DataType::Int64),
        must("kind", DataType::Utf8),
        may("position", DataType::UInt32),
        may("layer", DataType::UInt8),
        may("hook", DataType::Utf8),
        may("site", DataType::Utf8),
        may("stat", DataType::Utf8),
        may("n", DataType::UInt32),
        may("mean", DataType::Float64),
        may("sd", DataType::Float64),
        may("min", DataType::Float64),
        may("max", DataType::Float64),
        may("histogram", DataType::List(Arc::new(item))),
        may("answer", DataType::Utf8),
        may("score", DataType::Float64),
        may("p", DataType::Float64),
        may("drift", DataType::Float64),
        may("ticks", DataType::UInt64),
        may("text", DataType::Utf8),
        may("digest", DataType::Utf8),
    ]))
}

/// Rows that are not written yet.
#[derive(Debug, Default)]
pub struct Columns {
    rows: usize,
    device: StringBuilder,
    model: StringBuilder,
    boot: UInt32Builder,
    seq: UInt32Builder,
    uptime_ms: UInt64Builder,
    received_ms: Int64Builder,
    kind: StringBuilder,
    position: UInt32Builder,
    layer: UInt8Builder,
    hook: StringBuilder,
    site: StringBuilder,
    stat: StringBuilder,
    n: UInt32Builder,
    moments: [Float64Builder; 4],
    histogram: ListBuilder<UInt32Builder>,
    answer: StringBuilder,
    scores: [Float64Builder; 3],
    ticks: UInt64Builder,
    text: StringBuilder,
    digest: StringBuilder,
}

impl Columns {
    /// Rows held.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row.
    pub fn push(&mut self, row: &Row) {
        self.rows += 1;
        self.device.append_value(&row.device);
        self.model.append_value(&row.model);
        self.boot.append_value(row.boot);
        self.seq.append_value(row.seq);
        self.uptime_ms.append_option(row.uptime_ms);
        self.received_ms.append_option(row.received_ms);
        self.kind.append_value(row.kind);
        self.position.append_option(row.position);
        self.layer.append_option(row.layer);
        self.hook.append_option(row.hook);
        self.site.append_option(row.site.as_deref());
        self.stat.append_option(row.stat);
        self.n.append_option(row.n);
        let moments = [row.mean, row.sd, row.min, row.max];
        for (column, value) in self.moments.iter_mut().zip(moments) {
            column.append_option(value);
        }
        let counts = row.histogram.map(|h| h.map(Some));
        self.histogram.append_option(counts);
        self.answer.append_option(row.answer);
        let scores = [row.score, row.p, row.drift];
        for (column, value) in self.scores.iter_mut().zip(scores) {
            column.append_option(value);
        }
        self.ticks.append_option(row.ticks);
        self.text.append_option(row.text.as_deref());
        self.digest.append_option(row.digest.as_deref());
    }

    /// Takes the rows out as a batch of [`schema`].
    ///
    /// # Errors
    /// None that rows can cause.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let [mean, sd, min, max] = &mut self.moments;
        let [score, p, drift] = &mut self.scores;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.device.finish()),
            Arc::new(self.model.finish()),
            Arc::new(self.boot.finish()),
            Arc::new(self.seq.finish()),
            Arc::new(self.uptime_ms.finish()),
            Arc::new(self.received_ms.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.position.finish()),
            Arc::new(self.layer.finish()),
            Arc::new(self.hook.finish()),
            Arc::new(self.site.finish()),
            Arc::new(self.stat.finish()),
            Arc::new(self.n.finish()),
            Arc::new(mean.finish()),
            Arc::new(sd.finish()),
            Arc::new(min.finish()),
            Arc::new(max.finish()),
            Arc::new(self.histogram.finish()),
            Arc::new(self.answer.finish()),
            Arc::new(score.finish()),
            Arc::new(p.finish()),
            Arc::new(drift.finish()),
            Arc::new(self.ticks.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.digest.finish()),
        ];
        RecordBatch::try_new(schema(), columns)
    }
}
