//! A model in the forms that this machine runs fastest, whatever machine its file was made for.
//!
//! ```text
//! file ─► Model ─┐                      scratch_len ─► scratch
//! Isa ───────────┼─ break-even table ─► len ─────────► buffer
//!                └────────────────────► repack ──────► Model over file and buffer
//! ```
//!
//! # Invariants
//! - No bit of any logit changes: values are moved, never computed.
//! - The file stays as it is; what the table leaves in the file's form is read from there.
//!
//! # Why
//! A file for a microcontroller is small before it is fast, and flash cannot hold a form for every machine. Memory is
//! lent by the caller, as everywhere; how much it takes depends on the pattern, so [`len`] walks it. The walk and the
//! packing take a few milliseconds for a million weights, once.

use core::fmt;

use super::break_even::{BreakEven, Job, break_even};
use super::weights::Model;
use crate::config::{Activation, Config};
use crate::format::pack::{self, Form};
use crate::format::schema::{self, Id, Tensor};
use crate::format::{Product, Repacker, behind, lines_len};
use crate::kernels::IsaName;
use crate::sparse::{Major, Matrix};

/// Why a model was not repacked. The model itself runs all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The buffer is shorter than [`len`] says.
    TooSmall {
        /// Bytes that are needed.
        needed: usize,
        /// Bytes that were given.
        given: usize,
    },
    /// One tensor was not packed: scratch memory is shorter than [`scratch_len`] says, or either is not 4-aligned.
    Tensor(Tensor, pack::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TooSmall { needed, given } => {
                write!(f, "repacking needs {needed} bytes and was given {given}")
            }
            Error::Tensor(tensor, e) => write!(f, "repacking tensor {tensor}: {e}"),
        }
    }
}

impl core::error::Error for Error {}

/// What was repacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Repacking {
    /// Matrices in another form than the file's, for one vector or for many.
    pub matrices: usize,
    /// Bytes of the buffer that are used.
    pub bytes: usize,
}

/// Expected share of nonzero elements in the input of a matrix: k/n at an AbsTopK site, [`RELU_ACTIVE`] after ReLU or
/// ReLU², else 1.
pub fn active(config: &Config, id: Id) -> f32 {
    let share = |k: usize, n: usize| if k == 0 { 1.0 } else { k as f32 / n as f32 };
    let t = &config.topk;
    match id {
        Id::Wq | Id::Wk | Id::Wv => share(t.attn_in, config.dim),
        Id::W1 | Id::W3 => share(t.mlp_in, config.dim),
        Id::W2 if t.mlp_neuron == 0 => match config.activation {
            Activation::Relu | Activation::Relu2 => RELU_ACTIVE,
            _ => 1.0,
        },
        Id::W2 => share(t.mlp_neuron, config.hidden_dim),
        _ => 1.0,
    }
}

/// Whether matrix `id` is ever multiplied by one vector, or by many: a head is by one only, and where positions are those
/// of a window, all else by many.
pub fn takes(config: &Config, id: Id, product: Product) -> bool {
    let head = matches!(id, Id::Head | Id::Embedding);
    match product {
        Product::One => head || config.window_len() == 0,
        Product::Many => !head,
    }
}

/// Share of the inputs of `w2` that are expected to be nonzero after ReLU or ReLU² without AbsTopK: half of a symmetric
/// distribution.
pub const RELU_ACTIVE: f32 = 0.5;

/// Bytes of scratch memory that [`len`] and [`repack`] need.
pub fn scratch_len(model: &Model<'_>) -> usize {
    let both = |matrix: &Matrix<'_>| {
        pack::scratch_len(matrix, Major::Output).max(pack::scratch_len(matrix, Major::Input))
    };
    matrices(model).map(|(_, _, m)| both(&m)).max().unwrap_or(0)
}

