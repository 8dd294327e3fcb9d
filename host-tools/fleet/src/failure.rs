//! What can go wrong between a folder and an answer, and what to do about it.
//!
//! # Invariants
//! - Every message names the file, column or line it is about.
//! - [`Failure::next_step`] is an imperative phrase.

use std::io;
use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;

/// A question to a fleet that could not be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The folder is not there, or may not be read.
    #[error("cannot read the folder {}", path.display())]
    Folder {
        /// Folder or a file in it.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no Parquet file below the folder.
    #[error("{} holds no .parquet file", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A file is no Parquet file, or was cut short or changed.
    #[error("{} is damaged or no Parquet file: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader stumbled on.
        why: String,
    },
    /// A Parquet file of something else.
    #[error("{} is Parquet but not telemetry: it has no column `{column}`", path.display())]
    NotTelemetry {
        /// The file.
        path: PathBuf,
        /// The first column that every telemetry file has and this one has not.
        column: &'static str,
    },
    /// A column has another type than in every telemetry file.
    #[error("{}: column `{column}` is {found}, telemetry has {expected}", path.display())]
    MixedSchema {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type in this file.
        found: String,
        /// The type it should have.
        expected: String,
    },
    /// The table of cohorts cannot be read.
    #[error("cohorts in {}{}: {why}", path.display(), line.map(|l| format!(", line {l}")).unwrap_or_default())]
    Cohorts {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where there is one.
        line: Option<usize>,
        /// What is wrong with it.
        why: String,
    },
    /// A window or an amount of memory that was not understood.
    #[error("{given:?} is not {wanted}")]
    Unit {
        /// What was typed.
        given: String,
        /// What would be understood.
        wanted: &'static str,
    },
    /// The SQL of a user was refused.
    #[error("the query was refused: {why}")]
    Sql {
        /// The planner's words.
        why: String,
    },
    /// The memory limit was reached by something that cannot spill.
    #[error("the query needs more than {} MiB of memory", limit >> 20)]
    Memory {
        /// Limit, bytes.
        limit: usize,
        /// The engine's words.
        #[source]
        source: Box<DataFusionError>,
    },
    /// The query failed while it ran.
    #[error("the query failed: {why}")]
    Query {
        /// The engine's words.
        why: String,
    },
    /// The engine gave a column of another type than the query names.
    #[error("the answer has no column `{column}` of type {wanted}")]
    Column {
        /// The column.
        column: &'static str,
        /// The type.
        wanted: &'static str,
    },
    /// There are records, but none of the kind that this question is about.
    #[error("no record {what} among those chosen")]
    Nothing {
        /// What was looked for.
        what: &'static str,
    },
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A demonstration would overwrite something.
    #[error("{} is not empty", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// No headless browser is installed.
    #[error("no Chromium was found on this machine")]
    NoBrowser,
    /// The browser did not do as asked.
    #[error("{} failed: {why}", browser.display())]
    Browser {
        /// The program.
        browser: PathBuf,
        /// The last thing it said.
        why: String,
    },
    /// A drawing failed.
    #[error("a plot could not be drawn: {0}")]
    Plot(String),
    /// The operating system refused a thread.
    #[error("no thread to run the query on")]
    Thread(#[source] io::Error),
}

impl Failure {
    /// What the person at the terminal can do about it, where something can be done.
    pub fn next_step(&self) -> Option<String> {
        Some(match self {
            Failure::Folder { .. } => "name the folder that `lacuna decode --parquet DIR` wrote".to_owned(),
            Failure::Empty { path } => format!(
                "write telemetry there with `lacuna decode --parquet {p}` or `lacuna listen --parquet {p}`, \
                 or see an invented fleet with `lacuna fleet demo --out fleet-demo`",
                p = path.display()
            ),
            Failure::Damaged { .. } => {
                "copy or decode the file again, or go on without such files with --skip-unreadable".to_owned()
            }
            Failure::NotTelemetry { .. } | Failure::MixedSchema { .. } => {
                "move the file out of the folder, decode it again with this version of `lacuna decode`, \
                 or leave such files out with --skip-unreadable"
                    .to_owned()
            }
            Failure::Cohorts { .. } => "write lines of `device,cohort`, or a TOML file with \
                 `[cohorts]` and lines of `name = [\"device\", …]`; a device is 16 hexadecimal digits"
                .to_owned(),
            Failure::Unit { .. } => "see the option in --help".to_owned(),
            Failure::Sql { .. } => {
                "the tables are `telemetry` (with a column `cohort`) and `records`; `DESCRIBE telemetry` lists the columns"
                    .to_owned()
            }
            Failure::Memory { .. } => {
                "raise --memory, or ask about less with --model, --site, --stat or --since".to_owned()
            }
            Failure::Nothing { .. } => {
                "drop --model, --cohort, --site, --stat, --since or --until, or see what there is with `lacuna fleet summary`"
                    .to_owned()
            }
            Failure::Write { .. } => "name a file in a place that exists, is writable and has room".to_owned(),
            Failure::Occupied { .. } => "name a folder that does not exist yet".to_owned(),
            Failure::NoBrowser => "install it (`apt-get install chromium` on Debian and Ubuntu) or name it in \
                 LACUNA_CHROMIUM; the HTML file itself opens in any browser"
                .to_owned(),
            Failure::Browser { .. } => "open the HTML file by hand".to_owned(),
            Failure::Query { .. } | Failure::Column { .. } | Failure::Plot(_) | Failure::Thread(_) => return None,
        })
    }

    /// The words of the engine, without the layers it wraps them in.
    pub(crate) fn engine(error: DataFusionError, limit: usize) -> Failure {
        let root = error.find_root();
        match root {
            DataFusionError::ResourcesExhausted(_) => Failure::Memory {
                limit,
                source: Box::new(error),
            },
            DataFusionError::Plan(_)
            | DataFusionError::SQL(..)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_) => Failure::Sql {
                why: root.strip_backtrace(),
            },
            _ => Failure::Query {
                why: root.strip_backtrace(),
            },
        }
    }

    /// `error: what: cause` and, where there is one, ` next: step`.
    pub fn render(error: &anyhow::Error) -> String {
        let known = error.chain().find_map(|c| c.downcast_ref::<Failure>());
        let step = known.and_then(Failure::next_step);
        lacuna_report::said(error, step.as_deref())
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Failure + use<> {
        let path = path.to_owned();
        move |source| Failure::Write { path, source }
    }
}
