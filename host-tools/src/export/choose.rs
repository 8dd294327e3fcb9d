//! Which form each matrix takes: encoding and orientation.

use lacuna::config::Config;
use lacuna::format::pack::{self, Form};
use lacuna::format::schema::{Id, Tensor};
use lacuna::format::{Encoding, Product};
use lacuna::model::break_even::Job;
use lacuna::model::repack::takes;
use lacuna::sparse::{Major, Matrix};

use super::activity::Activity;
use super::target::{Goal, NEAR, PATIENCE, SLACK, Target};
use crate::memory::Buffer;

/// A form that a matrix may take, and what it costs.
#[derive(Clone, Copy, Debug)]
struct Offer {
    form: Form,
    time: f64,
    bytes: f64,
}

/// Chooses the form of `matrix`, which is `tensor` after rounding, by how many of its inputs are not zero.
///
/// # Errors
/// The matrix is too large for every form.
pub(super) fn form(
    config: &Config,
    tensor: Tensor,
    matrix: &Matrix<'_>,
    target: Target,
    activity: &Activity,
    scratch: &mut Buffer,
) -> Result<Form, pack::Error> {
    let job = job(config, tensor, matrix, activity);
    let mut offers = Vec::new();
    for (form, time) in target.table().costs(job) {
        // Orientations differ by a few row starts, which must not outweigh time, so both count as output-major.
        let counted = Form {
            major: Major::Output,
            ..form
        };
        offers.push(Offer {
            form,
            time: time.into(),
            bytes: pack::line(tensor, matrix, counted, scratch)?.len as f64,
        });
    }
    Ok(best(&offers, target.goal()).unwrap_or(Form {
        encoding: Encoding::Dense,
        major: Major::Output,
    }))
}

/// Instructions of a Cortex-M4F for the product of `matrix` with one token, in the fastest form; 0 for a matrix that is
/// only looked up.
pub(super) fn instructions(
    config: &Config,
    tensor: Tensor,
    matrix: &Matrix<'_>,
    activity: &Activity,
) -> f64 {
    let multiplied = match tensor.id {
        Id::Embedding => config.tied,
        Id::Bigram => false,
        _ => true,
    };
    if !multiplied {
        return 0.0;
    }
    let job = job(config, tensor, matrix, activity);
    let costs = Target::CortexM4.table().costs(job);
    let least = costs.map(|(_, cost)| cost).reduce(f32::min);
    least.unwrap_or(0.0).into()
}

fn job(config: &Config, tensor: Tensor, matrix: &Matrix<'_>, activity: &Activity) -> Job {
    Job {
        tensor,
        value: pack::value(matrix),
        nonzeros: matrix.nonzeros(),
        product: if takes(config, tensor.id, Product::One) {
            Product::One
        } else {
            Product::Many
        },
        active: activity.of(config, &tensor),
    }
}

fn best(offers: &[Offer], goal: Goal) -> Option<Form> {
    let time = |o: &&Offer| o.time;
    let bytes = |o: &&Offer| o.bytes;
    let found = match goal {
        Goal::Bytes => {
            let patient = within(offers.iter(), time, PATIENCE);
            least(&within(patient.into_iter(), bytes, NEAR), time, bytes)
        }
        Goal::Time => least(&within(offers.iter(), time, SLACK), bytes, time),
    };
    found.map(|o| o.form)
}

/// Offers of which `what` is at most `factor` times the least.
fn within<'a>(
    offers: impl Iterator<Item = &'a Offer> + Clone,
    what: impl Fn(&&'a Offer) -> f64,
    factor: f64,
) -> Vec<&'a Offer> {
    let each = offers.clone().map(|o| what(&o));
    let least = each.fold(f64::INFINITY, f64::min);
    offers.filter(|o| what(o) <= least * factor).collect()
}

