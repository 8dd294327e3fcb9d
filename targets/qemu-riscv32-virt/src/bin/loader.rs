//! A model of unknown size that a loader laid in memory, its memory from a heap.
#![no_std]
#![no_main]

use core::{ptr, slice};

use embedded_alloc::LlffHeap;
use harness::Board;
use qemu_riscv32_virt::Virt;

/// Where the model lies: `-device loader,file=…,addr=…`.
const MODEL_AT: usize = 0x8200_0000;
const MODEL_ROOM: usize = 64 << 20;
const HEAP_LEN: usize = 15 << 20;

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();
static mut SPACE: [u8; HEAP_LEN] = [0; HEAP_LEN];

#[riscv_rt::entry]
fn main() -> ! {
    // SAFETY: the only use of SPACE, once, before anything is allocated.
    unsafe { HEAP.init(&raw mut SPACE as usize, HEAP_LEN) };
    // SAFETY: the board has RAM there, nothing else uses it, and no bit pattern is an invalid byte.
    let room = unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(MODEL_AT), MODEL_ROOM) };
    let len = lacuna::format::total_len(room).unwrap_or(MODEL_ROOM);
    let model = room.get(..len).unwrap_or(room);
    harness::run(Virt::start(), model, None, harness::from_heap)
}
