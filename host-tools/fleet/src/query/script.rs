//! A question as a script that stands alone: tables, views, and the statements that a command runs.
//!
//! # Invariants
//! - Plain DataFusion SQL, so `ballista-cli` and `datafusion-cli` take it as it is.
//!
//! # Why
//! Folders named `model=…` look like partition columns, which the files hold already; the script says not to infer them.

use std::io;
use std::path::Path;

use crate::cohorts::Cohorts;
use crate::query::quoted;

/// The script for the files below `folder`.
///
/// # Errors
/// A folder whose absolute name the operating system does not know.
pub fn script(
    folder: &Path,
    cohorts: &Cohorts,
    telemetry: &str,
    questions: &[String],
) -> io::Result<String> {
    let folder = std::path::absolute(folder)?;
    let place = quoted(&format!(
        "{}/",
        folder.display().to_string().trim_end_matches('/')
    ));
    let members: Vec<String> = cohorts
        .iter()
        .map(|(device, cohort)| format!("    ({}, {})", quoted(device), quoted(cohort)))
        .collect();
    let cohorts = if members.is_empty() {
        "SELECT '' AS device, '' AS cohort WHERE false".to_owned()
    } else {
        format!(
            "SELECT * FROM (VALUES\n{}\n) AS members (device, cohort)",
            members.join(",\n")
        )
    };
    let mut script = format!(
        "SET datafusion.execution.listing_table_factory_infer_partitions = false;\n\
         CREATE EXTERNAL TABLE records STORED AS PARQUET LOCATION {place};\n\
         CREATE VIEW cohorts AS {cohorts};\n\
         CREATE VIEW telemetry AS {};\n",
        telemetry.trim_end()
    );
    for question in questions {
        script.push('\n');
        script.push_str(question.trim_end());
        script.push_str(";\n");
    }
    Ok(script)
}
