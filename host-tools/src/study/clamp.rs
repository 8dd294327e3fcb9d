//! The causal test: the same weights with activations clamped to their largest tenth.
//!
//! A checkpoint is exported once more with AbsTopK at all eight of its sites (what attention and MLP read, q, k, v, what
//! both write, and the neurons) set to a tenth of the site's width, where it was not lower already. That is a change of
//! the configuration alone: weights, residual stream, last norm and head stay as they are, and the engine runs it.

use lacuna::config::{Config, TopK};
use lacuna::model::{Model, State};
use lacuna::probe::Hook;
use lacuna::session::{Error, Session};

use super::measure::{Item, options, show};
use super::trial::{Side, Trial};
use crate::checkpoint::Checkpoint;
use crate::memory::Buffer;

/// `checkpoint` with at most a tenth of the activations of every site.
pub fn clamped(checkpoint: &Checkpoint) -> Checkpoint {
    let mut clamped = checkpoint.clone();
    clamped.config.topk = tenths(&checkpoint.config);
    clamped
}

fn tenths(config: &Config) -> TopK {
    let least = |k: usize, hook: Hook| {
        let tenth = config.width_of(hook).div_ceil(10);
        if k == 0 { tenth } else { k.min(tenth) }
    };
    let k = config.topk;
    TopK {
        attn_in: least(k.attn_in, Hook::AttnIn),
        q: least(k.q, Hook::Q),
        k: least(k.k, Hook::K),
        v: least(k.v, Hook::V),
        attn_out: least(k.attn_out, Hook::AttnOut),
        mlp_in: least(k.mlp_in, Hook::MlpIn),
        mlp_neuron: least(k.mlp_neuron, Hook::MlpPost),
        mlp_out: least(k.mlp_out, Hook::MlpOut),
    }
}

/// Runs the clamped `model` on the windows of the test side and notes its loss in `items`, one a trial.
///
/// # Errors
/// What a session meets.
pub fn run(model: &Model<'_>, trials: &[Trial], items: &mut [Item]) -> Result<(), Error> {
    let options = options(model);
    let mut arena = Buffer::zeroed(State::len(model.config(), &options.limits));
    let mut session = Session::new(*model, &mut arena, options)?;
    let tested = trials
        .iter()
        .zip(items)
        .filter(|(t, _)| t.side == Side::Test);
    for (trial, item) in tested {
        item.clamped = show(&mut session, &trial.window)?.0;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::settings::DEFAULT;

    #[test]
    fn a_tenth_of_every_site_and_never_more_than_before() {
        let mut config = DEFAULT.model.config;
        config.topk.q = 3;
        let k = tenths(&config);
        assert_eq!((k.attn_in, k.q, k.k, k.v), (10, 3, 10, 10));
        assert_eq!(
            (k.attn_out, k.mlp_in, k.mlp_neuron, k.mlp_out),
            (10, 10, 39, 10)
        );
    }
}
