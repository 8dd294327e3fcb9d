//! The page of a study.

use core::fmt::Write;

use super::Error;
use super::plot::{self, Bar, Line};
use crate::report::html::{escaped, page};
use crate::study::detect::Kind;
use crate::study::expect::{Expectation, HEADS};
use crate::study::judge::Estimate;
use crate::study::shift::{Outcome, Summary};
use crate::study::trial::SAME;

/// The style of a study's page.
pub const STYLE: &str = include_str!("style.css");
/// Detectors whose courses over grades are drawn.
const DRAWN: usize = 6;

/// A table; a cell that is a number stands to the right, a cell in the last column has its text as its class.
pub fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut html = "<table><thead><tr>".to_owned();
    for head in heads {
        // Writing to a String cannot fail.
        let _ = write!(html, "<th>{}</th>", escaped(head));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for cell in &row {
            let class = match cell.as_str() {
                "pass" | "null" | "FAIL" => cell,
                number if number.parse::<f64>().is_ok() => "number",
                _ => "",
            };
            let _ = write!(html, "<td class=\"{class}\">{}</td>", escaped(cell));
        }
        html.push_str("</tr>\n");
    }
    html + "</tbody></table>\n"
}

/// What was expected and what came, as a table.
pub fn expectations(all: &[Expectation]) -> String {
    table(&HEADS, all.iter().map(|e| e.row().to_vec()))
}

fn auroc(e: &Estimate) -> [f64; 3] {
    [e.figures.auroc, e.low.auroc, e.high.auroc]
}

/// The page of a study of shifts.
pub(super) fn shift(outcome: &Outcome, summary: &Summary) -> Result<String, Error> {
    let shown = summary.shown();
    let mut body = verdict(summary);
    let bars: Vec<Bar> = shown
        .iter()
        .map(|l| Bar {
            name: format!("{} ({})", l.detector, l.kind.name()),
            value: auroc(&l.overall),
            colour: l.kind as usize,
        })
        .collect();
    let _ = write!(
        body,
        "<h2>Detectors</h2>\n<p>AUROC, mean over families of shifts, 95 % intervals over seeds and units.</p>\n\
         <figure>{}</figure>\n",
        plot::bars(&bars, 0.5)?
    );
    let mut heads = vec!["detector", "AUROC", "AUPR", "FPR at 95 % TPR"];
    heads.extend(summary.families.iter().map(|f| f.name.as_str()));
    let rows = shown.iter().map(|l| {
        let f = l.overall.figures;
        let mut row = vec![l.detector.clone()];
        row.extend([f.auroc, f.aupr, f.fpr95].map(|x| format!("{x:.3}")));
        row.extend(l.families.iter().map(|e| {
            let [value, low, high] = auroc(e);
            format!("{value:.2} [{low:.2}, {high:.2}]")
        }));
        row
    });
    body += &table(&heads, rows);
    body += "<h2>By grade</h2>\n";
    let best: Vec<usize> = [
        Kind::Baseline,
        Kind::Combination,
        Kind::OneClass,
        Kind::Statistic,
    ]
    .iter()
    .flat_map(|kind| shown.iter().filter(move |l| l.kind == *kind).take(2))
    .map(|l| l.number)
    .take(DRAWN)
    .collect();
    for (i, family) in summary.families.iter().enumerate().skip(1) {
        let line = |number: &usize| Line {
            name: outcome.detectors[*number].name.clone(),
            points: outcome.judged[*number].grades[i]
                .iter()
                .map(|r| auroc(&r.estimate()))
                .collect(),
        };
        let lines: Vec<Line> = best.iter().map(line).collect();
        let title = format!("{}: {}", family.name, family.what);
        let drawn = plot::lines(&title, &family.levels, &lines)?;
        let _ = writeln!(body, "<figure>{drawn}</figure>");
    }
    body += "<h2>Expectations</h2>\n<p class=\"note\">Stated beforehand; pass and FAIL where the whole interval is on \
             one side, null where it holds the limit.</p>\n";
    body += &expectations(&summary.expectations);
    body += &effects(summary);
    body += &rest(outcome, summary);
    Ok(page("Shift study", STYLE, &body))
}

fn verdict(summary: &Summary) -> String {
    let adds = summary
        .expectations
        .iter()
        .filter(|e| e.id.starts_with('H'));
    let lines: Vec<String> = adds
        .map(|e| {
            let said = match e.verdict {
                crate::study::expect::Verdict::Pass => "yes",
                crate::study::expect::Verdict::Fail => "no, it is worse",
                crate::study::expect::Verdict::Null => "not shown",
            };
            format!(
                "<li>{}: {} ({:+.3} AUROC, {:+.3} to {:+.3}; {})</li>",
                escaped(&e.expected),
                said,
                e.value,
                e.interval.low,
                e.interval.high,
                escaped(&e.of)
            )
        })
        .collect();
    let best = summary.best_calibrated.unwrap_or("none");
    let seen = summary.detectors.iter();
    let first = seen
        .filter(|l| l.kind != Kind::Reference)
        .map(|l| l.detector.as_str())
        .next();
    let first = first.unwrap_or("none");
    format!(
        "<p>{} windows, {} families of shifts. Best of all that a monitor sees: <b>{}</b>. Best that <code>lacuna calibrate</code> makes from \
         familiar data alone: <b>{best}</b>.</p>\n<ul>{}</ul>\n",
        summary.windows,
        summary.families.len().saturating_sub(1),
        escaped(first),
        lines.join("\n")
    )
}

fn effects(summary: &Summary) -> String {
    let rows = summary.effects.iter().map(|e| {
        [
            e.of_means,
            e.of_windows,
            e.deviations,
            e.clamp_known,
            e.clamp_shifted,
        ]
        .iter()
        .fold(vec![e.family.clone()], |mut row, x| {
            row.push(format!("{x:.3}"));
            row
        })
    });
    let heads = [
        "family",
        "rho of level means",
        "rho of windows",
        "effect, sd",
        "clamping adds, known",
        "shifted, bits",
    ];
    let mut html =
        "<h2>Top-10 % energy after the last norm</h2>\n".to_owned() + &table(&heads, rows);
    html += "<p class=\"note\">Effect of the strongest grade by site, in deviations of the known.</p>\n";
    let Some(first) = summary.effects.first() else {
        return html;
    };
    let mut heads = vec!["site"];
    heads.extend(summary.effects.iter().map(|e| e.family.as_str()));
    let rows = first.by_site.iter().enumerate().map(|(i, (site, _))| {
        let each = summary.effects.iter().filter_map(|e| e.by_site.get(i));
        let mut row = vec![site.clone()];
        row.extend(each.map(|(_, x)| format!("{x:.2}")));
        row
    });
    html + &table(&heads, rows)
}

fn rest(outcome: &Outcome, summary: &Summary) -> String {
    let mut html = "<h2>How</h2>\n".to_owned();
    for family in &outcome.seen.families[SAME..] {
        let _ = writeln!(
            html,
            "<p class=\"note\"><b>{}</b>: {}</p>",
            family.name,
            escaped(&family.what)
        );
    }
    for missing in &summary.left_out {
        let _ = writeln!(html, "<p class=\"note\">Left out: {}</p>", escaped(missing));
    }
    let config = serde_json::to_string_pretty(&outcome.config["settings"]).unwrap_or_default();
    let _ = write!(
        html,
        "<p class=\"note\">Every window is in scores.parquet, every figure in table.csv, what decides them in config.json.</p>\
         \n<pre>{}</pre>\n",
        escaped(&config)
    );
    html
}
