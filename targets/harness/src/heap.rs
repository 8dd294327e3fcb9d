//! The memory of a model whose size is known only when it is there.

use alloc::vec::Vec;

use lacuna::config::Config;
use lacuna::model::State;
use lacuna::probe::{SiteStats, Sketch};

use crate::{Memory, Needs, OutOfMemory};

/// Alignment of an arena.
const ARENA_ALIGN: usize = 16;

/// Memory from the global allocator, kept for good.
///
/// # Errors
/// [`OutOfMemory`] with the bytes of arena and probes.
pub fn from_heap(config: &Config, needs: &Needs) -> Result<Memory, OutOfMemory> {
    let full = || needs.refused(config);
    // An allocator promises no more alignment than bytes ask for.
    let bytes = State::len(config, &needs.limits) + ARENA_ALIGN;
    let bytes = zeroed(bytes, || 0).ok_or_else(full)?;
    let skip = bytes.as_ptr().align_offset(ARENA_ALIGN);
    Ok(Memory {
        arena: bytes.get_mut(skip..).ok_or_else(full)?,
        stats: zeroed(needs.stats, || SiteStats::NEW).ok_or_else(full)?,
        cells: zeroed(needs.cells, || Sketch::EMPTY).ok_or_else(full)?,
        floats: zeroed(needs.floats, || 0.0).ok_or_else(full)?,
        digests: zeroed(needs.digests, || 0).ok_or_else(full)?,
        ring: zeroed(needs.ring, || 0.0).ok_or_else(full)?,
    })
}

fn zeroed<T>(n: usize, make: impl FnMut() -> T) -> Option<&'static mut [T]> {
    let mut list = Vec::new();
    list.try_reserve_exact(n).ok()?;
    list.resize_with(n, make);
    Some(list.leak())
}
