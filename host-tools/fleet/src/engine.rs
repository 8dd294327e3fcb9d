//! One folder as SQL tables, within a limit of memory.
//!
//! ```text
//! files ─► records ┐
//!                  ├─ telemetry (= records + cohort, filtered) ─► queries
//! cohorts file ────┘
//! ```
//!
//! # Invariants
//! - Aggregations and sorts that outgrow the limit spill to a temporary directory; what cannot spill fails, by name.
//! - Queries read: statements that write or change settings are refused.
//! - With one thread (the default) the same files give the same bits; with more, sums of floats may differ in their
//!   last digits (relative 1e-12 for a million records) because partial sums meet in another order.
//!
//! # Why
//! A million records take one thread seconds (4 for `outliers`, 31 for `drift` on two loaded cores), so exact repeatability is
//! worth more than the other cores.

use core::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;

use crate::cohorts::Cohorts;
use crate::columns;
use crate::failure::Failure;
use crate::folder::{self, Files};
use crate::query::{self, Filter};

/// Memory that queries may use unless said otherwise, bytes.
pub const MEMORY: usize = 256 << 20;
/// Longest query that is taken, bytes: the planner's stack grows with it.
const LONGEST_SQL: usize = 64 << 10;

/// What to open and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of Parquet files.
    pub folder: PathBuf,
    /// File of cohorts; see [`Cohorts`].
    pub cohorts: Option<PathBuf>,
    /// Which records to look at.
    pub filter: Filter,
    /// Most memory for queries, bytes.
    pub memory: usize,
    /// Threads, at least 1.
    pub threads: usize,
    /// Leave out files that cannot be read instead of failing.
    pub skip_unreadable: bool,
}

impl Settings {
    /// All records of `folder`, one thread, [`MEMORY`].
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            cohorts: None,
            filter: Filter::default(),
            memory: MEMORY,
            threads: 1,
            skip_unreadable: false,
        }
    }
}

/// An open folder.
pub struct Fleet {
    context: SessionContext,
    files: Files,
    memory: usize,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Fleet");
        shown
            .field("files", &self.files)
            .field("memory", &self.memory);
        shown.finish_non_exhaustive()
    }
}

impl Fleet {
    /// Checks the files and registers the tables `records`, `cohorts` and `telemetry`.
    ///
    /// # Errors
    /// Whatever is wrong with the folder, its files or the cohorts.
    pub async fn open(settings: &Settings) -> Result<Self, Failure> {
        let files = folder::find(&settings.folder, settings.skip_unreadable)?;
        let cohorts = match &settings.cohorts {
            Some(path) => Cohorts::read(path)?,
            None => Cohorts::default(),
        };
        let fleet = Self {
            context: context(settings).map_err(|e| Failure::engine(e, settings.memory))?,
            files,
            memory: settings.memory,
        };
        let view = query::telemetry(&settings.filter, settings.cohorts.is_some());
        fleet
            .register(&cohorts, &view)
            .await
            .map_err(|e| Failure::engine(e, settings.memory))?;
        Ok(fleet)
    }

    async fn register(&self, cohorts: &Cohorts, view: &str) -> Result<(), DataFusionError> {
        let mut urls = Vec::with_capacity(self.files.readable.len());
        for path in &self.files.readable {
            urls.push(url(path)?);
        }
        let options =
            ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let table = ListingTableConfig::new_with_multi_paths(urls)
            .with_listing_options(options)
            .with_schema(columns::schema());
        self.context
            .register_table("records", Arc::new(ListingTable::try_new(table)?))?;
        let batch = cohorts.batch()?;
        let cohorts = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
        self.context.register_table("cohorts", Arc::new(cohorts))?;
        let telemetry = self.context.sql(view).await?.into_view();
        self.context.register_table("telemetry", telemetry)?;
        Ok(())
    }

    /// The files that are read and those left out.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Runs one reading statement; batches come as they are computed.
    ///
    /// # Errors
    /// A statement that is not understood, writes, or cannot be planned.
    pub async fn stream(&self, sql: &str) -> Result<SendableRecordBatchStream, Failure> {
        if sql.len() > LONGEST_SQL {
            return Err(Failure::Sql {
                why: format!("it is longer than {} KiB", LONGEST_SQL >> 10),
            });
        }
        let reading = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let planned = self.context.sql_with_options(sql, reading).await;
        let run = match planned {
            Ok(frame) => frame.execute_stream().await,
            Err(e) => Err(e),
        };
        run.map_err(|e| self.explain(e))
    }

    /// Runs one of the fixed queries and hands every batch to `each`.
    ///
    /// # Errors
    /// What the engine reports, by file where a file is at fault; what `each` reports.
    pub async fn each(
        &self,
        sql: &str,
        mut each: impl FnMut(&RecordBatch) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut stream = self.stream(sql).await?;
        while let Some(batch) = stream.next().await {
            each(&batch.map_err(|e| self.explain(e))?)?;
        }
        Ok(())
    }

    /// What an error of a running query means: the file whose pages cannot be decoded, where there is one.
    pub fn explain(&self, error: DataFusionError) -> Failure {
        let reading = matches!(
            error.find_root(),
            DataFusionError::ParquetError(_)
                | DataFusionError::ArrowError(..)
                | DataFusionError::IoError(_)
                | DataFusionError::ObjectStore(_)
                | DataFusionError::External(_)
        );
        if reading {
            let broken = self.files.readable.iter().map(|f| folder::read_through(f));
            if let Some(damaged) = broken.filter_map(Result::err).next() {
                return damaged;
            }
        }
        Failure::engine(error, self.memory)
    }
}

fn context(settings: &Settings) -> Result<SessionContext, DataFusionError> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(settings.memory)))
        // Parsed footers are kept between queries, within the same order of memory.
        .with_metadata_cache_limit(settings.memory / 8)
        .build_arc()?;
    let mut config = SessionConfig::new()
        .with_target_partitions(settings.threads.max(1))
        .with_information_schema(true);
    // Room to merge spilled runs in, from a pool that may be small.
    config.options_mut().execution.sort_spill_reservation_bytes = settings.memory / 32;
    // The queries name the small side first; an estimate could only make it worse.
    config.options_mut().optimizer.join_reordering = false;
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

/// The file as a URL, so that no character of its name is taken for a pattern.
fn url(path: &std::path::Path) -> Result<ListingTableUrl, DataFusionError> {
    let whole = std::path::absolute(path)?;
    let text = whole.to_string_lossy();
    let mut encoded = String::from("file://");
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'=' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    ListingTableUrl::parse(encoded)
}
