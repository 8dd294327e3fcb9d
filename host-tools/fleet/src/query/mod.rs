//! The questions, as SQL that any engine with lists and `FILTER` runs: files beside this one, and their blanks.
//!
//! ```text
//! *.sql ─► blanks filled ($width, $histogram, $filter) ─► text
//! ```
//!
//! # Invariants
//! - No function of our own: the same text runs on Ballista.
//! - The small side of a join stands first: engines keep that one in memory and let the other stream by.
//! - What a user gives is quoted as a string or written as a number; nothing else of it reaches the text.
//!
//! # Why
//! Moments merge in plain sums, and so do histograms; an aggregate function of our own would have to be installed on every
//! executor of a cluster.

mod script;

pub use script::script;

use core::fmt::Write;

use crate::cohorts;

/// Bins of a sketch's histogram.
pub const BINS: usize = 16;

/// Which records to look at; empty means all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Model, 16 hexadecimal digits or their beginning.
    pub model: Option<String>,
    /// Cohort.
    pub cohort: Option<String>,
    /// Site, `*` for any text.
    pub site: Option<String>,
    /// Statistic.
    pub stat: Option<String>,
    /// Not received before, milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Received before, milliseconds since 1970.
    pub until_ms: Option<i64>,
}

impl Filter {
    /// True if a record without a site passes or fails like the others.
    fn condition(&self, cohort: &str) -> String {
        let mut all = Vec::new();
        if let Some(model) = &self.model {
            all.push(format!(
                "starts_with(records.model, {})",
                quoted(&model.to_ascii_lowercase())
            ));
        }
        if let Some(chosen) = &self.cohort {
            all.push(format!("{cohort} = {}", quoted(chosen)));
        }
        // Frames of other kinds have neither site nor statistic and stay, so that losses are counted over all.
        if let Some(site) = &self.site {
            all.push(format!(
                "(site IS NULL OR site LIKE {} ESCAPE '\\')",
                quoted(&pattern(site))
            ));
        }
        if let Some(stat) = &self.stat {
            all.push(format!("(stat IS NULL OR stat = {})", quoted(stat)));
        }
        if let Some(since) = self.since_ms {
            all.push(format!("received_ms >= {since}"));
        }
        if let Some(until) = self.until_ms {
            all.push(format!("received_ms < {until}"));
        }
        if all.is_empty() {
            return "true".to_owned();
        }
        all.join(" AND ")
    }
}

/// `'text'`, quotes doubled.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A pattern of `LIKE` in which `*` is any text and everything else stands for itself.
fn pattern(text: &str) -> String {
    let mut like = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' => like.push('%'),
            '%' | '_' | '\\' => {
                like.push('\\');
                like.push(c);
            }
            c => like.push(c),
        }
    }
    like
}

/// The view `telemetry`: `records` with a column `cohort`, filtered.
pub fn telemetry(filter: &Filter, cohorts_given: bool) -> String {
    let unnamed = quoted(if cohorts_given {
        cohorts::OTHER
    } else {
        cohorts::ALL
    });
    let cohort = format!("coalesce(cohorts.cohort, {unnamed})");
    include_str!("telemetry.sql")
        .replace("$unnamed", &unnamed)
        .replace("$filter", &filter.condition(&cohort))
}

/// Merged moments and histogram of every statistic at every site.
pub fn sites() -> String {
    let mut bins = String::new();
    for bin in 1..=BINS {
        let comma = if bin == BINS { "" } else { ",\n    " };
        // Writing to a string does not fail.
        let _ = write!(
            bins,
            "CAST(sum(s.histogram[{bin}]) AS BIGINT) AS h{bin}{comma}"
        );
    }
    include_str!("sites.sql").replace("$histogram", &bins)
}

/// Devices, frames, losses and answers of every model and cohort.
pub fn groups() -> String {
    include_str!("groups.sql").to_owned()
}

/// The mean of every statistic on every device.
pub fn devices() -> String {
    include_str!("devices.sql").to_owned()
}

/// The same for one statistic at one site.
pub fn devices_of(site: &str, stat: &str) -> String {
    format!(
        "SELECT cohort, device, mean FROM (\n{}) WHERE site = {} AND stat = {} ORDER BY cohort, mean, device",
        include_str!("devices.sql"),
        quoted(site),
        quoted(stat)
    )
}

/// The course of every statistic over windows of `width_ms`.
pub fn course(width_ms: u64) -> String {
    include_str!("course.sql").replace("$width", &width_ms.to_string())
}

/// The slope per day of every statistic on every device.
pub fn slopes(width_ms: u64) -> String {
    include_str!("slopes.sql").replace("$width", &width_ms.to_string())
}

/// Answers of the monitors over windows of `width_ms`.
pub fn answers(width_ms: u64) -> String {
    include_str!("answers.sql").replace("$width", &width_ms.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_gives_stays_a_string() {
        let filter = Filter {
            model: Some("'; DROP".into()),
            site: Some("blocks.*.hook_%".into()),
            ..Filter::default()
        };
        let condition = filter.condition("cohort");
        assert!(condition.contains("'''; drop'"), "{condition}");
        assert!(condition.contains(r"'blocks.%.hook\_\%'"), "{condition}");
    }

    #[test]
    fn no_blank_stays_open() {
        let all = [
            telemetry(&Filter::default(), true),
            sites(),
            groups(),
            devices(),
            course(60_000),
            slopes(60_000),
            answers(60_000),
        ];
        assert!(all.iter().all(|q| !q.contains('$')));
        assert!(sites().contains("AS h16\n"));
    }
}
