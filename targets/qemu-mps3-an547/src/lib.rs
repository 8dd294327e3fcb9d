//! The Arm MPS3 board with image AN547, a Cortex-M55 in Secure state, as QEMU emulates it.
//!
//! ```text
//! records ─► UART0  0x5930_3000      logs ─► semihosting (defmt)
//! count   ◄─ FPGAIO 0x5930_2000, 20 MHz: under `-icount shift=5` one tick is 1.5625 instructions
//! ```
#![no_std]

pub use cortex_m_rt::entry;
use harness::Board;

/// Where the `loader` firmware finds its model: `-device loader,file=…,addr=…`.
pub const MODEL_AT: usize = 0x6000_0000;
/// Bytes there.
pub const MODEL_ROOM: usize = 16 << 20;
/// Bytes of heap, in the firmwares that have one.
pub const HEAP: usize = 3 << 20;
/// Most tokens of a prompt that a firmware for any model runs at once.
pub const PREFILL: usize = 16;
/// Whether it carries out probe plans, runs monitors and models of windows too.
pub const FIELD: bool = true;
/// Under `-icount shift=5`: 50 ns a tick, 32 ns an instruction.
pub const INSTRUCTIONS_PER_TICK: (u64, u64) = (25, 16);
/// Rows and columns of the matrices whose products are counted.
pub const SHAPE: (usize, usize) = (256, 256);

unsafe extern "C" {
    static _stack_end: u32;
}

/// The board.
pub type Machine = mps::Machine<An547>;

/// Where it has what.
#[derive(Debug)]
pub enum An547 {}

// SAFETY: UART 0 and the I/O block of this board; memory.x sets everything above `_stack_end` aside for the stack.
unsafe impl mps::Place for An547 {
    const NAME: &'static str = "qemu-mps3-an547";
    const TICKS_PER_SECOND: u32 = 20_000_000;
    const UART: usize = 0x5930_3000;
    const FPGAIO: usize = 0x5930_2000;

    fn stack_end() -> usize {
        &raw const _stack_end as usize
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    harness::panicked(Machine::start(), info)
}
