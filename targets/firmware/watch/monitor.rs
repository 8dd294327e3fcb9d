//! The monitor of the file's calibration.

use lacuna::model::Model;
use lacuna::monitor::{Answer, Monitor, self_test_tokens};
use lacuna::session::Session;

pub(crate) type Watch = Monitor<'static>;

static mut FLOATS: [f32; 256] = [0.0; 256];

pub(crate) fn watch(model: &Model<'static>) -> Watch {
    let calibration = model.file().calibration().expect("the file is calibrated");
    let floats = &raw mut FLOATS;
    // SAFETY: `main` runs once and calls this once, and nothing else names the static.
    let floats = unsafe { &mut *floats };
    Monitor::new(model.id(), calibration, floats).expect("there is room for its sums")
}

pub(crate) fn tested(session: &mut Session<'_, Watch>) {
    let outcome = self_test_tokens(session);
    session.probe_mut().tested(outcome);
}

pub(crate) fn stepped(session: &mut Session<'_, Watch>) {
    let window = session.probe().calibration().settings().window;
    if session.position().is_multiple_of(window.into())
        && let Some(verdict) = session.probe_mut().end_window()
        && verdict.answer != Answer::Ok
    {
        semihosting::process::exit(2)
    }
}
