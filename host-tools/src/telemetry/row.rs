//! A record as a line of a table: the schema that files and queries share.
//!
//! # Invariants
//! - One row a record, except that [`Record::Stat`] gives one a statistic; all rows of a record have its `seq`.
//! - A column that says nothing about a kind is null; an f32 becomes the f64 of the same value.
//!
//! # Why
//! One wide table with nulls is what a query engine likes: Parquet stores a null column in a few bytes, and a new kind of
//! record needs no new file.

use lacuna::probe::Site;
use lacuna::probe::record::{Frame, Record, floats, plan, tokens};
use serde::Serialize;

/// A line of telemetry.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the table below says what each column holds")]
/// | column | of | holds |
/// |---|---|---|
/// | `device`, `model` | all | 16 hex digits |
/// | `boot`, `seq`, `uptime_ms` | all | as the device counts them; `uptime_ms` null where it has no clock |
/// | `received_ms` | `listen` | this machine's clock, since 1970 |
/// | `kind` | all | `hello`, `sketch`, `window`, … |
/// | `position` | token, digest, logits, cost, fault, input, samples | position, or number of the first value |
/// | `layer`, `hook`, `site` | digest, stat, sketch, cost | block, name within it, full name |
/// | `stat`, `n`, `mean`, `sd`, `min`, `max`, `histogram` | stat, sketch | `sd` is the root of m2/n |
/// | `n` | token, window, monitor, end, input, samples, health | the token; index; windows; positions; window; dropped |
/// | `answer`, `score`, `p`, `drift` | window, monitor | verdict and its numbers; `score` of a monitor is its threshold |
/// | `ticks` | cost | of the board's counter |
/// | `text` | hello, fault, health, plan, token, … | words; values of logits, input and samples |
/// | `digest` | digest, end | 16 hex digits |
pub struct Row {
    pub device: String,
    pub model: String,
    pub boot: u32,
    pub seq: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_ms: Option<i64>,
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histogram: Option<[u32; 16]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// 16 lower-case hex digits.
pub fn hex(number: u64) -> String {
    format!("{number:016x}")
}

impl Row {
    fn at(mut self, site: Site) -> Row {
        self.layer = site.hook.in_block().then_some(site.layer);
        self.hook = Some(site.hook.name());
        self.site = Some(site.to_string());
        self
    }

    fn text(mut self, text: impl Into<String>) -> Row {
        self.text = Some(text.into());
        self
    }
}

/// Numbers with spaces between them.
fn words<T: ToString>(values: impl Iterator<Item = T>) -> String {
    values.map(|v| v.to_string()).collect::<Vec<_>>().join(" ")
}

/// Hands the rows of a frame to `each`; `received_ms` is when it came, if anyone looked at a clock.
pub fn rows(frame: &Frame<'_>, received_ms: Option<i64>, each: &mut dyn FnMut(Row)) {
    let head = || Row {
        device: hex(frame.device),
        model: hex(u64::from_be_bytes(frame.model_id)),
        boot: frame.boot,
        seq: frame.seq,
        uptime_ms: (frame.version > 1).then_some(frame.uptime_ms),
        received_ms,
        kind: frame.record.kind(),
        ..Row::default()
    };
    if let Record::Stat { site, summary } = frame.record {
        for (name, s) in summary.named() {
            each(Row {
                stat: Some(name),
                n: Some(s.n),
                mean: Some(s.mean.into()),
                min: Some(s.min.into()),
                max: Some(s.max.into()),
                ..head().at(site)
            });
        }
    } else {
        each(one(head(), frame.record));
    }
}

/// The row of a record that has one.
fn one(row: Row, record: Record<'_>) -> Row {
    match record {
        Record::Hello {
            board,
            isa,
            ram,
            flash,
            context,
            ticks_per_second,
        } => row.text(format!(
            "board={board} isa={isa} ram={ram} flash={flash} context={context} ticks_per_second={ticks_per_second}"
        )),
        Record::Token {
            index,
            token,
            prompt,
        } => Row {
            position: Some(index),
            n: Some(token),
            ..row.text(if prompt { "prompt" } else { "generated" })
        },
        Record::SiteDigest {
            position,
            site,
            digest,
        } => Row {
            position: Some(position),
            digest: Some(hex(digest)),
            ..row.at(site)
        },
        Record::Logits {
            position,
            start,
            bits,
        } => Row {
            position: Some(position),
            n: Some(start),
            ..row.text(words(floats(bits)))
        },
        Record::Cost {
            position,
            layer,
            ticks,
        } => Row {
            position: Some(position),
            layer,
            ticks: Some(ticks),
            ..row
        },
        Record::Fault { position, what } => Row {
            position: Some(position),
            ..row.text(what)
        },
        Record::End {
            digest,
            positions,
            stack,
        } => Row {
            n: Some(positions),
            digest: Some(hex(digest)),
            ..row.text(format!("stack={stack}"))
        },
        Record::Sketch { site, stat, sketch } => Row {
            stat: Some(stat.name()),
            n: Some(sketch.n),
            mean: Some(sketch.mean.into()),
            sd: Some((f64::from(sketch.m2) / f64::from(sketch.n.max(1))).sqrt()),
            min: Some(sketch.min.into()),
            max: Some(sketch.max.into()),
            histogram: Some(sketch.histogram.map(u32::from)),
            ..row.at(site)
        },
        Record::Window {
            index,
            positions,
            answer,
            score,
            p,
            drift,
        } => Row {
            position: Some(positions),
            n: Some(index),
            answer: Some(answer.name()),
            score: Some(score.into()),
            p: Some(p.into()),
            drift: Some(drift.into()),
            ..row
        },
        Record::Monitor {
            answer,
            windows,
            unfamiliar,
            drift,
            threshold,
            saves,
        } => Row {
            n: Some(windows),
            answer: Some(answer.name()),
            score: Some(threshold.into()),
            drift: Some(drift.into()),
            ..row.text(format!("unfamiliar={unfamiliar} saves={saves}"))
        },
        Record::Health {
            reset,
            self_test,
            dropped,
            stack,
        } => Row {
            n: Some(dropped),
            ..row.text(format!(
                "reset={} self_test={} stack={stack}",
                reset.name(),
                self_test.name()
            ))
        },
        Record::Plan { plan: bytes } => row.text(match plan(bytes) {
            Some(plan) => plan.to_string(),
            None => format!("unreadable: {bytes:02x?}"),
        }),
        Record::Input {
            window,
            start,
            bits,
        } => Row {
            position: Some(start),
            n: Some(window),
            ..row.text(words(tokens(bits)))
        },
        Record::Samples {
            window,
            start,
            bits,
        } => Row {
            position: Some(start),
            n: Some(window),
            ..row.text(words(floats(bits)))
        },
        _ => row,
    }
}
