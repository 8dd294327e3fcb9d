//! Models on boards: a firmware, a job, an emulator, and what the board said.
//!
//! ```text
//! model ─► firmware ─┐
//! prompt ─► job ─────┼─► qemu ─► records ─► Report { Observation, costs, sizes }
//!                    │       └─► logs (defmt) ─► stderr
//! desktop ───────────┴─► Observation ── first_difference ──► equal, or step, layer and site
//! ```
//!
//! # Invariants
//! - A device computes everything that is printed about it; the host only decodes.
//! - Whatever is missing on this machine is an error that says how to get it ([`Missing`]).
//! - No emulator outlives its run.
//!
//! # Why
//! The same records that a board in the field sends are what the emulated one is checked by.

mod board;
mod desktop;
mod elf;
mod figures;
mod find;
mod firmware;
mod job;
mod logs;
mod observation;
mod qemu;
mod records;
mod stream;

use core::time::Duration;
use std::io;

use lacuna::model::Model;

pub use board::{BOARDS, Board};
pub use desktop::{observe, observe_with};
pub use elf::{Size, size};
pub use figures::{Figures, ran};
pub use find::{Missing, cargo, emulator, source};
pub use firmware::{
    Demand, Error as FirmwareError, Firmware, STACK as ORDERS_STACK, at_once, build, prebuilt,
};
pub use job::{Job, Sampling};
pub use observation::{Difference, Observation, Step, Window};
pub use qemu::{Bounds, Error as EmulatorError};
pub use records::{Error as RecordError, Report};
pub use stream::{CHANNELS, RECORDINGS, block as recordings, windows as streamed};

/// Why there is no report of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is not installed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// There is no firmware.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// The emulator did not come to an end of its own.
    #[error(transparent)]
    Emulator(#[from] EmulatorError),
    /// What the device said is not a whole run.
    #[error(transparent)]
    Records(#[from] RecordError),
    /// The firmware's source is not where this program was built.
    #[error(
        "the source tree that this program was built from is gone, and with it the firmware's source"
    )]
    NoSource,
    /// The emulator refused or crashed.
    #[error("the emulator failed: {0}")]
    Crashed(String),
    /// The device ran another model.
    #[error("the device ran model {found}, not {expected}")]
    OtherModel {
        /// Id of the model that was sent.
        expected: String,
        /// Id of the model that ran.
        found: String,
    },
    /// A temporary file cannot be made.
    #[error("cannot make a temporary file")]
    Io(#[from] io::Error),
}

/// A report and what the run left beside it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the device said.
    pub report: Report,
    /// The bytes of its record channel.
    pub records: Vec<u8>,
    /// Lines of its log.
    pub log: Vec<String>,
}

/// Which firmware runs the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// Built with the model in flash where that can be done here, else the ready-made one
    #[default]
    Auto,
    /// Built with the model in flash
    Flash,
    /// The ready-made one, with the model beside it
    Prebuilt,
}

/// The firmware of that choice, and why it is the ready-made one where another was possible.
///
/// # Errors
/// What is missing, or what does not fit.
pub fn prepare(
    board: &'static Board,
    choice: Choice,
    model: &Model<'_>,
    demand: &Demand,
) -> Result<(Firmware, Option<String>), Error> {
    let prebuilt = || prebuilt(board, model, demand);
    let tree = match choice {
        Choice::Prebuilt => return Ok((prebuilt()?, None)),
        Choice::Flash => source(board).ok_or(Error::NoSource)?,
        Choice::Auto => match source(board) {
            Some(tree) => tree,
            None => return Ok((prebuilt()?, None)),
        },
    };
    match build(board, &tree, model, demand) {
        Err(FirmwareError::Missing(missing)) if choice == Choice::Auto => {
            let why = format!(
                "{missing}: using the prebuilt firmware (`{}`)",
                missing.install()
            );
            Ok((prebuilt()?, Some(why)))
        }
        built => Ok((built?, None)),
    }
}

/// Time and bytes that a run may take by default.
pub const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(600),
    bytes: 512 << 20,
};

/// Runs `job` with `firmware` on `board`; `news` is told the number of records that came in.
///
/// # Errors
/// What is missing, what failed, or what the device complains about.
pub fn run(
    board: &'static Board,
    firmware: &Firmware,
    model: &Model<'_>,
    job: &Job,
    bounds: Bounds,
    news: &mut dyn FnMut(u64),
) -> Result<Outcome, Error> {
    let emulator = emulator(board)?;
    let beside = (!firmware.holds_model).then(|| model.file().bytes());
    let words = job.to_string();
    let mut count = |bytes: &[u8]| news(bytes.iter().filter(|b| **b == 0).count() as u64);
    let load = qemu::Load {
        emulator: &emulator,
        firmware: &firmware.elf,
        model: beside,
        job: &words,
        store: job.store.as_deref(),
    };
    let output = qemu::run(board, &load, bounds, &mut count)?;
    let log = logs::lines(&firmware.elf, &output.logs);
    if output.records.is_empty() && !output.ok {
        return Err(Error::Crashed(output.complaints.trim().to_owned()));
    }
    let mut report = Report::read(&mut output.records.clone())?;
    if let Some(store) = &job.store {
        report.seen.state = observation::newest(&std::fs::read(store)?);
    }
    if report.model_id != model.id() {
        let hex = |id: [u8; 8]| format!("{:016x}", u64::from_be_bytes(id));
        return Err(Error::OtherModel {
            expected: hex(model.id()),
            found: hex(report.model_id),
        });
    }
    Ok(Outcome {
        report,
        records: output.records,
        log,
    })
}
