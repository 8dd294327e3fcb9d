//! The first 192 bytes, readable in a `const`.

use super::blueprint;
use super::layout::{
    BLOCKS_AT, CONFIG_AT, DIRECTORY_AT, ID_AT, LENGTH_AT, MAGIC, NEEDS_AT, NEEDS_LEN, TENSORS_AT,
    VERSION, array_at, u16_at, u32_at, u64_at, zeros,
};
use super::{Encoding, Error, Kind, ValueType};
use crate::config::Config;
use crate::kernels::IsaName;

/// What a machine must have to run the model, readable before anything else is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Needs {
    /// Bytes of state for one sequence of `seq_len` tokens with an f32 cache and no batched prefill.
    pub state_bytes: u64,
    /// Bit `e` is set if a tensor has the encoding of number `e`.
    pub encodings: u32,
    /// Bit `v` is set if a tensor has the value type of number `v`.
    pub values: u32,
    /// Number of the [`IsaName`] the exporter chose encodings for: a hint, any machine runs any file.
    pub isa: u8,
}

impl Needs {
    /// True if some tensor has this encoding.
    pub const fn has_encoding(&self, encoding: Encoding) -> bool {
        self.encodings >> encoding as u8 & 1 != 0
    }

    /// True if some tensor has this value type.
    pub const fn has_value(&self, value: ValueType) -> bool {
        self.values >> value as u8 & 1 != 0
    }

    /// The machine the exporter had in mind, if this engine knows its name.
    pub fn isa_name(&self) -> Option<IsaName> {
        [
            IsaName::Portable,
            IsaName::Avx2,
            IsaName::Avx512,
            IsaName::Neon,
            IsaName::WasmSimd128,
            IsaName::Armv7em,
            IsaName::Mve,
        ]
        .into_iter()
        .find(|&name| name as u8 == self.isa)
    }

    pub(crate) fn encode(&self) -> [u8; NEEDS_LEN] {
        let mut out = [0; NEEDS_LEN];
        out[..8].copy_from_slice(&self.state_bytes.to_le_bytes());
        out[8..12].copy_from_slice(&self.encodings.to_le_bytes());
        out[12..16].copy_from_slice(&self.values.to_le_bytes());
        out[16] = self.isa;
        out
    }
}

/// The fixed part of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) tensors: usize,
    pub(crate) blocks: usize,
    pub(crate) model_id: [u8; 8],
    pub(crate) config: Config,
    pub(crate) needs: Needs,
}

/// Length in bytes of the file that starts here; only the first 16 bytes are read.
///
/// For firmware that finds a model at the start of a larger flash partition:
/// `File::parse(&partition[..total_len(partition)?])`.
///
/// # Errors
/// [`Kind::Truncated`], [`Kind::Magic`], [`Kind::Version`], or [`Kind::Length`] of a file too short to have a header.
pub const fn total_len(bytes: &[u8]) -> Result<usize, Error> {
    let magic: [u8; 8] = tri!(array_at(bytes, 0));
    let mut at = 0;
    while at < magic.len() {
        if magic[at] != MAGIC[at] {
            return Err(Error::new(Kind::Magic, at));
        }
        at += 1;
    }
    if tri!(u32_at(bytes, MAGIC.len())) != VERSION {
        return Err(Error::new(Kind::Version, MAGIC.len()));
    }
    let len = tri!(u32_at(bytes, LENGTH_AT)) as usize;
    if len < DIRECTORY_AT {
        return Err(Error::new(Kind::Length, LENGTH_AT));
    }
    Ok(len)
}

/// The configuration of the file that starts here, in a `const` if need be.
///
/// # Errors
/// Whatever is wrong with the first 192 bytes, apart from the checksum.
pub const fn config(bytes: &[u8]) -> Result<Config, Error> {
    Ok(tri!(parse(bytes)).config)
}

/// The needs of the file that starts here, in a `const` if need be.
///
/// # Errors
/// Whatever is wrong with the first 192 bytes, apart from the checksum.
pub const fn needs(bytes: &[u8]) -> Result<Needs, Error> {
    Ok(tri!(parse(bytes)).needs)
}

pub(crate) const fn parse(bytes: &[u8]) -> Result<Header, Error> {
    tri!(total_len(bytes));
    let config = tri!(blueprint::decode(bytes, CONFIG_AT));
    let [isa] = tri!(array_at(bytes, NEEDS_AT + 16));
    tri!(zeros(
        bytes,
        NEEDS_AT + 17,
        NEEDS_AT + NEEDS_LEN,
        Kind::Reserved
    ));
    Ok(Header {
        tensors: tri!(u16_at(bytes, TENSORS_AT)) as usize,
        blocks: tri!(u16_at(bytes, BLOCKS_AT)) as usize,
        model_id: tri!(array_at(bytes, ID_AT)),
        config,
        needs: Needs {
            state_bytes: tri!(u64_at(bytes, NEEDS_AT)),
            encodings: tri!(u32_at(bytes, NEEDS_AT + 8)),
            values: tri!(u32_at(bytes, NEEDS_AT + 12)),
            isa,
        },
    })
}
