//! A model file written again with another block.

use core::convert::Infallible;

use lacuna::format::write::{Sink, write};
use lacuna::format::{Calibration, Extra, Tag};
use lacuna::model::Model;

use super::Error;

struct Memory(Vec<u8>);

impl Sink for Memory {
    type Error = Infallible;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// The file of `model` with `calibration` in the place of its own, if it had one; all else stays, the id too.
///
/// # Errors
/// [`Error::Write`].
pub fn rewrite(model: &Model<'_>, calibration: Calibration<'_>) -> Result<Vec<u8>, Error> {
    again(model, Some(calibration), None)
}

/// The file of `model` with a block that no engine knows, in the place of one of that tag.
///
/// # Errors
/// [`Error::Write`].
pub fn with_block(model: &Model<'_>, tag: Tag, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    again(model, model.file().calibration(), Some((tag, bytes)))
}

fn again(
    model: &Model<'_>,
    calibration: Option<Calibration<'_>>,
    more: Option<(Tag, &[u8])>,
) -> Result<Vec<u8>, Error> {
    let file = model.file();
    let isa = file.needs().isa_name();
    let isa = isa.ok_or(Error::Write(
        "it was made for a machine of a later version".to_owned(),
    ))?;
    let mut extra = Extra::new(file.needs().state_bytes, isa);
    let plan = file.plan();
    extra.calibration = calibration;
    extra.plan = plan.as_ref();
    extra.labels = file.labels();
    extra.sensor = file.sensor();
    extra.tokenizer = file.tokenizer();
    extra.golden = file.golden();
    extra.provenance = file.provenance();
    let typed = [
        Tag::CALIBRATION,
        Tag::PLAN,
        Tag::LABELS,
        Tag::SENSOR,
        Tag::TOKENIZER,
        Tag::GOLDEN,
        Tag::PROVENANCE,
    ];
    let replaced = |tag| more.is_some_and(|(new, _)| new == tag);
    let others = file
        .blocks()
        .filter(|b| !typed.contains(&b.tag) && !replaced(b.tag));
    let others = others.filter_map(|b| Some((b.tag, file.block(b.tag)?)));
    let others: Vec<_> = others.chain(more).collect();
    extra.blocks = &others;
    let mut memory = Memory(Vec::new());
    let written = write(file.config(), file, &extra, &mut memory);
    let written = written.map_err(|e| Error::Write(e.to_string()))?;
    if written.model_id == model.id() {
        Ok(memory.0)
    } else {
        Err(Error::Write("its id would change".to_owned()))
    }
}
