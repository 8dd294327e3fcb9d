//! What every board runs: take a job, run the model, speak records.
//!
//! ```text
//! command line ─► Job ─┐
//! flash ─► Model ──────┼─► count │ field · layers · observe ─► records (UART)      logs (defmt)
//! memory ─► arena ─────┘                             └─ any error ─► Fault, exit 1
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
mod memory;
mod orders;
mod passes;
mod wire;

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;

use lacuna::config::Config;
use lacuna::kernels::Isa;
use lacuna::model::{CacheType, Limits, Model, State};
use lacuna::monitor::Store;
use lacuna::probe::record::Record;
use lacuna::session::{Options, WhenFull};

pub use board::{Board, Firmware, MOST_AT_ONCE};
#[cfg(feature = "alloc")]
pub use heap::from_heap;
use job::Job;
pub use memory::{Memory, Needs, OutOfMemory, Probes};
use passes::{Failed, Kept, Run};
use wire::Wire;

/// Whether the board has a few KiB of RAM and little flash: command lines are shorter, and less is counted.
pub const SMALL: bool = cfg!(feature = "small");
/// Bytes of a command line, which is what bounds the prompt.
const LINE: usize = if SMALL { 256 } else { 4096 };

/// Runs the job of the command line on the model in `bytes`, as far as firmware `F` can, and stops the board.
///
/// `limits` are those that `memory` was made for; without them, the model's own. `memory` is asked once, with the
/// needs of the job.
pub fn run<B: Board, F: Firmware>(
    board: B,
    bytes: &'static [u8],
    limits: Option<Limits>,
    memory: impl FnOnce(&Config, &Needs) -> Result<Memory, OutOfMemory>,
) -> ! {
    const { assert!(F::PREFILL >= 1 && F::PREFILL <= MOST_AT_ONCE) };
    let mut wire = Wire::new(board);
    let painted = wire.board.stack().paint();
    let model = match load(bytes) {
        Ok(model) => model,
        Err(error) => wire.fault(0, &error),
    };
    wire.frames.model_id = model.file().model_id();
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
    limits.prefill = job.prefill.unwrap_or(limits.prefill);
    // The positions of a window run at once, as many as they are.
    if limits.prefill > F::PREFILL && model.config().window_len() == 0 {
        let most = F::PREFILL;
        wire.fault(
            0,
            &format_args!("at most {most} tokens of a prompt run at once here"),
        )
    }
    let (needs, window) = match orders::needs::<F>(&job, model.file(), limits) {
        Ok(needs) => needs,
        Err(refusal) => wire.fault(0, &refusal),
    };
    let memory = match memory(model.config(), &needs) {
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
    let kept = keep::<B, F>(&mut wire, &job);
    let run = Run::<F> {
        job,
        model: &model,
        options,
        window,
        firmware: PhantomData,
    };
    // A rounded cache gives other bits than the golden run's.
    let expected = run.job.expected.filter(|_| limits.cache == CacheType::F32);
    match speak(&mut wire, &run, memory, kept) {
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

/// Says who speaks, and gives the place where monitors keep their state: it knows how often the board has started.
fn keep<B: Board, F: Firmware>(wire: &mut Wire<B>, job: &Job<'_>) -> Kept<B> {
    let mut kept = None;
    if F::MONITOR && job.monitor {
        kept = wire.board.flash().and_then(|f| Store::new(f, 0).ok());
    }
    let state = kept.as_mut().and_then(Store::load);
    let boots = state.map_or(0, |state| state.counters().boots);
    wire.introduce(job.device, boots.saturating_add(1));
    kept
}

/// The records of a whole run; gives the digest of all logits.
fn speak<B: Board, F: Firmware>(
    wire: &mut Wire<B>,
    run: &Run<'_, F>,
    memory: Memory,
    kept: Kept<B>,
) -> Result<u64, Failed> {
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
        cells,
        floats,
        digests,
        ring,
    } = memory;
    let stack = if (F::PLAN || F::MONITOR) && run.job.in_the_field() {
        run.field(wire, arena, ring, (cells, floats), kept)?
    } else {
        run.count(wire, arena, ring)?
    } as u32;
    if run.job.layers && !run.takes_windows() {
        run.layers(wire, arena)?;
    }
    let (digest, positions) = run.observe(wire, arena, ring, (stats, digests))?;
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
