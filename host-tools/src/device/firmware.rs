//! The firmware of a run: built with the model in flash, or taken ready-made with the model laid beside it.
//!
//! ```text
//! source tree ─► cargo build, LACUNA_MODEL=… ─► flash.elf    model in flash, arena in .bss
//! this binary ─► bytes of firmware/BOARD.elf ─► loader       model in memory, arena on the heap
//! ```
//!
//! # Invariants
//! - A model that cannot fit is refused with the numbers before anything is built.
//! - What cargo builds is named after the model's bytes, so the same model is not built twice in a row.
//!
//! # Why
//! Flash is what a product does and is measured; the ready-made firmware needs nothing but the emulator, so an installed
//! binary can show the same bits without a compiler.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lacuna::format::schema::Kind;
use lacuna::format::{Encoding, Entry};
use lacuna::model::{self, Limits, Model, State};
use lacuna::num::crc32;
use lacuna::probe::{Site, SiteStats, Sketch};
use lacuna::sparse::Major;

use super::elf::{self, Size};
use super::{Board, Missing, find};
use crate::output;

/// Flash that the code of the firmware may take, with a plan, and with a monitor; the linker has the last word.
const CODE_ROOM: [u64; 3] = [160 << 10, 236 << 10, 332 << 10];
/// RAM of small statics.
const SMALL: u64 = 256;
/// Stack that a firmware takes which follows orders and says so in records: nested frames of 9 520 bytes on a Cortex-M0 at
/// opt-level z, 3 668 of them where plan and monitor are kept, and what calls save.
const FIELD_STACK: u64 = 10 << 10;
/// What a board has too little of for orders.
pub const STACK: &str = "the stack of a plan or a monitor";

/// What a firmware must have memory for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// What decides the arena.
    pub limits: Limits,
    /// Sketches of a probe plan.
    pub cells: usize,
    /// Floats of a monitor.
    pub floats: usize,
}

impl From<Limits> for Demand {
    fn from(limits: Limits) -> Self {
        let (cells, floats) = (0, 0);
        Self {
            limits,
            cells,
            floats,
        }
    }
}

impl Demand {
    /// Bytes of the probes' memory: that of plan and monitor, or statistics of every site where there are neither.
    pub fn probes(&self, model: &Model<'_>) -> u64 {
        let bytes = match (self.cells, self.floats) {
            (0, 0) => Site::count(model.config().n_layers) * size_of::<SiteStats>(),
            (cells, floats) => cells * size_of::<Sketch>() + floats * size_of::<f32>(),
        };
        bytes as u64
    }

    /// Bytes of RAM beside code that keeps none.
    fn ram(&self, model: &Model<'_>) -> Result<u64, Error> {
        let state = state(model, &self.limits)?;
        let config = model.config();
        // A model of windows has a ring of samples, and a digest of every site for a window.
        let ring = match config.window_len() {
            0 => 0,
            n => 4 * n + 8 * Site::count(config.n_layers),
        };
        Ok(state.saturating_add(self.probes(model) + ring as u64 + SMALL))
    }
}

/// A firmware, ready to run.
#[derive(Clone, Debug)]
pub struct Firmware {
    /// The ELF file.
    pub elf: Vec<u8>,
    /// Whether the model is inside; if not it must be laid beside it.
    pub holds_model: bool,
    /// What it occupies, as linked.
    pub size: Size,
}

/// Why there is no firmware.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is not installed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The model does not fit.
    #[error("the model does not fit on {board}: {what} needs {needed} bytes and there are {given}")]
    TooLarge {
        /// The board.
        board: &'static str,
        /// Which memory.
        what: &'static str,
        /// Bytes needed.
        needed: u64,
        /// Bytes there.
        given: u64,
    },
    /// The model cannot be run under these limits on any machine.
    #[error(transparent)]
    Limits(model::Error),
    /// cargo failed.
    #[error("cargo cannot build the firmware:\n{0}")]
    Build(String),
    /// A file cannot be read or written.
    #[error("cannot access {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The linker's output is no ELF file.
    #[error("the firmware is no ELF file")]
    Elf(#[from] object::Error),
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    move |source| Error::Io {
        path: path.to_owned(),
        source,
    }
}

fn fits(board: &Board, what: &'static str, needed: u64, given: u64) -> Result<(), Error> {
    if needed > given {
        return Err(Error::TooLarge {
            board: board.name,
            what,
            needed,
            given,
        });
    }
    Ok(())
}

/// Refuses orders where the stack would overflow with them.
fn fits_orders(board: &Board, demand: &Demand) -> Result<(), Error> {
    match demand.cells + demand.floats {
        0 => Ok(()),
        _ => fits(board, STACK, FIELD_STACK, board.stack),
    }
}

