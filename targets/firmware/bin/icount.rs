//! Instructions of every product on this board: `cargo icount`.
#![no_std]
#![no_main]

use board::{HEAP, INSTRUCTIONS_PER_TICK, Machine, SHAPE};
use embedded_alloc::LlffHeap;
use harness::Board;

#[global_allocator]
static ALLOCATOR: LlffHeap = LlffHeap::empty();
static mut SPACE: [u8; HEAP] = [0; HEAP];

#[board::entry]
fn main() -> ! {
    // SAFETY: the only use of SPACE, once, before anything is allocated.
    unsafe { ALLOCATOR.init(&raw mut SPACE as usize, HEAP) };
    icount::run(Machine::start(), SHAPE, INSTRUCTIONS_PER_TICK)
}
