//! The report as HTML.

use core::fmt::Write;

use lacuna_report::html::{self, escaped};

use super::plot;
use super::{Peers, Report};
use crate::ask::{Point, Trend, moment};
use crate::failure::Failure;
use crate::print::{figure, percent};

const STYLE: &str = include_str!("style.css");
/// Rows of a table that may be long; the rest is named by number.
const ROWS: usize = 60;
/// Courses that are drawn.
const COURSES: usize = 4;

/// The first rows of a table, and how many more there are.
fn table<const N: usize>(
    id: &str,
    head: [&str; N],
    rows: impl ExactSizeIterator<Item = [String; N]>,
) -> String {
    let more = rows.len().saturating_sub(ROWS);
    let mut html = html::table(id, head, rows.take(ROWS));
    if more > 0 {
        let _ = writeln!(
            html,
            "<p class=\"note\">… and {more} more rows; <code>--json</code> gives all.</p>"
        );
    }
    html
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The whole page.
pub(super) fn whole(report: &Report) -> Result<String, Failure> {
    let parts = [
        brief(report),
        fleet(report),
        alarms(report)?,
        drift(report)?,
        outliers(report)?,
        statistics(report),
    ];
    Ok(html::page("Fleet report", STYLE, &parts.concat()))
}

fn brief(report: &Report) -> String {
    let groups = &report.summary.groups;
    let sum = |of: fn(&crate::ask::Group) -> i64| groups.iter().map(of).sum::<i64>();
    let first = groups.iter().filter_map(|g| g.first_ms).min();
    let last = groups.iter().filter_map(|g| g.last_ms).max();
    let frames = sum(|g| g.frames);
    let tiles = [
        (sum(|g| g.devices).to_string(), "devices"),
        (frames.to_string(), "frames"),
        (
            percent(sum(|g| g.lost), frames + sum(|g| g.lost)),
            "frames lost",
        ),
        (
            percent(
                sum(|g| g.unfamiliar + g.drifting + g.faulty),
                sum(|g| g.windows),
            ),
            "windows with an alarm",
        ),
        (report.outliers.devices().len().to_string(), "odd devices"),
        (report.moving().count().to_string(), "trends"),
    ];
    let mut html = format!(
        "<p>{} from {} to {} UTC, {}{}.</p>\n<div class=\"tiles\">",
        escaped(&report.source),
        moment(first),
        moment(last),
        plural(report.files[0], "file", "files"),
        match report.files[1] {
            0 => String::new(),
            n => format!(", {n} left out because they cannot be read"),
        }
    );
    for (figure, name) in tiles {
        let _ = write!(html, "<div><b>{figure}</b><span>{name}</span></div>");
    }
    html.push_str("</div>\n");
    html
}

fn fleet(report: &Report) -> String {
    let rows = report.summary.groups.iter().map(|g| {
        [
            g.model.clone(),
            g.cohort.clone(),
            g.devices.to_string(),
            g.boots.to_string(),
            g.frames.to_string(),
            percent(g.lost, g.frames + g.lost),
            g.repeated.to_string(),
            g.windows.to_string(),
            percent(g.unfamiliar, g.windows),
            percent(g.drifting, g.windows),
            percent(g.faulty, g.windows),
        ]
    });
    let head = [
        "model",
        "cohort",
        "devices",
        "boots",
        "frames",
        "lost",
        "repeated",
        "windows",
        "unfamiliar",
        "drifting",
        "faulty",
    ];
    format!(
        "<h2>Models and cohorts</h2>\n{}<p class=\"note\">Lost: numbers missing between the first and the last frame heard \
         of a boot; what came before or after is unknown.</p>\n",
        table("groups", head, rows)
    )
}

fn alarms(report: &Report) -> Result<String, Failure> {
    let Some(drift) = report.drift.as_ref().filter(|d| !d.answers.is_empty()) else {
        return Ok(String::new());
    };
    let plot = plot::alarms(&drift.answers, drift.width_ms)?;
    Ok(format!(
        "<h2>Alarms over time</h2>\n<figure id=\"alarms\">{plot}<figcaption>Share of judged windows by answer, all cohorts, \
         by windows of {} h.</figcaption></figure>\n",
        figure(drift.width_ms as f64 / 3.6e6)
    ))
}

fn drift(report: &Report) -> Result<String, Failure> {
    let Some(drift) = &report.drift else {
        return Ok(
            "<h2>Drift</h2>\n<p>No record has a time of the host's clock, so there is no course.</p>\n"
                .to_owned(),
        );
    };
    let mut html = format!(
        "<h2>Drift</h2>\n<p>{} of {} trends at a false-discovery rate of 5 %. A trend is the median over devices of each \
         one's own slope; its interval covers that median with 95 %.</p>\n",
        report.moving().count(),
        drift.trends.len()
    );
    let mut drawn: Vec<&Trend> = Vec::new();
    for trend in report.moving() {
        let shown =
            |t: &&Trend| [&t.model, &t.site, &t.stat] == [&trend.model, &trend.site, &trend.stat];
        if drawn.len() < COURSES && !drawn.iter().any(shown) {
            drawn.push(trend);
        }
    }
    for trend in drawn {
        let mut cohorts: Vec<(&str, &[Point])> = drift
            .trends
            .iter()
            .filter(|t| [&t.model, &t.site, &t.stat] == [&trend.model, &trend.site, &trend.stat])
            .map(|t| (t.cohort.as_str(), t.points.as_slice()))
            .collect();
        cohorts.sort_by_key(|c| c.0);
        let _ = writeln!(
            html,
            "<figure>{}<figcaption><code>{}</code> of <code>{}</code>, mean by cohort.</figcaption></figure>",
            plot::course(&cohorts)?,
            escaped(&trend.stat),
            escaped(&trend.site)
        );
    }
    let rows = drift.trends.iter().map(|t| {
        [
            t.cohort.clone(),
            t.site.clone(),
            t.stat.clone(),
            t.devices.to_string(),
            t.per_day.map_or_else(|| "-".to_owned(), figure),
            t.interval.map_or_else(
                || "-".to_owned(),
                |[a, b]| format!("[{}, {}]", figure(a), figure(b)),
            ),
            figure(t.q),
        ]
    });
    let head = [
        "cohort",
        "site",
        "statistic",
        "devices",
        "change a day",
        "95 % interval",
        "q",
    ];
    html.push_str(&table("trends", head, rows));
    Ok(html)
}

fn outliers(report: &Report) -> Result<String, Failure> {
    let outliers = &report.outliers;
    let mut html = format!(
        "<h2>Odd devices</h2>\n<p>{} comparisons; |z| ≥ {} by median and median distance, and a false-discovery rate of at \
         most {} over all of them. Chance alone, did devices spread normally, passes that z {} times; real ones have heavier \
         tails, so this says where to look first.</p>\n",
        outliers.comparisons,
        outliers.rule.z,
        outliers.rule.rate,
        figure(outliers.by_chance)
    );
    if outliers.found.is_empty() {
        html.push_str("<p>No device deviates.</p>\n");
        return Ok(html);
    }
    if let Some((site, stat, cohorts)) = &report.oddest {
        let odd: Vec<&str> = outliers
            .found
            .iter()
            .filter(|o| o.site == *site && o.stat == *stat)
            .map(|o| o.device.as_str())
            .collect();
        let shown: &[Peers] = cohorts;
        let _ = writeln!(
            html,
            "<figure id=\"strip\">{}<figcaption><code>{}</code> of <code>{}</code>: the mean of every device, {} in \
             orange.</figcaption></figure>",
            plot::strip(shown, &odd)?,
            escaped(stat),
            escaped(site),
            plural(odd.len(), "odd one", "odd ones")
        );
    }
    let rows: Vec<[String; 7]> = outliers
        .found
        .iter()
        .map(|o| {
            [
                o.device.clone(),
                o.cohort.clone(),
                o.site.clone(),
                o.stat.clone(),
                figure(o.mean),
                figure(o.median),
                format!("{} ({})", figure(o.z), figure(o.q)),
            ]
        })
        .collect();
    let head = [
        "device",
        "cohort",
        "site",
        "statistic",
        "mean",
        "median",
        "z (q)",
    ];
    html.push_str(&table("outliers", head, rows.into_iter()));
    Ok(html)
}

fn statistics(report: &Report) -> String {
    let or_dash = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), figure);
    let rows = report.summary.sites.iter().map(|s| {
        [
            s.cohort.clone(),
            s.site.clone(),
            s.stat.clone(),
            s.devices.to_string(),
            s.n.to_string(),
            figure(s.mean),
            figure(s.sd),
            or_dash(s.q05),
            or_dash(s.q50),
            or_dash(s.q95),
        ]
    });
    let head = [
        "cohort",
        "site",
        "statistic",
        "devices",
        "n",
        "mean",
        "sd",
        "5 %",
        "50 %",
        "95 %",
    ];
    format!("<h2>Statistics</h2>\n{}", table("statistics", head, rows))
}
