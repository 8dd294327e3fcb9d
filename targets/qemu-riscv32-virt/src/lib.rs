//! The RISC-V `virt` machine of QEMU: RV32IMAC, floats in software.
//!
//! ```text
//! records ─► NS16550 0x1000_0000      logs ─► semihosting (defmt)
//! count   ◄─ minstret: under `-icount shift=0` one tick is one instruction
//! ```
//!
//! # Why
//! A machine without a floating-point unit is the other end of "the same bits everywhere".
#![no_std]

use core::mem::MaybeUninit;
use core::ptr::{read_volatile, write_volatile};

use defmt_semihosting as _;
use file_flash::FileFlash;
use harness::Board;
pub use riscv_rt::entry;
use semihosting::sys::arm_compat::sys_get_cmdline_uninit;
use stack_paint::Stack;

/// Where the `loader` firmware finds its model: `-device loader,file=…,addr=…`.
pub const MODEL_AT: usize = 0x8200_0000;
/// Bytes there.
pub const MODEL_ROOM: usize = 64 << 20;
/// Bytes of heap, in the firmwares that have one.
pub const HEAP: usize = 15 << 20;
/// Most tokens of a prompt that a firmware for any model runs at once.
pub const PREFILL: usize = 16;
/// Whether it carries out probe plans, runs monitors and models of windows too.
pub const FIELD: bool = true;
/// The counter counts instructions.
pub const INSTRUCTIONS_PER_TICK: (u64, u64) = (1, 1);
/// Rows and columns of the matrices whose products are counted.
pub const SHAPE: (usize, usize) = (256, 256);

const UART_DATA: *mut u8 = 0x1000_0000 as *mut u8;
const UART_STATUS: *const u8 = 0x1000_0005 as *const u8;

unsafe extern "C" {
    static _stack_end: u32;
}

/// The board: speaks on the NS16550, counts with `minstret`, stops by semihosting.
#[derive(Debug)]
pub struct Machine;

impl Board for Machine {
    const NAME: &'static str = "qemu-riscv32-virt";
    const TICKS_PER_SECOND: u32 = 0;

    type Flash = FileFlash;

    fn start() -> Machine {
        Machine
    }

    fn words<'b>(&mut self, buffer: &'b mut [MaybeUninit<u8>]) -> Option<&'b [u8]> {
        sys_get_cmdline_uninit(buffer).ok().map(|words| &*words)
    }

    fn speak(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // SAFETY: the machine's NS16550, which nothing else touches; bit 5 says that it takes a byte.
            unsafe {
                while read_volatile(UART_STATUS) & 0x20 == 0 {}
                write_volatile(UART_DATA, byte);
            }
        }
    }

    #[inline(never)]
    fn ticks(&mut self) -> u64 {
        riscv::register::minstret::read64()
    }

    fn stack(&self) -> Stack {
        // SAFETY: memory.x sets everything above `_stack_end` aside for the stack; only the address is taken.
        unsafe { Stack::new(&raw const _stack_end as usize) }
    }

    fn flash(&mut self) -> Option<FileFlash> {
        FileFlash::open(c"flash.bin")
    }

    fn stop(&mut self, ok: bool) -> ! {
        semihosting::process::exit(i32::from(!ok))
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    harness::panicked(Machine::start(), info)
}
