//! The memory of a model whose size is known only when it is there.

use alloc::vec::Vec;

use lacuna::config::Config;
use lacuna::model::{Limits, State};
use lacuna::probe::{Site, SiteStats};

use crate::{Memory, OutOfMemory};

/// Alignment of an arena.
const ARENA_ALIGN: usize = 16;

/// Memory from the global allocator, kept for good.
///
/// # Errors
/// [`OutOfMemory`] with the bytes of the arena.
pub fn from_heap(config: &Config, limits: &Limits) -> Result<Memory, OutOfMemory> {
    let needed = State::len(config, limits);
    let full = || OutOfMemory { needed };
    // An allocator promises no more alignment than bytes ask for.
    let bytes = zeroed(needed + ARENA_ALIGN, || 0).ok_or_else(full)?;
    let skip = bytes.as_ptr().align_offset(ARENA_ALIGN);
    let sites = Site::count(config.n_layers);
    Ok(Memory {
        arena: bytes.get_mut(skip..).ok_or_else(full)?,
        stats: zeroed(sites, || SiteStats::NEW).ok_or_else(full)?,
        digests: zeroed(sites, || 0).ok_or_else(full)?,
        ring: zeroed(config.window_len(), || 0.0).ok_or_else(full)?,
    })
}

fn zeroed<T>(n: usize, make: impl FnMut() -> T) -> Option<&'static mut [T]> {
    let mut list = Vec::new();
    list.try_reserve_exact(n).ok()?;
    list.resize_with(n, make);
    Some(list.leak())
}