/// The offer of least `first`, of equals that of least `second`.
fn least<'a>(
    offers: &[&'a Offer],
    first: impl Fn(&&'a Offer) -> f64,
    second: impl Fn(&&'a Offer) -> f64,
) -> Option<&'a Offer> {
    let order = |a: &&'a Offer, b: &&'a Offer| {
        let by_first = first(a).total_cmp(&first(b));
        by_first.then(second(a).total_cmp(&second(b)))
    };
    offers.iter().copied().min_by(order)
}

#[cfg(test)]
mod tests {
    use lacuna::config::{Activation, TopK};
    use lacuna::format::ValueType;
    use lacuna::format::schema;
    use lacuna::num::Rng;
    use lacuna::probe::{Hook, Site};

    use super::super::encode;
    use super::*;
    use crate::fixture::PLAIN;

    fn chosen(id: Id, density: f32, values: ValueType, target: Target) -> Form {
        let topk = TopK {
            mlp_neuron: 48,
            ..TopK::default()
        };
        let config = Config { topk, ..CONFIG };
        chosen_for(&config, id, density, (values, target), &Activity::default())
    }

    const CONFIG: Config = Config {
        dim: 96,
        hidden_dim: 384,
        n_heads: 4,
        n_kv_heads: 4,
        head_dim: 24,
        ..PLAIN
    };

    fn chosen_for(
        config: &Config,
        id: Id,
        density: f32,
        (values, target): (ValueType, Target),
        activity: &Activity,
    ) -> Form {
        let tensor = schema::tensors(config).find(|t| t.id == id).unwrap();
        let mut rng = Rng::new(4);
        let mut number = || match rng.next_f32() < density {
            true => rng.next_f32() + 0.1,
            false => 0.0,
        };
        let weights: Vec<f32> = (0..tensor.rows * tensor.cols).map(|_| number()).collect();
        let rounded = encode::round("w", &weights, tensor.cols, values).unwrap();
        let matrix = rounded.view(&tensor).unwrap();
        let mut scratch = encode::scratch(&matrix);
        form(config, tensor, &matrix, target, activity, &mut scratch).unwrap()
    }

    const BOARDS: [Target; 5] = [
        Target::CortexM0,
        Target::CortexM4,
        Target::CortexM33,
        Target::CortexM55,
        Target::Rv32,
    ];
    const ALL: [ValueType; 3] = [ValueType::F32, ValueType::F16, ValueType::I8];

    #[test]
    fn microcontrollers_store_what_is_nearly_smallest() {
        for target in BOARDS {
            for values in ALL {
                let tenth = chosen(Id::W1, 0.1, values, target).encoding;
                assert!(
                    !matches!(
                        tenth,
                        Encoding::Dense | Encoding::Panel16 | Encoding::Panel32
                    ),
                    "{target:?} {values} {tenth}"
                );
                assert_eq!(
                    chosen(Id::W1, 1.0, values, target).encoding,
                    Encoding::Dense
                );
            }
        }
    }

    #[test]
    fn sparse_inputs_choose_input_major_and_dense_ones_what_is_fastest() {
        for target in BOARDS.into_iter().chain([Target::Portable]) {
            for density in [0.1, 1.0] {
                let by = |id| chosen(id, density, ValueType::F32, target).major;
                assert_eq!(by(Id::W2), Major::Input, "{target:?} {density}");
            }
        }
        for target in [Target::CortexM4, Target::CortexM33] {
            let form = chosen(Id::W1, 0.1, ValueType::I8, target);
            assert_eq!(form.encoding, Encoding::CsrU8Gap, "{target:?}");
            assert_eq!(form.major, Major::Output, "{target:?}");
        }
    }

    #[test]
    fn few_active_neurons_choose_a_form_that_skips_where_half_would_not() {
        let config = Config {
            activation: Activation::Relu,
            ..CONFIG
        };
        let site = Site {
            layer: 0,
            hook: Hook::MlpPost,
        };
        for (target, values, density) in [
            (Target::CortexM4, ValueType::F32, 1.0),
            (Target::CortexM4, ValueType::I8, 1.0),
            (Target::Avx2, ValueType::I8, 0.1),
            (Target::Avx512, ValueType::F32, 0.1),
        ] {
            let major =
                |activity| chosen_for(&config, Id::W2, density, (values, target), activity).major;
            let tenth = Activity::given(&config, site, 0.1);
            assert_eq!(major(&tenth), Major::Input, "{target:?} {values}");
            let half = Activity::given(&config, site, 0.5);
            assert_eq!(major(&half), Major::Output, "{target:?} {values}");
            assert_eq!(
                major(&Activity::default()),
                Major::Output,
                "{target:?} guesses half"
            );
        }
        let guessed = chosen_for(
            &config,
            Id::W2,
            0.1,
            (ValueType::F32, Target::Portable),
            &Activity::default(),
        );
        assert_eq!(guessed.major, Major::Input, "half is few enough there");
    }

    #[test]
    fn wide_vectors_take_panels_unless_all_is_dense() {
        for values in ALL {
            for density in [0.05, 0.1, 0.2] {
                for target in [Target::Avx2, Target::Avx512] {
                    let form = chosen(Id::W1, density, values, target).encoding;
                    let panel = matches!(form, Encoding::Panel16 | Encoding::Panel32);
                    assert!(panel, "{target:?} {values} {density} {form}");
                }
            }
            for target in [Target::Avx2, Target::Avx512] {
                let form = chosen(Id::W1, 1.0, values, target);
                assert_eq!(form.encoding, Encoding::Dense, "{target:?} {values}");
            }
        }
    }

    #[test]
    fn look_up_tables_stay_output_major_and_reach_their_rows() {
        for target in BOARDS.into_iter().chain([Target::Portable, Target::Avx512]) {
            for density in [0.1, 1.0] {
                let form = chosen(Id::Embedding, density, ValueType::F32, target);
                assert!(form.may_hold(schema::Kind::Lookup), "{target:?} {form:?}");
            }
        }
    }

    #[test]
    fn near_equals_are_decided_by_the_other_goal() {
        let offer = |encoding, time, bytes| Offer {
            form: Form {
                encoding,
                major: Major::Output,
            },
            time,
            bytes,
        };
        let offers = [
            offer(Encoding::Dense, 1.0, 400.0),
            offer(Encoding::Bitmask, 1.1, 200.0),
            offer(Encoding::CsrU8Gap, 1.5, 105.0),
            offer(Encoding::NibbleGap, 1.9, 100.0),
            offer(Encoding::CsrU16, 2.5, 50.0),
        ];
        let encoding = |goal| best(&offers, goal).map(|form| form.encoding);
        assert_eq!(encoding(Goal::Time), Some(Encoding::Bitmask));
        assert_eq!(encoding(Goal::Bytes), Some(Encoding::CsrU8Gap));
    }
}
