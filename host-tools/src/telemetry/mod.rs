//! What devices in the field say, from the bytes of a link to files that a query engine reads.
//!
//! ```text
//! bytes ─► Decoder ─► Ledger (losses) ─► rows ─► Store: DIR/model=…/device=…/boot=<n>-<first seq>.parquet │ .jsonl
//!   ▲                                     └────► Board (live table)
//! source: serial · TCP · file · stdin                           recording ─► cases ─► replay on the desktop
//! ```
//!
//! # Invariants
//! - No byte of a link can panic the host, and no record whose checksum differs is shown, counted or stored.
//! - Memory is bounded whatever arrives: one frame a connection, a fixed number of devices, files and rows.
//! - Losses within a boot are exact. What was lost when a device restarted is not guessed but counted as unknown.
//!
//! # Why
//! Links in the field are lossy and speak rarely; the figures of a fleet mean nothing without those of its losses.

pub mod budget;
mod columns;
mod ledger;
mod live;

pub mod replay;
mod row;
mod source;
mod store;
mod track;

pub use columns::{Columns, schema};
pub use ledger::{DEVICES, Ledger, Line, Reading};
pub use live::Live;
pub use row::{Row, hex, rows};
pub use source::{Error as SourceError, Event, Source, Stop};
pub use store::{Error as StoreError, Existing, Format, Store};
pub use track::{Losses, Taken};
