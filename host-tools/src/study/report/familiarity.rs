//! The files of a study of familiarity: all of a study's but `scores.parquet`.

use std::path::Path;

use serde_json::Value;

use super::page::{STYLE, expectations, table};
use super::plot::{self, Line};
use super::{Error, json};
use crate::output;
use crate::report::count;
use crate::report::html::{escaped, page};
use crate::stats::Interval;
use crate::study::familiarity::{Course, Summary};

/// Writes `config.json`, `summary.json`, `table.csv` and `report.html`.
///
/// # Errors
/// [`Error`].
pub(in crate::study) fn write(config: &Value, summary: &Summary, dir: &Path) -> Result<(), Error> {
    json(&dir.join("config.json"), config)?;
    json(&dir.join("summary.json"), summary)?;
    rows(summary, &dir.join("table.csv"))?;
    let html = html(config, summary)?;
    output::write(&dir.join("report.html"), |w| w.write_all(html.as_bytes()))?;
    Ok(())
}

/// One row a lesson, checkpoint and dose.
fn rows(summary: &Summary, path: &Path) -> Result<(), output::Error> {
    output::write(path, |w| {
        w.write_all(b"lesson,step,dose,exposure,loss_bits,energy,energy_low,energy_high\n")?;
        let lessons = [("text", &summary.courses), ("shuffled", &summary.shuffled)];
        for (lesson, course) in lessons
            .iter()
            .flat_map(|(l, cs)| cs.iter().map(move |c| (l, c)))
        {
            for (i, dose) in summary.doses.iter().enumerate() {
                let (energy, interval) = course.energy[i];
                let (exposure, loss) = (summary.exposures[i], course.loss[i]);
                writeln!(
                    w,
                    "{lesson},{},{dose},{exposure:.3},{loss:.5},{energy:.6},{:.6},{:.6}",
                    course.step, interval.low, interval.high
                )?;
            }
        }
        Ok(())
    })
}

fn point((value, i): (f64, Interval)) -> [f64; 3] {
    [value, i.low, i.high]
}

fn numbers(
    first: impl IntoIterator<Item = String>,
    of: &[(f64, Interval)],
    digits: usize,
) -> Vec<String> {
    let values = of.iter().copied().flat_map(point);
    first
        .into_iter()
        .chain(values.map(|x| format!("{x:.digits$}")))
        .collect()
}

/// A line a dose over checkpoints.
fn lines(
    summary: &Summary,
    of: impl Fn(&Course, usize) -> [f64; 3],
    courses: &[Course],
) -> Vec<Line> {
    let dose = |(i, dose): (usize, &usize)| Line {
        name: format!("{dose} copies"),
        points: courses.iter().map(|c| of(c, i)).collect(),
    };
    summary.doses.iter().enumerate().map(dose).collect()
}

fn flat(name: &str, at: f64, n: usize) -> Line {
    Line {
        name: name.to_owned(),
        points: vec![[at, f64::NAN, f64::NAN]; n],
    }
}

