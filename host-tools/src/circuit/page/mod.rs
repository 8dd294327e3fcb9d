//! The view of a circuit: one HTML file that a browser shows without a network.
//!
//! ```text
//! tables of losses and sizes │ map: a column a site, a circle a node, a line an edge (blue +, red −; dashed: carried by the
//!                            │ residual stream) │ a node under the pointer, or clicked: its weights, what it fires on
//! ```
//!
//! # Invariants
//! - The page loads nothing; what the model and its prompts say reaches the document as text, never as markup.
//!
//! # Why
//! A circuit is small enough to be read whole, which is its point.

mod plot;

use std::collections::BTreeSet;

use lacuna::probe::Hook;
use serde::Serialize;
use serde_json::json;

use super::cases::Cases;
use super::fires::Fired;
use super::record::Record;
use super::size::edges;
use super::study::Found;
use crate::checkpoint::Checkpoint;
use crate::report::html::escaped;
use crate::train::graph::Nodes;

/// Most edges that are drawn, the largest first.
const DRAWN: usize = 4000;

#[derive(Serialize)]
struct Site {
    layer: u8,
    name: &'static str,
    nodes: Vec<Node>,
}

#[derive(Serialize)]
struct Node {
    id: usize,
    channel: usize,
    constant: f32,
    fires: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    before: String,
    here: String,
    after: String,
    value: f32,
}

/// The page of `found` in `model`; `fires` and `cases` say what its nodes fire on.
pub fn html(
    record: &Record,
    model: &Checkpoint,
    found: &Found,
    fires: &[Vec<Fired>],
    cases: &Cases,
) -> String {
    let nodes = Nodes::new(&model.config);
    let sites = nodes.sites.iter().map(|s| Site {
        layer: s.site.layer,
        name: s.site.hook.name(),
        nodes: (s.range.clone().filter(|&i| found.on[i]))
            .map(|id| Node {
                id,
                channel: id - s.range.start,
                constant: found.constants[id],
                fires: fires[id].iter().map(|f| place(f, cases)).collect(),
            })
            .collect(),
    });
    let mut drawn = edges(model, &nodes, &found.on);
    drawn.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    let left_out = drawn.len().saturating_sub(DRAWN);
    drawn.truncate(DRAWN);
    let data = json!({
        "sites": sites.filter(|s| !s.nodes.is_empty()).collect::<Vec<_>>(),
        "edges": drawn.iter().map(|e| json!({"from": e.from, "to": e.to, "weight": e.weight}))
            .collect::<Vec<_>>(),
        "carries": carries(&nodes, &found.on),
    });
    // In a script element only `<` could end the data.
    let data = data.to_string().replace('<', "\\u003c");
    let note = match left_out {
        0 => String::new(),
        n => format!("<p class=\"note\">The {n} smallest edges are not drawn.</p>"),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Circuit of {task}</title>\n\
         <style>{style}</style>\n<h1>Circuit of {task}</h1>\n{head}\n\
         <h2>Map</h2>\n<p class=\"note\">Point at a node, or click to hold it. Dashed lines are what the residual \
         stream carries; they are no edges.</p>{note}\n<div id=\"map\"></div>\n\
         <div id=\"about\"><span class=\"note\">No node chosen.</span></div>\n\
         <h2>Losses on held-out pairs</h2>\n{losses}\n{curve}<h2>Searches</h2>\n{trials}\n\
         <script type=\"application/json\" id=\"circuit\">{data}</script>\n<script>{script}</script>\n</html>\n",
        task = escaped(&record.task),
        style = include_str!("style.css"),
        head = head(record),
        losses = losses(record),
        curve = curve(record),
        trials = trials(record),
        script = include_str!("view.js"),
    )
}

fn head(record: &Record) -> String {
    let yes = |is: bool| if is { "yes" } else { "no" };
    format!(
        "<p>{} of {} nodes, {} of {} edges, in <code>{}</code>. Target {} nats met: {}. Sufficient: {}. Necessary: {}. \
         Overlap of seeds (Jaccard): {}.</p>",
        record.size.nodes,
        record.whole.nodes,
        record.size.edges,
        record.whole.edges,
        escaped(&record.checkpoint.display().to_string()),
        record.request.target,
        yes(record.met),
        yes(record.sufficient),
        yes(record.necessary),
        match record.jaccard.as_slice() {
            [] => "one seed only".to_owned(),
            all => format!("{:.2}", all.iter().sum::<f64>() / all.len() as f64),
        },
    )
}

