//! What a fleet of devices says, asked in SQL.
//!
//! ```text
//!                                            ┌─ summary    devices, losses, merged statistics
//! DIR/model=…/device=…/*.parquet ─► engine ──┼─ outliers   devices that deviate from their peers
//!        (lacuna decode, listen)  (DataFusion)├─ drift      trends and alarms over time
//!                                            ├─ sql        anything else
//!                                            └─ report     one HTML file
//! ```
//!
//! # Invariants
//! - A module uses only modules listed above it here.
//! - Every answer needs memory for its groups, not for its records; a query beyond the limit spills or fails by name.
//! - Nothing is written but what a command names.
//!
//! # Why
//! A library and binary of their own: the query engine is many times larger than the rest of the tools, and whoever
//! trains or flashes a model does not wait for it. The folder is plain Parquet, so DuckDB, Spark and Ballista read it too.
//!
//! # The same SQL on a cluster
//!
//! Ballista is DataFusion's distributed sibling. `lacuna fleet summary DIR --print-sql` prints the statements that a command
//! runs, table definitions first; they hold no function of our own, so `ballista-cli` takes them as they are:
//!
//! ```sh
//! cargo install --locked ballista-scheduler ballista-executor ballista-cli
//! ballista-scheduler --bind-port 50050 &
//! ballista-executor --scheduler-host localhost --scheduler-port 50050 &
//! lacuna fleet summary /srv/telemetry --cohorts cohorts.csv --print-sql > summary.sql
//! ballista-cli --host localhost --port 50050 --file summary.sql
//! ```

pub mod failure;

pub mod output;

// What the files hold.
pub mod columns;

pub mod folder;

pub mod cohorts;

// Questions and the engine that answers them.
pub mod query;

pub mod engine;

mod rows;

pub mod robust;

pub mod bins;

pub mod ask;

// Answers for people.
pub mod browser;

mod print;

pub mod report;

pub mod demo;

pub mod cli;