/// Bytes that [`repack`] will fill for `isa`; 0 where it changes nothing.
///
/// # Errors
/// [`Error::Tensor`] if scratch memory is short.
pub fn len(model: &Model<'_>, isa: IsaName, scratch: &mut [u8]) -> Result<usize, Error> {
    let Some(table) = break_even(isa) else {
        return Ok(0);
    };
    let start = lines_len(model.config());
    let mut end = start;
    for (_, tensor, matrix) in matrices(model) {
        let mut size = |form| match pack::line(tensor, &matrix, form, scratch) {
            Ok(entry) => {
                end = behind(end, entry.len);
                Ok(())
            }
            Err(e) => Err(Error::Tensor(tensor, e)),
        };
        let [one, many] = forms(table, model.config(), tensor, &matrix);
        one.map_or(Ok(()), &mut size)?;
        many.filter(|_| many != one).map_or(Ok(()), &mut size)?;
    }
    Ok(if end == start { 0 } else { end })
}

/// The same model with its matrices in the forms that `isa` runs fastest, where those are not the file's.
///
/// `buffer` should start at a multiple of 64, as the file should.
///
/// # Errors
/// [`Error`]: memory is short or misaligned.
pub fn repack<'a>(
    model: Model<'a>,
    isa: IsaName,
    scratch: &mut [u8],
    buffer: &'a mut [u8],
) -> Result<(Model<'a>, Repacking), Error> {
    let needed = len(&model, isa, scratch)?;
    let (Some(table), 1..) = (break_even(isa), needed) else {
        return Ok((model, Repacking::default()));
    };
    let given = buffer.len();
    let short = Error::TooSmall { needed, given };
    let buffer = buffer.get_mut(..needed).ok_or(short)?;
    let mut to = Repacker::new(model.config(), buffer).ok_or(short)?;
    let mut repacked = 0;
    for (place, tensor, matrix) in matrices(&model) {
        let source = (tensor, &matrix);
        let wrong = |e| Error::Tensor(tensor, e);
        let [one, many] = forms(table, model.config(), tensor, &matrix);
        let mut made = None;
        if let Some(form) = one {
            made = Some(
                to.add(Product::One, place, source, form, scratch)
                    .map_err(wrong)?,
            );
        }
        match (many, made) {
            (Some(form), Some(entry)) if entry.form() == form => {
                to.set(Product::Many, place, &entry);
            }
            (Some(form), _) => {
                made = Some(
                    to.add(Product::Many, place, source, form, scratch)
                        .map_err(wrong)?,
                );
            }
            (None, _) => {}
        }
        repacked += usize::from(made.is_some());
    }
    let (repacked_payloads, bytes) = to.finish();
    let matrices = repacked;
    Ok((model.with(repacked_payloads), Repacking { matrices, bytes }))
}

/// Forms to repack a matrix into for one vector and for many; `None` where it stays as it is in the file.
fn forms(
    table: BreakEven<'_>,
    config: &Config,
    tensor: Tensor,
    matrix: &Matrix<'_>,
) -> [Option<Form>; 2] {
    let own = pack::form(matrix);
    [Product::One, Product::Many].map(|product| {
        if !takes(config, tensor.id, product) {
            return None;
        }
        let job = Job {
            tensor,
            value: pack::value(matrix),
            nonzeros: matrix.nonzeros(),
            product,
            active: active(config, tensor.id),
        };
        table.fastest(job).filter(|&form| form != own)
    })
}

/// The matrices that are multiplied, with their places in the schema. An embedding that is the head too is one of them:
/// looked up from the file, multiplied from here.
fn matrices<'a>(model: &Model<'a>) -> impl Iterator<Item = (usize, Tensor, Matrix<'a>)> {
    let (file, tied) = (*model.file(), model.config().tied);
    schema::tensors(model.config())
        .enumerate()
        .filter(move |(_, t)| match t.kind {
            schema::Kind::Matrix => true,
            schema::Kind::Lookup => tied && t.id == Id::Embedding,
            schema::Kind::Dense => false,
        })
        .filter_map(move |(place, t)| {
            let matrix = file.matrix(t.id, t.layer)?;
            Some((place, t.multiplied(), matrix))
        })
}
