//! The plan of the file.

use lacuna::model::Model;
use lacuna::probe::{PlanProbe, Sketch};
use lacuna::session::Session;

pub(crate) type Watch = PlanProbe<'static>;

static mut CELLS: [Sketch; 32] = [Sketch::EMPTY; 32];

pub(crate) fn watch(model: &Model<'static>) -> Watch {
    let plan = model.file().plan().unwrap_or_default();
    let cells = &raw mut CELLS;
    // SAFETY: `main` runs once and calls this once, and nothing else names the static.
    let cells = unsafe { &mut *cells };
    PlanProbe::new(plan, model.config().n_layers, cells).expect("there is room for its sketches")
}

pub(crate) fn tested(_: &mut Session<'_, Watch>) {}

pub(crate) fn stepped(_: &mut Session<'_, Watch>) {}