fn losses(record: &Record) -> String {
    let v = &record.validation;
    let figures = [
        ("whole model", &v.whole),
        ("circuit alone", &v.alone),
        ("circuit alone, logits scaled", &v.calibrated),
        ("without the circuit", &v.without),
    ];
    let draws = [
        ("random nodes alone", &v.random_alone),
        ("without random nodes", &v.random_without),
    ];
    let figures = figures.map(|(what, f)| {
        let right = format!("{:.1} %", 100.0 * f.right);
        (what, f.loss, f.low, f.high, right)
    });
    let draws = draws.map(|(what, d)| {
        let of = format!("least and most of {} draws", d.draws);
        (what, d.loss, d.low, d.high, of)
    });
    let rows = figures.into_iter().chain(draws);
    let rows = rows.map(|(what, loss, low, high, right)| {
        format!("<tr><td>{what}<td>{loss:.3}<td>{low:.3} … {high:.3}<td>{right}")
    });
    format!(
        "<table><tr><th><th>loss in nats<th>95 % interval<th>right{}</table>\
         <p class=\"note\">Chance is 0.693. Intervals are over pairs of prompts.</p>",
        rows.collect::<String>()
    )
}

/// What every loss costs; nothing where one was asked.
fn curve(record: &Record) -> String {
    if record.curve.is_empty() {
        return String::new();
    }
    let rows = record.curve.iter().map(|p| {
        format!(
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{:.3}<td>{}<td>{:.3}<td>{:.3} … {:.3}",
            escaped(&p.what),
            p.target,
            p.size.nodes,
            p.size.edges,
            p.cut.loss,
            if p.cut.met { "yes" } else { "no" },
            p.alone.loss,
            p.alone.low,
            p.alone.high,
        )
    });
    // A plot that cannot be drawn leaves its table.
    format!(
        "<h2>Size at each loss</h2>\n{}\n<table id=\"curve\"><tr><th>search<th>loss to meet<th>nodes<th>edges<th>loss when \
         chosen<th>met<th>loss when judged<th>95 % interval{}</table>\n",
        plot::plot(&record.curve).unwrap_or_default(),
        rows.collect::<String>()
    )
}

fn trials(record: &Record) -> String {
    let rows = record.trials.iter().map(|t| {
        format!(
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{:.3}<td>{}<td>{:.3}<td>{:.3}",
            escaped(&t.what),
            t.seed,
            t.size.nodes,
            t.size.edges,
            t.cut.loss,
            if t.cut.met { "yes" } else { "no" },
            t.alone.loss,
            t.whole,
        )
    });
    format!(
        "<table><tr><th>search<th>seed<th>nodes<th>edges<th>loss when chosen<th>met<th>loss when judged<th>whole model{}\
         </table>",
        rows.collect::<String>()
    )
}

/// Pairs of a write and the next read of the same channel in every later site: what the residual stream carries.
fn carries(nodes: &Nodes, on: &[bool]) -> Vec<[usize; 2]> {
    let mut carries = Vec::new();
    for (i, from) in nodes.sites.iter().enumerate() {
        if !matches!(from.site.hook, Hook::AttnOut | Hook::MlpOut) {
            continue;
        }
        for node in from.range.clone().filter(|&node| on[node]) {
            let channel = node - from.range.start;
            let reads = nodes.sites[i..].iter();
            let reads = reads.filter(|s| matches!(s.site.hook, Hook::AttnIn | Hook::MlpIn));
            let ends: BTreeSet<usize> = reads.map(|s| s.range.start + channel).collect();
            carries.extend(ends.into_iter().filter(|&to| on[to]).map(|to| [node, to]));
        }
    }
    carries
}

/// Where a node fired, as text.
fn place(fired: &Fired, cases: &Cases) -> Place {
    let tokens = cases.all().get(fired.case).map_or(&[][..], |c| &c.tokens);
    let text = |tokens: &[u32]| tokens.iter().map(|&t| shown(t)).collect::<String>();
    let at = fired.at.min(tokens.len().saturating_sub(1));
    let (before, rest) = tokens.split_at(at);
    let (here, after) = rest.split_at(rest.len().min(1));
    Place {
        before: text(before),
        here: text(here),
        after: text(after),
        value: fired.value,
    }
}

/// A byte as one visible sign.
fn shown(token: u32) -> char {
    match u8::try_from(token) {
        Ok(0) => '⊢',
        Ok(b'\n') => '⏎',
        Ok(byte @ b' '..=b'~') => char::from(byte),
        _ => '·',
    }
}
