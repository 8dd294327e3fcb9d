//! A model of unknown size that a loader laid in memory, its memory from a heap.
#![no_std]
#![no_main]

use core::{ptr, slice};

use board::{FIELD, HEAP, MODEL_AT, MODEL_ROOM, Machine, PREFILL};
use embedded_alloc::LlffHeap;
use harness::{Board, Firmware};

#[global_allocator]
static ALLOCATOR: LlffHeap = LlffHeap::empty();
static mut SPACE: [u8; HEAP] = [0; HEAP];

/// Any model, any job that the board has room for.
enum Loader {}

impl Firmware for Loader {
    const PREFILL: usize = PREFILL;
    const PLAN: bool = FIELD;
    const MONITOR: bool = FIELD;
    const WINDOWS: bool = FIELD;
}

#[board::entry]
fn main() -> ! {
    // SAFETY: the only use of SPACE, once, before anything is allocated.
    unsafe { ALLOCATOR.init(&raw mut SPACE as usize, HEAP) };
    // SAFETY: the board has memory there, nothing else uses it, and no bit pattern is an invalid byte.
    let room = unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(MODEL_AT), MODEL_ROOM) };
    let len = lacuna::format::total_len(room).unwrap_or(MODEL_ROOM);
    let model = room.get(..len).unwrap_or(room);
    harness::run::<_, Loader>(Machine::start(), model, None, harness::from_heap)
}
