//! The three standing questions: what is there, which device is odd, what changes.
//!
//! ```text
//! SQL ─► rows ─► a few robust statistics ─► a value that prints as JSON, as a table, as part of the report
//! ```
//!
//! # Invariants
//! - Memory grows with the groups of an answer, never with the records.
//! - The unit of every comparison is the device: windows of one device are not independent.
//!
//! # Why
//! SQL merges what merges; medians and intervals of what is left are short, and are the same on one machine and on many.

mod drift;
mod outliers;
mod summary;

pub use drift::{Answers, Drift, Point, Trend};
pub use outliers::{Outlier, Outliers, Rule};
pub use summary::{Group, SiteRow, Summary};

/// A time as `2026-11-22 17:05`, UTC, or `?`.
pub fn moment(ms: Option<i64>) -> String {
    let Some(ms) = ms else {
        return "?".to_owned();
    };
    let minutes = ms.div_euclid(60_000);
    let (day, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    format!("{} {:02}:{:02}", date(day), minute / 60, minute % 60)
}

/// Days since 1970-01-01 as `2026-11-22` (Howard Hinnant's civil_from_days).
fn date(day: i64) -> String {
    let z = day.saturating_add(719_468);
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(moment(Some(0)), "1970-01-01 00:00");
        assert_eq!(moment(Some(951_782_399_999)), "2000-02-28 23:59");
        assert_eq!(moment(Some(951_782_400_000)), "2000-02-29 00:00");
        assert_eq!(moment(Some(-60_000)), "1969-12-31 23:59");
        assert_eq!(moment(None), "?");
    }
}
