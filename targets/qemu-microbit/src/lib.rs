//! The BBC micro:bit, a Cortex-M0 (nRF51822) with 16 KiB of RAM, as QEMU emulates it.
//!
//! ```text
//! records ─► UART   0x4000_2000      logs ─► semihosting (defmt)
//! count   ◄─ TIMER0 0x4000_8000, 16 MHz: under `-icount shift=6` one tick is 0.9766 instructions
//! ```
//!
//! # Why
//! The least machine that runs a model: what fits here fits anywhere.
#![no_std]

use core::mem::MaybeUninit;
use core::ptr::{
    read_volatile, with_exposed_provenance, with_exposed_provenance_mut, write_volatile,
};

use cortex_m as _; // the critical section that defmt needs
pub use cortex_m_rt::entry;
use defmt_semihosting as _;
use file_flash::FileFlash;
use harness::Board;
use semihosting::sys::arm_compat::sys_get_cmdline_uninit;
use stack_paint::Stack;

/// Where the `loader` firmware finds its model, in flash behind the code: `-device loader,file=…,addr=…`.
pub const MODEL_AT: usize = 0x3_0000;
/// Bytes there.
pub const MODEL_ROOM: usize = 64 << 10;
/// Bytes of heap, in the firmwares that have one.
pub const HEAP: usize = 309 << 5;
/// Most tokens of a prompt that a firmware for any model runs at once.
pub const PREFILL: usize = 1;
/// Whether it carries out probe plans, runs monitors and models of windows too.
pub const FIELD: bool = false;
/// Under `-icount shift=6`: 62.5 ns a tick, 64 ns an instruction.
pub const INSTRUCTIONS_PER_TICK: (u64, u64) = (125, 128);
/// Rows and columns of the matrices whose products are counted: they lie in RAM here.
pub const SHAPE: (usize, usize) = (16, 64);

/// The registers of the UART and of TIMER0 that are used.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Register {
    StartTx = 0x4000_2008,
    TxReady = 0x4000_211c,
    Enable = 0x4000_2500,
    TxData = 0x4000_251c,
    Start = 0x4000_8000,
    Capture = 0x4000_8040,
    BitMode = 0x4000_8508,
    Prescaler = 0x4000_8510,
    Captured = 0x4000_8540,
}

impl Register {
    fn set(self, value: u32) {
        // SAFETY: a word register of the nRF51, which nothing but this file touches.
        unsafe { write_volatile(with_exposed_provenance_mut(self as usize), value) };
    }

    fn get(self) -> u32 {
        // SAFETY: as in `set`.
        unsafe { read_volatile(with_exposed_provenance(self as usize)) }
    }
}

unsafe extern "C" {
    static _stack_end: u32;
}

/// The board.
#[derive(Debug)]
pub struct Machine {
    last: u32,
    ticks: u64,
}

impl Board for Machine {
    const NAME: &'static str = "qemu-microbit";
    const TICKS_PER_SECOND: u32 = 16_000_000;

    type Flash = FileFlash;

    fn start() -> Machine {
        Register::Enable.set(4);
        Register::StartTx.set(1);
        // 32 bits, all 16 MHz.
        Register::BitMode.set(3);
        Register::Prescaler.set(0);
        Register::Start.set(1);
        Register::Capture.set(1);
        Machine {
            last: Register::Captured.get(),
            ticks: 0,
        }
    }

    fn words<'b>(&mut self, buffer: &'b mut [MaybeUninit<u8>]) -> Option<&'b [u8]> {
        sys_get_cmdline_uninit(buffer).ok().map(|words| &*words)
    }

    fn speak(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            Register::TxReady.set(0);
            Register::TxData.set(byte.into());
            while Register::TxReady.get() == 0 {}
        }
    }

    #[inline(never)]
    fn ticks(&mut self) -> u64 {
        Register::Capture.set(1);
        let now = Register::Captured.get();
        self.ticks += u64::from(now.wrapping_sub(self.last));
        self.last = now;
        self.ticks
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
