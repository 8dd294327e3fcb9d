//! A circuit and its model on an emulated board, one beside the other.
//!
//! ```text
//! file ─► board: prompt, a few tokens ─► instructions, flash, RAM, stack
//! circuit ─► board: every activation, every logit ─► same bits as here?
//! ```
//!
//! # Invariants
//! - Both run the same prompt token by token, in files of the same settings.
//!
//! # Why
//! The model runs for its costs alone: where it does not fit the board and its circuit does, that is the answer.

use std::path::Path;

use anyhow::anyhow;
use lacuna::kernels::Isa;
use lacuna::model::{Limits, Model};
use serde::Serialize;

use super::super::device::{TargetArgs, board};
use super::super::open;
use crate::device::{self, Board, Choice, Figures, Job};
use crate::memory::Buffer;
use crate::report::{NextStep, Out, bytes, count};

/// Tokens generated behind the prompt.
const TOKENS: usize = 8;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Run both on this emulated board too, such as qemu-mps2-an386
    #[arg(long, value_name = "NAME", value_parser = board)]
    board: Option<&'static Board>,
    /// Which firmware runs them
    #[arg(long, value_enum, default_value = "auto", requires = "board")]
    firmware: Choice,
}

/// What a board said of both.
#[derive(Debug, Serialize)]
pub(super) struct There {
    name: &'static str,
    /// Back-ends of this machine whose bits are the board's.
    isas: Vec<String>,
    /// The whole model; `null` where it does not run there.
    whole: Option<Figures>,
    circuit: Figures,
}

impl Args {
    /// Runs model and circuit, files that were exported alike; nothing without a board.
    ///
    /// # Errors
    /// A circuit that does not run on the board, or has other bits there.
    pub(super) fn run(
        &self,
        prompt: &[u32],
        [whole, circuit]: [(&Path, &Buffer); 2],
        out: &Out,
    ) -> anyhow::Result<Option<There>> {
        let Some(board) = self.board else {
            return Ok(None);
        };
        let target = TargetArgs::plain(board, self.firmware);
        let job = |model: &Model<'_>| -> anyhow::Result<Job> {
            let job = Job::new(prompt.to_vec(), TOKENS, Limits::new(model.config()));
            let limits = target.limits(model, &job.demand(model))?;
            Ok(Job { limits, ..job })
        };
        let costs = |(path, bytes): (&Path, &Buffer)| -> anyhow::Result<Figures> {
            let model = open::parse(path, bytes)?;
            let job = job(&model)?;
            let (firmware, outcome) = target.run(path, &model, &job, out)?;
            Ok(Figures::new(
                board,
                &firmware,
                &model,
                None,
                &job,
                &outcome.report,
            ))
        };
        let figures = costs(circuit)?;
        let model = open::parse(circuit.0, circuit.1)?;
        let job = Job {
            sites: true,
            logits: true,
            ..job(&model)?
        };
        let there = target.run(circuit.0, &model, &job, out)?.1.report.seen;
        let mut isas = Vec::new();
        for isa in Isa::available() {
            let here = device::observe(isa, &model, &job)?;
            if let Some(difference) = here.first_difference(&there) {
                let found =
                    anyhow!("the circuit has other bits on {board} than with {isa}: {difference}");
                return Err(found).next_step(|| {
                    "report this with the circuit: it is a defect of the engine".to_owned()
                });
            }
            isas.push(isa.to_string());
        }
        let whole = costs(whole).inspect_err(|why| {
            out.note(format_args!(
                "the whole model does not run on {board}: {why}"
            ));
        });
        Ok(Some(There {
            name: board.name,
            isas,
            whole: whole.ok(),
            circuit: figures,
        }))
    }
}

impl There {
    /// Rows for the table of [`super::check`].
    pub(super) fn rows(&self) -> [[String; 4]; 5] {
        let row = |what: &str, of: fn(&Figures) -> u64, show| {
            row(what, self.whole.as_ref().map(of), of(&self.circuit), show)
        };
        let isas = self.isas.join(", ");
        let none = String::new;
        [
            [
                format!("on {}, bits of {isas}", self.name),
                none(),
                none(),
                none(),
            ],
            row("  flash, firmware included", |f| f.flash_bytes, bytes),
            row("  RAM of the session", |f| f.run.ram_bytes as u64, bytes),
            row("  stack of a step", |f| f.stack_bytes.into(), bytes),
            row(
                "  instructions a token",
                |f| f.instructions_per_token,
                count,
            ),
        ]
    }
}

/// A figure of both, and the circuit's share of the model's.
pub(super) fn row(
    what: &str,
    whole: Option<u64>,
    circuit: u64,
    show: fn(u64) -> String,
) -> [String; 4] {
    let share = whole.map(|whole| circuit as f64 / whole.max(1) as f64);
    [
        what.to_owned(),
        whole.map_or("–".to_owned(), show),
        show(circuit),
        share.map_or("–".to_owned(), |share| format!("{share:.3}")),
    ]
}
