//! Answers on stdout: tables for people, JSON and CSV for scripts.
//!
//! # Invariants
//! - A free query gives one JSON object a line, as it is computed; every other answer is one object.
//! - A table shows the same figures as the JSON, rounded.

use lacuna_report::table;

use crate::ask::{Drift, Outliers, Summary, moment};
use crate::failure::Failure;

/// Four significant digits, `-` for what is not a number.
pub(crate) fn figure(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "-"
        } else if x > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let size = x.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e6).contains(&size) {
        format!("{x:.2e}")
    } else {
        let digits = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
        format!("{x:.digits$}")
    }
}

/// A share as per cent.
pub(crate) fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "-".to_owned();
    }
    format!("{:.2} %", 100.0 * part as f64 / whole as f64)
}

impl Summary {
    /// The tables of `lacuna fleet summary`.
    pub fn text(&self) -> String {
        let head = [
            "model",
            "cohort",
            "devices",
            "boots",
            "frames",
            "lost",
            "repeated",
            "windows",
            "ok",
            "unfamiliar",
            "drifting",
            "faulty",
            "first",
            "last",
        ];
        let groups = self.groups.iter().map(|g| {
            let ok = g.windows - g.unfamiliar - g.drifting - g.faulty;
            [
                g.model.clone(),
                g.cohort.clone(),
                g.devices.to_string(),
                g.boots.to_string(),
                g.frames.to_string(),
                percent(g.lost, g.frames + g.lost),
                g.repeated.to_string(),
                g.windows.to_string(),
                percent(ok, g.windows),
                percent(g.unfamiliar, g.windows),
                percent(g.drifting, g.windows),
                percent(g.faulty, g.windows),
                moment(g.first_ms),
                moment(g.last_ms),
            ]
        });
        let groups = table(head, groups);
        let or_dash = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), figure);
        let head = [
            "model",
            "cohort",
            "site",
            "statistic",
            "devices",
            "n",
            "mean",
            "sd",
            "min",
            "5 %",
            "50 %",
            "95 %",
            "max",
        ];
        let sites = self.sites.iter().map(|s| {
            [
                s.model.clone(),
                s.cohort.clone(),
                s.site.clone(),
                s.stat.clone(),
                s.devices.to_string(),
                s.n.to_string(),
                figure(s.mean),
                figure(s.sd),
                figure(s.min),
                or_dash(s.q05),
                or_dash(s.q50),
                or_dash(s.q95),
                figure(s.max),
            ]
        });
        format!("{groups}\n\n{}", table(head, sites))
    }
}

impl Outliers {
    /// The tables of `lacuna fleet outliers`.
    pub fn text(&self) -> String {
        let rule = &self.rule;
        let mut text = format!(
            "{} comparisons (devices × statistics); chance alone, did devices spread normally, passes |z| ≥ {} {} times.\n\
             Reported: |z| ≥ {} and a false-discovery rate of at most {} over all comparisons (Benjamini–Hochberg).\n\
             Real devices have heavier tails, so read this as where to look first.\n",
            self.comparisons,
            rule.z,
            figure(self.by_chance),
            rule.z,
            rule.rate,
        );
        if self.too_few > 0 {
            text.push_str(&format!(
                "{} statistics were sent by fewer than {} devices of a cohort and are not compared.\n",
                self.too_few, rule.fewest
            ));
        }
        if self.found.is_empty() {
            text.push_str("\nNo device deviates.");
            return text;
        }
        let devices = self
            .devices()
            .into_iter()
            .map(|(device, cohort, statistics, z)| {
                [
                    device.to_owned(),
                    cohort.to_owned(),
                    statistics.to_string(),
                    figure(z),
                ]
            });
        text.push_str(&format!(
            "\n{}\n\n",
            table(["device", "cohort", "odd statistics", "largest z"], devices)
        ));
        let head = [
            "device",
            "site",
            "statistic",
            "n",
            "mean",
            "median",
            "devices",
            "z",
            "q",
        ];
        let found = self.found.iter().map(|o| {
            [
                o.device.clone(),
                o.site.clone(),
                o.stat.clone(),
                o.n.to_string(),
                figure(o.mean),
                figure(o.median),
                o.devices.to_string(),
                figure(o.z),
                figure(o.q),
            ]
        });
        text.push_str(&table(head, found));
        text
    }
}

impl Drift {
    /// The tables of `lacuna fleet drift`.
    pub fn text(&self) -> String {
        let head = [
            "model",
            "cohort",
            "site",
            "statistic",
            "windows",
            "devices",
            "change a day",
            "95 % interval",
            "p",
            "q",
        ];
        let trends = self.trends.iter().map(|t| {
            [
                t.model.clone(),
                t.cohort.clone(),
                t.site.clone(),
                t.stat.clone(),
                t.points.len().to_string(),
                t.devices.to_string(),
                t.per_day.map_or_else(|| "-".to_owned(), figure),
                t.interval.map_or_else(
                    || "-".to_owned(),
                    |[a, b]| format!("[{}, {}]", figure(a), figure(b)),
                ),
                figure(t.p),
                figure(t.q),
            ]
        });
        let mut text = format!(
            "Change a day: median over devices of each one's own slope, over windows of {} h; q: false-discovery rate\n\
             over all {} rows.\n\n{}",
            figure(self.width_ms as f64 / 3.6e6),
            self.trends.len(),
            table(head, trends)
        );
        if self.answers.is_empty() {
            text.push_str("\n\nNo monitor answered.");
            return text;
        }
        let head = [
            "from (UTC)",
            "model",
            "cohort",
            "devices",
            "windows",
            "ok",
            "unfamiliar",
            "drifting",
            "faulty",
        ];
        let answers = self.answers.iter().map(|a| {
            [
                moment(Some(a.start_ms)),
                a.model.clone(),
                a.cohort.clone(),
                a.devices.to_string(),
                a.windows.to_string(),
                a.ok.to_string(),
                a.unfamiliar.to_string(),
                a.drifting.to_string(),
                a.faulty.to_string(),
            ]
        });
        text.push_str(&format!("\n\n{}", table(head, answers)));
        text
    }
}

/// What was left out, for people.
pub(crate) fn left_out(files: &[(std::path::PathBuf, Failure)]) -> Option<String> {
    let (path, why) = files.first()?;
    Some(format!(
        "note: {} of the files left out; the first is {}: {why}",
        files.len(),
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits() {
        let shown = [0.0, 0.123_456, 12.345_67, 1_234.5, 1e-5, 2.5e7, f64::NAN].map(figure);
        assert_eq!(
            shown,
            ["0", "0.1235", "12.35", "1234", "1.00e-5", "2.50e7", "-"]
        );
        assert_eq!(percent(1, 8), "12.50 %");
        assert_eq!(percent(0, 0), "-");
    }
}
