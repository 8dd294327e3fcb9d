//! What is in a model file, as figures and as tables.
//!
//! # Invariants
//! - Density counts numbers that are not zero, whatever is stored; `nnz` counts what is stored.
//! - RAM is `State::len`, the number a firmware reserves.
//!
//! # Why
//! The figures are data first, so that `--json`, the exporter's table and the text of `lacuna inspect` cannot disagree.

mod tables;

use std::path::{Path, PathBuf};

use lacuna::format::tokenizer::Vocabulary;
use lacuna::format::{self, Entry, File, schema};
use lacuna::model::{CacheType, Limits, State};
use lacuna::probe::{PlanProbe, Sketch};
use lacuna::sparse::{Major, Matrix};
use serde::Serialize;

use crate::checkpoint::{Blueprint, Tokenizer};
use crate::report::bytes;

/// For what session RAM is stated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    /// Positions, or the model's own context.
    pub context: Option<usize>,
    /// Type of the cache, f32 unless chosen.
    pub cache: Option<CacheType>,
    /// Tokens of a prompt at once, 1 unless chosen.
    pub prefill: Option<usize>,
}

/// One tensor.
#[derive(Clone, Debug, Serialize)]
pub struct TensorLine {
    /// Checkpoint name.
    pub name: String,
    /// `(rows, cols)`; one row for a vector.
    pub shape: [usize; 2],
    /// Word of the encoding.
    pub encoding: &'static str,
    /// `output` or `input`.
    pub major: &'static str,
    /// Word of the value type.
    pub values: &'static str,
    /// Stored elements.
    pub nnz: usize,
    /// Share of elements that are not zero.
    pub density: f64,
    /// Bytes of the payload.
    pub bytes: usize,
}

/// Sums over all tensors.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Totals {
    /// Elements of matrices, look-up tables and vectors.
    pub weights: usize,
    /// Of these, not zero.
    pub nonzero: usize,
    /// Bytes of all payloads.
    pub bytes: usize,
}

/// What a machine must have.
#[derive(Clone, Debug, Serialize)]
pub struct Needs {
    /// Positions of the session.
    pub context: usize,
    /// Type of its cache.
    pub cache: &'static str,
    /// `State::len` for these.
    pub ram_bytes: usize,
    /// `State::len` as the file states it: full context, f32 cache.
    pub stated_ram_bytes: u64,
    /// The back-end that the exporter had in mind.
    pub isa: Option<&'static str>,
}

/// One optional block.
#[derive(Clone, Debug, Serialize)]
pub struct BlockLine {
    /// Four letters.
    pub tag: String,
    /// Bytes of the payload.
    pub bytes: usize,
    /// What it holds, for a person.
    pub what: String,
}

/// The run to repeat.
#[derive(Clone, Debug, Serialize)]
pub struct GoldenLine {
    /// Tokens fed.
    pub prompt: Vec<u32>,
    /// Tokens that follow greedily.
    pub expected: Vec<u32>,
    /// Digest of all logits, hex.
    pub digest: String,
}

/// Everything about a model file.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Its path.
    pub file: PathBuf,
    /// Its length.
    pub bytes: usize,
    /// Version of the format.
    pub version: u32,
    /// Model id, hex.
    pub model_id: String,
    /// Whether the id is that of configuration and tensors.
    pub model_id_verified: bool,
    /// Shape and switches.
    pub config: serde_json::Value,
    /// What a machine must have.
    pub needs: Needs,
    /// Tensors in file order.
    pub tensors: Vec<TensorLine>,
    /// Sums over them.
    pub totals: Totals,
    /// Optional blocks in file order.
    pub blocks: Vec<BlockLine>,
    /// The run to repeat.
    pub golden: Option<GoldenLine>,
    /// What a probe measures unless somebody chooses otherwise, in words.
    pub plan: Option<String>,
    /// How the model came to be.
    pub provenance: Option<serde_json::Value>,
    #[serde(skip)]
    ram: Vec<(usize, [usize; 2])>,
}