/// Bytes of state under `limits`, which the model must be able to have.
fn state(model: &Model<'_>, limits: &Limits) -> Result<u64, Error> {
    match State::new(model.config(), limits, &mut []) {
        Err(model::Error::ArenaTooSmall { needed, .. }) => Ok(needed as u64),
        Err(error) => Err(Error::Limits(error)),
        Ok(_) => Ok(0),
    }
}

/// Tokens of a prompt to run at once on `board` where nobody says: up to 8, as fit in its RAM with either firmware, if
/// every matrix lies in gaps by output, else 1: dense products of several tokens have no kernel on these boards, and
/// input-major ones cannot skip what only one of the tokens has as zero (the `-x4` lines of `benches/boards.txt`).
pub fn at_once(board: &Board, model: &Model<'_>, demand: &Demand) -> usize {
    let matrices = || {
        model
            .file()
            .entries()
            .filter(|e| e.tensor.kind == Kind::Matrix)
    };
    let gaps = |e: Entry| {
        e.major == Major::Output && matches!(e.encoding, Encoding::CsrU8Gap | Encoding::NibbleGap)
    };
    if !matrices().all(gaps) {
        return 1;
    }
    let fit = |prefill: &usize| {
        let (prefill, mut demand) = (*prefill, *demand);
        demand.limits.prefill = prefill;
        let room = board.ram.min(board.heap);
        prefill <= board.prefill && demand.ram(model).is_ok_and(|n| n <= room)
    };
    [8, 4, 2].into_iter().find(fit).unwrap_or(1)
}

/// Builds the firmware in `source` with the model in flash.
///
/// # Errors
/// What is missing, what does not fit, or what cargo says.
pub fn build(
    board: &'static Board,
    source: &Path,
    model: &Model<'_>,
    demand: &Demand,
) -> Result<Firmware, Error> {
    fits_orders(board, demand)?;
    let bytes = model.file().bytes();
    let room = CODE_ROOM[if demand.floats > 0 {
        2
    } else {
        usize::from(demand.cells > 0)
    }];
    fits(board, "flash", bytes.len() as u64 + room, board.flash)?;
    fits(board, "RAM", demand.ram(model)?, board.ram)?;
    let limits = &demand.limits;
    let cargo = find::cargo(board, source)?;
    let target = source.with_file_name("target");
    let models = target.join("models");
    fs::create_dir_all(&models).map_err(io(&models))?;
    let path = models.join(format!("{:08x}-{}.lacuna", crc32(bytes), bytes.len()));
    if fs::read(&path).ok().as_deref() != Some(bytes) {
        output::write(&path, |to| to.write_all(bytes)).map_err(|e| io(&path)(e.source))?;
    }
    // Two builds at once would read each other's output.
    let lock = File::create(models.join("lock")).map_err(io(&models))?;
    lock.lock().map_err(io(&models))?;
    let cache = limits.cache.as_str();
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--bin", "flash"])
        .args(["--target", board.triple, "--target-dir"])
        .arg(&target)
        .current_dir(source)
        .env("LACUNA_MODEL", &path)
        .env("LACUNA_CONTEXT", limits.context.to_string())
        .env("LACUNA_CACHE", cache)
        .env("LACUNA_PREFILL", limits.prefill.to_string())
        .env("LACUNA_CELLS", demand.cells.to_string())
        .env("LACUNA_FLOATS", demand.floats.to_string())
        // Flags meant for this machine's compiler are not meant for the board's.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .stdin(Stdio::null())
        .output()
        .map_err(io(source))?;
    if !built.status.success() {
        let said = String::from_utf8_lossy(&built.stderr);
        return Err(Error::Build(tail(&said, 30)));
    }
    let path = target.join(board.triple).join("release").join("flash");
    let elf = fs::read(&path).map_err(io(&path))?;
    let size = elf::size(&elf)?;
    Ok(Firmware {
        elf,
        holds_model: true,
        size,
    })
}

/// The ready-made firmware of a board.
///
/// # Errors
/// [`Error::TooLarge`] if its memory cannot hold the model or its state.
pub fn prebuilt(
    board: &'static Board,
    model: &Model<'_>,
    demand: &Demand,
) -> Result<Firmware, Error> {
    fits_orders(board, demand)?;
    let bytes = model.file().bytes().len() as u64;
    fits(board, "the model's place", bytes, board.model_room)?;
    fits(board, "the heap", demand.ram(model)?, board.heap)?;
    let elf = board.prebuilt.to_vec();
    let size = elf::size(&elf)?;
    Ok(Firmware {
        elf,
        holds_model: false,
        size,
    })
}

/// The last `n` lines.
fn tail(text: &str, n: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(n)..].join("\n")
}
