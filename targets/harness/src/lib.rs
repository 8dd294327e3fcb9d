//! What every board runs: take a job, run the model, speak records.
//!
//! ```text
//! command line ─► Job ─┐
//! flash ─► Model ──────┼─► count · layers · observe ─► records (UART)      logs (defmt)
//! memory ─► arena ─────┘                     └─ any error ─► Fault, exit 1
//! ```
//!
//! # Invariants
//! - No `unsafe` and no allocation of its own; what a board lends is used as it is.
//! - A run says `Hello` first and ends with `End` or `Fault`; a golden run with other logits ends with both.
//!
//! # Why
//! A board is how to speak, how to count, how to stop; whatever two boards would both do is here.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod board;
#[cfg(feature = "alloc")]
mod heap;
mod job;
mod passes;
mod windows;
mod wire;

use core::fmt::Display;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;

use lacuna::config::Config;
use lacuna::kernels::Isa;
use lacuna::model::{CacheType, Limits, Model, State};
use lacuna::probe::SiteStats;
use lacuna::probe::record::Record;
use lacuna::session::{Options, WhenFull};

pub use board::Board;
#[cfg(feature = "alloc")]
pub use heap::from_heap;
use job::Job;
use passes::{Failed, Run};
use wire::Wire;

/// Whether the board has a few KiB of RAM and little flash: command lines are shorter and only models of tokens run.
pub const SMALL: bool = cfg!(feature = "small");
/// Bytes of a command line, which is what bounds the prompt.
const LINE: usize = if SMALL { 256 } else { 4096 };

/// The memory of a run.
#[derive(Debug)]
pub struct Memory {
    /// At least `State::len` bytes, aligned to 16.
    pub arena: &'static mut [u8],
    /// At least `Site::count` places.
    pub stats: &'static mut [SiteStats],
    /// At least `Site::count` places.
    pub digests: &'static mut [u64],
    /// At least `Config::window_len` numbers: the ring that samples are streamed through.
    pub ring: &'static mut [f32],
}

/// Less memory than a run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// Bytes needed for the arena.
    pub needed: usize,
}

impl Display for OutOfMemory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the heap has no {} bytes for the state", self.needed)
    }
}

/// Limits of a firmware with its model in flash, from the texts of its build environment.
///
/// # Panics
/// At compile time: `context` is no positive number, or `cache` no type.
pub const fn limits(config: &Config, context: Option<&str>, cache: Option<&str>) -> Limits {
    let mut limits = Limits::new(config);
    if let Some(text) = context {
        match usize::from_str_radix(text, 10) {
            Ok(n) if n > 0 => limits.context = n,
            _ => panic!("LACUNA_CONTEXT is not a positive number"),
        }
    }
    if let Some(text) = cache {
        match job::cache(text) {
            Some(cache) => limits.cache = cache,
            None => panic!("LACUNA_CACHE is not f32 or f16"),
        }
    }
    limits
}

/// Runs the job of the command line on the model in `bytes`, and stops the board.
///
/// `limits` are those that `memory` was made for; without them, the model's own. `memory` is asked once, with the
/// limits of the job.
pub fn run<B: Board>(
    board: B,
    bytes: &'static [u8],
    limits: Option<Limits>,
    memory: impl FnOnce(&Config, &Limits) -> Result<Memory, OutOfMemory>,
) -> ! {
    let mut wire = Wire::new(board);
    let painted = wire.board.stack().paint();
    let model = match load(bytes) {
        Ok(model) => model,
        Err(error) => wire.fault(0, &error),
    };
    wire.frames.model_id = model.file().model_id();
    if SMALL && model.config().window_len() > 0 {
        wire.fault(
            0,
            &"a board this small runs models of tokens, not of windows",
        );
    }
    let mut line = [MaybeUninit::uninit(); LINE];
    let Some(line) = wire.board.words(&mut line) else {
        wire.fault(
            0,
            &format_args!("the command line is longer than {} bytes", LINE - 1),
        )
    };
    let job = match core::str::from_utf8(line).map(Job::parse) {
        Ok(Some(Ok(job))) => job,
        Ok(Some(Err(word))) => wire.fault(0, &word),
        Ok(None) => match model.file().golden() {
            Some(golden) => Job::golden(&golden),
            None => wire.fault(0, &"there is neither a job nor a golden block"),
        },
        Err(_) => wire.fault(0, &"the command line is not UTF-8"),
    };
    let mut limits = limits.unwrap_or(Limits::new(model.config()));
    limits.context = job.context.unwrap_or(limits.context);
    limits.cache = job.cache.unwrap_or(limits.cache);
    let memory = match memory(model.config(), &limits) {
        Ok(memory) => memory,
        Err(error) => wire.fault(0, &error),
    };
    let isa = Isa::detect();
    let when_full = if job.slide {
        WhenFull::Slide
    } else {
        WhenFull::Error
    };
    let options = Options {
        limits,
        when_full,
        isa,
    };
    let run = Run {
        job,
        model,
        options,
    };
    // A rounded cache gives other bits than the golden run's.
    let expected = run.job.expected.filter(|_| limits.cache == CacheType::F32);
    match speak(&mut wire, &run, memory) {
        Ok(digest) if expected.is_some_and(|e| e != digest) => {
            wire.fault(0, &"the logits are not those of the golden block")
        }
        Ok(_) if painted.is_full() => wire.fault(0, &"the stack is full"),
        Ok(_) => wire.board.stop(true),
        Err(failed) => wire.fault(failed.position, &failed.error),
    }
}

/// Reads the model; what that needs of the stack is given back before anything runs.
#[inline(never)]
fn load(bytes: &'static [u8]) -> Result<Model<'static>, lacuna::format::Error> {
    Model::new(bytes)
}

/// The records of a whole run; gives the digest of all logits.
fn speak<B: Board>(wire: &mut Wire<B>, run: &Run<'_>, memory: Memory) -> Result<u64, Failed> {
    let Options { limits, isa, .. } = run.options;
    let ram = State::len(run.model.config(), &limits);
    defmt::info!("{}: {} bytes of state, kernels {}", B::NAME, ram, isa);
    wire.say(Record::Hello {
        board: B::NAME,
        isa: isa.name().as_str(),
        ram: ram as u32,
        flash: run.model.file().bytes().len() as u32,
        context: limits.context as u32,
        ticks_per_second: B::TICKS_PER_SECOND,
    });
    let Memory {
        arena,
        stats,
        digests,
        ring,
    } = memory;
    let (stack, (digest, positions)) = if !SMALL && run.takes_windows() {
        let stack = run.count_windows(wire, arena, ring)?;
        let seen = run.observe_windows(wire, arena, stats, digests, ring)?;
        (stack as u32, seen)
    } else {
        let stack = run.count(wire, arena)?;
        if run.job.layers {
            run.layers(wire, arena)?;
        }
        (stack as u32, run.observe(wire, arena, stats, digests)?)
    };
    defmt::info!(
        "{} positions, digest {=u64:016x}, stack {}",
        positions,
        digest,
        stack
    );
    wire.say(Record::End {
        digest,
        positions,
        stack,
    });
    Ok(digest)
}

/// Reports a panic on the record channel and stops the board.
pub fn panicked<B: Board>(board: B, info: &PanicInfo<'_>) -> ! {
    Wire::new(board).fault(0, info)
}
