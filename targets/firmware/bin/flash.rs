//! The model of `LACUNA_MODEL` in flash, its memory in statics, no allocator.
#![no_std]
#![no_main]

use board::Machine;
use harness::{Board, Memory};
use lacuna::format::StaticModel;
use lacuna::model::{Arena, Limits, State};
use lacuna::probe::{Site, SiteStats};

const MODEL: StaticModel = lacuna::include_model!(env!("LACUNA_MODEL"));
const LIMITS: Limits = harness::limits(
    &MODEL.config,
    option_env!("LACUNA_CONTEXT"),
    option_env!("LACUNA_CACHE"),
);
const RAM: usize = State::len(&MODEL.config, &LIMITS);
const SITES: usize = Site::count(MODEL.config.n_layers);

static mut ARENA: Arena<RAM> = Arena::new();
static mut STATS: [SiteStats; SITES] = [SiteStats::NEW; SITES];
static mut DIGESTS: [u64; SITES] = [0; SITES];
static mut WINDOW: [f32; MODEL.config.window_len()] = [0.0; MODEL.config.window_len()];

#[board::entry]
fn main() -> ! {
    let (arena, stats) = (&raw mut ARENA, &raw mut STATS);
    let (digests, ring) = (&raw mut DIGESTS, &raw mut WINDOW);
    harness::run(Machine::start(), MODEL.bytes, Some(LIMITS), |_, _| {
        // SAFETY: `main` runs once, and nothing else names these statics.
        Ok(unsafe {
            Memory {
                arena: &mut (*arena).0,
                stats: &mut *stats,
                digests: &mut *digests,
                ring: &mut *ring,
            }
        })
    })
}
