//! The model: a checked file, and views of its blocks.
//!
//! # Invariants
//! - A [`Model`] exists only over a file that passed every check, so looking up a tensor cannot fail.
//! - It is `Copy` and borrows; views are made when a block is entered and cost no memory.

use crate::config::Config;
use crate::format;
use crate::format::Product;
use crate::format::schema::Id;
use crate::nn::Rope;
use crate::sparse::Matrix;

/// A checked model file, and what of it was repacked for this machine.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    file: format::File<'a>,
    repacked: Option<format::Repacked<'a>>,
}

/// What makes positions of a window.
#[derive(Clone, Copy, Debug)]
pub struct Patches<'a> {
    /// What is subtracted from each channel, `(channels,)`.
    pub mean: &'a [f32],
    /// What it is multiplied by then, `(channels,)`.
    pub scale: &'a [f32],
    /// `(dim, channels · len)`, in the form for many vectors.
    pub weight: Matrix<'a>,
    /// `(dim,)`
    pub bias: &'a [f32],
}

/// Weights of one block. Shapes are in [`crate::format::schema::Id`].
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// Gain of the attention norm.
    pub attn_norm: &'a [f32],
    /// Queries.
    pub wq: Matrix<'a>,
    /// Bias of the queries.
    pub bq: Option<&'a [f32]>,
    /// Keys.
    pub wk: Matrix<'a>,
    /// Bias of the keys.
    pub bk: Option<&'a [f32]>,
    /// Values.
    pub wv: Matrix<'a>,
    /// Bias of the values.
    pub bv: Option<&'a [f32]>,
    /// Sink logit per head.
    pub sink: Option<&'a [f32]>,
    /// Attention output.
    pub wo: Matrix<'a>,
    /// Bias of the attention output.
    pub bo: Option<&'a [f32]>,
    /// Gain of the MLP norm.
    pub mlp_norm: &'a [f32],
    /// Into the nonlinearity.
    pub w1: Matrix<'a>,
    /// Bias into the nonlinearity.
    pub b1: Option<&'a [f32]>,
    /// The factor, in a gated MLP.
    pub w3: Option<Matrix<'a>>,
    /// Bias of the factor.
    pub b3: Option<&'a [f32]>,
    /// Back to the residual stream.
    pub w2: Matrix<'a>,
    /// Bias back to the residual stream.
    pub b2: Option<&'a [f32]>,
}

/// A tensor that the schema demands, of a file that was checked against the schema.
fn demanded<T>(tensor: Option<T>) -> T {
    tensor.expect("a checked file holds every tensor of its schema")
}

impl<'a> Model<'a> {
    /// Checks `bytes` whole and borrows them.
    ///
    /// # Errors
    /// What is wrong with the file, and at which byte.
    pub fn new(bytes: &'a [u8]) -> Result<Self, format::Error> {
        format::File::parse(bytes).map(Self::from)
    }

    /// The file behind it.
    pub fn file(&self) -> &format::File<'a> {
        &self.file
    }

    /// Shape and switches.
    pub fn config(&self) -> &Config {
        self.file.config()
    }

    /// The first eight bytes of the digest of its configuration and logical tensors.
    pub fn id(&self) -> [u8; 8] {
        self.file.model_id()
    }

    /// Token embedding, `(vocab_size, dim)`.
    ///
    /// # Panics
    /// If the model takes windows.
    pub fn embedding(&self) -> Matrix<'a> {
        demanded(self.file.matrix(Id::Embedding, 0))
    }

    /// How a window of samples becomes positions; `None` where the model takes tokens.
    pub fn patches(&self) -> Option<Patches<'a>> {
        Some(Patches {
            mean: self.file.dense(Id::InputMean, 0)?,
            scale: self.file.dense(Id::InputScale, 0)?,
            weight: self.matrix(Product::Many, Id::Patch, 0)?,
            bias: self.file.dense(Id::PatchBias, 0)?,
        })
    }

    /// Bias of a classifier's head, `(classes,)`.
    pub fn head_bias(&self) -> Option<&'a [f32]> {
        self.file.dense(Id::HeadBias, 0)
    }

    /// Learned positions, `(seq_len, dim)`.
    pub fn positions(&self) -> Option<Matrix<'a>> {
        self.file.matrix(Id::Positions, 0)
    }

    /// Tables of RoPE.
    pub fn rope(&self) -> Option<Rope<'a>> {
        Some(Rope {
            cos: self.file.dense(Id::RopeCos, 0)?,
            sin: self.file.dense(Id::RopeSin, 0)?,
            half: self.config().head_dim / 2,
        })
    }

    /// Table whose row of the current token joins the logits, `(vocab_size, vocab_size)`.
    pub fn bigram(&self) -> Option<Matrix<'a>> {
        self.file.matrix(Id::Bigram, 0)
    }

    /// Gain of the last norm, `(dim,)`.
    pub fn final_norm(&self) -> &'a [f32] {
        demanded(self.file.dense(Id::FinalNorm, 0))
    }

    /// Head, `(n_logits, dim)`; the embedding where they are tied. In the form for one vector, which is all it ever sees.
    pub fn head(&self) -> Matrix<'a> {
        let id = if self.config().tied {
            Id::Embedding
        } else {
            Id::Head
        };
        demanded(self.matrix(Product::One, id, 0))
    }

    /// A product matrix as it was repacked for `product`, or as it lies in the file.
    fn matrix(&self, product: Product, id: Id, layer: usize) -> Option<Matrix<'a>> {
        if let Some(repacked) = &self.repacked {
            let (place, tensor) = self.file.place(id, layer)?;
            if let Some(matrix) = repacked.matrix(product, place, tensor) {
                return Some(matrix);
            }
        }
        self.file.matrix(id, layer)
    }

    /// The same model with payloads beside its file.
    pub(super) fn with(self, repacked: format::Repacked<'a>) -> Self {
        Self {
            repacked: Some(repacked),
            ..self
        }
    }

    /// Views of one block, in the forms for one vector.
    ///
    /// # Panics
    /// If `layer >= n_layers`.
    pub fn layer(&self, layer: usize) -> Layer<'a> {
        self.layer_for(Product::One, layer)
    }

    /// Views of one block, in the forms for `product`.
    ///
    /// # Panics
    /// If `layer >= n_layers`.
    pub fn layer_for(&self, product: Product, layer: usize) -> Layer<'a> {
        let matrix = |id| self.matrix(product, id, layer);
        let dense = |id| self.file.dense(id, layer);
        Layer {
            attn_norm: demanded(dense(Id::AttnNorm)),
            wq: demanded(matrix(Id::Wq)),
            bq: dense(Id::Bq),
            wk: demanded(matrix(Id::Wk)),
            bk: dense(Id::Bk),
            wv: demanded(matrix(Id::Wv)),
            bv: dense(Id::Bv),
            sink: dense(Id::Sink),
            wo: demanded(matrix(Id::Wo)),
            bo: dense(Id::Bo),
            mlp_norm: demanded(dense(Id::MlpNorm)),
            w1: demanded(matrix(Id::W1)),
            b1: dense(Id::B1),
            w3: matrix(Id::W3),
            b3: dense(Id::B3),
            w2: demanded(matrix(Id::W2)),
            b2: dense(Id::B2),
        }
    }
}

impl<'a> From<format::File<'a>> for Model<'a> {
    fn from(file: format::File<'a>) -> Self {
        Self {
            file,
            repacked: None,
        }
    }
}
