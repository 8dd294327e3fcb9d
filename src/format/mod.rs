//! The model file, version 1: read in place from flash, written by the exporter, described by one schema.
//!
//! ```text
//!   0  magic         8   89 4C 41 43 55 4E 41 0A, "\x89LACUNA\n"
//!   8  version       u32 1
//!  12  length        u32 bytes of the whole file
//!  16  checksum      u32 CRC-32/ISO-HDLC of byte 20 and everything after it
//!  20  tensors       u16 T, number of tensors of the configuration
//!  22  blocks        u16 B
//!  24  model id      8   first bytes of BLAKE2s-256 over configuration and logical tensors, see `id.rs`
//!  32  configuration 128 see `blueprint.rs`
//! 160  needs         32  u64 state bytes · u32 encodings · u32 value types (bit sets) · u8 ISA · 15 × 0
//! 192  tensors       20 × T, in schema order:
//!        u8 id · u8 layer · u8 encoding · u8 value type · u8 orientation · u8 sorted · 2 × 0 · u32 offset · u32 length · u32 nnz
//!      blocks        12 × B, in ascending order of tags:
//!        4 letters · u32 offset · u32 length
//!      0 … 63 × 0
//!      payload of tensor 0, from a multiple of 64
//!      0 … 63 × 0
//!      payload of tensor 1 …
//!      0 … 63 × 0
//!      payload of block 0 …
//!      payload of block B − 1, whose last byte is the last byte of the file
//! ```
//!
//! | number | encoding | value type | orientation |
//! |---|---|---|---|
//! | 0 | dense | f32 | output-major |
//! | 1 | csr-u16 | f16 | input-major |
//! | 2 | csr-u8-gap | i8 with an f32 scale per output | |
//! | 3 | nibble-gap | i4, reserved | |
//! | 4 | bitmask | | |
//! | 5 | panel-16 | | |
//! | 6 | panel-32 | | |
//!
//! What each encoding stores, part by part, is in `sections.rs`.
//!
//! | block | is | since |
//! |---|---|---|
//! | `tokn` | token strings, see [`tokenizer`] | 1 |
//! | `gold` | a run to repeat, see [`golden`] | 1 |
//! | `prov` | provenance, UTF-8 JSON | 1 |
//! | `cali` | what is familiar, and how sure that is, see [`calibration`] | 1 |
//! | `plan` | what a probe measures, a [`crate::probe::ProbePlan`], see [`plan`] | 1 |
//! | `labl` `sens` | names of classes; channels, rate and hop of windows, see [`names`] | 1 |
//! | `circ` `sign` | circuits, signature | reserved |
//! | `Delt` | changes to another model | reserved, critical |
//!
//! # Invariants
//! - Little-endian throughout. Every byte is determined: each belongs to one field or payload, or is a zero.
//! - Payloads follow each other in directory order without gap or overlap, each from the next multiple of 64.
//! - A block whose tag starts with a lower-case letter is skipped by readers that do not know it; others are refused.
//! - A [`File`] exists only if all of this was checked, every matrix included; below it nothing can fail.
//!
//! # Versions
//! | version | readers | change |
//! |---|---|---|
//! | 1 | lacuna 0.1 and later | first |
//!
//! The table is the promise: a reader reads every version listed here from its own downwards. New optional blocks, and
//! meanings for numbers reserved above, do not raise the version: an older reader skips the one and refuses the other
//! by name.
//!
//! # Why
//! One file that a microcontroller reads in place and a desktop reads whole: no parser state, no copies, no order of
//! fields to negotiate. The directory repeats nothing the schema knows, apart from the id that keeps it honest. A
//! checksum finds damage; the structure is checked all the same, because a hostile file has a good checksum.

/// `?` for const functions.
macro_rules! tri {
    ($e:expr) => {
        match $e {
            Ok(value) => value,
            Err(error) => return Err(error),
        }
    };
}

mod blueprint;
pub mod calibration;
mod directory;
mod extra;
pub mod golden;
mod header;
mod id;
mod include;
mod layout;
pub mod names;
pub mod pack;
mod parts;
mod payload;
mod places;
pub mod plan;
mod read;
mod refusal;
mod repacked;
pub mod schema;
mod sections;
mod source;
mod tag;
pub mod tokenizer;
pub mod write;

pub use calibration::Calibration;
pub use directory::{BlockEntry, Entry};
pub use extra::Extra;
pub use golden::Golden;
pub use header::{Needs, config, needs, total_len};
pub use id::model_id;
pub use include::{Aligned, StaticModel};
pub use layout::{BASE_ALIGN, Encoding, MAGIC, PAYLOAD_ALIGN, VERSION, ValueType};
pub use names::{Names, Sensor};
pub use read::File;
pub use refusal::{Error, Feature, Kind};
pub use repacked::Product;
pub(crate) use repacked::{Repacked, Repacker, behind, lines_len};
pub use source::{Source, Weights};
pub use tag::Tag;
pub use tokenizer::TokenizerBlock;
