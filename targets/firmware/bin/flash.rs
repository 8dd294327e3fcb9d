//! The model of `LACUNA_MODEL` in flash, its memory in statics, no allocator.
#![no_std]
#![no_main]

use board::Machine;
use harness::{Board, Firmware, Needs, Probes};
use lacuna::format::StaticModel;
use lacuna::model::{Arena, State};

const MODEL: StaticModel = lacuna::include_model!(env!("LACUNA_MODEL"));
const TEXTS: [Option<&str>; 5] = [
    option_env!("LACUNA_CONTEXT"),
    option_env!("LACUNA_CACHE"),
    option_env!("LACUNA_PREFILL"),
    option_env!("LACUNA_CELLS"),
    option_env!("LACUNA_FLOATS"),
];
const N: Needs = Needs::built(&MODEL.config, TEXTS);

static mut ARENA: Arena<{ State::len(&MODEL.config, &N.limits) }> = Arena::new();
type Room = Probes<{ N.stats }, { N.cells }, { N.floats }, { N.digests }, { N.ring }>;
static mut PROBES: Room = Room::NEW;

/// It does what it has memory for.
enum Flash {}
impl Firmware for Flash {
    const PREFILL: usize = if N.ring == 0 { N.limits.prefill } else { 1 };
    const PLAN: bool = N.cells != 0;
    const MONITOR: bool = N.floats != 0;
    const WINDOWS: bool = N.ring != 0;
}

#[board::entry]
fn main() -> ! {
    let (arena, probes) = (&raw mut ARENA, &raw mut PROBES);
    // SAFETY: `main` runs once, and nothing else names these statics.
    let memory = unsafe { (*probes).with(&mut (*arena).0) };
    let lend = |_: &_, _: &_| Ok(memory);
    harness::run::<_, Flash>(Machine::start(), MODEL.bytes, Some(N.limits), lend)
}
