//! `lacuna circuit summary`

use std::path::PathBuf;

use serde_json::json;

use super::record;
use crate::circuit::record::Record;
use crate::circuit::summary::{Mean, Summary, summary};
use crate::report::{Out, table};

/// Average circuits over tasks: geometric means of nodes and edges
///
/// Circuits of one checkpoint are averaged together, with 95 % intervals over tasks. Those that miss their target are
/// counted and left out of the means. Other seeds and controls are shown as multiples of the circuit's size, over tasks in
/// which both meet the target.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories that `lacuna circuit find` wrote
    #[arg(required = true)]
    circuits: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A directory that holds no circuit.
pub(super) fn run(args: Args, quiet: bool) -> anyhow::Result<()> {
    let out = Out {
        quiet,
        json: args.json,
    };
    let records: Result<Vec<Record>, _> = args.circuits.iter().map(|dir| record(dir)).collect();
    let records = records?;
    let mut groups: Vec<(String, Vec<Record>)> = Vec::new();
    for record in &records {
        let name = record.checkpoint.display().to_string();
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, group)) => group.push(record.clone()),
            None => groups.push((name, vec![record.clone()])),
        }
    }
    let groups: Vec<(String, Summary)> = groups
        .into_iter()
        .map(|(name, group)| (name, summary(&group)))
        .collect();
    let value = json!({
        "circuits": records,
        "checkpoints": groups.iter().map(|(name, s)| json!({"checkpoint": name, "summary": s}))
            .collect::<Vec<_>>(),
    });
    out.result(&value, || text(&records, &groups))
}

fn text(records: &[Record], groups: &[(String, Summary)]) -> String {
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let head = [
        "task",
        "model",
        "nodes",
        "edges",
        "held out",
        "met",
        "sufficient",
        "necessary",
    ];
    let each = records.iter().map(|r| {
        [
            r.task.clone(),
            r.checkpoint.display().to_string(),
            r.size.nodes.to_string(),
            r.size.edges.to_string(),
            format!("{:.3}", r.validation.alone.loss),
            yes(r.met),
            yes(r.sufficient),
            yes(r.necessary),
        ]
    });
    let each = table(head, each);
    let head = ["geometric mean", "met", "nodes", "95 %", "edges", "95 %"];
    let range = |m: &Mean| match m.mean.is_nan() {
        true => "–".to_owned(),
        false => format!("{:.2}…{:.2}", m.low, m.high),
    };
    let times = |m: &Mean| match m.mean.is_nan() {
        true => "–".to_owned(),
        false => format!("{:.2}", m.mean),
    };
    let means = groups.iter().map(|(name, s)| {
        [
            name.clone(),
            format!("{} of {}", s.met, s.circuits),
            times(&s.nodes),
            range(&s.nodes),
            times(&s.edges),
            range(&s.edges),
        ]
    });
    let means = table(head, means);
    let head = [
        "beside the circuit",
        "search",
        "met",
        "nodes ×",
        "95 %",
        "edges ×",
        "95 %",
    ];
    let controls = groups.iter().flat_map(|(name, s)| {
        s.controls.iter().map(|c| {
            [
                name.clone(),
                c.what.clone(),
                format!("{} of {}", c.met, c.searches),
                times(&c.nodes),
                range(&c.nodes),
                times(&c.edges),
                range(&c.edges),
            ]
        })
    });
    format!("{each}\n\n{means}\n\n{}", table(head, controls))
}
