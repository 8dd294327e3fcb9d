//! `lacuna circuit check`: the circuit as a file, on this machine and on a board.

use std::path::PathBuf;

use anyhow::anyhow;
use serde_json::json;

use super::super::{export, open};
use super::board::{self, There};
use super::{advice, find, record};
use crate::circuit::check::{self, Cost};
use crate::circuit::subject;
use crate::export as exporter;
use crate::report::{NextStep, Out, bytes, count, table};

/// Run an exported circuit on the engine and compare it with what was found
///
/// The engine's loss on the held-out pairs must be the graph's up to rounding, and every instruction set here must give the
/// same bits. Shows what the circuit costs beside the whole model. With --board both run on an emulated board as well: the
/// circuit must have the same bits there, and flash, RAM, stack and instructions of both are shown.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory that `lacuna circuit find` wrote
    circuit: PathBuf,
    #[command(flatten)]
    form: export::Form,
    /// Checkpoint of the whole model [default: the one that was searched]
    #[arg(long, value_name = "CHECKPOINT")]
    whole: Option<PathBuf>,
    #[command(flatten)]
    board: board::Args,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A circuit that cannot be read, and one that the engine does not run as the graph did.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let record = record(&args.circuit)?;
    let carved = open::checkpoint(&args.circuit)?;
    let path = args.whole.as_ref().unwrap_or(&record.checkpoint);
    let whole = open::checkpoint(path)
        .next_step(|| "name the model that was searched with --whole CHECKPOINT".to_owned())?;
    if whole.digest() != record.weights {
        return Err(anyhow!(
            "{} has other weights than were searched",
            path.display()
        ))
        .next_step(|| "name the model that was searched with --whole CHECKPOINT".to_owned());
    }
    let [_, held_out, _] = find::cases(&carved, &record.task, record.seed, record.pairs)?;
    let settings: exporter::Settings = args.form.into();
    let file = exporter::export(&carved, None, &settings)?;
    let whole_file = exporter::export(&whole, None, &settings)?;
    let ran = check::margins(&file.bytes, &held_out);
    let next = ran.as_ref().err().map_or("", advice);
    let (margins, digests) = ran.next_step(|| next.to_owned())?;
    let engine = subject::loss(&margins, 1.0);
    let graph = record.validation.calibrated.loss;
    let same = digests.iter().all(|d| d.digest == digests[0].digest);
    let costs = [
        check::cost(&whole, whole_file.bytes.len()),
        check::cost(&carved, file.bytes.len()),
    ];
    let prompt = held_out.all().first().map(|case| case.tokens.clone());
    let files = [
        (path.as_path(), &whole_file.bytes),
        (args.circuit.as_path(), &file.bytes),
    ];
    let there = (args.board).run(&prompt.unwrap_or_default(), files, &out)?;
    let value = json!({
        "task": record.task, "loss_engine": engine, "loss_graph": graph,
        "difference": engine - graph, "same_bits": same, "digests": digests,
        "whole": costs[0], "circuit": costs[1], "board": there,
    });
    out.result(&value, || {
        let isas: Vec<&str> = digests.iter().map(|d| d.isa.as_str()).collect();
        format!(
            "{}\n\nloss on held-out pairs: engine {engine:.6}, graph {graph:.6}\nbits on {}: {}",
            text(&costs, there.as_ref()),
            isas.join(", "),
            if same { "equal" } else { "different" },
        )
    })?;
    if !same {
        return Err(anyhow!("instruction sets disagree"))
            .next_step(|| "report this with the circuit: it is a defect of the engine".to_owned());
    }
    if settings.values == exporter::Values::F32 && (engine - graph).abs() > check::ROUNDING {
        return Err(anyhow!(
            "the engine's loss is {engine:.6}, the graph's {graph:.6}"
        ))
        .next_step(|| {
            "find the circuit again; its directory may hold files of two runs".to_owned()
        });
    }
    Ok(())
}

fn text(costs: &[Cost; 2], there: Option<&There>) -> String {
    let here = |what: &str, of: fn(&Cost) -> u64, show| {
        let [whole, circuit] = costs.map(|c| of(&c));
        board::row(what, Some(whole), circuit, show)
    };
    let mut rows = vec![
        here("file", |c| c.flash as u64, bytes),
        here("RAM", |c| c.ram as u64, bytes),
        here("weights a token", |c| c.nonzeros as u64, count),
        here("… in blocks", |c| c.block_nonzeros as u64, count),
    ];
    rows.extend(there.iter().flat_map(|there| there.rows()));
    table(["", "whole model", "circuit", "share"], rows)
}
