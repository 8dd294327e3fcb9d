//! The curves as an HTML page that needs nothing else: plot, tables, and how to make them again.

use core::fmt::Write;

use super::curve::{ACCURACY, Curve, Point, VALIDATION};
use super::plot::line_name;
use super::{MANIFEST, Sweep};
use crate::report::count;
use crate::report::html::{escaped, page, table};

const STYLE: &str = "\
body { max-width: 74rem; }
th + th, td + td { text-align: right; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; }
pre { background: #f6f8fa; padding: .8rem; overflow-x: auto; font-size: .8rem; }
";

/// The page.
pub(super) fn html(sweep: &Sweep, curve: &Curve, svg: &str) -> String {
    let spec = sweep.spec();
    let done = sweep
        .jobs()
        .iter()
        .filter(|j| sweep.outcome(j).is_some())
        .count();
    let mut body = format!(
        "<p>{done} of {} runs, {} seeds, {} steps of {} sequences each; bars are 95 % intervals over seeds \
         (Student's t). Figures are the engine's, of the exported files.</p>\n{svg}\n",
        sweep.jobs().len(),
        spec.seeds.len(),
        count(spec.steps),
        spec.batch,
    );
    body.push_str("<h2>Points</h2>\n");
    let (head, rows) = curve.table();
    body.push_str(&table("points", head, rows));
    body.push_str(&trends(curve));
    body.push_str(&tasks(curve));
    if !curve.missing.is_empty() {
        body.push_str("<h2>Missing</h2>\n<ul>\n");
        for (place, why) in &curve.missing {
            let name = line_name(place);
            let _ = writeln!(body, "<li>{name}, density {}: {why}</li>", place.density);
        }
        body.push_str("</ul>\n");
    }
    let text = serde_json::to_string_pretty(spec).unwrap_or_default();
    let _ = write!(
        body,
        "<h2>To make this again</h2>\n<p>The specification, as in <code>{MANIFEST}</code>; \
         <code>lacuna sweep SPEC.toml -o DIR</code> with the same keys gives the same bytes of every checkpoint on the \
         same machine.</p>\n<pre>{}</pre>\n",
        escaped(&text)
    );
    page("Capability against density", STYLE, &body)
}

fn trends(curve: &Curve) -> String {
    let mut html = String::new();
    for (place, line) in curve.lines() {
        for (figure, words) in [(VALIDATION, "bits per byte"), (ACCURACY, "accuracy")] {
            if let Some(rho) = Curve::trend(&line, figure) {
                let name = line_name(&place);
                let _ = writeln!(
                    html,
                    "<p class=\"note\">{name}: Spearman's correlation of density and {words} over {} means is {rho:.2}.</p>",
                    line.len()
                );
            }
        }
    }
    html
}

/// Accuracy by task, one column a point.
fn tasks(curve: &Curve) -> String {
    let lines = curve.lines();
    let points: Vec<&Point> = lines.iter().flat_map(|l| l.1.iter().copied()).collect();
    let Some(first) = points.first() else {
        return String::new();
    };
    let names = first
        .figures
        .iter()
        .filter_map(|m| m.figure.strip_prefix("accuracy."));
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return String::new();
    }
    let mut head = vec!["task".to_owned()];
    head.extend(
        points
            .iter()
            .map(|p| format!("{} · {}", p.place.density, line_name(&p.place))),
    );
    let rows = names.into_iter().map(|name| {
        let figure = format!("accuracy.{name}");
        let cells = points.iter().map(|p| p.shown(&figure));
        let row: Vec<String> = [name.to_owned()].into_iter().chain(cells).collect();
        row
    });
    let head = head.iter().map(String::as_str);
    format!("<h2>Accuracy by task</h2>\n{}", table("tasks", head, rows))
}
