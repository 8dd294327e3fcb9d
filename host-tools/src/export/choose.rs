//! Which form each matrix takes: dense or CSR, output- or input-major.

use lacuna::config::{Activation, Config};
use lacuna::format::ValueType;
use lacuna::format::schema::{Id, Kind, Tensor};
use lacuna::sparse::Major;

use super::target::{Goal, RELU_ACTIVE, Target};

/// A way to store a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// CSR rather than dense.
    pub(super) sparse: bool,
    /// Which axis is stored as rows.
    pub(super) major: Major,
}

/// Expected share of nonzero elements in the input of a matrix: k/n at an AbsTopK site, half after ReLU, else 1.
pub(super) fn active(config: &Config, id: Id) -> f64 {
    let share = |k: usize, n: usize| if k == 0 { 1.0 } else { k as f64 / n as f64 };
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

/// Chooses the form of `tensor` with `nonzero` weights after rounding to `values`.
pub(super) fn form(
    config: &Config,
    tensor: &Tensor,
    nonzero: usize,
    values: ValueType,
    target: Target,
) -> Form {
    let active = active(config, tensor.id);
    let costs = target.costs(values);
    let score = |form: &Form| -> (f64, f64) {
        let elements = if form.sparse {
            nonzero
        } else {
            tensor.rows * tensor.cols
        } as f64;
        let (rows, cols) = (tensor.rows as f64, tensor.cols as f64);
        let time = match (form.sparse, form.major) {
            (false, Major::Output) => elements * costs.dense_output,
            (false, Major::Input) => elements * active * costs.dense_input,
            (true, Major::Output) => elements * costs.csr_output.0 + rows * costs.csr_output.1,
            (true, Major::Input) => {
                active * (elements * costs.csr_input.0 + cols * costs.csr_input.1)
            }
        };
        let bytes = bytes(tensor, nonzero, values, form.sparse);
        match target.goal() {
            Goal::Time => (time, bytes),
            Goal::Bytes => (bytes, time),
        }
    };
    let mut best = Form {
        sparse: false,
        major: Major::Output,
    };
    for sparse in [false, true] {
        for major in [Major::Output, Major::Input] {
            let candidate = Form { sparse, major };
            // Rows of a look-up table are read one by one.
            let allowed = tensor.kind == Kind::Matrix || major == Major::Output;
            if allowed && score(&candidate) < score(&best) {
                best = candidate;
            }
        }
    }
    best
}

/// Bytes of the payload without scales and padding. Orientations differ by a few row starts, which must not outweigh
/// time, so both count as output-major.
fn bytes(tensor: &Tensor, nonzero: usize, values: ValueType, sparse: bool) -> f64 {
    let width = values.bits() as f64 / 8.0;
    if sparse {
        4.0 * (tensor.rows as f64 + 1.0) + nonzero as f64 * (width + 2.0)
    } else {
        (tensor.rows * tensor.cols) as f64 * width
    }
}
