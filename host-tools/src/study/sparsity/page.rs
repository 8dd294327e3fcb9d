//! The files of the answers: values for scripts, a page for people.
//!
//! # Invariants
//! - Each file appears whole or not at all.

use core::fmt::Write;
use std::path::PathBuf;

use super::outcome::{ANSWERED, Answers, COLUMNS, Row};
use super::seen::gather;
use super::spec::TOTAL;
use super::{Answer, Error, Study};
use crate::output;
use crate::report::html::{escaped, page};
use crate::study::report::plot::{Line, lines};
use crate::study::report::{self, page as parts};

impl Study {
    /// Writes `answers.json`, `circuits.csv` and `report.html`, and gives their paths.
    ///
    /// # Errors
    /// A plot that cannot be drawn, a file that cannot be written.
    pub fn write(&self, answers: &Answers) -> Result<[PathBuf; 3], Error> {
        let at = ["answers.json", "circuits.csv", "report.html"].map(|name| self.dir().join(name));
        report::json(&at[0], answers)?;
        let put = |path: &PathBuf, text: &str| {
            output::write(path, |file| file.write_all(text.as_bytes())).map_err(report::Error::from)
        };
        put(&at[1], &csv(self))?;
        put(&at[2], &html(self, answers)?)?;
        Ok(at)
    }
}

/// One line a circuit.
fn csv(study: &Study) -> String {
    let mut csv = "model,width,density,seed,task,kind,met,nodes,edges,all_nodes,all_edges,cut_loss,alone,calibrated,without,\
                   random_without,whole,engine,same_bits,flash,flash_whole\n"
        .to_owned();
    for seen in gather(study) {
        let run = &seen.model.run;
        for c in &seen.circuits {
            let (r, e) = (&c.record, &c.engine);
            let v = &r.validation;
            let cut = r.trials.first().map_or(f64::NAN, |t| t.cut.loss);
            // Writing to a String cannot fail.
            let _ = writeln!(
                csv,
                "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
                c.model,
                run.width,
                run.density,
                run.seed,
                c.task,
                c.kind.name(),
                r.met,
                r.size.nodes,
                r.size.edges,
                r.whole.nodes,
                r.whole.edges,
                cut,
                v.alone.loss,
                v.calibrated.loss,
                v.without.loss,
                v.random_without.loss,
                v.whole.loss,
                e.loss,
                e.same_bits,
                e.flash[0],
                e.flash[1],
            );
        }
    }
    csv
}

fn html(study: &Study, answers: &Answers) -> Result<String, Error> {
    let tests = answers.tests.iter().map(|t| {
        let verdict = t.verdict.name().to_owned();
        vec![t.id.to_owned(), t.asks.to_owned(), verdict]
    });
    let mut body = parts::table(&["test", "asks", "verdict"], tests);
    let total: Vec<&Row> = answers.rows.iter().filter(|r| r.sweep == TOTAL).collect();
    let densities: Vec<String> = total.iter().map(|r| r.density.to_string()).collect();
    let line = |name: &str, of: fn(&Row) -> f64| Line {
        name: name.to_owned(),
        points: total.iter().map(|r| [of(r), f64::NAN, f64::NAN]).collect(),
    };
    let plots = [
        (
            "validation, bits per byte, by density",
            vec![line("fixed total size", |r| r.bits_per_byte)],
        ),
        (
            "edges and nodes of circuits, powers of ten, by density",
            vec![
                line("edges", |r| r.edges.log10()),
                line("edges, attribution", |r| r.attributed.log10()),
                line("nodes", |r| r.nodes.log10()),
                line("nodes, nonsense", |r| r.nonsense.log10()),
            ],
        ),
        (
            "kurtosis of the final residual, by density",
            vec![
                line("models", |r| r.kurtosis),
                line("Gaussian", |r| r.gaussian),
            ],
        ),
    ];
    for (title, of) in plots {
        let _ = writeln!(body, "<figure>{}</figure>", lines(title, &densities, &of)?);
    }
    body += "<h2>Expectations</h2>\n<p class=\"note\">Stated beforehand; pass and FAIL where the whole 95 % interval is on one \
             side, null where it holds the limit. The last number is how many seeds 80 % power takes at this spread.</p>\n";
    let rows = answers.expectations.iter().map(Answer::cells);
    body += &parts::table(&ANSWERED, rows.map(Vec::from));
    body += "<h2>Models</h2>\n<p class=\"note\">Means over seeds; nodes and edges are geometric means over seeds and tasks of \
             circuits that meet the target.</p>\n";
    body += &parts::table(&COLUMNS, answers.rows.iter().map(|r| Vec::from(r.cells())));
    for line in &answers.left_out {
        let _ = writeln!(body, "<p class=\"note\">{}</p>", escaped(line));
    }
    let [done, all] = answers.jobs;
    let spec = serde_json::to_string_pretty(study.spec()).unwrap_or_default();
    let _ = write!(
        body,
        "<p class=\"note\">{done} of {all} jobs are done; every circuit is in circuits.csv, and below circuits.</p>\n\
         <pre>{}</pre>\n",
        escaped(&spec)
    );
    Ok(page("Sparsity study", parts::STYLE, &body))
}
