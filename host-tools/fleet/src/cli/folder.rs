//! Options that every question shares: which folder, which records, how much memory.

use std::path::PathBuf;

use lacuna_report::Out;

use crate::cohorts::Cohorts;
use crate::engine::{Fleet, Settings};
use crate::failure::Failure;
use crate::print;
use crate::query::{self, Filter};

#[derive(Debug, clap::Args)]
pub(super) struct Folder {
    /// Folder of Parquet files
    dir: PathBuf,
    /// Which device is in which group: lines of `device,cohort`, or TOML with `[cohorts]` and `name = ["device", …]`
    #[arg(long, value_name = "FILE")]
    cohorts: Option<PathBuf>,
    /// Only this model, or models that begin so
    #[arg(long, value_name = "HEX")]
    model: Option<String>,
    /// Only this cohort
    #[arg(long, value_name = "NAME")]
    cohort: Option<String>,
    /// Only these sites; `*` is any text, as in 'blocks.*.mlp.hook_post'
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Only this statistic, as in top10
    #[arg(long, value_name = "NAME")]
    stat: Option<String>,
    /// Only what was received since then (YYYY-MM-DD, UTC)
    #[arg(long, value_name = "DAY", value_parser = day)]
    since: Option<i64>,
    /// Only what was received before that day (YYYY-MM-DD, UTC)
    #[arg(long, value_name = "DAY", value_parser = day)]
    until: Option<i64>,
    /// Leave out files that cannot be read, and say how many
    #[arg(long)]
    skip_unreadable: bool,
    /// Most memory for the query, MiB; what needs more goes through temporary files
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..))]
    memory: u32,
    /// Threads; with more than one, sums may differ in their last digits from run to run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Print the SQL instead of running it, as a script for datafusion-cli or ballista-cli
    #[arg(long)]
    print_sql: bool,
}

impl Folder {
    pub(super) fn settings(&self) -> Settings {
        Settings {
            folder: self.dir.clone(),
            cohorts: self.cohorts.clone(),
            filter: Filter {
                model: self.model.clone(),
                cohort: self.cohort.clone(),
                site: self.site.clone(),
                stat: self.stat.clone(),
                since_ms: self.since,
                until_ms: self.until,
            },
            memory: (self.memory as usize) << 20,
            threads: usize::from(self.threads),
            skip_unreadable: self.skip_unreadable,
        }
    }

    pub(super) fn threads(&self) -> usize {
        usize::from(self.threads)
    }

    pub(super) fn name(&self) -> String {
        self.dir.display().to_string()
    }

    /// Opens it and says what was left out.
    pub(super) async fn open(&self, quiet: bool) -> anyhow::Result<Fleet> {
        let fleet = Fleet::open(&self.settings()).await?;
        if let Some(note) = print::left_out(&fleet.files().left_out).filter(|_| !quiet) {
            eprintln!("{note}");
        }
        Ok(fleet)
    }

    /// With `--print-sql`, prints the script of `questions`; true if it did.
    pub(super) fn printed(&self, questions: &[String]) -> anyhow::Result<bool> {
        if !self.print_sql {
            return Ok(false);
        }
        let settings = self.settings();
        let cohorts = match &settings.cohorts {
            Some(path) => Cohorts::read(path)?,
            None => Cohorts::default(),
        };
        let view = query::telemetry(&settings.filter, settings.cohorts.is_some());
        let script =
            query::script(&settings.folder, &cohorts, &view, questions).map_err(|source| {
                Failure::Folder {
                    path: settings.folder.clone(),
                    source,
                }
            })?;
        Out::default().result(&(), || script)?;
        Ok(true)
    }
}

/// `YYYY-MM-DD` as milliseconds since 1970 (Howard Hinnant's days_from_civil).
fn day(text: &str) -> Result<i64, String> {
    let mut parts = text.split('-').map(|p| p.parse::<i64>().ok());
    let parsed = (
        parts.next().flatten(),
        parts.next().flatten(),
        parts.next().flatten(),
    );
    let ((Some(year), Some(month), Some(day)), None) = (parsed, parts.next()) else {
        return Err("a day is written as 2026-01-31".to_owned());
    };
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(format!("{text} is no day after 1970"));
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Ok(days * 86_400_000)
}

/// `90m`, `6h`, `1d` as milliseconds.
pub(super) fn width(text: &str) -> Result<u64, Failure> {
    let wrong = || Failure::Unit {
        given: text.to_owned(),
        wanted: "a width of time such as 90m, 6h or 1d",
    };
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let unit: u64 = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    // A century: the width must stay a positive integer of SQL.
    match number.checked_mul(unit) {
        Some(ms) if (1_000..=3_155_760_000_000).contains(&ms) => Ok(ms),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_widths() {
        assert_eq!(day("1970-01-02"), Ok(86_400_000));
        assert_eq!(day("2000-02-29"), Ok(951_782_400_000));
        assert!(day("2000-2").is_err() && day("yesterday").is_err() && day("1-2-3-4").is_err());
        assert_eq!(width("90m").ok(), Some(5_400_000));
        assert!(
            ["", "d", "7", "0d", "1y", "99999999999999999999d"]
                .iter()
                .all(|w| width(w).is_err())
        );
    }
}
