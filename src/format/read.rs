//! Bytes into views: everything is checked once, then nothing can fail.

use core::fmt;

use super::directory::{self, BlockEntry, Entry};
use super::header::{self, Header, Needs};
use super::layout::{BASE_ALIGN, CHECKED_FROM, CRC_AT, ID_AT, u32_at};
use super::places::Places;
use super::schema::{self, Id, Kind as Storage, Tensor};
use super::source::{Source, Weights};
use super::tag::Tag;
use super::{Calibration, Error, Golden, Kind, Names, Sensor, TokenizerBlock, names, payload};
use crate::config::Config;
use crate::num;
use crate::probe::ProbePlan;
use crate::sparse::Matrix;

/// A model file whose every byte was checked.
///
/// A `File` is a slice, a configuration and a table of places; copying it copies no weight. After [`File::parse`]
/// nothing can fail: a tensor is there exactly if the configuration says so.
#[derive(Clone, Copy)]
pub struct File<'a> {
    bytes: &'a [u8],
    config: Config,
    needs: Needs,
    model_id: [u8; 8],
    tensors: usize,
    blocks: usize,
    places: Places,
}

impl<'a> File<'a> {
    /// Checks `bytes`: header, CRC-32, directories, padding, every element of every tensor, every block it knows.
    ///
    /// The slice must be exactly the file (see [`super::total_len`]) and start at a multiple of
    /// [`super::BASE_ALIGN`] bytes. Time is linear in the length, memory constant; the model id is not recomputed,
    /// see [`File::verify_model_id`].
    ///
    /// # Errors
    /// The first thing that is wrong, and at which byte.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if !bytes.as_ptr().addr().is_multiple_of(BASE_ALIGN) {
            return Err(Error::new(Kind::Misaligned, 0));
        }
        let len = header::total_len(bytes)?;
        if bytes.len() < len {
            return Err(Error::new(Kind::Truncated, bytes.len()));
        }
        if bytes.len() > len {
            return Err(Error::new(Kind::Length, len));
        }
        let checked = bytes.get(CHECKED_FROM..).unwrap_or_default();
        if num::crc32(checked) != u32_at(bytes, CRC_AT)? {
            return Err(Error::new(Kind::Checksum, CRC_AT));
        }
        Self::parse_structure(bytes, &header::parse(bytes)?)
    }

    fn parse_structure(bytes: &'a [u8], header: &Header) -> Result<Self, Error> {
        directory::check(bytes, header)?;
        directory::check_padding(bytes, header)?;
        let file = Self {
            bytes,
            config: header.config,
            needs: header.needs,
            model_id: header.model_id,
            tensors: header.tensors,
            blocks: header.blocks,
            places: Places::new(&header.config),
        };
        for entry in file.entries() {
            payload::check(bytes, &entry)?;
        }
        for block in file.blocks() {
            file.check_block(&block)?;
        }
        Ok(file)
    }

    fn check_block(&self, block: &BlockEntry) -> Result<(), Error> {
        let Some(payload) = self.block_bytes(block) else {
            return Err(Error::new(Kind::Size, block.offset));
        };
        let named = |e: names::Error| Error::new(Kind::Names(e.kind), block.offset + e.at);
        match block.tag {
            Tag::TOKENIZER => {
                TokenizerBlock::parse(self.config.vocab_size, payload, block.offset).map(drop)
            }
            Tag::LABELS => Names::labels(&self.config, payload)
                .map(drop)
                .map_err(named),
            Tag::SENSOR => Sensor::parse(&self.config, payload)
                .map(drop)
                .map_err(named),
            Tag::GOLDEN => Golden::parse(&self.config, payload, block.offset).map(drop),
            Tag::CALIBRATION => Calibration::parse(&self.config, payload, block.offset).map(drop),
            Tag::PLAN => match super::plan::read(payload) {
                Ok(_) => Ok(()),
                Err(kind) => Err(Error::new(Kind::Plan(kind), block.offset)),
            },
            Tag::PROVENANCE => match core::str::from_utf8(payload) {
                Ok(_) => Ok(()),
                Err(e) => Err(Error::new(Kind::Text, block.offset + e.valid_up_to())),
            },
            _ => Ok(()),
        }
    }

    /// The whole file.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The blueprint.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// First 8 bytes of BLAKE2s-256 over configuration and logical tensors, as the header states it.
    pub fn model_id(&self) -> [u8; 8] {
        self.model_id
    }

    /// What a machine must have to run the model.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Computes the model id and compares it with the header. A host's check: for input-major tensors it takes
    /// O(rows · cols · log nnz) time.
    ///
    /// # Errors
    /// [`Kind::ModelId`] if it differs.
    pub fn verify_model_id(&self) -> Result<(), Error> {
        match super::id::model_id(&self.config, self) {
            Ok(id) if id == self.model_id => Ok(()),
            _ => Err(Error::new(Kind::ModelId, ID_AT)),
        }
    }

    /// Place of a tensor in the directory and its line of the schema, or `None` exactly where there is no such tensor.
    pub(crate) fn place(&self, id: Id, layer: usize) -> Option<(usize, Tensor)> {
        let place = self.places.of(id, layer)?;
        let (kind, rows, cols) = id.line(&self.config)?;
        let tensor = Tensor {
            id,
            layer,
            kind,
            rows,
            cols,
        };
        Some((place, tensor))
    }

    fn tensor_at(&self, id: Id, layer: usize) -> Option<Entry> {
        let (place, tensor) = self.place(id, layer)?;
        directory::entry(self.bytes, place, tensor).ok()
    }

    /// A matrix, or `None` exactly where the configuration has no such matrix. Constant time.
    pub fn matrix(&self, id: Id, layer: usize) -> Option<Matrix<'a>> {
        let entry = self.tensor_at(id, layer)?;
        match entry.tensor.kind {
            Storage::Dense => None,
            Storage::Matrix | Storage::Lookup => payload::matrix(self.bytes, &entry),
        }
    }

    /// A dense f32 tensor, row-major, or `None` exactly where the configuration has no such tensor. Constant time.
    pub fn dense(&self, id: Id, layer: usize) -> Option<&'a [f32]> {
        let entry = self.tensor_at(id, layer)?;
        match entry.tensor.kind {
            Storage::Dense => payload::vector(self.bytes, &entry),
            Storage::Matrix | Storage::Lookup => None,
        }
    }

    /// The tensor directory in file order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + use<'a> {
        let bytes = self.bytes;
        schema::tensors(&self.config)
            .enumerate()
            .filter_map(move |(place, tensor)| directory::entry(bytes, place, tensor).ok())
    }

    /// The block directory in file order, blocks this engine skips included.
    pub fn blocks(&self) -> impl Iterator<Item = BlockEntry> + use<'a> {
        let (bytes, tensors) = (self.bytes, self.tensors);
        (0..self.blocks).filter_map(move |i| directory::block(bytes, tensors, i).ok())
    }

    fn block_bytes(&self, block: &BlockEntry) -> Option<&'a [u8]> {
        self.bytes.get(block.offset..)?.get(..block.len)
    }

    /// The bytes of a block, whether this engine knows its tag or not.
    pub fn block(&self, tag: Tag) -> Option<&'a [u8]> {
        self.block_bytes(&self.blocks().find(|block| block.tag == tag)?)
    }

    /// How tokens relate to text, if the file says so. Checks the block again: keep the answer.
    pub fn tokenizer(&self) -> Option<TokenizerBlock<'a>> {
        TokenizerBlock::parse(self.config.vocab_size, self.block(Tag::TOKENIZER)?, 0).ok()
    }

    /// A run that every correct engine repeats, if the file has one.
    pub fn golden(&self) -> Option<Golden<'a>> {
        Golden::cut(self.block(Tag::GOLDEN)?).ok()
    }

    /// What is familiar to the model, if the file says so. Checks the block again: keep the answer.
    pub fn calibration(&self) -> Option<Calibration<'a>> {
        Calibration::read(&self.config, self.block(Tag::CALIBRATION)?).ok()
    }

    /// What a probe measures unless somebody chooses otherwise, if the file says so.
    pub fn plan(&self) -> Option<ProbePlan> {
        super::plan::read(self.block(Tag::PLAN)?).ok()
    }

    /// Names of the classes, if the file has them.
    pub fn labels(&self) -> Option<Names<'a>> {
        Names::labels(&self.config, self.block(Tag::LABELS)?).ok()
    }

    /// What windows are made of, if the file says so.
    pub fn sensor(&self) -> Option<Sensor<'a>> {
        Sensor::parse(&self.config, self.block(Tag::SENSOR)?).ok()
    }

    /// How the model came to be: JSON text by convention, UTF-8 for certain.
    pub fn provenance(&self) -> Option<&'a str> {
        core::str::from_utf8(self.block(Tag::PROVENANCE)?).ok()
    }
}

impl Source for File<'_> {
    fn tensor(&self, tensor: &Tensor) -> Option<Weights<'_>> {
        match tensor.kind {
            Storage::Dense => self.dense(tensor.id, tensor.layer).map(Weights::Dense),
            Storage::Matrix | Storage::Lookup => {
                self.matrix(tensor.id, tensor.layer).map(Weights::Matrix)
            }
        }
    }
}

impl fmt::Debug for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("len", &self.bytes.len())
            .field(
                "model_id",
                &format_args!("{:016x}", u64::from_be_bytes(self.model_id)),
            )
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
