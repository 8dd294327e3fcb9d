//! Which form each matrix takes: dense or CSR, output- or input-major.

use lacuna::config::{Activation, Config};
use lacuna::format::ValueType;
use lacuna::format::schema::{Id, Kind, Tensor};
use lacuna::sparse::Major;

use super::target::{Goal, RELU_ACTIVE, SLACK, Target};

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
    let time = |form: &Form| -> f64 {
        let elements = if form.sparse {
            nonzero
        } else {
            tensor.rows * tensor.cols
        } as f64;
        let (rows, cols) = (tensor.rows as f64, tensor.cols as f64);
        match (form.sparse, form.major) {
            (false, Major::Output) => elements * costs.dense_output,
            (false, Major::Input) => elements * active * costs.dense_input,
            (true, Major::Output) => elements * costs.csr_output.0 + rows * costs.csr_output.1,
            (true, Major::Input) => {
                active * (elements * costs.csr_input.0 + cols * costs.csr_input.1)
            }
        }
    };
    let bytes = |form: &Form| bytes(tensor, nonzero, values, form.sparse);
    // Rows of a look-up table are read one by one.
    let majors = match tensor.kind {
        Kind::Matrix => &[Major::Output, Major::Input][..],
        _ => &[Major::Output],
    };
    let forms = || {
        let both = [false, true].into_iter();
        both.flat_map(|sparse| majors.iter().map(move |&major| Form { sparse, major }))
    };
    let least = forms()
        .map(|form| time(&form))
        .fold(f64::INFINITY, f64::min);
    let limit = match target.goal() {
        Goal::Bytes => f64::INFINITY,
        Goal::Time => least * SLACK,
    };
    let order = |a: &Form, b: &Form| {
        bytes(a)
            .total_cmp(&bytes(b))
            .then(time(a).total_cmp(&time(b)))
    };
    let fit = forms().filter(|form| time(form) <= limit);
    fit.min_by(order).unwrap_or(Form {
        sparse: false,
        major: Major::Output,
    })
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

#[cfg(test)]
mod tests {
    use lacuna::config::{Position, TopK};
    use lacuna::format::schema;

    use super::*;

    fn chosen(id: Id, density: f64, values: ValueType, target: Target) -> Form {
        let config = Config {
            dim: 96,
            hidden_dim: 384,
            n_layers: 1,
            n_heads: 4,
            n_kv_heads: 4,
            head_dim: 24,
            vocab_size: 256,
            seq_len: 16,
            norm_eps: 1e-5,
            position: Position::None,
            activation: Activation::Gelu,
            gated: false,
            attn_bias: false,
            mlp_bias: false,
            sink: false,
            bigram: false,
            tied: false,
            topk: TopK {
                mlp_neuron: 48,
                ..TopK::default()
            },
        };
        let tensor = schema::tensors(&config).find(|t| t.id == id).unwrap();
        let nonzero = (density * (tensor.rows * tensor.cols) as f64) as usize;
        form(&config, &tensor, nonzero, values, target)
    }

    #[test]
    fn microcontrollers_store_what_is_smallest() {
        // 6 bytes against 4, 4 against 2, 3 against 1; row starts move each a little.
        for (values, below, above) in [
            (ValueType::F32, 0.6, 0.7),
            (ValueType::F16, 0.45, 0.55),
            (ValueType::I8, 0.27, 0.4),
        ] {
            assert!(chosen(Id::W1, below, values, Target::CortexM4).sparse);
            assert!(!chosen(Id::W1, above, values, Target::CortexM4).sparse);
        }
    }

    #[test]
    fn sparse_inputs_choose_input_major_and_dense_ones_do_not() {
        for target in [Target::Portable, Target::CortexM4, Target::CortexM0] {
            for density in [0.1, 1.0] {
                let by = |id| chosen(id, density, ValueType::F32, target).major;
                assert_eq!((by(Id::W1), by(Id::W2)), (Major::Output, Major::Input));
            }
        }
    }

    #[test]
    fn wide_vectors_leave_the_dense_form_only_where_it_pays() {
        for target in [Target::Avx2, Target::Avx512] {
            assert!(!chosen(Id::W1, 0.5, ValueType::F32, target).sparse);
            assert!(chosen(Id::W2, 0.02, ValueType::F32, target).sparse);
        }
    }

    #[test]
    fn look_up_tables_stay_output_major() {
        for target in [Target::Portable, Target::Avx512] {
            for density in [0.1, 1.0] {
                let form = chosen(Id::Embedding, density, ValueType::F32, target);
                assert_eq!(form.major, Major::Output);
            }
        }
    }
}