impl Inspection {
    /// Reads everything about the file `bytes`.
    ///
    /// # Errors
    /// What makes it unreadable, and where.
    pub fn new(path: &Path, bytes: &[u8], choice: &Choice) -> Result<Self, format::Error> {
        let file = File::parse(bytes)?;
        let config = *file.config();
        let tensors: Vec<TensorLine> = file.entries().map(|e| line(&file, &e)).collect();
        let totals = tensors.iter().fold(
            Totals {
                weights: 0,
                nonzero: 0,
                bytes: 0,
            },
            |sum, t| {
                let weights = t.shape[0] * t.shape[1];
                Totals {
                    weights: sum.weights + weights,
                    nonzero: sum.nonzero + (t.density * weights as f64).round() as usize,
                    bytes: sum.bytes + t.bytes,
                }
            },
        );
        let ram = |context, cache| {
            State::len(
                &config,
                &Limits {
                    context,
                    cache,
                    prefill: choice.prefill.unwrap_or(Limits::new(&config).prefill),
                },
            )
        };
        let context = choice.context.unwrap_or(config.seq_len);
        let cache = choice.cache.unwrap_or(CacheType::F32);
        let mut contexts = vec![config.seq_len, config.seq_len / 2, config.seq_len / 4];
        if config.window_len() > 0 {
            // A window is run whole.
            contexts.truncate(1);
        }
        contexts.push(context);
        contexts.sort_unstable();
        contexts.dedup();
        let tokenizer = file.tokenizer();
        let kind = match tokenizer.map(|t| t.vocabulary()) {
            Some(Vocabulary::Bpe(_)) => Tokenizer::Llama2c,
            _ if config.window_len() > 0 => Tokenizer::None,
            _ => Tokenizer::Byte,
        };
        Ok(Self {
            file: path.to_owned(),
            bytes: bytes.len(),
            version: format::VERSION,
            model_id: hex(file.model_id()),
            model_id_verified: file.verify_model_id().is_ok(),
            config: serde_json::to_value(Blueprint {
                config,
                tokenizer: kind,
            })
            .unwrap_or_default(),
            needs: Needs {
                context,
                cache: cache_name(cache),
                ram_bytes: ram(context, cache),
                stated_ram_bytes: file.needs().state_bytes,
                isa: file.needs().isa_name().map(|isa| isa.as_str()),
            },
            tensors,
            totals,
            blocks: blocks(&file),
            golden: file.golden().map(|g| GoldenLine {
                prompt: g.prompt().to_vec(),
                expected: g.expected().to_vec(),
                digest: format!("{:016x}", g.logits()),
            }),
            plan: file.plan().map(|plan| plan.to_string()),
            provenance: file
                .provenance()
                .map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into())),
            ram: contexts
                .into_iter()
                .filter(|&n| n > 0)
                .map(|n| (n, [ram(n, CacheType::F32), ram(n, CacheType::F16)]))
                .collect(),
        })
    }
}

/// Lower-case hex of a model id.
pub fn hex(id: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(id))
}

/// The word for a cache type on the command line.
pub fn cache_name(cache: CacheType) -> &'static str {
    cache.as_str()
}

fn line(file: &File<'_>, entry: &Entry) -> TensorLine {
    let t = entry.tensor;
    let nonzero = match t.kind {
        schema::Kind::Dense => file
            .dense(t.id, t.layer)
            .map(|values| values.iter().filter(|v| **v != 0.0).count()),
        _ => file.matrix(t.id, t.layer).as_ref().map(Matrix::nonzeros),
    };
    TensorLine {
        name: t.to_string(),
        shape: [t.rows, t.cols],
        encoding: entry.encoding.name(),
        major: match entry.major {
            Major::Output => "output",
            Major::Input => "input",
        },
        values: entry.value.name(),
        nnz: entry.nnz,
        density: nonzero.unwrap_or(0) as f64 / (t.rows * t.cols) as f64,
        bytes: entry.len,
    }
}

fn blocks(file: &File<'_>) -> Vec<BlockLine> {
    let what = |tag: format::Tag| match tag {
        format::Tag::TOKENIZER => file.tokenizer().map_or(String::new(), |t| {
            let kind = match t.vocabulary() {
                Vocabulary::Bpe(_) => "merge-score BPE",
                _ => "bytes",
            };
            format!("tokenizer: {kind}, {} tokens", t.tokens())
        }),
        format::Tag::GOLDEN => {
            file.golden()
                .map_or(String::new(), |g| match file.config().window_len() {
                    0 => format!("self-test: {} positions", g.positions()),
                    _ => "self-test: a window and its class".to_owned(),
                })
        }
        format::Tag::LABELS => file.labels().map_or(String::new(), |names| {
            format!("classes: {}", names.iter().collect::<Vec<_>>().join(", "))
        }),
        format::Tag::SENSOR => file.sensor().map_or(String::new(), |s| {
            let (n, hop, rate) = (s.channels.count(), s.hop, s.rate);
            format!("windows: {n} channels, {rate} samples a second, a window every {hop}")
        }),
        format::Tag::PLAN => file.plan().map_or(String::new(), |plan| {
            let sketches = PlanProbe::cells_len(&plan, file.config().n_layers);
            let ram = bytes((sketches * size_of::<Sketch>()) as u64);
            format!("probe plan: {sketches} sketches in {ram} of RAM")
        }),
        format::Tag::CALIBRATION => file.calibration().map_or(String::new(), |c| {
            let s = c.settings();
            format!(
                "monitor: {} of {} inputs, false alarms at most {} of the windows, from {} {}s",
                s.rule.name(),
                c.inputs(),
                s.alpha,
                s.units,
                s.unit.name()
            )
        }),
        format::Tag::PROVENANCE => "provenance: how the model came to be".to_owned(),
        _ => "skipped by this version".to_owned(),
    };
    file.blocks()
        .map(|b| BlockLine {
            tag: b.tag.to_string(),
            bytes: b.len,
            what: what(b.tag),
        })
        .collect()
}
