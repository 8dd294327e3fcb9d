//! What a file holds besides tensors.

use super::plan::{self, Written};
use super::tag::Tag;
use super::{Calibration, Golden, Kind, Names, Sensor, TokenizerBlock};
use crate::config::Config;
use crate::kernels::IsaName;
use crate::probe::ProbePlan;

/// Everything in a file besides the tensors.
#[derive(Clone, Copy, Debug)]
pub struct Extra<'a> {
    /// `State::len` at the full context with an f32 cache; the format does not know how a state is laid out.
    pub state_bytes: u64,
    /// The machine the encodings were chosen for.
    pub isa: IsaName,
    /// How tokens relate to text.
    pub tokenizer: Option<TokenizerBlock<'a>>,
    /// A run to repeat.
    pub golden: Option<Golden<'a>>,
    /// What is familiar to the model.
    pub calibration: Option<Calibration<'a>>,
    /// What a probe measures unless somebody chooses otherwise.
    pub plan: Option<&'a ProbePlan>,
    /// Names of the classes of a classifier.
    pub labels: Option<Names<'a>>,
    /// What its windows are made of.
    pub sensor: Option<Sensor<'a>>,
    /// How the model came to be, JSON text; must not be empty.
    pub provenance: Option<&'a str>,
    /// Optional blocks whose structure this version does not know, in any order; none may be empty.
    pub blocks: &'a [(Tag, &'a [u8])],
}

impl<'a> Extra<'a> {
    /// No optional block.
    pub const fn new(state_bytes: u64, isa: IsaName) -> Self {
        Self {
            state_bytes,
            isa,
            tokenizer: None,
            golden: None,
            calibration: None,
            plan: None,
            labels: None,
            sensor: None,
            provenance: None,
            blocks: &[],
        }
    }

    /// Every block, in no particular order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Block<'a>> + use<'a> {
        let typed = [
            self.tokenizer.map(Block::Tokenizer),
            self.golden.map(Block::Golden),
            self.calibration.map(Block::Calibration),
            self.plan.map(Block::Plan),
            self.labels.map(Block::Labels),
            self.sensor.map(Block::Sensor),
            self.provenance.map(Block::Provenance),
        ];
        let raw = self
            .blocks
            .iter()
            .map(|&(tag, bytes)| Block::Raw(tag, bytes));
        typed.into_iter().flatten().chain(raw)
    }

    /// Every block once, in ascending order of tags; quadratic in their few.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = Block<'a>> {
        let after = |last: Option<Tag>| {
            self.all()
                .filter(|block| last < Some(block.tag()))
                .min_by_key(Block::tag)
        };
        core::iter::successors(after(None), move |last| after(Some(last.tag())))
    }
}

/// One block to write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Block<'a> {
    Tokenizer(TokenizerBlock<'a>),
    Golden(Golden<'a>),
    Calibration(Calibration<'a>),
    Plan(&'a ProbePlan),
    Labels(Names<'a>),
    Sensor(Sensor<'a>),
    Provenance(&'a str),
    Raw(Tag, &'a [u8]),
}

impl Block<'_> {
    pub(crate) fn tag(&self) -> Tag {
        match self {
            Block::Tokenizer(_) => Tag::TOKENIZER,
            Block::Golden(_) => Tag::GOLDEN,
            Block::Calibration(_) => Tag::CALIBRATION,
            Block::Plan(_) => Tag::PLAN,
            Block::Labels(_) => Tag::LABELS,
            Block::Sensor(_) => Tag::SENSOR,
            Block::Provenance(_) => Tag::PROVENANCE,
            Block::Raw(tag, _) => *tag,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Block::Tokenizer(tokenizer) => tokenizer.len(),
            Block::Golden(golden) => golden.len(),
            Block::Calibration(calibration) => calibration.len(),
            Block::Plan(plan) => Written::new(plan).bytes().len(),
            Block::Labels(names) => names.bytes().len(),
            Block::Sensor(sensor) => sensor.len(),
            Block::Provenance(text) => text.len(),
            Block::Raw(_, bytes) => bytes.len(),
        }
    }

    pub(crate) fn parts<E>(&self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match self {
            Block::Tokenizer(tokenizer) => tokenizer.parts(write),
            Block::Golden(golden) => golden.parts(write),
            Block::Calibration(calibration) => calibration.parts(write),
            Block::Plan(plan) => write(Written::new(plan).bytes()),
            Block::Labels(names) => write(names.bytes()),
            Block::Sensor(sensor) => sensor.parts(write),
            Block::Provenance(text) => write(text.as_bytes()),
            Block::Raw(_, bytes) => write(bytes),
        }
    }

    /// The checks of the reader, and that a tag comes once and structured blocks come as such.
    pub(crate) fn check(&self, config: &Config, extra: &Extra<'_>) -> Result<(), Kind> {
        if extra
            .all()
            .filter(|other| other.tag() == self.tag())
            .count()
            != 1
        {
            return Err(Kind::Tag);
        }
        if self.len() == 0 {
            return Err(Kind::Size);
        }
        match self {
            Block::Tokenizer(tokenizer) if tokenizer.tokens() != config.vocab_size => {
                Err(Kind::Tokenizer(super::tokenizer::Kind::Vocabulary))
            }
            Block::Golden(golden) => golden.check(config).map_err(|e| Kind::Golden(e.kind)),
            Block::Calibration(calibration) => calibration
                .check(config)
                .map_err(|e| Kind::Calibration(e.kind)),
            Block::Plan(plan) => plan::check(plan).map_err(Kind::Plan),
            Block::Labels(names) => names.check_labels(config).map_err(|e| Kind::Names(e.kind)),
            Block::Sensor(sensor) => sensor.check(config).map_err(|e| Kind::Names(e.kind)),
            Block::Raw(tag, _) => match *tag {
                Tag::TOKENIZER
                | Tag::GOLDEN
                | Tag::CALIBRATION
                | Tag::PLAN
                | Tag::LABELS
                | Tag::SENSOR
                | Tag::PROVENANCE => Err(Kind::Tag),
                tag if !tag.is_wellformed() => Err(Kind::Tag),
                tag if !tag.is_optional() => Err(Kind::Critical),
                _ => Ok(()),
            },
            Block::Tokenizer(_) | Block::Provenance(_) => Ok(()),
        }
    }
}