fn plots(summary: &Summary) -> Result<String, Error> {
    let steps: Vec<String> = summary.courses.iter().map(|c| c.step.to_string()).collect();
    let energy = |title: &str, courses: &[Course]| {
        let mut all = lines(summary, |c, i| point(c.energy[i]), courses);
        all.extend(
            summary
                .null
                .map(|x| flat("Gaussian", f64::from(x), steps.len())),
        );
        plot::lines(title, &steps, &all)
    };
    let loss = lines(
        summary,
        |c, i| [c.loss[i], f64::NAN, f64::NAN],
        &summary.courses,
    );
    let gap = |courses: &[Course], name: &str| Line {
        name: name.to_owned(),
        points: courses.iter().map(|c| point(c.gap)).collect(),
    };
    let gaps = [
        gap(&summary.courses, "text"),
        gap(&summary.shuffled, "shuffled text"),
        flat("none", 0.0, steps.len()),
    ];
    let names: Vec<String> = summary
        .sizes
        .iter()
        .map(|s| count(s.parameters as u64))
        .collect();
    let of_size = |name: &str, of: fn(&crate::study::familiarity::Size) -> (f64, Interval)| Line {
        name: name.to_owned(),
        points: summary.sizes.iter().map(|s| point(of(s))).collect(),
    };
    let sizes = [
        of_size("unseen less familiar", |s| s.unseen),
        of_size("harder less familiar", |s| s.harder),
        flat("none", 0.0, names.len()),
    ];
    let drawn = [
        energy(
            "top-10 % energy after the last norm, by step",
            &summary.courses,
        )?,
        plot::lines("unseen less familiar, by step", &steps, &gaps)?,
        plot::lines(
            "differences of energy at the end, by parameters",
            &names,
            &sizes,
        )?,
        plot::lines("bits a byte, by step", &steps, &loss)?,
        energy(
            "energy after training on shuffled text, by step",
            &summary.shuffled,
        )?,
    ];
    Ok(drawn
        .iter()
        .map(|svg| format!("<figure>{svg}</figure>\n"))
        .collect())
}

/// The page.
fn html(config: &Value, summary: &Summary) -> Result<String, Error> {
    let turns = summary.turns.iter().map(|t| {
        let mut row = vec![t.seed.to_string(), t.peak.to_string()];
        row.extend(t.energy.map(|e| format!("{e:.4}")));
        row.extend([t.rise, t.fall].map(|e| format!("{e:.1}")));
        row
    });
    let contrasts = summary.contrasts.iter().map(|c| {
        let mut row = numbers([c.id.to_owned(), c.what.to_owned()], &[c.difference], 4);
        row.extend(c.windows.map(|n| n.to_string()));
        row.push(format!("{:.2}", c.deviations));
        row
    });
    let sizes = summary.sizes.iter().map(|s| {
        let mut row = vec![s.width.to_string(), s.parameters.to_string()];
        row.extend(s.loss.map(|l| format!("{l:.2}")));
        row.extend(numbers([], &[s.unseen, s.harder], 4));
        row
    });
    let strongest = summary.responses.iter().take(20);
    let strongest = strongest.map(|r| numbers([r.column.clone()], &[r.dose], 3));
    let turn_heads = [
        "seed",
        "peak at step",
        "start",
        "peak",
        "end",
        "rise, errors",
        "fall, errors",
    ];
    let contrast_heads = [
        "",
        "what",
        "difference",
        "low",
        "high",
        "of",
        "less",
        "deviations",
    ];
    let size_heads = [
        "width",
        "parameters",
        "bits familiar",
        "unseen",
        "harder",
        "unseen less familiar",
        "low",
        "high",
        "harder less familiar",
        "low",
        "high",
    ];
    let body = format!(
        "<p>{} windows of {} seeds at each checkpoint; intervals of 95 % over seeds.</p>\n{}<h2>Expectations</h2>\n\
         <p class=\"note\">Stated beforehand; pass and FAIL where the whole interval is on one side, null where it holds the \
         limit.</p>\n{}<h2>Rise and fall of familiar pieces</h2>\n{}<h2>Unfamiliar against familiar at the end</h2>\n{}\
         <h2>Other sizes</h2>\n{}<h2>Statistics at the end, by rank correlation with exposure</h2>\n{}<pre>{}</pre>\n",
        summary.windows,
        summary.seeds,
        plots(summary)?,
        expectations(&summary.expectations),
        table(&turn_heads, turns),
        table(&contrast_heads, contrasts),
        table(&size_heads, sizes),
        table(&["statistic", "rho", "low", "high"], strongest),
        escaped(&serde_json::to_string_pretty(&config["settings"]).unwrap_or_default())
    );
    Ok(page("Familiarity study", STYLE, &body))
}
