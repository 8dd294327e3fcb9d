//! The Arm MPS3 board with image AN547, a Cortex-M55 in Secure state, as QEMU emulates it.
//!
//! ```text
//! records ─► UART0  0x5930_3000      logs ─► semihosting (defmt)
//! count   ◄─ FPGAIO 0x5930_2000, 20 MHz: under `-icount shift=5` one tick is 1.5625 instructions
//! ```
#![no_std]

use core::mem::MaybeUninit;

use cortex_m as _; // the critical section that defmt needs
pub use cortex_m_rt::entry;
use defmt_semihosting as _;
use harness::Board;
use mps::Mps;
use semihosting::sys::arm_compat::sys_get_cmdline_uninit;
use stack_paint::Stack;

/// Where the `loader` firmware finds its model: `-device loader,file=…,addr=…`.
pub const MODEL_AT: usize = 0x6000_0000;
/// Bytes there.
pub const MODEL_ROOM: usize = 16 << 20;
/// Bytes of heap, in the firmwares that have one.
pub const HEAP: usize = 3 << 20;
/// Under `-icount shift=5`: 50 ns a tick, 32 ns an instruction.
pub const INSTRUCTIONS_PER_TICK: (u64, u64) = (25, 16);
/// Rows and columns of the matrices whose products are counted.
pub const SHAPE: (usize, usize) = (256, 256);

unsafe extern "C" {
    static _stack_end: u32;
}

/// The board.
#[derive(Debug)]
pub struct Machine(Mps);

impl Board for Machine {
    const NAME: &'static str = "qemu-mps3-an547";
    const TICKS_PER_SECOND: u32 = 20_000_000;

    fn start() -> Machine {
        // SAFETY: UART 0 and the I/O block of this board, which nothing else in its firmware touches.
        Machine(unsafe { Mps::start(0x5930_3000, 0x5930_2000) })
    }

    fn words<'b>(&mut self, buffer: &'b mut [MaybeUninit<u8>]) -> Option<&'b [u8]> {
        sys_get_cmdline_uninit(buffer).ok().map(|words| &*words)
    }

    fn speak(&mut self, bytes: &[u8]) {
        self.0.speak(bytes);
    }

    fn ticks(&mut self) -> u64 {
        self.0.ticks()
    }

    fn stack(&self) -> Stack {
        // SAFETY: memory.x sets everything above `_stack_end` aside for the stack; only the address is taken.
        unsafe { Stack::new(&raw const _stack_end as usize) }
    }

    fn stop(&mut self, ok: bool) -> ! {
        semihosting::process::exit(i32::from(!ok))
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    harness::panicked(Machine::start(), info)
}
