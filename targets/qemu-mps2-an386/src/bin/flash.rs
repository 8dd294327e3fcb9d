//! The model of `LACUNA_MODEL` in flash, its memory in statics, no allocator.
#![no_std]
#![no_main]

use harness::{Board, Memory};
use lacuna::format::StaticModel;
use lacuna::model::{Arena, Limits, State};
use lacuna::probe::{Site, SiteStats};
use qemu_mps2_an386::Mps2;
use static_cell::ConstStaticCell;

const MODEL: StaticModel = lacuna::include_model!(env!("LACUNA_MODEL"));
const LIMITS: Limits = harness::limits(
    &MODEL.config,
    option_env!("LACUNA_CONTEXT"),
    option_env!("LACUNA_CACHE"),
);
const SITES: usize = Site::count(MODEL.config.n_layers);
type Ram = Arena<{ State::len(&MODEL.config, &LIMITS) }>;

static ARENA: ConstStaticCell<Ram> = ConstStaticCell::new(Arena::new());
static STATS: ConstStaticCell<[SiteStats; SITES]> = ConstStaticCell::new([SiteStats::NEW; SITES]);
static DIGESTS: ConstStaticCell<[u64; SITES]> = ConstStaticCell::new([0; SITES]);

#[cortex_m_rt::entry]
fn main() -> ! {
    harness::run(Mps2::start(), MODEL.bytes, Some(LIMITS), |_, _| {
        Ok(Memory {
            arena: &mut ARENA.take().0,
            stats: STATS.take(),
            digests: DIGESTS.take(),
        })
    })
}
