//! `lacuna bench-encodings`: what every encoding costs on a machine.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use lacuna::kernels::Isa;

use super::open;
use crate::device::Board;
use crate::encodings::{self, Error, Table};
use crate::export::Target;
use crate::report::{NextStep, Out};

/// Measure what every encoding costs, and print the break-even table that `export --for` chooses by
///
/// Desktop targets are timed on this machine, microcontrollers are counted in instructions by the firmware of their
/// emulated board. The text on stdout is what the repository keeps: `> benches/break-even/TARGET.csv`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Machine to measure for [default: the fastest instructions here]
    #[arg(long = "for", value_enum, value_name = "TARGET")]
    target: Option<Target>,
    /// Figures of boards that were counted before, instead of running one
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A target that this machine cannot be, a board that is not here.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let target = match args.target {
        Some(target) => target,
        None => Target::of(Isa::detect().name()),
    };
    let table = match target.board() {
        Some(board) => on_board(target, board, args.from)?,
        None => here(target, &out)?,
    };
    out.note(table.winners());
    out.result(&table, || table.csv().trim_end().to_owned())
}

fn here(target: Target, out: &Out) -> anyhow::Result<Table> {
    let name = target.isa();
    let isa = Isa::from_name(name)
        .with_context(|| format!("this machine has no back-end `{name}` to measure"))
        .next_step(|| {
            let names: Vec<String> = Isa::available().map(|isa| isa.to_string()).collect();
            format!(
                "measure one of {}, or run this on such a machine",
                names.join(", ")
            )
        })?;
    let bar = out.progress(encodings::matrices(), "measuring");
    let table = encodings::measure(isa, &mut || bar.inc(1));
    bar.finish_and_clear();
    Ok(table?)
}

fn on_board(target: Target, board: &str, from: Option<PathBuf>) -> anyhow::Result<Table> {
    let text = match from {
        Some(path) => {
            let text = open::file(&path)?;
            // A file of several boards names them at the start of each line.
            let lines = String::from_utf8_lossy(&text).into_owned();
            let own = lines.lines().filter_map(|l| l.strip_prefix(board));
            own.map(|line| line.trim_start().to_owned() + "\n")
                .collect()
        }
        None => {
            let board = Board::named(board).context("there is no such board")?;
            let counted = encodings::count(board);
            let advice = match &counted {
                Err(Error::Missing(missing)) => format!("run `{}`", missing.install()),
                _ => format!("see what `cargo icount` says in targets/{}", board.name),
            };
            counted.next_step(|| advice)?
        }
    };
    let only = (target == Target::Portable).then_some("portable");
    let unit = format!("instructions of {board}");
    let table = encodings::read(encodings::note(&target.name(), &unit), &text, only);
    if table.lines.is_empty() {
        return Err(anyhow!("there are no figures of {board}"))
            .next_step(|| "give benches/boards.txt, or run without --from".to_owned());
    }
    Ok(table)
}
