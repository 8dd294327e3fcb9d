//! Checkpoints of one run on the way.
//!
//! # Why
//! A run saves its state after every so many steps, and says when it has taken the next one: what lies in its directory at
//! that moment is the state of the step before.

use core::time::Duration;
use std::fs;
use std::path::Path;

use crate::checkpoint::{self, Checkpoint};
use crate::data::Corpus;
use crate::study::models::Error;
use crate::train::parameters::Layout;
use crate::train::state::{STATE, State};
use crate::train::{self, Saving, Settings};

/// The models of a run at `steps`, which ascend from 0 to its last and are multiples of the second.
///
/// # Errors
/// [`Error::Train`], [`Error::Open`].
pub(super) fn train(
    settings: &Settings,
    corpus: &Corpus,
    dir: &Path,
    steps: &[u64],
    watch: &mut dyn FnMut(u64),
) -> Result<Vec<Checkpoint>, Error> {
    let seed = settings.seed;
    let failed = |source| Error::Train { seed, source };
    let kept = |step: u64| dir.join(format!("step-{step}.safetensors"));
    let apart = steps.get(1).copied().unwrap_or(1).max(1);
    let saving = Saving {
        steps: apart,
        time: Duration::MAX,
    };
    let mut copied: Result<(), checkpoint::Error> = Ok(());
    let mut keep = |step: u64| {
        if steps.contains(&step) && step > 0 && copied.is_ok() {
            let bytes = checkpoint::read(&dir.join(STATE));
            copied = bytes.and_then(|b| checkpoint::write(&kept(step), &b));
        }
    };
    let done = train::run_on(settings, corpus, dir, saving, &mut |m| {
        keep(m.step - 1);
        watch(m.step);
    });
    done.map_err(failed)?;
    keep(settings.schedule.steps);
    copied.map_err(|source| failed(source.into()))?;
    let last = Checkpoint::load(dir).map_err(|source| Error::Open {
        path: dir.to_owned(),
        source,
    })?;
    let layout = Layout::new(&settings.model.config);
    steps
        .iter()
        .map(|step| {
            let parameters = match step {
                0 => layout.initial(seed),
                step => state(&kept(*step), dir).map_err(failed)?,
            };
            let mut checkpoint = last.clone();
            checkpoint.tensors = layout.tensors(&parameters);
            Ok(checkpoint)
        })
        .collect()
}

/// The learned numbers of a kept state.
fn state(path: &Path, dir: &Path) -> Result<Vec<f32>, train::Error> {
    let missing = || train::Error::State {
        path: path.to_owned(),
    };
    let room = tempfile::tempdir_in(dir).map_err(|source| checkpoint::Error::Create {
        path: dir.to_owned(),
        source,
    })?;
    fs::copy(path, room.path().join(STATE)).map_err(|_| missing())?;
    let state = State::load(room.path())?.ok_or_else(missing)?;
    Ok(state.parameters)
}
