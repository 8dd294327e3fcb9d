//! The model of `LACUNA_MODEL` in flash, its memory in statics, no allocator.
#![no_std]
#![no_main]

use harness::{Board, Memory};
use lacuna::format::StaticModel;
use lacuna::model::{Arena, Limits, State};
use lacuna::probe::{Site, SiteStats};
use qemu_mps2_an386::Mps2;

const MODEL: StaticModel = lacuna::include_model!(env!("LACUNA_MODEL"));
const LIMITS: Limits = harness::limits(
    &MODEL.config,
    option_env!("LACUNA_CONTEXT"),
    option_env!("LACUNA_CACHE"),
);
const RAM: usize = State::len(&MODEL.config, &LIMITS);
const SITES: usize = Site::count(MODEL.config.n_layers);

#[cortex_m_rt::entry]
fn main() -> ! {
    // `entry` hands these out as `&'static mut`, once.
    static mut ARENA: Arena<RAM> = Arena::new();
    static mut STATS: [SiteStats; SITES] = [SiteStats::NEW; SITES];
    static mut DIGESTS: [u64; SITES] = [0; SITES];
    harness::run(Mps2::start(), MODEL.bytes, Some(LIMITS), |_, _| {
        Ok(Memory {
            arena: &mut ARENA.0,
            stats: STATS,
            digests: DIGESTS,
        })
    })
}
