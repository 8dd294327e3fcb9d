//! Instructions of every product on this board: `cargo icount`.
#![no_std]
#![no_main]

use embedded_alloc::LlffHeap;
use harness::Board;
use icount::Bench;
use qemu_mps2_an386::Mps2;

const HEAP_LEN: usize = 3 << 20;

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();
static mut SPACE: [u8; HEAP_LEN] = [0; HEAP_LEN];

#[cortex_m_rt::entry]
fn main() -> ! {
    // SAFETY: the only use of SPACE, once, before anything is allocated.
    unsafe { HEAP.init(&raw mut SPACE as usize, HEAP_LEN) };
    // 40 ns a tick, 32 ns an instruction.
    let (shape, per_tick) = ((256, 256), (5, 4));
    icount::run(Mps2::start(), Bench { shape, per_tick })
}
