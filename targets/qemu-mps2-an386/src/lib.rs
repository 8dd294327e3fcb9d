//! The Arm MPS2 board with image AN386, a Cortex-M4F, as QEMU emulates it.
//!
//! ```text
//! records ─► UART0  0x4000_4000      logs ─► semihosting (defmt)
//! count   ◄─ FPGAIO 0x4002_8000, 25 MHz: under `-icount shift=5` one tick is 1.25 instructions
//! ```
#![no_std]

pub use cortex_m_rt::entry;
use harness::Board;

/// Where the `loader` firmware finds its model: `-device loader,file=…,addr=…`.
pub const MODEL_AT: usize = 0x2100_0000;
/// Bytes there.
pub const MODEL_ROOM: usize = 16 << 20;
/// Bytes of heap, in the firmwares that have one.
pub const HEAP: usize = 3 << 20;
/// Most tokens of a prompt that a firmware for any model runs at once.
pub const PREFILL: usize = 16;
/// Whether it carries out probe plans, runs monitors and models of windows too.
pub const FIELD: bool = true;
/// Under `-icount shift=5`: 40 ns a tick, 32 ns an instruction.
pub const INSTRUCTIONS_PER_TICK: (u64, u64) = (5, 4);
/// Rows and columns of the matrices whose products are counted.
pub const SHAPE: (usize, usize) = (256, 256);

unsafe extern "C" {
    static _stack_end: u32;
}

/// The board.
pub type Machine = mps::Machine<An386>;

/// Where it has what.
#[derive(Debug)]
pub enum An386 {}

// SAFETY: UART 0 and the I/O block of this board; memory.x sets everything above `_stack_end` aside for the stack.
unsafe impl mps::Place for An386 {
    const NAME: &'static str = "qemu-mps2-an386";
    const TICKS_PER_SECOND: u32 = 25_000_000;
    const UART: usize = 0x4000_4000;
    const FPGAIO: usize = 0x4002_8000;

    fn stack_end() -> usize {
        &raw const _stack_end as usize
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    harness::panicked(Machine::start(), info)
}
