//! The same models on an emulated board.

use anyhow::Context;
use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model};
use lacuna::session::Tokenizer;

use super::BOARD_TOKENS;
use super::desktop::prompt;
use super::models::Variant;
use crate::device::{self, BOUNDS, Board, Choice, Figures, Job};
use crate::export::Target;
use crate::report::Out;

/// Runs a model on `board` and compares every logit, activation and statistic with every back-end of this machine.
pub(super) fn run(
    board: &'static Board,
    variant: &Variant<'_>,
    out: &Out,
) -> anyhow::Result<(Figures, Option<String>)> {
    let file = variant.export(Target::CortexM4)?;
    let model = Model::new(&file.bytes)?;
    let tokenizer = Tokenizer::new(model.file()).context("the model has no tokenizer")?;
    let limits = Limits::new(model.config());
    let job = Job {
        sites: true,
        logits: true,
        ..Job::new(prompt(&tokenizer)?, BOARD_TOKENS, limits)
    };
    out.note(format_args!(
        "{} on {board}: building and running",
        variant.name()
    ));
    let (firmware, note) = device::prepare(board, Choice::Auto, &model, &limits.into())?;
    if let Some(note) = note {
        out.note(note);
    }
    let bar = out.progress(job.records(model.config()), "records");
    let outcome = device::run(board, &firmware, &model, &job, BOUNDS, &mut |n| bar.inc(n));
    bar.finish_and_clear();
    let report = outcome?.report;
    let mut difference = None;
    for isa in Isa::available() {
        let here = device::observe(isa, &model, &job)?;
        if let Some(found) = here.first_difference(&report.seen) {
            difference = Some(format!("{isa} and {board} differ first at {found}"));
            break;
        }
    }
    let figures = Figures::new(board, &firmware, &model, Some(&tokenizer), &job, &report);
    Ok((figures, difference))
}
