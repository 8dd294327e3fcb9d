//! No window.

use lacuna::model::Model;
use lacuna::probe::NoProbe;
use lacuna::session::Session;

pub(crate) type Watch = NoProbe;

pub(crate) fn watch(_: &Model<'static>) -> Watch {
    NoProbe
}

pub(crate) fn tested(_: &mut Session<'_, Watch>) {}

pub(crate) fn stepped(_: &mut Session<'_, Watch>) {}
